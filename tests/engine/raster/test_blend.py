"""Blending: partition of unity, constants, extent independence bit for bit, bounded buffers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geophrase.engine.raster.blend import StripBlender, blend_buffer_bytes, blend_weights
from geophrase.engine.raster.tiles import tile_windows
from geophrase.protocol.grid import WindowPx


def blend(raster, region, *, tile_px, overlap_px, predict, valid_HW, num_queries=1, strip_px=7):
    """Run the blender as a pipeline does: tiles without data are skipped, strips drained as they finish."""
    blender = StripBlender(
        region, num_queries=num_queries, tile_px=tile_px, overlap_px=overlap_px, strip_px=strip_px
    )
    strips = []
    for tile in tile_windows(raster, tile_px=tile_px, overlap_px=overlap_px, extent=region):
        seen = tile.window.intersection(raster)
        tile_valid_HW = np.zeros((tile_px, tile_px), bool)
        tile_valid_HW[seen.slices_within(tile.window)] = valid_HW[seen.slices_within(raster)]
        if tile_valid_HW.any():
            strips.extend(blender.strips_above(tile.window.row))
            blender.add(tile.window, predict(tile.window), tile_valid_HW)
    strips.extend(blender.finish())
    assert [strip.window.row for strip in strips[1:]] == [strip.window.row_end for strip in strips[:-1]]
    assert all(strip.window.height <= strip_px for strip in strips)
    assert strips[0].window.row == region.row
    probabilities = np.concatenate([strip.probabilities_QHW for strip in strips], axis=1)
    valid = np.concatenate([strip.valid_HW for strip in strips], axis=0)
    assert probabilities.shape == (num_queries, *region.shape_yx)
    assert probabilities.dtype == np.float32
    return probabilities, valid


def noisy_model(tile_px, num_queries=1):
    """A model whose answer differs from tile to tile, as a network's does near its tiles' edges."""

    def predict(window):
        generator = np.random.default_rng([window.col, window.row])
        return generator.random((num_queries, tile_px, tile_px), np.float32)

    return predict


@st.composite
def runs(draw):
    raster = WindowPx(0, 0, draw(st.integers(1, 70)), draw(st.integers(1, 70)))
    tile_px = draw(st.integers(2, 32))
    overlap_px = draw(st.integers(0, tile_px - 1))
    col, row = draw(st.integers(0, raster.width - 1)), draw(st.integers(0, raster.height - 1))
    width, height = draw(st.integers(1, raster.width - col)), draw(st.integers(1, raster.height - row))
    share = draw(st.sampled_from([0.0, 0.02, 0.5, 1.0]))
    valid_HW = np.random.default_rng(draw(st.integers(0, 99))).random(raster.shape_yx) < share
    return raster, WindowPx(col, row, width, height), tile_px, overlap_px, valid_HW


@given(st.integers(1, 60), st.data())
def test_weights_are_positive_and_neighbouring_ramps_sum_to_one(tile_px, data):
    overlap_px = data.draw(st.integers(0, tile_px - 1))
    weights = blend_weights(tile_px, overlap_px)
    assert weights.shape == (tile_px, tile_px)
    assert weights.dtype == np.float32
    assert weights.min() > 0
    assert weights.max() <= 1
    if 2 * overlap_px <= tile_px:
        middle = weights[tile_px // 2]
        shared = middle[tile_px - overlap_px :] + middle[:overlap_px]
        assert np.allclose(shared, np.sqrt(middle[tile_px // 2]), atol=1e-6)


@given(runs())
@settings(max_examples=60, deadline=None)
def test_a_sub_extent_equals_the_whole_run_bit_for_bit(run):
    raster, region, tile_px, overlap_px, valid_HW = run
    options = {
        "tile_px": tile_px,
        "overlap_px": overlap_px,
        "valid_HW": valid_HW,
        "predict": noisy_model(tile_px, 2),
        "num_queries": 2,
    }
    whole, whole_valid = blend(raster, raster, **options)
    part, part_valid = blend(raster, region, strip_px=3, **options)
    rows, cols = region.slices_within(raster)
    assert np.array_equal(part, whole[:, rows, cols])
    assert np.array_equal(part_valid, valid_HW[rows, cols])
    assert np.array_equal(whole_valid, valid_HW)
    assert not whole[:, ~valid_HW].any()


@given(runs(), st.floats(0, 1, width=32))
@settings(max_examples=40, deadline=None)
def test_constant_in_constant_out(run, probability):
    raster, region, tile_px, overlap_px, _ = run
    constant = np.full((1, tile_px, tile_px), probability, np.float32)
    blended, _ = blend(
        raster,
        region,
        tile_px=tile_px,
        overlap_px=overlap_px,
        predict=lambda window: constant,
        valid_HW=np.ones(raster.shape_yx, bool),
    )
    assert np.allclose(blended, probability, rtol=1e-6, atol=1e-30)


@given(runs())
@settings(max_examples=40, deadline=None)
def test_the_value_is_the_weighted_mean_of_the_tiles(run):
    raster, _, tile_px, overlap_px, valid_HW = run
    predict = noisy_model(tile_px)
    blended, _ = blend(
        raster, raster, tile_px=tile_px, overlap_px=overlap_px, predict=predict, valid_HW=valid_HW
    )
    weights = blend_weights(tile_px, overlap_px).astype(float)
    numerator, denominator = np.zeros(raster.shape_yx), np.zeros(raster.shape_yx)
    for tile in tile_windows(raster, tile_px=tile_px, overlap_px=overlap_px):
        seen = tile.window.intersection(raster)
        here, there = seen.slices_within(raster), seen.slices_within(tile.window)
        numerator[here] += (weights * predict(tile.window)[0])[there]
        denominator[here] += weights[there]
    assert np.allclose(blended[0], np.where(valid_HW, numerator / denominator, 0), atol=1e-6)


def test_an_object_cut_by_a_tile_edge_is_smooth_across_it():
    raster = WindowPx(0, 0, 60, 32)
    left_sees, right_does_not = np.ones((1, 32, 32), np.float32), np.zeros((1, 32, 32), np.float32)
    blended, _ = blend(
        raster,
        raster,
        tile_px=32,
        overlap_px=4,
        predict=lambda window: left_sees if window.col == 0 else right_does_not,
        valid_HW=np.ones(raster.shape_yx, bool),
    )
    profile = blended[0, 16]
    assert profile[27] == 1
    assert profile[32] == 0
    assert np.all(np.diff(profile) <= 0)
    assert np.abs(np.diff(profile)).max() < 0.5


def test_nan_under_invalid_pixels_does_not_leak():
    valid_HW = np.ones((8, 8), bool)
    valid_HW[2, 3] = False
    probabilities = np.full((1, 8, 8), 0.5, np.float32)
    probabilities[0, 2, 3] = np.nan
    blender = StripBlender(WindowPx(0, 0, 8, 8), num_queries=1, tile_px=8, overlap_px=0)
    blender.add(WindowPx(0, 0, 8, 8), probabilities, valid_HW)
    (strip,) = blender.finish()
    assert strip.probabilities_QHW[0, 2, 3] == 0
    assert np.allclose(strip.probabilities_QHW[0][valid_HW], 0.5)


def test_the_buffer_is_one_tile_row_however_tall_the_raster():
    blender = StripBlender(WindowPx(0, 0, 40, 1_000_000), num_queries=3, tile_px=16, overlap_px=4)
    held = sum(value.nbytes for value in vars(blender).values() if isinstance(value, np.ndarray))
    assert held - blend_weights(16, 4).nbytes == blend_buffer_bytes(width_px=40, tile_px=16, num_queries=3)
    strip = next(blender.strips_above(900_000))
    assert not strip.valid_HW.any()
    assert strip.probabilities_QHW.shape == (3, *strip.window.shape_yx)


def test_tiles_out_of_order_are_refused():
    blender = StripBlender(WindowPx(0, 0, 16, 64), num_queries=1, tile_px=16, overlap_px=4)
    tile, valid_HW = np.zeros((1, 16, 16), np.float32), np.ones((16, 16), bool)
    with pytest.raises(ValueError, match="out of order"):
        blender.add(WindowPx(0, 12, 16, 16), tile, valid_HW)
    list(blender.strips_above(24))
    with pytest.raises(ValueError, match="out of order"):
        blender.add(WindowPx(0, 12, 16, 16), tile, valid_HW)
    with pytest.raises(ValueError, match="do not fit"):
        blender.add(WindowPx(0, 24, 16, 16), np.zeros((2, 16, 16), np.float32), valid_HW)
