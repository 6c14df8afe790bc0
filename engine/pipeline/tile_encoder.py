"""Tiles of a raster become encodings: from the cache where they are there, else through the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np

from geophrase.engine.embedding_cache import EmbeddingCache, cache_key
from geophrase.engine.pipeline.tile_model import EmbeddingT, TileModel
from geophrase.engine.pipeline.tile_plan import PlannedTile
from geophrase.engine.raster.source import RasterSource, TilePixels
from geophrase.engine.raster.tiles import TileWindow
from geophrase.engine.software_version import software_version

# H rows, W columns, C channels, B tiles.

_VALID_ENTRY = "valid_bits"
# Raise it whenever the same pixels, weights and settings give another encoding or another set of arrays.
_ENCODING_FORMAT = 2


@dataclass(frozen=True)
class LoadedTile:
    """A tile that is ready for the model.

    Attributes:
        planned: Where it comes from and belongs.
        valid_HW: Where the raster has data, on the tile's square; without pixels if there is none anywhere.
        image_HWC: uint8 pixels of the tile's square; None where they aren't needed.
        arrays: The encoding from the cache; None when it has to be made.
    """

    planned: PlannedTile
    valid_HW: np.ndarray
    image_HWC: np.ndarray | None = None
    arrays: dict[str, np.ndarray] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no data, so that the model is never asked."""
        return self.image_HWC is None and self.arrays is None


class TileEncoder(Generic[EmbeddingT]):
    """Loads tiles in any thread and encodes them in batches, through a cache.

    Every encoding is used as the cache gives it back, in half precision, so that results are the same
    whether a tile was encoded now, before, or without a cache.

    Args:
        model: Encodes what the cache lacks.
        source: The raster at its working resolution.
        cache: None to keep nothing.
    """

    def __init__(
        self, model: TileModel[EmbeddingT], source: RasterSource, *, cache: EmbeddingCache | None
    ) -> None:
        self._model = model
        self._source = source
        self._cache = cache
        self._identity = _identity_of(model, source)
        self._run_key = cache_key(self._identity)

    def load(self, planned: PlannedTile) -> LoadedTile:
        """Give a tile its encoding from the cache, else its pixels; neither if it has no data."""
        stored = self._cache.get(self._run_key, _entry_of(planned)) if self._cache else None
        if stored is not None:
            shape_yx = planned.place.shape_yx
            bits = np.unpackbits(stored.pop(_VALID_ENTRY), count=shape_yx[0] * shape_yx[1])
            return LoadedTile(planned, bits.reshape(shape_yx).astype(bool), arrays=stored)
        pixels = read_tile(self._source, planned.source)
        if not pixels.valid_HW.any():
            return LoadedTile(planned, np.zeros((0, 0), bool))
        return LoadedTile(
            planned,
            on_square(pixels.valid_HW, planned.place.width),
            on_square(pixels.image_HWC, planned.place.width),
        )

    def encode(self, tiles: Sequence[LoadedTile]) -> list[EmbeddingT]:
        """Give the encodings of tiles that are not empty; those that were not in the cache are put there."""
        fresh = [tile for tile in tiles if tile.arrays is None]
        fresh_arrays = self._encode_fresh(fresh) if fresh else iter(())
        return [
            self._model.embedding_from_arrays(next(fresh_arrays) if tile.arrays is None else tile.arrays)
            for tile in tiles
        ]

    def _encode_fresh(self, tiles: Sequence[LoadedTile]) -> Iterator[dict[str, np.ndarray]]:
        images_BHWC = np.stack([tile.image_HWC for tile in tiles if tile.image_HWC is not None])
        embeddings = self._model.encode_batch(images_BHWC)
        # A model that had to leave its device keeps on, in another precision perhaps: under another key.
        run_key = cache_key({**self._identity, "model": self._model.identity})
        for tile, embedding in zip(tiles, embeddings, strict=True):
            arrays = _in_half_precision(embedding.to_arrays())
            if self._cache is not None:
                entry = {**arrays, _VALID_ENTRY: np.packbits(tile.valid_HW)}
                self._cache.put(run_key, _entry_of(tile.planned), entry)
            yield arrays


def read_tile(source: RasterSource, tile: TileWindow) -> TilePixels:
    """Read a tile's pixels, decimated where the tile says so.

    Raises:
        EngineError: The file is damaged or has gone.
    """
    shape_yx = (tile.image_height_px, tile.image_width_px)
    return source.read(tile.window, shape_yx=None if shape_yx == tile.window.shape_yx else shape_yx)


def on_square(pixels: np.ndarray, side_px: int) -> np.ndarray:
    """The pixels in the top-left corner of a square, zero elsewhere."""
    if pixels.shape[:2] == (side_px, side_px):
        return pixels
    square = np.zeros((side_px, side_px, *pixels.shape[2:]), pixels.dtype)
    square[: pixels.shape[0], : pixels.shape[1]] = pixels
    return square


def _in_half_precision(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: array.astype(np.float16) if array.dtype.kind == "f" else array for name, array in arrays.items()
    }


def _entry_of(planned: PlannedTile) -> str:
    window = planned.source.window
    return f"c{window.col}_r{window.row}_{window.width}x{window.height}_{planned.place.width}"


def _identity_of(model: TileModel[Any], source: RasterSource) -> dict[str, Any]:
    """Everything that an encoding depends on beside the tile's own window."""
    grid = source.grid
    return {
        "format": [_ENCODING_FORMAT, software_version()],
        "raster": source.fingerprint,
        "grid": [grid.width_px, grid.height_px, *grid.map_from_pix],
        "model": model.identity,
        "image_px": model.image_px,
    }
