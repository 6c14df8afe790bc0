"""The tile grid: cover, anchoring, and independence of the extent."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geophrase.engine.raster.tiles import one_window, squarer_window, tile_windows
from geophrase.protocol.grid import RasterGrid, WindowPx


@st.composite
def tilings(draw):
    """A raster, a tile side, an overlap and an extent that may stick out of the raster."""
    raster = WindowPx(0, 0, draw(st.integers(1, 90)), draw(st.integers(1, 90)))
    tile_px = draw(st.integers(1, 40))
    overlap_px = draw(st.integers(0, tile_px - 1))
    col, row = draw(st.integers(-10, raster.width - 1)), draw(st.integers(-10, raster.height - 1))
    extent = WindowPx(col, row, draw(st.integers(11, 100)), draw(st.integers(11, 100)))
    return raster, tile_px, overlap_px, extent


def count_cover(raster, tiles):
    counts = np.zeros(raster.shape_yx, int)
    for tile in tiles:
        counts[tile.window.intersection(raster).slices_within(raster)] += 1
    return counts


@given(tilings())
def test_a_whole_run_covers_every_pixel_with_square_tiles(tiling):
    raster, tile_px, overlap_px, _ = tiling
    tiles = tile_windows(raster, tile_px=tile_px, overlap_px=overlap_px)
    assert count_cover(raster, tiles).min() >= 1
    assert len({tile.window for tile in tiles}) == len(tiles)
    for tile in tiles:
        assert tile.window.shape_yx == (tile_px, tile_px) == (tile.image_height_px, tile.image_width_px)
        assert tile.window.width > raster.width or raster.contains(
            WindowPx(tile.window.col, 0, tile.window.width, 1)
        )
    assert [(t.window.row, t.window.col) for t in tiles] == sorted(
        (t.window.row, t.window.col) for t in tiles
    )


@given(tilings())
def test_neighbours_share_at_least_the_overlap(tiling):
    raster, tile_px, overlap_px, _ = tiling
    cols = sorted({t.window.col for t in tile_windows(raster, tile_px=tile_px, overlap_px=overlap_px)})
    assert cols[0] == 0
    assert all(one + tile_px - other >= overlap_px for one, other in pairwise(cols))


@given(tilings())
def test_an_extent_selects_exactly_the_whole_runs_tiles_that_touch_it(tiling):
    raster, tile_px, overlap_px, extent = tiling
    whole = tile_windows(raster, tile_px=tile_px, overlap_px=overlap_px)
    part = tile_windows(raster, tile_px=tile_px, overlap_px=overlap_px, extent=extent)
    inside = extent.intersection(raster)
    assert part == [tile for tile in whole if tile.window.intersects(inside)]
    place = inside.slices_within(raster)
    assert np.array_equal(count_cover(raster, part)[place], count_cover(raster, whole)[place])


def test_the_grid_is_the_regular_one_with_its_last_tile_moved_inwards():
    tiles = tile_windows(WindowPx(0, 0, 1000, 300), tile_px=400, overlap_px=100)
    assert [(tile.window.col, tile.window.row) for tile in tiles] == [(0, 0), (300, 0), (600, 0)]
    tiles = tile_windows(WindowPx(0, 0, 1001, 300), tile_px=400, overlap_px=100)
    assert [tile.window.col for tile in tiles] == [0, 300, 600, 601]


def test_an_extent_beside_the_raster_selects_nothing():
    assert tile_windows(WindowPx(0, 0, 50, 50), tile_px=16, overlap_px=4, extent=WindowPx(60, 0, 9, 9)) == []


@pytest.mark.parametrize("overlap_px", [-1, 16, 17])
def test_an_impossible_overlap_is_refused(overlap_px):
    with pytest.raises(ValueError, match="overlap"):
        tile_windows(WindowPx(0, 0, 50, 50), tile_px=16, overlap_px=overlap_px)


@given(tilings(), st.integers(1, 64))
def test_one_window_is_the_clipped_extent_within_the_models_side(tiling, max_px):
    raster, _, _, extent = tiling
    tile = one_window(raster, max_px=max_px, extent=extent)
    assert tile.window == extent.intersection(raster)
    assert 1 <= max(tile.image_width_px, tile.image_height_px) <= max_px
    if max(tile.window.shape_yx) <= max_px:
        assert (tile.image_height_px, tile.image_width_px) == tile.window.shape_yx
    grid = RasterGrid(raster.width, raster.height, (0.5, 0, 100, 0, -0.5, 900))
    image_grid = grid.subgrid(tile.window).resized(tile.image_width_px, tile.image_height_px)
    assert np.allclose(image_grid.bounds_map, grid.bounds_of_window_map(tile.window))


@given(tilings(), st.integers(1, 64))
def test_a_squarer_window_shows_the_same_and_stretches_no_more_than_twice(tiling, max_px):
    raster, _, _, extent = tiling
    plain, tile = (make(raster, max_px=max_px, extent=extent) for make in (one_window, squarer_window))
    assert tile.window == plain.window
    longer, shorter = sorted((tile.image_width_px, tile.image_height_px), reverse=True)
    plain_longer, plain_shorter = sorted((plain.image_width_px, plain.image_height_px), reverse=True)
    assert longer == plain_longer
    assert shorter == (longer if 2 * plain_shorter >= longer else 2 * plain_shorter)


def test_one_window_refuses_an_extent_beside_the_raster():
    with pytest.raises(ValueError, match="does not meet"):
        one_window(WindowPx(0, 0, 50, 50), max_px=10, extent=WindowPx(60, 0, 9, 9))
