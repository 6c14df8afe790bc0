"""Layers as pixels: where QGIS itself says that a pixel lies, and what QGIS itself says it is."""

from __future__ import annotations

import os
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsBrightnessContrastFilter,
    QgsCoordinateReferenceSystem,
    QgsPointXY,
    QgsRasterLayer,
    QgsRasterRange,
    QgsSingleBandPseudoColorRenderer,
)
from rasters import NORTH_UP, ROTATED, in_thread, numbered, write_raster
from tile_server import TileServer, tile_colour

from geophrase.protocol.grid import RasterGrid
from geophrase.qgis_plugin.core.raster.errors import LayerError, ReadCancelledError
from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster

pytestmark = pytest.mark.usefixtures("qgis_app")

HALF_WORLD_M = 20037508.342789244
PLACEMENTS = {
    "north up": (NORTH_UP, 25832),
    "rotated": (ROTATED, 25832),
    "rotated without CRS": (ROTATED, None),
    "sheared": ((500_000, 1.0, 0.3, 5_540_000, 0.1, -0.9), 25832),
    "south up": ((500_000, 1.0, 0.0, 5_540_000, 0.0, 1.0), 25832),
    "mirrored": ((500_000, -1.0, 0.0, 5_540_000, 0.0, -1.0), 25832),
    "oblong degrees": ((9.0, 0.001, 0.0, 50.0, 0.0, -0.002), 4326),
    "no georeference": (None, None),
    "CRS only": (None, 25832),
    "one to one": ((0.0, 1.0, 0.0, 0.0, 0.0, 1.0), None),
}


@pytest.fixture
def tiles():
    server = TileServer()
    yield server
    server.close()


def _layer(source: str, provider: str = "gdal") -> QgsRasterLayer:
    layer = QgsRasterLayer(source, "my layer", provider)
    assert layer.isValid()
    return layer


def _xyz_grid(z: int, x: int, y: int, num_tiles: int = 2) -> RasterGrid:
    side_m = 2 * HALF_WORLD_M / 2**z
    pixel_m = side_m / 256
    transform = (pixel_m, 0, x * side_m - HALF_WORLD_M, 0, -pixel_m, HALF_WORLD_M - y * side_m)
    return RasterGrid(256 * num_tiles, 256 * num_tiles, transform, "")


def _opened_values(path: str) -> np.ndarray:
    return gdal.Open(path).ReadAsArray()


@pytest.mark.parametrize("name", PLACEMENTS)
@pytest.mark.parametrize("is_reassigned", [False, True])
def test_a_file_travels_as_a_path_with_its_pixels_where_qgis_shows_them(tmp_path, name, is_reassigned):
    transform, epsg = PLACEMENTS[name]
    values_BHW = numbered(40, 30)
    layer = _layer(write_raster(tmp_path / "a b.tif", values_BHW, transform=transform, epsg=epsg))
    if is_reassigned:
        layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32632"))
    raster = layer_raster(layer)
    assert raster.is_file
    drift_px = []
    for col, row in [(3, 2), (37, 4), (20, 27), (10, 12), (22, 15)]:
        x_map, y_map = raster.native_grid.to_map((col + 0.5, row + 0.5))
        seen = [layer.dataProvider().sample(QgsPointXY(x_map, y_map), band)[0] for band in (1, 2)]
        drift_px.append(np.subtract(seen, (col, row)))
    is_warped = transform is not None and (transform[2] or transform[4])
    assert np.abs(drift_px).max() <= (1 if is_warped else 0)  # the nearest pixel of QGIS's warp
    assert np.abs(np.mean(drift_px, axis=0)).max() < 0.5
    # The engine goes by what GDAL says of the path alone.
    opened = gdal.Open(raster.file_source().path)
    c, a, b, f, d, e = opened.GetGeoTransform()
    assert (a, b, c, d, e, f) == raster.native_grid.map_from_pix
    assert np.array_equal(opened.ReadAsArray(), values_BHW)
    crs = QgsCoordinateReferenceSystem.fromWkt(opened.GetProjection())
    assert crs == layer.crs() == QgsCoordinateReferenceSystem.fromWkt(raster.crs_wkt)
    assert raster.file_source().path.endswith("a b.tif")


