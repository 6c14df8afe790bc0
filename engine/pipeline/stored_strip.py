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
from geophrase.engine.raster.blend import Float32, Strip
from geophrase.protocol.grid import WindowPx

UInt16 = npt.NDArray[np.uint16]

NUM_LEVELS = 65500
"""Levels above 0; a multiple of 100, so that every whole percent is one of them."""

_MAGIC = b"GPSC\x01"
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
        levels_QHW: 0 to NUM_LEVELS.
        valid_HW: Whether the raster has data there.
    """

    window: WindowPx
    levels_QHW: UInt16
    valid_HW: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, strip: Strip) -> QuantisedStrip:
        """The strip in levels."""
        levels_QHW = np.empty(strip.probabilities_QHW.shape, np.uint16)
        for levels_HW, probabilities_HW in zip(levels_QHW, strip.probabilities_QHW, strict=True):
            levels_HW[...] = levels_of(probabilities_HW)  # one at a time: in between they take 8 bytes
        return cls(strip.window, levels_QHW, strip.valid_HW)

    def within(self, region: WindowPx) -> QuantisedStrip:
        """The part inside a region, which may be empty."""
        seen = self.window.intersection(region)
        if seen.is_empty:
            return QuantisedStrip(seen, self.levels_QHW[:, :0, :0], self.valid_HW[:0, :0])
        rows, cols = seen.slices_within(self.window)
        return QuantisedStrip(seen, self.levels_QHW[:, rows, cols], self.valid_HW[rows, cols])

    def as_strip(self) -> Strip:
        """The strip with probabilities again; quantising them gives the same levels."""
        return Strip(self.window, _LEVEL_VALUES.take(self.levels_QHW), self.valid_HW)


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
        window = self.pixels.window
        return packed_arrays(
            _MAGIC,
            {
                "run": _key_bytes(run_key),
                "window": np.array([window.col, window.row, window.width, window.height], np.int64),
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
        window = WindowPx(*arrays["window"].tolist())
        pixels = _decompressed(arrays["pixels"].tobytes(), window, int(arrays["num_queries"][0]))
        tiles = zip(arrays["tile_windows"].tolist(), arrays["tile_scores"], strict=True)
        return cls(pixels, tuple(TileEstimates(WindowPx(*place), *scores) for place, scores in tiles))


def _key_bytes(run_key: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(run_key), np.uint8)


def _estimate_arrays(estimates: Sequence[TileEstimates]) -> dict[str, np.ndarray]:
    places = [(tile.place.col, tile.place.row, tile.place.width, tile.place.height) for tile in estimates]
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


def _decompressed(blob: bytes, window: WindowPx, num_queries: int) -> QuantisedStrip:
    num_px = window.width * window.height
    num_plane_bytes = 2 * num_queries * num_px
    content = np.frombuffer(
        _CODEC.decompress(blob, decompressed_size=num_plane_bytes + -(-num_px // 8)), np.uint8
    )
    planes = np.ascontiguousarray(content[:num_plane_bytes].reshape(2, -1).T)
    steps_QHW = planes.view("<u2").reshape(num_queries, *window.shape_yx)
    valid_HW = np.unpackbits(content[num_plane_bytes:], count=num_px).reshape(window.shape_yx).astype(bool)
    return QuantisedStrip(window, np.cumsum(steps_QHW, axis=-1, dtype=np.uint16), valid_HW)
