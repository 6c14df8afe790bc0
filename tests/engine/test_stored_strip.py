"""Probabilities in 16 bits: no whole percent shows the rounding, and the bytes come back or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geophrase.engine.pipeline.stored_strip import NUM_LEVELS, QuantisedStrip, StoredStrip, levels_of
from geophrase.engine.pipeline.tile_scores import TileEstimates
from geophrase.engine.raster.blend import Strip
from geophrase.protocol.grid import WindowPx

KEY = "0123456789abcdef" * 2
OTHER_KEY = "f" * 32


def stored(probabilities: np.ndarray) -> np.ndarray:
    """What comes out of the store for these probabilities."""
    row = probabilities.astype(np.float32).reshape(1, 1, -1)
    window = WindowPx(0, 0, row.shape[-1], 1)
    strip = Strip(window, row, np.ones(row.shape[1:], bool))
    return QuantisedStrip.of(strip).as_strip().probabilities_QHW.ravel()


def neighbours(value: float, num_ulps: int = 300) -> np.ndarray:
    """The float32 numbers next to a value on both sides, and itself."""
    centre = np.float32(value).view(np.int32)
    around = np.arange(max(0, centre - num_ulps), centre + num_ulps + 1, dtype=np.int32).view(np.float32)
    return around[around <= 1]


@pytest.mark.parametrize("percent", range(1, 101))
def test_every_whole_percent_gives_the_mask_of_the_floats(percent):
    threshold = percent / 100
    rng = np.random.default_rng(percent)
    near = rng.normal(threshold, 3 / NUM_LEVELS, 2000).clip(0, 1).astype(np.float32)
    probabilities = np.concatenate([neighbours(threshold), near, rng.random(2000, np.float32)])
    mask = probabilities >= threshold  # as StreamingPolygoniser does
    assert 0 < mask.sum() < mask.size
    np.testing.assert_array_equal(stored(probabilities) >= threshold, mask)


@given(st.floats(0, 1, width=32))
def test_a_stored_probability_is_less_than_a_level_below(probability):
    (value,) = stored(np.array([probability]))
    assert value <= np.float32(probability) < value + 1.001 / NUM_LEVELS
    assert stored(np.array([value])) == value


def test_all_levels_survive_and_nan_is_nothing():
    values = (np.arange(NUM_LEVELS + 1) / NUM_LEVELS).astype(np.float32)
    np.testing.assert_array_equal(levels_of(values), np.arange(NUM_LEVELS + 1))
    np.testing.assert_array_equal(levels_of(np.array([np.nan, 0, 1], np.float32)), [0, 0, NUM_LEVELS])


def example(num_tiles: int = 3) -> StoredStrip:
    rng = np.random.default_rng(1)
    window = WindowPx(7, 40, 61, 13)
    valid_HW = rng.random((13, 61)) < 0.7
    valid_HW[:, :9] = valid_HW[:, 50:] = False
    strip = Strip(window, np.where(valid_HW, rng.random((2, 13, 61), np.float32), np.float32(0)), valid_HW)
    tiles = [
        TileEstimates(WindowPx(48 * n, 40, 64, 64), rng.random(2, np.float32), rng.random(2, np.float32))
        for n in range(num_tiles)
    ]
    return StoredStrip(QuantisedStrip.of(strip), tuple(tiles))


def assert_same_strip(actual: QuantisedStrip, expected: QuantisedStrip) -> None:
    ours, theirs = actual.as_strip(), expected.as_strip()
    assert ours.window == theirs.window
    np.testing.assert_array_equal(ours.probabilities_QHW, theirs.probabilities_QHW)
    np.testing.assert_array_equal(ours.valid_HW, theirs.valid_HW)


def test_a_strip_without_data_comes_back_and_is_small():
    window = WindowPx(7, 40, 20_000, 128)
    pixels = QuantisedStrip.of(
        Strip(window, np.broadcast_to(np.float32(0), (2, 128, 20_000)), np.zeros((128, 20_000), bool))
    )
    blob = StoredStrip(pixels, ()).to_bytes(KEY)
    assert len(blob) < 1000
    after = StoredStrip.from_bytes(blob, KEY)
    assert after is not None
    assert_same_strip(after.pixels, pixels)


@pytest.mark.parametrize("num_tiles", [0, 3])
def test_a_strip_comes_back_from_its_bytes(num_tiles):
    before = example(num_tiles)
    after = StoredStrip.from_bytes(before.to_bytes(KEY), KEY)
    assert after is not None
    assert_same_strip(after.pixels, before.pixels)
    assert [tile.place for tile in after.estimates] == [tile.place for tile in before.estimates]
    for name in ("iou_Q", "objectness_Q"):
        for ours, theirs in zip(after.estimates, before.estimates, strict=True):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_a_strip_of_another_run_or_with_a_wrong_byte_is_none():
    blob = example().to_bytes(KEY)
    assert StoredStrip.from_bytes(blob, OTHER_KEY) is None
    assert StoredStrip.from_bytes(b"%PDF-1.4 something else", KEY) is None
    for length in (0, 4, 9, len(blob) // 2, len(blob) - 1):
        assert StoredStrip.from_bytes(blob[:length], KEY) is None
    for place in range(0, len(blob), 97):
        wrong = bytearray(blob)
        wrong[place] ^= 0x10
        assert StoredStrip.from_bytes(bytes(wrong), KEY) is None


def test_a_strip_keeps_its_data_where_it_is():
    pixels = example().pixels
    assert pixels.window == WindowPx(7, 40, 61, 13)
    assert pixels.filled == WindowPx(16, 40, 41, 13)
    strip = pixels.as_strip()
    assert strip.valid_HW.shape == (13, 61)
    assert strip.valid_HW[:, [9, 49]].any(axis=0).all()


@pytest.mark.parametrize(
    "region",
    [WindowPx(0, 45, 30, 100), WindowPx(20, 0, 500, 47), WindowPx(0, 0, 99, 99), WindowPx(8, 41, 5, 6)],
)
def test_a_part_of_a_strip_is_cut_out_where_it_lies(region):
    pixels = example().pixels
    whole, part = pixels.as_strip(), pixels.within(region).as_strip()
    assert part.window == region.intersection(pixels.window)
    rows, cols = part.window.slices_within(whole.window)
    np.testing.assert_array_equal(part.probabilities_QHW, whole.probabilities_QHW[:, rows, cols])
    np.testing.assert_array_equal(part.valid_HW, whole.valid_HW[rows, cols])


def test_a_region_beside_a_strip_has_none_of_it():
    part = example().pixels.within(WindowPx(0, 0, 20, 20)).as_strip()
    assert part.window.is_empty
    assert part.valid_HW.size == 0
