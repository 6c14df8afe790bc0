"""Grids against the `affine` package, rasterio's windows and shapely's geometry."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import assume, given
from hypothesis import strategies as st
from rasterio.windows import Window
from rasterio.windows import bounds as rasterio_bounds
from rasterio.windows import transform as rasterio_transform

from geophrase.protocol.grid import RasterGrid, WindowPx

# affine 3 wants `@` where affine 2 knows only `*`; both are in use.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

sides_px = st.integers(1, 5000)


@st.composite
def transforms(draw):
    """Any sane georeferencing: rotated, sheared, flipped, from 1e-6 degrees to 100 m, anywhere on a map."""
    pixel = draw(st.sampled_from([1e-6, 1e-3, 0.1, 0.6, 30.0, 100.0]))
    reach = 180.0 if pixel < 0.01 else 6e6
    origin = st.floats(-reach, reach)
    shear = draw(st.floats(-45, 45))
    flip = Affine.scale(draw(st.sampled_from([-1, 1])), draw(st.sampled_from([-1, 1])))
    linear = Affine.rotation(draw(st.floats(0, 360))) * Affine.shear(shear) * flip
    return (
        Affine.translation(draw(origin), draw(origin))
        * linear
        * Affine.scale(pixel, pixel * draw(st.floats(0.5, 2)))
    )


@st.composite
def grids(draw):
    return RasterGrid(draw(sides_px), draw(sides_px), tuple(draw(transforms()))[:6], "")


@st.composite
def grids_with_window(draw):
    grid = draw(grids())
    col, row = draw(st.integers(0, grid.width_px - 1)), draw(st.integers(0, grid.height_px - 1))
    width, height = draw(st.integers(1, grid.width_px - col)), draw(st.integers(1, grid.height_px - row))
    return grid, WindowPx(col, row, width, height)


windows = st.builds(
    WindowPx, st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 60), st.integers(0, 60)
)


def pixels_of(window):
    return {(c, r) for c in range(window.col, window.col_end) for r in range(window.row, window.row_end)}


@given(windows, windows)
def test_window_operations_are_those_of_pixel_sets(one, other):
    common = pixels_of(one) & pixels_of(other)
    assert pixels_of(one.intersection(other)) == common
    assert one.intersects(other) == bool(common)
    assert one.contains(other) == (pixels_of(other) <= pixels_of(one))
    assert one.is_empty == (not pixels_of(one))


def test_window_slices_pick_its_pixels_from_the_frame():
    frame, inner = WindowPx(10, 20, 8, 6), WindowPx(12, 23, 3, 2)
    rows, cols = np.mgrid[frame.row : frame.row_end, frame.col : frame.col_end]
    picked = inner.slices_within(frame)
    assert set(zip(cols[picked].flat, rows[picked].flat, strict=True)) == pixels_of(inner)
    with pytest.raises(ValueError, match="not inside"):
        frame.slices_within(inner)


def test_window_refuses_negative_sides():
    with pytest.raises(ValueError, match="negative"):
        WindowPx(0, 0, -1, 4)


@given(grids(), st.lists(st.tuples(st.floats(-100, 6000), st.floats(-100, 6000)), min_size=1, max_size=20))
def test_pixels_go_to_the_map_as_affine_says_and_come_back(grid, points):
    reference = Affine(*grid.map_from_pix)
    xy_map = grid.to_map(points)
    assert np.allclose(xy_map, [reference * point for point in points], rtol=1e-12)
    assert np.allclose(grid.to_pix(xy_map), points, atol=1e-3)
    assert np.allclose(grid.pix_from_map, tuple(~reference)[:6], rtol=1e-9)


@given(grids())
def test_areas_and_sizes(grid):
    corners = grid.to_map([(0, 0), (1, 0), (0, 1), (1, 1)]) - grid.to_map((0, 0))
    assert math.isclose(grid.pixel_area_map, abs(np.linalg.det(corners[1:3])), rel_tol=1e-2)
    assert math.isclose(grid.pixel_area_map, abs(Affine(*grid.map_from_pix).determinant), rel_tol=1e-12)
    assert np.allclose(grid.pixel_size_map, np.hypot(corners[1:3, 0], corners[1:3, 1]), rtol=1e-2)


@given(grids_with_window())
def test_bounds_of_a_window_give_it_back_on_aligned_grids(pair):
    grid, window = pair
    a, _, c, _, e, f = grid.map_from_pix
    assume(abs(a) > 1e-9 and abs(e) > 1e-9)
    aligned = RasterGrid(grid.width_px, grid.height_px, (a, 0, c, 0, e, f))
    bounds = aligned.bounds_of_window_map(window)
    assume(min(abs(a), abs(e)) > 1e-8 * max(abs(value) for value in (*bounds, 1)))
    assert aligned.is_north_up == (a > 0 > e)
    assert aligned.window_for_bounds(*bounds) == window


@pytest.mark.parametrize(
    "turn",
    [
        Affine.rotation(90),
        Affine.rotation(180),
        Affine.rotation(1e-4),
        Affine.shear(0.01, 0),
        Affine.scale(1, -1),
        Affine.scale(-1, 1),
    ],
)
def test_turned_sheared_and_flipped_grids_are_not_north_up(turn):
    north_up = Affine.translation(500_000, 4_000_000) * Affine.scale(0.5, -0.25)
    assert RasterGrid(3, 2, tuple(north_up)[:6]).is_north_up
    assert not RasterGrid(3, 2, tuple(north_up * turn)[:6]).is_north_up


@given(grids_with_window())
def test_window_for_bounds_covers_the_rectangle_and_no_row_or_column_more(pair):
    grid, window = pair
    bounds = grid.bounds_of_window_map(window)
    assume(bounds[0] < bounds[2] and bounds[1] < bounds[3])
    found = grid.window_for_bounds(*bounds)
    assert found.contains(window)
    inverse = ~Affine(*grid.map_from_pix)
    box_pix = shapely.Polygon([inverse * xy for xy in shapely.box(*bounds).exterior.coords])
    left, top, right, bottom = box_pix.bounds
    tolerance = 2e-3
    assert found.col >= max(0, math.floor(left - tolerance))
    assert found.row >= max(0, math.floor(top - tolerance))
    assert found.col_end <= min(grid.width_px, math.ceil(right + tolerance))
    assert found.row_end <= min(grid.height_px, math.ceil(bottom + tolerance))


def test_window_for_bounds_on_a_raster_turned_by_45_degrees():
    turned = Affine.translation(500_000, 4_000_000) * Affine.rotation(45) * Affine.scale(1, -1)
    grid = RasterGrid(100, 100, tuple(turned)[:6])
    x_map, y_map = grid.to_map((50, 50))
    side = 10
    window = grid.window_for_bounds(x_map - side, y_map - side, x_map + side, y_map + side)
    reach = math.sqrt(2) * side  # the square's half diagonal, in pixels
    assert (window.col, window.row) == (math.floor(50 - reach), math.floor(50 - reach))
    assert (window.col_end, window.row_end) == (math.ceil(50 + reach), math.ceil(50 + reach))


def test_window_for_bounds_beside_the_raster_is_empty_and_clipped_at_its_edge():
    grid = RasterGrid(100, 50, (2.0, 0.0, 1000.0, 0.0, -2.0, 5000.0))
    assert grid.window_for_bounds(0, 0, 900, 900).is_empty
    assert grid.window_for_bounds(1200, 4900, 1300, 5000).is_empty
    assert grid.window_for_bounds(0, 4990.5, 1003, 9999) == WindowPx(0, 0, 2, 5)


@pytest.mark.parametrize(
    "bounds", [(0, 0, 0, 1), (5, 0, 1, 1), (0, 2, 1, 1), (math.nan, 0, 1, 1), (0, 0, math.inf, 1)]
)
def test_window_for_bounds_refuses_what_is_no_rectangle(bounds):
    with pytest.raises(ValueError, match="bounds"):
        RasterGrid(10, 10, (1, 0, 0, 0, -1, 0)).window_for_bounds(*bounds)


@given(grids(), st.tuples(st.floats(-1, 2), st.floats(-1, 2)), st.floats(0.01, 1))
def test_intersects_agrees_with_shapely(grid, place, part):
    corners = grid.to_map([(0, 0), (grid.width_px, 0), (grid.width_px, grid.height_px), (0, grid.height_px)])
    footprint = shapely.Polygon(corners)
    xmin, ymin, xmax, ymax = grid.bounds_map
    centre = xmin + place[0] * (xmax - xmin), ymin + place[1] * (ymax - ymin)
    box = shapely.box(*centre, centre[0] + part * (xmax - xmin), centre[1] + part * (ymax - ymin))
    overlap = footprint.intersection(box).area
    assume(overlap == 0 or overlap > 1e-6 * footprint.area)
    assume(overlap > 0 or footprint.distance(box) > 1e-6 * max(xmax - xmin, ymax - ymin))
    assert grid.intersects(*box.bounds) == (overlap > 0)


@given(grids_with_window())
def test_subgrid_is_rasterios_window_transform(pair):
    grid, window = pair
    subgrid = grid.subgrid(window)
    reference = Affine(*grid.map_from_pix)
    native = Window(window.col, window.row, window.width, window.height)
    assert np.allclose(subgrid.map_from_pix, tuple(rasterio_transform(native, reference))[:6], rtol=1e-12)
    assert (subgrid.height_px, subgrid.width_px) == window.shape_yx
    if reference.b == reference.d == 0:
        left, bottom, right, top = rasterio_bounds(native, reference)
        x_map, y_map = sorted((left, right)), sorted((bottom, top))
        assert np.allclose(subgrid.bounds_map, (x_map[0], y_map[0], x_map[1], y_map[1]))


@given(grids(), sides_px, sides_px)
def test_resizing_keeps_the_footprint(grid, width_px, height_px):
    resized = grid.resized(width_px, height_px)
    span = max(grid.bounds_map[2] - grid.bounds_map[0], grid.bounds_map[3] - grid.bounds_map[1])
    largest = max(abs(value) for value in grid.bounds_map)
    assert np.allclose(resized.bounds_map, grid.bounds_map, rtol=0, atol=1e-9 * span + 1e-14 * largest)
    assert resized.map_from_pix[2::3] == grid.map_from_pix[2::3]


@pytest.mark.parametrize(
    ("width_px", "transform"),
    [
        (0, (1, 0, 0, 0, -1, 0)),
        (5, (1, 2, 0, 2, 4, 0)),
        (5, (math.nan, 0, 0, 0, 1, 0)),
        (5, (0, 0, 0, 0, 0, 0)),
    ],
)
def test_grid_refuses_what_is_no_grid(width_px, transform):
    with pytest.raises(ValueError):
        RasterGrid(width_px, 5, transform)


def test_points_must_come_in_pairs():
    with pytest.raises(ValueError, match="pairs"):
        RasterGrid(5, 5, (1, 0, 0, 0, -1, 0)).to_map([1.0, 2.0, 3.0])
