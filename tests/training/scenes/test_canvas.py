from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.geometry import Pose, ellipse, oval, polygon_area, rectangle
from geophrase.training.scenes.kinds import Layer
from geophrase.training.scenes.look import Sun
from geophrase.training.scenes.sensor import cast_shadows
from geophrase.training.scenes.texture import Material


def _canvas(gsd_m: float = 0.5, size_px: int = 200) -> Canvas:
    return Canvas(size_px, gsd_m, np.random.default_rng(0))


@pytest.mark.parametrize("size_m", [(4.5, 1.8), (12.0, 9.0), (60.0, 25.0)])
def test_coverage_has_no_bias_in_area(size_m):
    rng, canvas, ratios = np.random.default_rng(1), _canvas(0.3, 400), []
    for _ in range(40):
        pose = Pose(60 + rng.random(), 60 + rng.random(), rng.uniform(0, 6.28))
        found = canvas.coverage(pose.points(rectangle(*size_m)))
        ratios.append(float(found.alpha_hw.sum()) * 0.09 / (size_m[0] * size_m[1]))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.01)


def test_a_figure_lands_on_the_pixels_that_it_covers():
    canvas = _canvas(0.5)
    label = canvas.label("house")
    canvas.fill(np.asarray([(10.0, 20.0), (15.0, 20.0), (15.0, 22.0), (10.0, 22.0)]), None, label=label)
    rows, cols = np.nonzero(canvas.labels_LHW[Layer.OBJECT] == label)
    assert (rows.min(), rows.max() + 1, cols.min(), cols.max() + 1) == (40, 44, 20, 30)
    assert len(rows) == 40
    assert canvas.records[label].painted_px == pytest.approx(40)


def test_layers_keep_their_labels_and_covers_share_one():
    canvas = _canvas()
    ring = Pose(50, 50).points(rectangle(20, 20))
    road, car = canvas.label("road"), canvas.label("car")
    canvas.fill(ring, None, label=road)
    canvas.fill(ring, None, label=car)
    assert canvas.labels_LHW[Layer.SURFACE, 100, 100] == road
    assert canvas.labels_LHW[Layer.OBJECT, 100, 100] == car
    assert canvas.label("road") == road
    assert canvas.label("car") != car


def test_reserved_ground_keeps_its_surface():
    canvas = _canvas()
    white = Material((0.8, 0.8, 0.8))
    canvas.reserve(Pose(50, 50).points(rectangle(20, 20)))
    canvas.fill(canvas.everything(), white, label=canvas.label("grass"), spares_reserved=True)
    assert canvas.reflectance_HWC[100, 100].max() == 0
    assert canvas.labels_LHW[Layer.SURFACE, 100, 100] == 0
    assert canvas.reflectance_HWC[10, 10].min() > 0.3
    assert not canvas.is_free(Pose(55, 50).points(rectangle(8, 8)))
    assert canvas.is_free(Pose(20, 20).points(rectangle(8, 8)))


@pytest.mark.parametrize("elevation_deg", [30.0, 45.0, 60.0])
@pytest.mark.parametrize("azimuth_deg", [0.0, 90.0, 215.0])
def test_a_shadow_is_as_long_as_the_sun_is_low_and_points_away_from_it(elevation_deg, azimuth_deg):
    gsd_m, height_m, side_m = 0.5, 12.0, 10.0
    height_HW = np.zeros((240, 240), np.float32)
    height_HW[110:130, 110:130] = height_m
    sun = Sun(math.radians(azimuth_deg), math.radians(elevation_deg))
    shadow_HW = cast_shadows(height_HW, sun, gsd_m)
    rows, cols = np.nonzero(shadow_HW > 0.5)
    along = (cols + 0.5 - 120) * math.cos(sun.azimuth_rad) + (rows + 0.5 - 120) * math.sin(sun.azimuth_rad)
    assert along.mean() < 0
    corner_m = side_m / 2 * (abs(math.cos(sun.azimuth_rad)) + abs(math.sin(sun.azimuth_rad)))
    expected_m = height_m / math.tan(sun.elevation_rad) + corner_m
    assert -along.min() * gsd_m == pytest.approx(expected_m, abs=2.0)


def test_nothing_high_casts_no_shadow():
    sun = Sun(1.0, 0.8)
    assert cast_shadows(np.zeros((50, 50), np.float32), sun, 0.3).max() == 0


def test_a_facet_towards_the_sun_is_brighter_than_one_away_from_it():
    sun = Sun(math.radians(30), math.radians(40))
    towards, away = (sun.facet(math.radians(turn), math.radians(35)) for turn in (30, 210))
    assert towards > 1 > away
    assert sun.facet(1.0, 0.0) == pytest.approx(1.0)


def test_figures_have_the_areas_of_school_geometry():
    assert polygon_area(ellipse(3, 5)) == pytest.approx(math.pi * 15, rel=1e-6)
    assert polygon_area(oval(84.39, 36.5)) == pytest.approx(84.39 * 73 + math.pi * 36.5**2, rel=2e-3)
    assert cv2.contourArea(rectangle(7, 4).astype(np.float32)) == pytest.approx(28)
