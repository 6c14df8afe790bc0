"""Synthetic GeoTIFFs for the odd cases."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

UTM = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000)}


@pytest.fixture
def write_tiff(tmp_path):
    """Write (bands, rows, columns) as a GeoTIFF; colours, mask and overviews where given."""

    def write(bands_BHW, *, name="raster.tif", colours=None, mask_HW=None, overviews=(), **profile):
        path = tmp_path / name
        num_bands, height, width = bands_BHW.shape
        profile = {"driver": "GTiff", "dtype": bands_BHW.dtype, **UTM, **profile}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", count=num_bands, height=height, width=width, **profile) as dataset:
                if colours:
                    dataset.colorinterp = colours
                dataset.write(bands_BHW)
                if mask_HW is not None:
                    dataset.write_mask(mask_HW)
                if overviews:
                    dataset.build_overviews(list(overviews), rasterio.enums.Resampling.nearest)
        return path

    return write


@pytest.fixture
def noise():
    """Random arrays of a dtype's usual range, from a fixed seed."""

    def make(*shape, dtype="uint8", low=1, high=255):
        return np.random.default_rng(7).integers(low, high, shape).astype(dtype)

    return make
