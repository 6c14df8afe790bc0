"""The tile grid: anchored to the raster, so that an extent selects tiles and never moves them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geophrase.protocol.grid import WindowPx

_MOST_STRETCH = 2


@dataclass(frozen=True)
class TileWindow:
    """One image for the model.

    Args:
        window: The pixels of the working grid that it shows; it may stick out of the raster on the right and
            at the bottom, where it is invalid.
        image_width_px: Columns of the image that `RasterSource.read` gives for it.
        image_height_px: Rows of that image; equal to the window's but for `one_window` and `squarer_window`.
    """

    window: WindowPx
    image_width_px: int
    image_height_px: int


def tile_windows(
    raster: WindowPx, *, tile_px: int, overlap_px: int, extent: WindowPx | None = None
) -> list[TileWindow]:
    """Square tiles in row-major order that cover the extent, those that a run on the whole raster uses.

    Every tile of the whole run that shares a pixel with the extent is among them, so whatever is blended
    inside the extent has the same contributions in the same order as in the whole run.

    Tiles start every `tile_px - overlap_px` pixels from the raster's first pixel. The last column and row of
    tiles are moved inwards to end at the raster's edge, which gives the model full context instead of
    padding (neighbours then overlap in more than `overlap_px`); on a side shorter than a tile the one tile
    sticks out.

    Args:
        raster: The window of the whole working grid, `grid.window`.
        tile_px: Side of a tile.
        overlap_px: Pixels that neighbours share at least.
        extent: The part asked for; what lies outside the raster is ignored. None means the whole raster.

    Raises:
        ValueError: The overlap is negative or not smaller than the tile.
    """
    if not 0 <= overlap_px < tile_px:
        raise ValueError(f"the overlap must be from 0 to below the tile's {tile_px} px, not {overlap_px} px")
    wanted = raster if extent is None else extent.intersection(raster)
    cols = _starts(raster.width, tile_px=tile_px, overlap_px=overlap_px)
    rows = _starts(raster.height, tile_px=tile_px, overlap_px=overlap_px)
    windows = (WindowPx(col, row, tile_px, tile_px) for row in rows for col in cols)
    return [TileWindow(window, tile_px, tile_px) for window in windows if window.intersects(wanted)]


def one_window(raster: WindowPx, *, max_px: int, extent: WindowPx | None = None) -> TileWindow:
    """The whole extent as a single image, decimated so that its longer side is at most `max_px`.

    Its result depends on the extent, by design: "leftmost" then means what the analyst sees. Georeference
    what comes out with `grid.subgrid(tile.window).resized(tile.image_width_px, tile.image_height_px)`.

    Raises:
        ValueError: The extent lies outside the raster, or `max_px` is below 1.
    """
    wanted = raster if extent is None else extent.intersection(raster)
    if wanted.is_empty:
        raise ValueError(f"the extent {extent} does not meet the raster {raster}")
    if max_px < 1:
        raise ValueError(f"an image needs at least one pixel, not {max_px}")
    factor = max(1.0, max(wanted.shape_yx) / max_px)
    width, height = (max(1, round(side / factor)) for side in (wanted.width, wanted.height))
    return TileWindow(wanted, width, height)


def squarer_window(raster: WindowPx, *, max_px: int, extent: WindowPx | None = None) -> TileWindow:
    """The whole extent as a single image for a model that takes squares: its shorter side is stretched.

    It then fills the square, and "at the bottom" means the extent's bottom instead of an empty frame's.
    Shapes are stretched no more than to twice their height or width; a still longer extent fills the square
    in part.

    Raises:
        ValueError: As `one_window` does.
    """
    tile = one_window(raster, max_px=max_px, extent=extent)
    longer_px = max(tile.image_width_px, tile.image_height_px)
    return TileWindow(
        tile.window,
        min(longer_px, _MOST_STRETCH * tile.image_width_px),
        min(longer_px, _MOST_STRETCH * tile.image_height_px),
    )


def _starts(side_px: int, *, tile_px: int, overlap_px: int) -> list[int]:
    """First pixels of the tiles along one side, ascending and distinct."""
    if side_px <= tile_px:
        return [0]
    stride_px = tile_px - overlap_px
    num_tiles = math.ceil((side_px - overlap_px) / stride_px)
    return [min(index * stride_px, side_px - tile_px) for index in range(num_tiles)]
