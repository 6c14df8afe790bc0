"""Blending of overlapping tiles in probability, in strips of bounded memory.

Shape letters: Q queries, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geophrase.protocol.grid import WindowPx

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


def blend_weights(tile_px: int, overlap_px: int) -> Float32:
    """Weights of a tile's pixels, (tile_px, tile_px), in (0, 1]: 1 inside, a raised cosine over the overlap.

    Two ramps of neighbours that overlap in `overlap_px` add up to 1. The weights never reach 0, so a pixel
    that only one tile covers keeps that tile's value.

    Raises:
        ValueError: The overlap is negative or not smaller than the tile.
    """
    if not 0 <= overlap_px < tile_px:
        raise ValueError(f"the overlap must be from 0 to below the tile's {tile_px} px, not {overlap_px} px")
    ramp = np.ones(tile_px)
    if overlap_px:
        ramp[:overlap_px] = np.sin(np.pi / 2 * (np.arange(overlap_px) + 0.5) / overlap_px) ** 2
    profile = ramp * ramp[::-1]
    return np.outer(profile, profile).astype(np.float32)


def blend_buffer_bytes(*, width_px: int, tile_px: int, num_queries: int) -> int:
    """Memory that a StripBlender of this size holds: one tile row of probabilities and weights."""
    return width_px * tile_px * (num_queries + 1) * np.dtype(np.float32).itemsize


@dataclass(frozen=True)
class Strip:
    """Finished rows of the blended region.

    Args:
        window: Where they lie in the working grid; as wide as the region.
        probabilities_QHW: float32 in [0, 1], 0 where invalid. May be read-only.
        valid_HW: Whether the raster has data there. May be read-only.
    """

    window: WindowPx
    probabilities_QHW: Float32
    valid_HW: Bool


class StripBlender:
    """Weighted mean of overlapping tiles, given out as finished strips from top to bottom.

    A pixel's value is sum(weight * probability) / sum(weight) over the tiles that see it as valid,
    accumulated in the order of adding. It is therefore the same bit for bit whichever other tiles, rows or
    columns are in the run. Tiles without data need not be added at all.

    Use, with tiles in row-major order::

        for tile in tiles:
            for strip in blender.strips_above(tile.window.row):
                ...
            blender.add(tile.window, probabilities_QHW, valid_HW)
        for strip in blender.finish():
            ...

    Args:
        region: The pixels to give out, a window of the working grid: the extent asked for, inside the raster.
            The tiles must be all those that `tile_windows` selects for it.
        num_queries: Q.
        tile_px: Side of a tile.
        overlap_px: The overlap that the tiles were made with.
        strip_px: Most rows in one strip.
    """

    def __init__(
        self, region: WindowPx, *, num_queries: int, tile_px: int, overlap_px: int, strip_px: int = 128
    ) -> None:
        if region.is_empty or num_queries < 1 or strip_px < 1:
            raise ValueError(f"nothing to blend: {region}, {num_queries} queries, strips of {strip_px} rows")
        self._region = region
        self._weights_HW = blend_weights(tile_px, overlap_px)
        self._strip_px = strip_px
        self._row = region.row
        shape_yx = min(tile_px, region.height), region.width
        self._weighted_QHW: Float32 = np.zeros((num_queries, *shape_yx), np.float32)
        self._weight_HW: Float32 = np.zeros(shape_yx, np.float32)

    def add(self, window: WindowPx, probabilities_QHW: Float32, valid_HW: Bool) -> None:
        """Accumulate one tile; what it holds outside the region is ignored.

        Args:
            window: The tile, tile_px square.
            probabilities_QHW: In [0, 1]; float32 of the tile's shape.
            valid_HW: Where the tile has data; probabilities elsewhere are ignored.

        Raises:
            ValueError: Shapes that do not fit, a tile above the rows given out, or one so far below that
                `strips_above(window.row)` has to be drained first.
        """
        if valid_HW.shape != self._weights_HW.shape or window.shape_yx != self._weights_HW.shape:
            raise ValueError(f"a tile is {self._weights_HW.shape}, not {valid_HW.shape} in {window}")
        if probabilities_QHW.shape != (len(self._weighted_QHW), *valid_HW.shape):
            raise ValueError(
                f"probabilities of {probabilities_QHW.shape} do not fit {self._weighted_QHW.shape}"
            )
        seen = window.intersection(self._region)
        held = WindowPx(self._region.col, self._row, self._region.width, len(self._weight_HW))
        if not held.contains(seen):
            raise ValueError(f"{window} is out of order: the rows held are {held.row} to {held.row_end}")
        held_cols = slice(seen.col - held.col, seen.col_end - held.col)
        for part in self._split_at_wrap(seen):
            rows, cols = part.slices_within(window)
            held_rows = self._held_rows(part)
            weights_HW = np.where(valid_HW[rows, cols], self._weights_HW[rows, cols], np.float32(0))
            # Invalid pixels may hold NaN, and 0 * NaN is not 0.
            probabilities = np.where(valid_HW[rows, cols], probabilities_QHW[:, rows, cols], np.float32(0))
            self._weighted_QHW[:, held_rows, held_cols] += weights_HW * probabilities
            self._weight_HW[held_rows, held_cols] += weights_HW

    def strips_above(self, row: int) -> Iterator[Strip]:
        """Give out, from top to bottom, the rows above `row` that have not been given out yet.

        Call it with the next tile's first row before adding that tile: no later tile reaches above it. Rows
        that no tile covered come out invalid.
        """
        end = min(row, self._region.row_end)
        while self._row < end:
            height = min(self._strip_px, end - self._row, len(self._weight_HW) - self._held_row(self._row))
            yield self._take(WindowPx(self._region.col, self._row, self._region.width, height))

    def finish(self) -> Iterator[Strip]:
        """Give out all the rows that are left."""
        return self.strips_above(self._region.row_end)

    def _take(self, window: WindowPx) -> Strip:
        """Move finished rows out of the buffer, whose place is then free for the rows below."""
        rows = self._held_rows(window)
        weight_HW = self._weight_HW[rows]
        valid_HW = weight_HW > 0
        self._row += window.height
        shape_QHW = len(self._weighted_QHW), *window.shape_yx
        if not valid_HW.any():
            return Strip(window, np.broadcast_to(np.float32(0), shape_QHW), valid_HW)
        divisor_HW: Float32 = np.where(valid_HW, weight_HW, np.float32(1))
        probabilities_QHW: Float32 = self._weighted_QHW[:, rows] / divisor_HW
        np.minimum(probabilities_QHW, np.float32(1), out=probabilities_QHW)
        self._weighted_QHW[:, rows] = 0
        self._weight_HW[rows] = 0
        return Strip(window, probabilities_QHW, valid_HW)

    def _held_row(self, row: int) -> int:
        """Where the ring buffer holds a row of the working grid."""
        return (row - self._region.row) % len(self._weight_HW)

    def _held_rows(self, window: WindowPx) -> slice:
        first = self._held_row(window.row)
        return slice(first, first + window.height)

    def _split_at_wrap(self, window: WindowPx) -> Iterator[WindowPx]:
        """The one or two parts of a window whose rows lie together in the ring buffer."""
        first = min(window.height, len(self._weight_HW) - self._held_row(window.row))
        for row, height in ((window.row, first), (window.row + first, window.height - first)):
            if height:
                yield WindowPx(window.col, row, window.width, height)
