"""Right-angled outlines of shapes whose true outline is known."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize, shapes
from rasterio.transform import from_origin
from shapely.affinity import rotate
from shapely.geometry import Polygon, box, shape

from geophrase.qgis_plugin.core.export.right_angles import corner_indices, main_direction_rad, right_angled

L_SHAPE = Polygon([(0, 0), (30, 0), (30, 12), (14, 12), (14, 25), (0, 25)])
U_SHAPE = Polygon([(0, 0), (40, 0), (40, 30), (28, 30), (28, 12), (12, 12), (12, 30), (0, 30)])


def _as_pixels(polygon: Polygon, pixel_m: float = 0.5) -> np.ndarray:
    """The outline along pixel edges, as the engine gives it; metres."""
    xmin, ymin, xmax, ymax = polygon.buffer(5).bounds
    transform = from_origin(xmin, ymax, pixel_m, pixel_m)
    size_yx = int((ymax - ymin) / pixel_m) + 1, int((xmax - xmin) / pixel_m) + 1
    mask = rasterize([polygon], out_shape=size_yx, transform=transform, dtype="uint8")
    (geometry,) = [shape(g) for g, value in shapes(mask, transform=transform) if value]
    return np.asarray(geometry.exterior.coords)[:-1]


def _cosines(ring: np.ndarray) -> np.ndarray:
    edges = np.roll(ring, -1, axis=0) - ring
    edges /= np.linalg.norm(edges, axis=1)[:, None]
    return np.abs((edges * np.roll(edges, -1, axis=0)).sum(axis=1))


@pytest.mark.parametrize("degrees", [0, 7, 15, 30, 44, 45, 60, 89])
@pytest.mark.parametrize(("true", "num_corners"), [(box(0, 0, 20, 12), 4), (L_SHAPE, 6), (U_SHAPE, 8)])
def test_the_true_outline_comes_back_from_pixels(true, num_corners, degrees):
    true = rotate(true, degrees)
    ring = _as_pixels(true)
    corners = ring[corner_indices(ring, 1.0)]
    answer = right_angled(ring, direction_rad=main_direction_rad([corners]), tolerance_m=1.0)
    found = Polygon(answer)
    assert len(answer) == num_corners
    assert found.is_valid
    assert _cosines(answer).max() < 1e-9
    assert found.area == pytest.approx(true.area, rel=0.03)
    assert found.intersection(true).area / found.union(true).area > 0.93


def test_the_area_of_the_pixels_is_kept():
    ring = _as_pixels(rotate(box(0, 0, 30, 30), 30))
    answer = right_angled(ring, direction_rad=np.deg2rad(30), tolerance_m=1.0)
    assert Polygon(answer).area == pytest.approx(Polygon(ring).area, rel=0.01)


def test_a_shape_that_runs_one_way_has_none():
    needle = np.array([(0, 0), (10, 0.1), (20, 0), (10, -0.1)], float)
    assert right_angled(needle, direction_rad=0.0, tolerance_m=0.01) is None


@pytest.mark.parametrize("first", [0, 5, 11])
def test_corners_do_not_depend_on_where_a_ring_begins(first):
    ring = np.asarray(shapely.segmentize(L_SHAPE, 3).exterior.coords)[:-1]
    rolled = np.roll(ring, -first, axis=0)
    corners = {tuple(point) for point in rolled[corner_indices(rolled, 0.1)]}
    assert corners == {tuple(point) for point in np.asarray(L_SHAPE.exterior.coords)}


def test_main_direction_is_modulo_a_right_angle():
    ring = np.asarray(rotate(U_SHAPE, 100).exterior.coords)[:-1]
    assert np.rad2deg(main_direction_rad([ring])) == pytest.approx(10)
