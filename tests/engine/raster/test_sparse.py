"""The map of missing blocks never denies data, and makes a sparse mosaic cheap to scan."""

from __future__ import annotations

import time

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from geophrase.engine.raster.source import RasterSource
from geophrase.engine.raster.tiles import tile_windows
from geophrase.protocol.grid import WindowPx

pytestmark = [
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]
RGBA = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]


@pytest.fixture
def sparse_file(tmp_path, noise):
    """A function that writes a 320 x 256 raster of 64 px blocks with data in two of its twenty."""

    def write(*, count=3, **options):
        path = tmp_path / "sparse.tif"
        profile = {"width": 320, "height": 256, "count": count, "dtype": "uint8", "tiled": True}
        blocks = {"blockxsize": 64, "blockysize": 64, "sparse_ok": True, "driver": "GTiff"}
        with rasterio.open(path, "w", **profile, **blocks, **options) as dataset:
            if count == 4:
                dataset.colorinterp = RGBA
            for col, row in ((64, 0), (192, 128)):
                dataset.write(noise(count, 64, 64), window=Window(col, row, 64, 64))
        return path

    return write


@pytest.mark.parametrize(
    ("options", "is_known"),
    [
        ({"nodata": 0, "interleave": "pixel"}, True),
        ({"nodata": 9, "interleave": "pixel", "compress": "deflate"}, True),
        ({"nodata": 0, "count": 1}, True),
        ({"count": 4, "interleave": "band"}, True),  # alpha
        ({"nodata": 0, "interleave": "band"}, False),
        ({"interleave": "pixel"}, False),  # zeros, but nobody said that zero is no data
    ],
)
def test_no_data_is_claimed_only_where_there_is_none(sparse_file, options, is_known):
    path = sparse_file(**options)
    rng = np.random.default_rng(1)
    num_empty = 0
    for resolution_m in (None, 1.7):
        with RasterSource.open(path, resolution_m=resolution_m) as source, rasterio.open(path) as dataset:
            valid_HW = dataset.read_masks().any(axis=0) if source.grid == source.native_grid else None
            for col, row, width, height in rng.integers((-20, -20, 1, 1), (330, 260, 90, 90), (150, 4)):
                window = WindowPx(int(col), int(row), int(width), int(height))
                seen = window.intersection(source.native_grid.window)
                tile = source.read(window)
                if not source.has_data(window):
                    num_empty += window.intersects(source.grid.window)
                    assert not tile.valid_HW.any()
                if valid_HW is not None and not seen.is_empty and "nodata" in options:
                    expected = valid_HW[seen.slices_within(source.grid.window)]
                    assert np.array_equal(tile.valid_HW[seen.slices_within(window)], expected)
    assert (num_empty > 20) == is_known


@pytest.mark.data
def test_the_naip_mosaic_is_scanned_in_seconds(shared_data):
    started = time.perf_counter()
    with RasterSource.open(next(shared_data.glob("scenes/naip_sparse*.tif"))) as source:
        tiles = tile_windows(source.grid.window, tile_px=512, overlap_px=128)
        with_data = [tile for tile in tiles if source.has_data(tile.window)]
        seconds = time.perf_counter() - started
        assert len(tiles) > 4000
        assert 0 < len(with_data) < 0.1 * len(tiles)
        assert seconds < 3
        skipped = [tile.window for tile in tiles if tile not in with_data][::500]
        with rasterio.open(source.path) as dataset:
            for window in skipped:
                native = Window(window.col, window.row, window.width, window.height)
                assert not dataset.read(window=native).any()