def test_the_file_made_for_a_changed_placement_is_the_same_each_time_and_goes_with_the_raster(tmp_path):
    layer = _layer(write_raster(tmp_path / "a.tif", numbered(8, 8)))
    first, second = layer_raster(layer), layer_raster(layer)
    paths = [raster.file_source().path for raster in (first, second)]
    assert paths[0] != paths[1]
    contents = [(Path(path).read_bytes(), os.stat(path).st_mtime_ns) for path in paths]
    assert contents[0] == contents[1]
    copy = first.clone()
    del first
    assert gdal.Open(paths[0]) is not None
    del copy
    assert not os.path.exists(paths[0])


def test_containers_travel_as_the_names_that_gdal_opens(tmp_path):
    values_BHW = numbered(30, 20)
    file = write_raster(tmp_path / "in.tif", values_BHW, transform=NORTH_UP, epsg=25832)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(file, "in.tif")
    vrt, package = str(tmp_path / "v.vrt"), str(tmp_path / "p.gpkg")
    gdal.BuildVRT(vrt, [file]).FlushCache()
    gdal.Translate(package, file, format="GPKG", creationOptions=["RASTER_TABLE=one", "TILE_FORMAT=PNG"])
    sources = [f"/vsizip/{tmp_path}/a.zip/in.tif", vrt, f"GPKG:{package}:one", package]
    for source in sources:
        raster = layer_raster(_layer(source))
        assert raster.is_file, source
        grid = raster.native_grid
        values = _opened_values(raster.file_source().path)[:3, : grid.height_px, : grid.width_px]
        assert np.array_equal(values[:, :20, :30], values_BHW), source


def test_the_bands_that_are_shown_travel(tmp_path):
    five = np.concatenate([numbered(20, 20), numbered(20, 20)[:2]])
    layer = _layer(write_raster(tmp_path / "five.tif", five, transform=NORTH_UP, epsg=25832))
    layer.renderer().setRedBand(5)
    layer.renderer().setBlueBand(1)
    assert layer_raster(layer).file_source(0.5).bands == (5, 2, 1)
    assert layer_raster(layer).file_source(0.5).resolution_m == 0.5
    grey = _layer(write_raster(tmp_path / "grey.tif", five[:1], transform=NORTH_UP, epsg=25832))
    assert layer_raster(grey).file_source().bands == (1,)
    layer.renderer().setGreenBand(-1)
    assert not layer_raster(layer).is_file


def test_what_is_not_in_the_file_is_drawn_instead(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbered(20, 20)[:1], transform=NORTH_UP, epsg=25832)
    coloured = _layer(path)
    coloured.setRenderer(QgsSingleBandPseudoColorRenderer(coloured.dataProvider(), 1))
    masked = _layer(path)
    masked.dataProvider().setUserNoDataValue(1, [QgsRasterRange(7, 7)])
    in_memory = _layer(write_raster("/vsimem/a.tif", numbered(20, 20), transform=NORTH_UP, epsg=25832))
    for layer in (coloured, masked, in_memory):
        raster = layer_raster(layer)
        assert not raster.is_file
        assert raster.native_grid.map_from_pix == (1, 0, 500_000, 0, -1, 5_540_000)
        with pytest.raises(ValueError):
            raster.file_source()
    _, valid_HW = layer_raster(masked).read(raster.native_grid)
    assert np.array_equal(valid_HW, numbered(20, 20)[0] != 7)


def test_a_file_placed_by_control_points_is_drawn_where_they_say(tmp_path):
    corners = [(0, 0), (40, 0), (0, 30), (40, 30)]
    gcps = [gdal.GCP(500_000 + col, 5_540_000 - row, 0, col, row) for col, row in corners]
    values_BHW = numbered(40, 30)
    layer = _layer(write_raster(tmp_path / "g.tif", values_BHW, epsg=25832, gcps=gcps))
    raster = layer_raster(layer)
    assert not raster.is_file
    grid = RasterGrid(20, 10, (1, 0, 500_010, 0, -1, 5_539_995), raster.crs_wkt)
    image_HWC, valid_HW = raster.read(grid)
    assert valid_HW.all()
    assert np.abs(image_HWC.transpose(2, 0, 1).astype(int) - values_BHW[:, 5:15, 10:30]).max() <= 1


