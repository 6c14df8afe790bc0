"""The stretch: from the raster alone, by percentiles of its valid pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geophrase.engine.raster.source import RasterSource
from geophrase.engine.raster.stretch import Stretch
from geophrase.protocol.grid import WindowPx

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


def test_eight_bit_pictures_pass_through(write_tiff, noise):
    for num_bands in (1, 3):
        with RasterSource.open(write_tiff(noise(num_bands, 20, 20))) as source:
            assert source.stretch.is_identity
    with pytest.raises(ValueError, match="uint16"):
        Stretch().to_uint8(np.zeros((1, 2, 2), np.uint16))


def test_a_band_of_fewer_bits_is_stretched(write_tiff, noise):
    with RasterSource.open(write_tiff(noise(1, 40, 40, low=0, high=2), nbits=1)) as source:
        assert set(np.unique(source.read(source.grid.window).image_HWC)) == {0, 255}


def test_percentiles_are_those_of_the_valid_pixels(write_tiff, noise):
    pixels = noise(3, 300, 200, dtype="uint16", low=100, high=4000)
    pixels[:, :100] = 65535
    with RasterSource.open(write_tiff(pixels, nodata=65535)) as source:
        low, high = np.percentile(pixels[:, 100:].reshape(3, -1), (2, 98), axis=1)
        assert source.stretch == Stretch(tuple(low), tuple(high))


def test_a_fill_value_in_one_band_does_not_count(write_tiff, noise):
    pixels = noise(3, 100, 100, dtype="int16", low=100, high=200)
    pixels[1, :30] = -9999
    with RasterSource.open(write_tiff(pixels, nodata=-9999)) as source:
        assert min(source.stretch.low) >= 100


@pytest.mark.parametrize("share", [1.0, 0.02])
def test_large_rasters_are_sampled_well(write_tiff, share):
    y, x = np.mgrid[:1800, :2500]
    ramp = (1000 + x + y).astype(np.uint16)
    ramp[int(len(ramp) * share) :] = 0
    path = write_tiff(ramp[None], nodata=0, tiled=True, blockxsize=256, blockysize=256, compress="deflate")
    low, high = np.percentile(ramp[ramp > 0], (2, 98))
    with RasterSource.open(path) as source:
        assert source.stretch.low[0] == pytest.approx(low, abs=0.03 * (high - low))
        assert source.stretch.high[0] == pytest.approx(high, abs=0.03 * (high - low))


def test_what_is_read_does_not_depend_on_the_window_read(write_tiff, noise):
    pixels = noise(3, 120, 120, dtype="uint16", low=0, high=500)
    pixels[:, :60] *= 20
    path = write_tiff(pixels)
    with RasterSource.open(path) as source:
        whole = source.read(WindowPx(0, 0, 120, 120)).image_HWC
    with RasterSource.open(path) as source:
        part = source.read(WindowPx(80, 70, 30, 40)).image_HWC
    assert np.array_equal(part, whole[70:110, 80:110])


def test_rasters_without_any_data_are_read(write_tiff):
    with RasterSource.open(write_tiff(np.full((3, 30, 30), 5, np.uint16), nodata=5)) as source:
        assert not source.read(source.grid.window).valid_HW.any()


@pytest.mark.parametrize("dtype", ["int16", "uint16"])
def test_sixteen_bits_are_stretched_as_floats_are(noise, dtype):
    values_BHW = noise(3, 50, 60, dtype=dtype, low=0, high=65536)
    stretch = Stretch((-300.0, 0.5, 4000.0), (9000.0, 700.0, 4001.0))
    assert np.array_equal(stretch.to_uint8(values_BHW), stretch.to_uint8(values_BHW.astype(float)))


@given(arrays(np.float32, (2, 4, 5), elements=st.floats(-1e6, 1e6, width=32)), st.floats(-1e5, 1e5))
def test_stretching_is_monotone_and_total(values_BHW, constant):
    stretch = Stretch.from_samples([values_BHW[0].ravel(), np.full(3, constant)])
    image_BHW = stretch.to_uint8(values_BHW)
    assert image_BHW.dtype == np.uint8
    order = np.argsort(values_BHW[0].ravel(), kind="stable")
    assert np.all(np.diff(image_BHW[0].ravel()[order].astype(int)) >= 0)
    assert stretch.to_uint8(np.full((2, 1, 1), constant, np.float32)).shape == (2, 1, 1)
