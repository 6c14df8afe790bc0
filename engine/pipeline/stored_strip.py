"""Finished strips as they are kept: probabilities in 16 bits, with what the tiles under them scored.

Shape letters: Q queries, H rows, W columns, N tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from geophrase.engine.array_file import packed_arrays, unpacked_arrays
from geophrase.engine.pipeline.tile_scores import TileEstimates
from geophrase.engine.raster.blend import Bool, Float32, Strip
from geophrase.protocol.grid import WindowPx

UInt16 = npt.NDArray[np.uint16]

NUM_LEVELS = 65500
"""Levels above 0; a multiple of 100, so that every whole percent is one of them."""

_MAGIC = b"GPSC\x02"
_LEVEL_VALUES: Float32 = (np.arange(NUM_LEVELS + 2) / NUM_LEVELS).astype(np.float32)
# As small as zlib's level 1 makes them, in a tenth of the time.
_CODEC = pa.Codec("zstd", compression_level=1)


def levels_of(probabilities: Float32) -> UInt16:
    """The highest level whose float32 value is not above each probability in [0, 1]; 0 for NaN.

    A pixel therefore reaches a threshold that is a level, such as any whole percent, exactly when its level
    does, for thresholds are compared in float32, too. The plain floor of the product would lose the pixels
    that equal a threshold which float32 rounds down.
    """
    exact = np.multiply(np.fmax(probabilities, 0), NUM_LEVELS, dtype=np.float64)
    levels: UInt16 = exact.astype(np.uint16)
    levels += _LEVEL_VALUES[1:].take(levels) <= probabilities
    return levels


@dataclass(frozen=True)
class QuantisedStrip:
    """A strip whose probabilities are levels.

    Attributes:
        window: Where it lies in the working grid.
        filled: The part of it, all its rows high, beside which nothing is valid.
        levels_QHW: 0 to NUM_LEVELS, of the part that is filled.
        valid_HW: Whether the raster has data, of the part that is filled.
    """

    window: WindowPx
    filled: WindowPx
    levels_QHW: UInt16
    valid_HW: Bool

    @classmethod
    def of(cls, strip: Strip) -> QuantisedStrip:
        """The strip in levels."""
        filled = _filled_part(strip)
        rows, cols = filled.slices_within(strip.window)
        probabilities_QHW = strip.probabilities_QHW[:, rows, cols]
        levels_QHW = np.empty(probabilities_QHW.shape, np.uint16)
        for levels_HW, probabilities_HW in zip(levels_QHW, probabilities_QHW, strict=True):
            levels_HW[...] = levels_of(probabilities_HW)  # one at a time: in between they take 8 bytes
        return cls(strip.window, filled, levels_QHW, strip.valid_HW[rows, cols])

    def within(self, region: WindowPx) -> QuantisedStrip:
        """The part inside a region, which may be empty."""
        seen, filled = self.window.intersection(region), self.filled.intersection(region)
        if filled.is_empty:
            filled = WindowPx(seen.col, seen.row, 0, seen.height)
            nothing_QHW = np.zeros((len(self.levels_QHW), *filled.shape_yx), np.uint16)
            return QuantisedStrip(seen, filled, nothing_QHW, np.zeros(filled.shape_yx, np.bool_))
        rows, cols = filled.slices_within(self.filled)
        return QuantisedStrip(seen, filled, self.levels_QHW[:, rows, cols], self.valid_HW[rows, cols])

    def as_strip(self) -> Strip:
        """The strip with probabilities again; quantising them gives the same levels."""
        probabilities_QHW = np.zeros((len(self.levels_QHW), *self.window.shape_yx), np.float32)
        valid_HW = np.zeros(self.window.shape_yx, np.bool_)
        rows, cols = self.filled.slices_within(self.window)
        probabilities_QHW[:, rows, cols] = _LEVEL_VALUES.take(self.levels_QHW)
        valid_HW[rows, cols] = self.valid_HW
        return Strip(self.window, probabilities_QHW, valid_HW)


@dataclass(frozen=True)
class StoredStrip:
    """What one file of a score store holds.

    Attributes:
        pixels: The strip.
        estimates: Of the tiles that were blended since the strip before: those under this one, but for the
            tiles that an earlier strip has.
    """

    pixels: QuantisedStrip
    estimates: tuple[TileEstimates, ...]

    def to_bytes(self, run_key: str) -> bytes:
        """The content of its file, in which the run's key (hexadecimal) marks it as a part of that run."""
        return packed_arrays(
            _MAGIC,
            {
                "run": _key_bytes(run_key),
                "windows": np.array([_sides(self.pixels.window), _sides(self.pixels.filled)], np.int64),
                "num_queries": np.array([len(self.pixels.levels_QHW)], np.int64),
                "pixels": np.frombuffer(_compressed(self.pixels), np.uint8),
                **_estimate_arrays(self.estimates),
            },
        )

    @classmethod
    def from_bytes(cls, blob: bytes, run_key: str) -> StoredStrip | None:
        """The strip in a file; None where a byte is wrong or it belongs to another run."""
        arrays = unpacked_arrays(_MAGIC, blob)
        if arrays is None or not np.array_equal(arrays["run"], _key_bytes(run_key)):
            return None
        window, filled = (WindowPx(*sides) for sides in arrays["windows"].tolist())
        blob, num_queries = arrays["pixels"].tobytes(), int(arrays["num_queries"][0])
        pixels = QuantisedStrip(window, filled, *_decompressed(blob, (num_queries, *filled.shape_yx)))
        tiles = zip(arrays["tile_windows"].tolist(), arrays["tile_scores"], strict=True)
        return cls(pixels, tuple(TileEstimates(WindowPx(*place), *scores) for place, scores in tiles))


