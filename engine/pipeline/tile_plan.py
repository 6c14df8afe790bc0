"""Which tiles a run looks at, in which order, and which pixels of them come out."""

from __future__ import annotations

from dataclasses import dataclass

from geophrase.engine.errors import EngineError
from geophrase.engine.pipeline.run_config import SegmentConfig
from geophrase.engine.raster.tiles import TileWindow, squarer_window, tile_windows
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import Bounds, RasterGrid, WindowPx

_OVERLAP_PARTS = 4
_TILE_SHARE = 5 / 6  # of the input's side; see "Tiles" in runs/LOG.md, 8
_LEAST_SHARE = 2 / 3  # what is smaller yet lies in a corner of its tile
_LEAST_WINDOW_SHARE = 1 / 4  # likewise where the extent is one image


@dataclass(frozen=True)
class PlannedTile:
    """One square image for the model.

    Attributes:
        source: What to read of the raster.
        place: Where it lies in the frame of what comes out; larger than the image if that is no square.
    """

    source: TileWindow
    place: WindowPx


@dataclass(frozen=True)
class TilePlan:
    """The tiles of a run.

    Attributes:
        tiles: In row-major order.
        region: The pixels that come out, in the frame of `grid`.
        grid: Where pixels lie on the map; the working grid, or for one window that window's own.
        tile_px: Side of a tile.
        overlap_px: What neighbours share.
    """

    tiles: tuple[PlannedTile, ...]
    region: WindowPx
    grid: RasterGrid
    tile_px: int
    overlap_px: int


def plan_tiles(grid: RasterGrid, config: SegmentConfig, *, image_px: int) -> TilePlan:
    """Lay the tiles out: anchored to the raster, or one for the whole extent if the config says so.

    Tiles are a little smaller than the model's input, which they are enlarged to, and so is an extent that is
    one image and has fewer pixels.

    Raises:
        EngineError: BAD_REQUEST for an overlap of more than half a tile, OUTSIDE_RASTER for an extent
            that doesn't meet the raster.
    """
    region = region_of(grid, config.extent_map)
    if config.one_window:
        tile = squarer_window(grid.window, max_px=image_px, extent=region)
        own_grid = grid.subgrid(tile.window).resized(tile.image_width_px, tile.image_height_px)
        side_px = max(*own_grid.window.shape_yx, round(image_px * _LEAST_WINDOW_SHARE))
        planned = PlannedTile(tile, WindowPx(0, 0, side_px, side_px))
        return TilePlan((planned,), own_grid.window, own_grid, side_px, 0)
    tile_px = config.tile_px or _side_px(max(grid.width_px, grid.height_px), image_px)
    overlap_px = tile_px // _OVERLAP_PARTS if config.overlap_px is None else config.overlap_px
    if overlap_px > tile_px // 2:
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"The tile overlap of {overlap_px} px must be at most half of the tile's {tile_px} px.",
        )
    tiles = tile_windows(grid.window, tile_px=tile_px, overlap_px=overlap_px, extent=region)
    planned_tiles = tuple(PlannedTile(tile, tile.window) for tile in tiles)
    return TilePlan(planned_tiles, region, grid, tile_px, overlap_px)


def _side_px(longest_px: int, image_px: int) -> int:
    """Side of a tile of a raster: what is read is enlarged a little, and a small raster fills its tile.

    Otherwise "at the top right" would be said of an empty frame.
    """
    return min(round(image_px * _TILE_SHARE), max(longest_px, round(image_px * _LEAST_SHARE)))


def region_of(grid: RasterGrid, extent_map: Bounds | None) -> WindowPx:
    """The pixels that an extent touches, all of them for None.

    Raises:
        EngineError: OUTSIDE_RASTER where there are none.
    """
    if extent_map is None:
        return grid.window
    try:
        region = grid.window_for_bounds(*extent_map)
    except ValueError as error:
        raise EngineError(ErrorCode.BAD_REQUEST, f"The extent can't be used: {error}.") from error
    if region.is_empty or not grid.intersects(*extent_map):
        xmin, ymin, xmax, ymax = (f"{value:.9g}" for value in grid.bounds_map)
        raise EngineError(
            ErrorCode.OUTSIDE_RASTER,
            f"The extent lies outside the raster, "
            f"which spans {xmin} {ymin} {xmax} {ymax} in its own coordinates.",
        )
    return region
