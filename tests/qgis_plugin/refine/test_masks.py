"""Masks keep their place on the ground when they move from crop to crop."""

from __future__ import annotations

import numpy as np
import pytest

from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.qgis_plugin.core.raster.crops import Crop
from geophrase.qgis_plugin.core.refine.masks import CropMask, ShapeMask, bounds_of_mask, logits_in

GRID = RasterGrid(4000, 3000, (0.8, 0.6, 500_000.0, 0.6, -0.8, 5_540_000.0))


def _crop(level: int, col: int, row: int, image_px: int = 256) -> Crop:
    side = image_px << level if level >= 0 else image_px >> -level
    return Crop(level, WindowPx(col, row, side, side), image_px)


def _disc(crop: Crop, x_pix: float, y_pix: float, radius_px: float) -> CropMask:
    """Logits that fall by one per pixel of the raster from a circle outwards."""
    side = crop.image_px // 4
    steps = (np.arange(side) + 0.5) * crop.window.width / side
    x, y = np.meshgrid(crop.window.col + steps, crop.window.row + steps)
    logits = np.clip(radius_px - np.hypot(x - x_pix, y - y_pix), -10, 10)
    return CropMask(crop, logits.astype(np.float32))


@pytest.mark.parametrize("there", [(0, 1128, 900), (1, 768, 512), (-1, 1256, 968), (2, 0, 0), (0, 1000, 900)])
def test_a_mask_covers_the_same_ground_in_another_crop(there):
    circle = 1320.0, 1030.0, 50.0
    mask = _disc(_crop(0, 1180, 900), *circle)
    other = _crop(*there)
    moved_HW = logits_in(mask, other, grid=GRID)
    expected_HW = _disc(other, *circle).logits_HW
    assert moved_HW.dtype == np.float32
    assert np.abs(moved_HW - expected_HW).max() < 4
    clear = np.abs(expected_HW) > 2
    assert ((moved_HW > 0) == (expected_HW > 0))[clear].all()


def test_a_mask_stays_untouched_in_its_own_crop_and_says_no_beyond_it():
    mask = CropMask(_crop(0, 512, 512), np.full((64, 64), 5, np.float32))
    assert logits_in(mask, _crop(0, 512, 512), grid=GRID) is mask.logits_HW
    beside = logits_in(mask, _crop(0, 640, 512), grid=GRID)
    assert (beside[:, :32] == 5).all()
    assert (beside[:, 32:] == -10).all()
    assert (logits_in(mask, _crop(0, 2048, 512), grid=GRID) == -10).all()


def test_a_polygon_becomes_a_mask_with_its_hole_on_a_rotated_raster():
    outer = np.array([(1100, 600), (1200, 600), (1200, 700), (1100, 700)], float)
    hole = np.array([(1130, 630), (1170, 630), (1170, 670), (1130, 670)], float)
    shape = ShapeMask(((GRID.to_map(outer), GRID.to_map(hole)),))
    logits_HW = logits_in(shape, _crop(0, 1024, 512), grid=GRID)
    assert logits_HW.shape == (64, 64)
    inside_px = (1 / (1 + np.exp(-logits_HW))).sum() * 16  # half a pixel counts half
    assert inside_px == pytest.approx(100 * 100 - 40 * 40, rel=0.02)
    assert logits_HW[(610 - 512) // 4, (1110 - 1024) // 4] == pytest.approx(6.9, abs=0.1)
    assert logits_HW[(650 - 512) // 4, (1150 - 1024) // 4] == pytest.approx(-6.9, abs=0.1)
    assert bounds_of_mask(shape, GRID) == pytest.approx((1100, 600, 1200, 700), abs=1e-6)


def test_a_shape_smaller_than_a_mask_pixel_leaves_a_trace():
    ring = np.array([(1102, 602), (1104, 602), (1104, 604), (1102, 604)], float)
    logits_HW = logits_in(ShapeMask(((GRID.to_map(ring),),)), _crop(0, 1024, 512), grid=GRID)
    row, col = (602 - 512) // 4, (1102 - 1024) // 4
    assert logits_HW[row, col] > logits_HW[0, 0] + 5


@pytest.mark.parametrize("level", [-2, 0, 2])
def test_the_bounds_of_a_mask_are_those_of_its_foreground(level):
    crop = _crop(level, 1024, 512)
    mask = _disc(crop, *crop.centre_pix, crop.window.width / 4)
    tolerance = crop.window.width / 32
    x, y = crop.centre_pix
    quarter = crop.window.width / 4
    expected = (x - quarter, y - quarter, x + quarter, y + quarter)
    assert bounds_of_mask(mask, GRID) == pytest.approx(expected, abs=tolerance)
    nothing = CropMask(crop, np.full((64, 64), -1, np.float32))
    assert bounds_of_mask(nothing, GRID) is None
    assert bounds_of_mask(ShapeMask(()), GRID) is None
