"""Masks and their encoding against rasterio and pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from rasterio.features import rasterize
from shapely.geometry import Polygon

from geophrase.qgis_plugin.core.export.rle import encode_rle
from geophrase.qgis_plugin.core.vector.clicks import Click, clicks_of, clicks_text
from geophrase.qgis_plugin.core.vector.mask import polygon_mask


def _coco(mask_HW):
    rle = coco_mask.encode(np.asfortranarray(mask_HW, np.uint8))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.01, 0.5, 0.99, 1.0]),
)
def test_the_encoding_is_pycocotools(height, width, seed, share):
    mask_HW = np.random.default_rng(seed).random((height, width)) < share
    assert encode_rle(mask_HW) == _coco(mask_HW)


def test_long_runs_are_encoded_as_pycocotools_does():
    mask_HW = np.zeros((800, 800), bool)
    mask_HW[100:700, 3:790] = True
    mask_HW[:, 400:] = True
    assert encode_rle(mask_HW) == _coco(mask_HW)
    assert (coco_mask.decode([encode_rle(mask_HW)])[..., 0] == mask_HW).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40))
def test_masks_are_rasterios(seed, num_vertices):
    """Star-shaped polygons with a hole, partly outside the image."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random(num_vertices)) * 2 * np.pi
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    middle = rng.uniform(-10, 70, 2)
    outer = middle + directions * rng.uniform(8, 40, num_vertices)[:, None]
    hole = middle + directions * 4
    expected = rasterize([Polygon(outer, [hole])], out_shape=(60, 50)) != 0
    assert (polygon_mask([[outer, hole]], (60, 50)) == expected).all()


def test_a_mask_on_pixel_edges_comes_back_whole():
    ring = np.array([(2, 3), (7, 3), (7, 9), (2, 9), (2, 3)], float)
    expected = np.zeros((12, 10), bool)
    expected[3:9, 2:7] = True
    assert (polygon_mask([[ring]], (12, 10)) == expected).all()


def test_overlapping_polygons_are_a_union():
    first = np.array([(0, 0), (6, 0), (6, 6), (0, 6)], float)
    assert polygon_mask([[first], [first + 3]], (10, 10)).sum() == 36 + 36 - 9


def test_clicks_survive_an_attribute():
    clicks = (Click(500000.25, 5.5e6, True), Click(-3.5, 1e-9, False))
    assert clicks_of(clicks_text(clicks)) == clicks
    assert clicks_text(()) == ""


@pytest.mark.parametrize("text", [None, "", "  ", "no json", "[1, 2]", "[[1, 2]]", "{}", "[[1, NaN, 1]]", 7])
def test_what_are_no_clicks_give_none(text):
    assert clicks_of(text) == ()
