"""The lattice of crops: total, deterministic, and steady under the analyst's hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geophrase.protocol.grid import RasterGrid
from geophrase.qgis_plugin.core.raster.crops import FINEST_LEVEL, CropLattice

ROTATED = (0.8, 0.6, 500_000.0, 0.6, -0.8, 5_540_000.0)
sides = st.integers(1, 30_000)
shares = st.floats(0, 1)


def _lattice(width: int, height: int, image_px: int = 512) -> CropLattice:
    return CropLattice(RasterGrid(width, height, ROTATED), image_px=image_px)


def _point(x: float, y: float) -> tuple[float, float, float, float]:
    return x, y, x, y


@given(sides, sides, shares, shares, st.floats(1, 1e6))
def test_a_click_is_seen_at_the_views_scale_away_from_edges_that_are_not_the_rasters(w, h, sx, sy, view):
    lattice = _lattice(w, h)
    x, y = sx * w, sy * h
    crop = lattice.crop_for(_point(x, y), view_side_pix=view)
    side = crop.window.width
    assert side == crop.window.height == 512 * 2.0**crop.level
    is_limited = crop.level in (FINEST_LEVEL, lattice.coarsest_level)
    assert is_limited or 1 / math.sqrt(2) - 1e-6 <= side / view <= math.sqrt(2) + 1e-6
    xmin, ymin, xmax, ymax = crop.bounds_pix
    for at, low, high, length in ((x, xmin, xmax, w), (y, ymin, ymax, h)):
        assert low <= at <= high
        assert low == 0 or at - low >= side / 4
        assert high >= length or high - at >= side / 4
        assert 0 <= low
        assert high <= max(length, side)


@given(sides, sides, shares, shares, st.floats(1, 1e6))
def test_crops_come_from_a_lattice_that_begins_at_the_first_pixel(w, h, sx, sy, view):
    crop = _lattice(w, h).crop_for(_point(sx * w, sy * h), view_side_pix=view)
    half = crop.window.width // 2
    assert crop.window.col % half == 0 or crop.window.col_end == w
    assert crop.window.row % half == 0 or crop.window.row_end == h
    assert crop == _lattice(w, h).crop_for(_point(sx * w, sy * h), view_side_pix=view)


@given(sides, sides, shares, shares, shares, shares, st.floats(1, 1e6))
def test_whatever_must_be_seen_is_seen(w, h, ax, ay, bx, by, view):
    lattice = _lattice(w, h)
    bounds = (min(ax, bx) * w, min(ay, by) * h, max(ax, bx) * w, max(ay, by) * h)
    crop = lattice.crop_for(bounds, view_side_pix=view)
    xmin, ymin, xmax, ymax = crop.bounds_pix
    fits = xmin <= bounds[0] and ymin <= bounds[1] and xmax >= bounds[2] and ymax >= bounds[3]
    assert fits
    longest = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    assert crop.level <= max(lattice.level_for(view), math.ceil(math.log2(max(longest * 2, 1) / 512)))


def test_a_crop_in_use_is_kept_until_the_click_leaves_it_or_the_zoom_does():
    lattice = _lattice(20_000, 20_000)
    crop = lattice.crop_for(_point(5000, 5000), view_side_pix=512)
    x, y = crop.centre_pix
    kept = {"view_side_pix": 512, "current": crop}
    assert lattice.crop_for(_point(x + 180, y - 180), **kept) == crop
    assert lattice.crop_for(_point(x + 180, y - 180), view_side_pix=512) != crop
    assert lattice.crop_for(_point(x + 200, y), **kept) != crop
    assert lattice.crop_for(_point(x, y), view_side_pix=900, current=crop) == crop
    assert lattice.crop_for(_point(x, y), view_side_pix=2048, current=crop).level == 2


def test_an_edge_of_the_raster_is_no_reason_to_leave_a_crop():
    lattice = _lattice(20_000, 20_000)
    crop = lattice.crop_for(_point(1, 1), view_side_pix=512)
    assert crop.bounds_pix == (0, 0, 512, 512)
    assert lattice.crop_for(_point(0, 400), view_side_pix=512, current=crop) == crop
    assert lattice.crop_for(_point(0, 460), view_side_pix=512, current=crop).window.row == 256
    assert lattice.crop_for((-900, 300, 100, 400), view_side_pix=512, current=crop) == crop


def test_neighbours_overlap_by_half_and_come_nearest_first():
    lattice = _lattice(5000, 5000)
    crop = lattice.crop_for(_point(1024, 1024), view_side_pix=512)
    found = lattice.neighbours(crop, towards_pix=(1200, 1024))
    assert len(found) == 8
    assert found[0].window.col == crop.window.col + 256
    assert found[0].window.row == crop.window.row
    assert all(crop.window.intersection(other.window).width in (256, 512) for other in found)
    corner = lattice.crop_for(_point(4999, 4999), view_side_pix=512)
    assert corner.bounds_pix == (4488, 4488, 5000, 5000)
    assert {other.window.col for other in lattice.neighbours(corner, towards_pix=(0, 0))} == {4352, 4488}
    assert _lattice(300, 200).neighbours(_lattice(300, 200)._nearest(0, (0, 0)), towards_pix=(0, 0)) == []


@pytest.mark.parametrize(("view", "side_map"), [(64, 64), (512, 512), (2048, 2048)])
def test_a_crops_grid_lies_on_the_rasters(view, side_map):
    lattice = _lattice(4000, 4000)
    crop = lattice.crop_for(_point(1500, 1500), view_side_pix=view)
    grid = crop.grid_on(lattice.grid)
    assert (grid.width_px, grid.height_px) == (512, 512)
    for corner, of_raster in [((0, 0), crop.bounds_pix[:2]), ((512, 512), crop.bounds_pix[2:])]:
        assert grid.to_map(corner) == pytest.approx(lattice.grid.to_map(of_raster), abs=1e-6)
    assert math.dist(grid.to_map((0, 0)), grid.to_map((512, 0))) == pytest.approx(side_map)


@pytest.mark.parametrize("image_px", [0, 8, 500])
def test_image_sides_that_can_not_be_halved_are_refused(image_px):
    with pytest.raises(ValueError):
        _lattice(100, 100, image_px)
