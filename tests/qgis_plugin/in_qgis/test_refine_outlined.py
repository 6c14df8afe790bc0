"""Of all that a phrase finds, an outlined object is only what was marked."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from qgis.core import QgsGeometry, QgsRectangle

from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.sessions import Predicted, SessionOpened
from geophrase.qgis_plugin.core.engine.client import PredictAnswer
from geophrase.qgis_plugin.core.raster.crops import Crop
from geophrase.qgis_plugin.core.refine.masks import ShapeMask
from geophrase.qgis_plugin.core.refine.outlined import Outlined
from geophrase.qgis_plugin.core.refine.prompts import PromptState
from geophrase.qgis_plugin.core.vector.clicks import Click

pytestmark = pytest.mark.usefixtures("qgis_app")
SESSION = SessionOpened("s", RasterGrid(100, 100, (1, 0, 0, 0, -1, 100)), "m", "w", False, 0.0)
CARS = [(0, 0, 10, 10), (20, 0, 40, 10), (60, 60, 70, 70)]  # areas 100, 200, 100
CROP = Crop(0, WindowPx(0, 0, 100, 100), 100)
SCORES = [0.5, 0.8, 0.9]


def corners(xmin, ymin, xmax, ymax):
    return (xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax)


def outlined(state, cars=CARS):
    rectangles = [QgsGeometry.fromRect(QgsRectangle(*car)) for car in cars]
    num = len(cars)
    features = FeatureBatch.of(
        [bytes(rectangle.asWkb()) for rectangle in rectangles],
        query_index=[0] * num,
        score=(SCORES * num)[:num],
        iou_pred=[0.7] * num,
        objectness=[0.9] * num,
        area_m2=[rectangle.area() for rectangle in rectangles],
        perimeter_m=[rectangle.length() for rectangle in rectangles],
    )
    answer = PredictAnswer(Predicted(0.7, 0.9, 0.0, 0.0, 0.0), features, None)
    return Outlined.of(state, answer, crop=CROP, session=SESSION)


@pytest.mark.parametrize(
    ("state", "area_m2", "score"),
    [
        (PromptState("cars", (Click(5, 5, True),)), 100, 0.5),
        (PromptState("cars", (Click(5, 5, True), Click(65, 65, False))), 100, 0.5),
        (PromptState("cars", (Click(5, 5, True), Click(30, 5, True))), 300, (0.5 * 100 + 0.8 * 200) / 300),
        (PromptState("cars", box_map=corners(15, -5, 45, 15)), 200, 0.8),
    ],
)
def test_only_marked_parts_belong_to_the_object(state, area_m2, score):
    object_ = outlined(state)
    assert object_.geometry.area() == pytest.approx(area_m2)
    assert object_.area_m2 == pytest.approx(area_m2)
    assert object_.score == pytest.approx(score)


def test_a_click_beside_everything_found_nothing():
    object_ = outlined(PromptState("cars", (Click(90, 90, True),)))
    assert object_.geometry.isEmpty()
    assert math.isnan(object_.score)


def test_a_polygon_that_is_refined_stays_with_a_click_that_takes_away():
    shape = ShapeMask(((np.array(corners(62, 62, 75, 75), float),),))
    object_ = outlined(PromptState("cars", (Click(5, 5, False),), shape=shape))
    assert object_.geometry.boundingBox() == QgsRectangle(*CARS[2])


def test_a_polygon_with_thousands_of_holes_is_answered_at_once():
    at = [(x, y) for x in range(0, 240, 4) for y in range(0, 240, 4)]
    holes = [np.array(corners(x + 1, y + 1, x + 3, y + 3), float) for x, y in at]
    shape = ShapeMask(((np.array(corners(0, 0, 240, 240), float), *holes),))
    in_holes = [(x + 1.5, y + 1.5, x + 2.5, y + 2.5) for x, y in at]
    start_s = time.perf_counter()
    object_ = outlined(PromptState("cars", shape=shape), [*in_holes, (0.2, 0.2, 0.8, 0.8)])
    assert time.perf_counter() - start_s < 1.0
    assert object_.geometry.area() == pytest.approx(0.36)