def test_drawn_pixels_are_the_files_own_and_nodata_is_no_data(tmp_path):
    values_BHW = numbered(60, 50)
    values_BHW[:, 10:20, 30:40] = 0
    layer = _layer(write_raster(tmp_path / "a.tif", values_BHW, transform=NORTH_UP, epsg=25832, nodata=0))
    layer.setOpacity(0.3)
    layer.renderer().setOpacity(0.3)
    layer.brightnessFilter().setBrightness(120)
    assert isinstance(layer.brightnessFilter(), QgsBrightnessContrastFilter)
    _without_stretch(layer)
    raster = layer_raster(layer)
    grid = raster.grid_for((500_020.2, 5_539_960, 500_070, 5_539_995.5), 1.0)
    image_HWC, valid_HW = raster.read(grid)
    assert (grid.width_px, grid.height_px) == (40, 36)
    expected_BHW = values_BHW[:, 4:40, 20:60]
    assert np.array_equal(image_HWC.transpose(2, 0, 1), expected_BHW)
    assert np.array_equal(valid_HW, (expected_BHW != 0).all(axis=0))


def _without_stretch(layer):
    for name in ("Red", "Green", "Blue"):
        getattr(layer.renderer(), f"set{name}ContrastEnhancement")(None)


def test_pixels_merge_when_a_sized_layer_is_drawn_smaller(tmp_path):
    row, col = np.mgrid[:64, :64]
    checks = (((row + col) % 2) * 200).astype(np.uint8)
    layer = _layer(write_raster(tmp_path / "a.tif", np.stack([checks] * 3), transform=NORTH_UP, epsg=25832))
    _without_stretch(layer)
    raster = layer_raster(layer)
    image_HWC, _ = raster.read(raster.grid_for(raster.extent_map, 4.0))
    assert image_HWC.shape == (16, 16, 3)
    assert np.abs(image_HWC.astype(int) - 100).max() <= 3


def test_a_rotated_file_is_drawn_in_place(tmp_path):
    values_BHW = numbered(60, 50)
    layer = _layer(write_raster(tmp_path / "a.tif", values_BHW, transform=ROTATED, epsg=25832))
    _without_stretch(layer)
    raster = layer_raster(layer)
    image_HWC, valid_HW = raster.read(raster.grid_for(raster.extent_map, 0.5))
    grid = raster.grid_for(raster.extent_map, 0.5)
    rows, cols = np.nonzero(valid_HW)
    at_pix = raster.native_grid.to_pix(grid.to_map(np.stack([cols + 0.5, rows + 0.5], axis=-1)))
    inside = ((at_pix > 2) & (at_pix < (58, 48))).all(axis=1)
    drift = image_HWC[rows, cols][:, :2].astype(float) + 0.5 - at_pix
    assert inside.sum() > 5000
    assert np.abs(drift[inside]).max() < 1.5


def test_an_extent_beside_the_layer_is_refused_and_a_lattice_does_not_depend_on_it(tmp_path):
    raster = layer_raster(
        _layer(write_raster(tmp_path / "a.tif", numbered(60, 50), transform=NORTH_UP, epsg=25832))
    )
    with pytest.raises(LayerError, match="beside the layer my layer"):
        raster.grid_for((0, 0, 1, 1), 1.0)
    one = raster.grid_for((500_000.1, 5_539_960, 500_030, 5_539_990), 3.0)
    other = raster.grid_for((500_010.7, 5_539_970, 500_050, 5_539_999), 3.0)
    offset = (np.subtract(one.to_map((0, 0)), other.to_map((0, 0))) / 3.0).round(9)
    assert (offset == offset.round()).all()