def _filled_part(strip: Strip) -> WindowPx:
    """The columns from the first to the last that have data, for a mosaic's strips are mostly empty."""
    cols = np.flatnonzero(strip.valid_HW.any(axis=0))
    first, end = (int(cols[0]), int(cols[-1]) + 1) if len(cols) else (0, 0)
    return WindowPx(strip.window.col + first, strip.window.row, end - first, strip.window.height)


def _sides(window: WindowPx) -> tuple[int, int, int, int]:
    return window.col, window.row, window.width, window.height


def _key_bytes(run_key: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(run_key), np.uint8)


def _estimate_arrays(estimates: Sequence[TileEstimates]) -> dict[str, np.ndarray]:
    places = [_sides(tile.place) for tile in estimates]
    scores = [(tile.iou_Q, tile.objectness_Q) for tile in estimates]
    return {
        "tile_windows": np.array(places, np.int64).reshape(-1, 4),
        "tile_scores": np.array(scores, np.float32).reshape(len(estimates), 2, -1 if estimates else 0),
    }


def _compressed(pixels: QuantisedStrip) -> bytes:
    """Differences along the rows, high bytes before low ones, then one bit of validity per pixel."""
    steps_QHW = np.diff(pixels.levels_QHW, axis=-1, prepend=np.uint16(0)).astype("<u2", copy=False)
    planes = steps_QHW.view(np.uint8).reshape(-1, 2).T
    blob: bytes = _CODEC.compress(planes.tobytes() + np.packbits(pixels.valid_HW).tobytes(), asbytes=True)
    return blob


def _decompressed(blob: bytes, shape_QHW: tuple[int, int, int]) -> tuple[UInt16, Bool]:
    """The levels and the validity that were compressed."""
    num_px = shape_QHW[1] * shape_QHW[2]
    num_plane_bytes = 2 * shape_QHW[0] * num_px
    num_bytes = num_plane_bytes + -(-num_px // 8)
    content = np.frombuffer(_CODEC.decompress(blob, decompressed_size=num_bytes), np.uint8)
    planes = np.ascontiguousarray(content[:num_plane_bytes].reshape(2, -1).T)
    steps_QHW = planes.view("<u2").reshape(shape_QHW)
    valid_HW = np.unpackbits(content[num_plane_bytes:], count=num_px).reshape(shape_QHW[1:]).astype(np.bool_)
    return np.cumsum(steps_QHW, axis=-1, dtype=np.uint16), valid_HW
