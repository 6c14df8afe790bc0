"""Working grids and resampled reads, against the ellipsoid and plain block means."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
import rasterio

from geophrase.engine.errors import EngineError
from geophrase.engine.raster.resolution import ground_pixel_size_m, working_grid
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.raster.tiles import tile_windows
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


def grid_in(epsg, *, x_map, y_map, pixel_map, side_px=200):
    wkt = pyproj.CRS.from_epsg(epsg).to_wkt() if epsg else ""
    return RasterGrid(side_px, side_px, (pixel_map, 0, x_map, 0, -pixel_map, y_map), wkt)


@pytest.mark.parametrize(
    ("epsg", "x_map", "y_map", "pixel_map", "expected_m"),
    [
        (4326, 15.0, 60.0, 1e-5, (0.5580, 1.1141)),  # 111.32 km cos(60°) and a meridian degree at 60°
        (4326, 0.0, 0.001, 1e-5, (1.1132, 1.1057)),
        (3857, 0.0, 8399737.9, 1.0, (0.5, 0.5)),  # Web Mercator at 60° is twice too large
        (32633, 500_000, 5_000_000, 0.5, (0.5, 0.5)),
        (2263, 980_000, 200_000, 1.0, (0.3048, 0.3048)),  # US survey feet
        (None, 0, 0, 0.25, (0.25, 0.25)),
    ],
)
def test_ground_pixel_size_is_in_metres_for_any_crs(epsg, x_map, y_map, pixel_map, expected_m):
    size_m = ground_pixel_size_m(grid_in(epsg, x_map=x_map, y_map=y_map, pixel_map=pixel_map))
    assert size_m == pytest.approx(expected_m, rel=4e-3)


def test_a_rotated_pixel_keeps_its_ground_size():
    turned = rasterio.Affine.translation(500_000, 5_000_000) * rasterio.Affine.rotation(30)
    transform = tuple(turned * rasterio.Affine.scale(0.5, -0.25))[:6]
    grid = RasterGrid(100, 100, transform, pyproj.CRS.from_epsg(32633).to_wkt())
    assert ground_pixel_size_m(grid) == pytest.approx((0.5, 0.25), rel=1e-3)


def test_the_working_grid_keeps_origin_and_footprint_and_squares_the_pixels():
    native = grid_in(4326, x_map=15, y_map=60, pixel_map=1e-5, side_px=1000)
    working = working_grid(native, 2.0)
    assert working.bounds_map == pytest.approx(native.bounds_map, abs=1e-12)
    assert ground_pixel_size_m(working) == pytest.approx((2.0, 2.0), rel=5e-3)


def test_the_rasters_own_resolution_is_not_resampled():
    native = grid_in(26911, x_map=386_734, y_map=3_749_555, pixel_map=0.6)
    assert working_grid(native, None) is native
    assert working_grid(native, 0.6) is native
    assert working_grid(native, 0.65) != native


@pytest.mark.parametrize("resolution_m", [0, -1, math.nan, math.inf, 1e-4, 1e5, 2e-309, 1e308])
def test_absurd_resolutions_get_a_sentence(resolution_m):
    with pytest.raises(EngineError, match="resolution") as caught:
        working_grid(grid_in(32633, x_map=500_000, y_map=5_000_000, pixel_map=0.5), resolution_m)
    assert caught.value.code == ErrorCode.BAD_REQUEST


def test_a_coarser_read_is_the_mean_of_the_pixels(write_tiff, noise):
    pixels = noise(3, 128, 192)
    with RasterSource.open(write_tiff(pixels), resolution_m=2.0) as source:
        assert (source.grid.width_px, source.grid.height_px) == (48, 32)
        tile = source.read(WindowPx(5, 7, 60, 20))
    means = pixels.reshape(3, 32, 4, 48, 4).mean((2, 4)).transpose(1, 2, 0)[7:27, 5:]
    assert np.abs(tile.image_HWC[:, :43] - means).max() <= 0.51
    assert tile.valid_HW[:, :43].all()
    assert not tile.valid_HW[:, 43:].any()


def test_pixels_without_data_do_not_bleed_into_the_mean(write_tiff):
    pixels = np.full((3, 64, 64), 200, np.uint8)
    pixels[:, :, :33] = 0
    with RasterSource.open(write_tiff(pixels, nodata=0), resolution_m=2.0) as source:
        tile = source.read(source.grid.window)
    assert set(np.unique(tile.image_HWC)) == {0, 200}
    assert tile.valid_HW[:, 9:].all()
    assert not tile.valid_HW[:, :8].any()


def test_a_finer_read_interpolates(write_tiff):
    ramp = np.broadcast_to(np.arange(0, 200, 4, dtype=np.uint8), (3, 50, 50))
    with RasterSource.open(write_tiff(ramp), resolution_m=0.125) as source:
        assert source.grid.width_px == 200
        row = source.read(WindowPx(0, 100, 200, 1)).image_HWC[0, :, 0].astype(int)
    assert np.all(np.diff(row) >= 0)
    assert np.diff(row).max() <= 2


def test_a_coarse_read_uses_overviews(write_tiff, noise):
    pixels = noise(1, 1024, 1024)
    path = write_tiff(pixels, tiled=True, blockxsize=256, blockysize=256, overviews=(2, 4, 8, 16))
    with RasterSource.open(path, resolution_m=8.0) as source:
        coarse = source.read(source.grid.window).image_HWC[..., 0]
    with rasterio.open(path, overview_level=3) as overview:
        assert np.array_equal(coarse, overview.read(1))


@pytest.mark.parametrize("resolution_m", [0.3, 0.7, 1.1, 3.0])
def test_tiles_of_a_resampled_grid_agree_where_they_overlap(write_tiff, resolution_m):
    y, x = np.mgrid[:400, :500]
    smooth = (127 + 60 * np.sin(x / 15) + 60 * np.cos(y / 11)).astype(np.uint8)
    with RasterSource.open(write_tiff(np.stack([smooth] * 3)), resolution_m=resolution_m) as source:
        whole = source.read(source.grid.window)
        for tile in tile_windows(source.grid.window, tile_px=64, overlap_px=16):
            seen = tile.window.intersection(source.grid.window)
            part = source.read(seen).image_HWC.astype(int)
            difference = np.abs(part - whole.image_HWC[seen.slices_within(source.grid.window)])
            assert difference.max() <= 1
    assert whole.valid_HW.all()
