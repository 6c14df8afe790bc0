"""Marks on the map as prompts on a crop's image."""

from __future__ import annotations

import numpy as np
import pytest

from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.messages import BoxQuery, MaskQuery, PointsQuery, TextQuery
from geophrase.qgis_plugin.core.raster.crops import Crop
from geophrase.qgis_plugin.core.refine.crop_prompts import bounds_of_prompts, prompts_in
from geophrase.qgis_plugin.core.refine.masks import CropMask
from geophrase.qgis_plugin.core.refine.prompts import PromptState
from geophrase.qgis_plugin.core.vector.clicks import Click

NORTH_UP = RasterGrid(4000, 3000, (0.5, 0.0, 500_000.0, 0.0, -0.5, 5_540_000.0))
CROP = Crop(1, WindowPx(1024, 512, 512, 512), 256)


def _click(x_pix: float, y_pix: float, is_positive: bool = True) -> Click:
    return Click(500_000 + x_pix / 2, 5_540_000 - y_pix / 2, is_positive)


def _box(*corners_pix: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    return tuple((500_000 + x / 2, 5_540_000 - y / 2) for x, y in corners_pix)


def test_clicks_are_pixels_of_the_image_and_those_beside_it_are_left_out():
    state = PromptState(clicks=(_click(1124, 612), _click(4, 4), _click(1536, 1024, False)))
    queries, logits_HW = prompts_in(state, CROP, grid=NORTH_UP, has_text=True)
    assert queries == (PointsQuery(((50.0, 50.0), (256.0, 256.0)), (1, 0)),)
    assert logits_HW is None
    beside = PromptState(clicks=(_click(4, 4),))
    assert prompts_in(beside, CROP, grid=NORTH_UP, has_text=True)[0] == ()


def test_a_box_is_upright_and_cut_to_the_image():
    state = PromptState(box_map=_box((1100, 500), (1700, 600), (1650, 800), (1050, 700)))
    queries, _ = prompts_in(state, CROP, grid=NORTH_UP, has_text=True)
    assert queries == (BoxQuery((13.0, 0.0, 256.0, 144.0)),)
    beside = PromptState(box_map=_box((0, 0), (100, 0), (100, 100), (0, 100)))
    assert prompts_in(beside, CROP, grid=NORTH_UP, has_text=True)[0] == ()


def test_text_goes_only_to_models_that_take_it_and_the_mask_with_its_logits():
    mask = CropMask(CROP, np.ones((64, 64), np.float32))
    state = PromptState(text="roof", clicks=(_click(1124, 612),), mask=mask)
    queries, logits_HW = prompts_in(state, CROP, grid=NORTH_UP, has_text=True)
    assert [type(query) for query in queries] == [TextQuery, PointsQuery, MaskQuery]
    assert logits_HW is mask.logits_HW
    queries, _ = prompts_in(state, CROP, grid=NORTH_UP, has_text=False)
    assert [type(query) for query in queries] == [PointsQuery, MaskQuery]


def test_the_bounds_hold_clicks_box_and_mask():
    logits_HW = np.full((64, 64), -5, np.float32)
    logits_HW[10:20, 30:40] = 5
    box = _box((1000, 700), (1010, 700), (1010, 710), (1000, 710))
    state = PromptState(clicks=(_click(2000, 100),), box_map=box, mask=CropMask(CROP, logits_HW))
    assert bounds_of_prompts(state, NORTH_UP) == pytest.approx((1000, 100, 2000, 710))
    masked = PromptState(mask=CropMask(CROP, logits_HW))
    assert bounds_of_prompts(masked, NORTH_UP) == pytest.approx((1264, 592, 1344, 672))
    assert bounds_of_prompts(PromptState(text="roof"), NORTH_UP) is None