def test_tiles_that_did_not_arrive_are_no_data(qgis_app, tiles):
    late = threading.Event()
    threading.Timer(0.6, late.set).start()
    tiles.answers = {
        (10, 601, 300): 404,
        (10, 600, 301): b"<html>quota exceeded</html>",
        (10, 602, 301): 503,
        (10, 602, 302): b"",
        (10, 600, 302): late,
    }
    raster = layer_raster(_layer(tiles.xyz, "wms"))
    assert not raster.is_file
    assert raster.native_grid is None
    image_HWC, valid_HW = in_thread(qgis_app, lambda: raster.read(_xyz_grid(10, 600, 300, 3)))
    for y in range(3):
        for x in range(3):
            key = (10, 600 + x, 300 + y)
            part = slice(256 * y, 256 * y + 256), slice(256 * x, 256 * x + 256)
            is_here = tiles.answers.get(key, late) is late
            assert valid_HW[part].all() if is_here else not valid_HW[part].any(), key
            assert (image_HWC[part] == (tile_colour(*key) if is_here else 0)).all(), key
    assert sorted(set(tiles.asked)) == [(10, x, y) for x in (600, 601, 602) for y in (300, 301, 302)]


def test_tiles_of_the_zoom_level_that_fits_are_asked_for(qgis_app, tiles):
    raster = layer_raster(_layer(tiles.xyz, "wms"))
    assert raster.pixel_grid.width_px == raster.pixel_grid.height_px == 256 * 2**18
    crop = raster.pixel_grid.subgrid(raster.pixel_grid.window).resized(512, 512)
    image_HWC, valid_HW = in_thread(qgis_app, lambda: raster.read(crop))
    assert {key[0] for key in tiles.asked} == {1}
    assert valid_HW.all()
    assert (image_HWC[300, 10] == tile_colour(1, 0, 1)).all()


def test_waiting_for_a_silent_server_can_be_cancelled(qgis_app, tiles):
    never = threading.Event()
    tiles.answers = {(9, 7, 7): never}
    raster = layer_raster(_layer(tiles.xyz, "wms"))
    start_s = time.monotonic()
    with pytest.raises(ReadCancelledError):
        in_thread(
            qgis_app,
            lambda: raster.read(_xyz_grid(9, 7, 7, 1), is_cancelled=lambda: time.monotonic() > start_s + 0.4),
        )
    never.set()
    assert time.monotonic() - start_s < 3


@pytest.mark.parametrize("answer", [404, 500, b"<ServiceException>no such layer</ServiceException>"])
def test_a_wms_that_refuses_gives_no_data(qgis_app, tiles, answer):
    raster = layer_raster(_layer(tiles.wms, "wms"))
    grid = raster.grid_for((500_100, 5_540_100, 500_200, 5_540_180), 0.5)
    assert (grid.width_px, grid.height_px) == (200, 160)
    image_HWC, valid_HW = in_thread(qgis_app, lambda: raster.read(grid))
    assert valid_HW.all()
    assert (image_HWC == (10, 200, 30)).all()
    tiles.answers = {"GetMap": answer}
    grid = raster.grid_for((500_300, 5_540_100, 500_400, 5_540_180), 0.5)
    image_HWC, valid_HW = in_thread(qgis_app, lambda: raster.read(grid))
    assert not valid_HW.any()
    assert not image_HWC.any()


def test_a_damaged_file_drawn_by_qgis_gives_no_data_and_says_why(shared_data):
    raster = layer_raster(_layer(str(shared_data / "edge_cases" / "rasterio_corrupt.tif")))
    _, valid_HW = raster.read(raster.native_grid)
    assert not valid_HW.any()
    assert "IReadBlock failed" in raster.problems[0]


def test_two_threads_read_two_clones_at_once(qgis_app, tiles):
    raster = layer_raster(_layer(tiles.xyz, "wms"))
    other, results = raster.clone(), []

    def read_other():
        results.append(other.read(_xyz_grid(11, 30, 30, 3)))

    thread = threading.Thread(target=read_other)
    thread.start()
    image_HWC, valid_HW = in_thread(qgis_app, lambda: raster.read(_xyz_grid(11, 40, 40, 3)))
    in_thread(qgis_app, thread.join)
    assert valid_HW.all()
    assert results[0][1].all()
    assert (image_HWC[0, 0] == tile_colour(11, 40, 40)).all()
    assert (results[0][0][0, 0] == tile_colour(11, 30, 30)).all()
