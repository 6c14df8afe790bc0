"""A drawn layer on its way to the engine: every pixel once, none that did not arrive."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qgis.core import QgsRasterLayer
from rasters import in_thread
from tile_server import TileServer, tile_colour

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.messages import DeviceStatus, Hello, Limits
from geophrase.protocol.wire import Frame, pack, packed_bytes
from geophrase.qgis_plugin.core.engine.errors import EngineFailure, EngineGone
from geophrase.qgis_plugin.core.raster.errors import LayerError
from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
from geophrase.qgis_plugin.core.raster.upload import upload_layer, windows_of

pytestmark = pytest.mark.usefixtures("qgis_app")
HALF_WORLD_M = 20037508.342789244


class UploadTarget:
    """Puts what it is sent together again, as the engine does."""

    def __init__(self, max_body_bytes: int):
        limits = Limits(max_body_bytes, 8, 100, 8, 1024)
        self._hello = Hello("1.0", "0", DeviceStatus("CPU", "cpu", ""), (), "m", limits)
        self.largest_bytes, self.num_windows, self.closed = 0, 0, []

    def hello(self):
        return self._hello

    def begin_upload(self, grid, *, name, content_key=""):
        self.window, self.name = grid.window, name
        self.image_HWC = np.zeros((*grid.window.shape_yx, 3), np.uint8)
        self.times_HW = np.zeros(grid.window.shape_yx, int)
        self.valid_HW = np.zeros(grid.window.shape_yx, bool)
        return "u1"

    def close_upload(self, upload_id):
        self.closed.append(upload_id)

    def put_upload(self, upload_id, window, image_HWC, valid_HW):
        assert upload_id == "u1"
        place = window.slices_within(self.window)
        self.image_HWC[place], self.valid_HW[place] = image_HWC, valid_HW
        self.times_HW[place] += 1
        self.num_windows += 1
        parts = pack(Frame({}, {"image_HWC": image_HWC, "valid_HW": valid_HW}))
        self.largest_bytes = max(self.largest_bytes, packed_bytes(parts))


@pytest.fixture
def tiles():
    server = TileServer()
    yield server
    server.close()


def _grid(z: int, x: int, y: int, num_tiles: int) -> RasterGrid:
    pixel_m = 2 * HALF_WORLD_M / 2**z / 256
    left, top = x * 256 * pixel_m - HALF_WORLD_M, HALF_WORLD_M - y * 256 * pixel_m
    return RasterGrid(num_tiles * 256, num_tiles * 256, (pixel_m, 0, left, 0, -pixel_m, top), "")


def test_a_layer_arrives_whole_but_for_the_tiles_that_did_not(qgis_app, tiles):
    tiles.answers = {(12, 801, 700): 404, (12, 803, 703): 500}
    raster = layer_raster(QgsRasterLayer(tiles.xyz, "map of tiles", "wms"))
    target, progress = UploadTarget(600_000), []
    upload_id = in_thread(
        qgis_app,
        lambda: upload_layer(
            target,
            raster,
            _grid(12, 800, 700, 4),
            progress=lambda done, total: progress.append((done, total)),
            is_cancelled=lambda: False,
        ),
    )
    assert upload_id == "u1"
    assert target.closed == []
    assert target.name == "map of tiles"
    assert target.largest_bytes <= 600_000
    assert progress == [(done, 16) for done in range(17)]
    assert target.num_windows == 14  # two windows hold a missing tile each and nothing else
    for y in range(4):
        for x in range(4):
            part = slice(256 * y, 256 * y + 256), slice(256 * x, 256 * x + 256)
            key = (12, 800 + x, 700 + y)
            assert (target.valid_HW[part] == (key not in tiles.answers)).all()
            assert (target.image_HWC[part] == (0 if key in tiles.answers else tile_colour(*key))).all()
    assert raster.problems == ("tiles are missing or empty",)


def test_of_a_layer_that_arrived_whole_nothing_is_said(qgis_app, tiles):
    raster = layer_raster(QgsRasterLayer(tiles.xyz, "map of tiles", "wms"))
    options = {"progress": lambda done, total: None, "is_cancelled": lambda: False}
    in_thread(
        qgis_app, lambda: upload_layer(UploadTarget(600_000), raster, _grid(12, 820, 700, 2), **options)
    )
    assert raster.problems == ()


def test_an_upload_that_is_cancelled_ends_while_a_tile_is_waited_for(qgis_app, tiles):
    never, is_waiting = threading.Event(), threading.Event()
    tiles.answers = {(12, 800, 701): never}
    raster = layer_raster(QgsRasterLayer(tiles.xyz, "map", "wms"))
    target = UploadTarget(600_000)

    def progress(done, total):
        if done == 4:
            is_waiting.set()

    upload_id = in_thread(
        qgis_app,
        lambda: upload_layer(
            target, raster, _grid(12, 800, 700, 4), progress=progress, is_cancelled=is_waiting.is_set
        ),
    )
    never.set()
    assert upload_id is None
    assert target.num_windows <= 4
    assert target.closed == ["u1"]


def test_an_upload_that_fails_is_forgotten(qgis_app, tiles):
    class Refusing(UploadTarget):
        def put_upload(self, upload_id, window, image_HWC, valid_HW):
            raise EngineFailure(ErrorCode.TOO_LARGE, "No room.")

        def close_upload(self, upload_id):
            super().close_upload(upload_id)
            raise EngineGone("It is gone, too.")

    raster = layer_raster(QgsRasterLayer(tiles.xyz, "map", "wms"))
    target = Refusing(600_000)
    options = {"progress": lambda done, total: None, "is_cancelled": lambda: False}
    with pytest.raises(EngineFailure, match="No room"):
        in_thread(qgis_app, lambda: upload_layer(target, raster, _grid(12, 800, 700, 1), **options))
    assert target.closed == ["u1"]


def test_the_whole_world_in_detail_is_refused_before_anything_is_sent(tiles):
    raster = layer_raster(QgsRasterLayer(tiles.xyz, "map", "wms"))
    target = UploadTarget(64 * 2**20)
    options = {"progress": lambda done, total: None, "is_cancelled": lambda: False}
    with pytest.raises(LayerError, match="map would be drawn as 1,048,576 × 1,048,576 pixels"):
        upload_layer(target, raster, _grid(12, 0, 0, 4096), **options)
    assert not tiles.asked
    assert not target.closed


@pytest.mark.parametrize("max_body_bytes", [70_000, 300_000, 5_000_000, 64 * 2**20])
def test_windows_cover_every_pixel_once_within_the_limit(max_body_bytes):
    grid = RasterGrid(1237, 811, (1, 0, 0, 0, -1, 0))
    covered_HW = np.zeros(grid.window.shape_yx, int)
    for window in windows_of(grid, max_body_bytes=max_body_bytes):
        assert isinstance(window, WindowPx)
        assert window.width * window.height * 4 < max_body_bytes
        covered_HW[window.slices_within(grid.window)] += 1
    assert (covered_HW == 1).all()
