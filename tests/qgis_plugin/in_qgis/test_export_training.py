"""Accepted polygons of a real layer as training data of a real raster."""

from __future__ import annotations

import json

import numpy as np
import pytest
from export_layers import UTM, segment, segments_layer, square
from osgeo import gdal, osr
from qgis.core import NULL, QgsCoordinateTransformContext, QgsRasterLayer
from qgis.PyQt.QtGui import QImage
from rasters import write_raster

from geophrase.qgis_plugin.core.export.errors import ExportCancelledError, ExportError
from geophrase.qgis_plugin.core.export.labelled import labelled_objects
from geophrase.qgis_plugin.core.export.rle import encode_rle
from geophrase.qgis_plugin.core.export.sample_folder import ImageSource
from geophrase.qgis_plugin.core.export.training_sample import SampleOptions, write_training_sample
from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
from geophrase.qgis_plugin.core.vector.clicks import CLICKS_FIELD, Click, clicks_text

SIDE_PX = 1200
LEFT, TOP = 500_000.0, 5_540_000.0  # pixels of 0.5 m
PIXELS = np.random.default_rng(5).integers(1, 255, (3, SIDE_PX, SIDE_PX), np.uint8)
PIXELS[:, :, 1100:] = 0  # no data on the right


@pytest.fixture(scope="module")
def raster_path(qgis_app, tmp_path_factory) -> str:
    path = str(tmp_path_factory.mktemp("raster") / "town.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, SIDE_PX, SIDE_PX, 3, gdal.GDT_Byte)
    dataset.SetGeoTransform((LEFT, 0.5, 0, TOP, 0, -0.5))
    system = osr.SpatialReference()
    system.ImportFromEPSG(32632)
    dataset.SetProjection(system.ExportToWkt())
    for band in range(3):
        dataset.GetRasterBand(band + 1).WriteRaster(0, 0, SIDE_PX, SIDE_PX, PIXELS[band].tobytes())
        dataset.GetRasterBand(band + 1).SetNoDataValue(0)
    del dataset
    return path


@pytest.fixture
def raster_layer(project, raster_path) -> QgsRasterLayer:
    """Owned by the project, which deletes it before QGIS ends."""
    layer = QgsRasterLayer(raster_path, "town")
    assert layer.isValid()
    project.addMapLayer(layer)
    for band in (layer.renderer().redContrastEnhancement(), layer.renderer().blueContrastEnhancement()):
        assert band is None or band.contrastEnhancementAlgorithm() == 0  # bytes are shown as they are
    return layer


def _at(col: float, row: float, side_px: float):
    """A square in pixels, as a geometry on the map."""
    return square(LEFT + col * 0.5, TOP - (row + side_px) * 0.5, side_px * 0.5)


def _objects(layer, raster_layer, **options):
    return labelled_objects(
        list(layer.getFeatures()),
        crs=layer.crs(),
        raster_crs=raster_layer.crs(),
        context=QgsCoordinateTransformContext(),
        **options,
    )


def _write(objects, raster_layer, folder, **options):
    source = ImageSource(raster_layer.name(), raster_layer.source())
    return write_training_sample(
        layer_raster(raster_layer), objects, source, SampleOptions(folder, **options)
    )


def _document(folder, stem):
    return json.loads((folder / "annotations" / f"{stem}.json").read_text())


def _image(folder, stem) -> np.ndarray:
    image = QImage(str(folder / "images" / f"{stem}.png")).convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


@pytest.mark.parametrize("epsg", [UTM, "EPSG:4326"])
def test_an_image_has_the_rasters_pixels_and_the_polygons_masks(raster_layer, tmp_path, epsg):
    found = [
        segment(_at(400, 500, 60), iou_pred=0.5),
        segment(_at(500, 600, 20), iou_pred=1.0),
        segment(_at(450, 450, 10), query="trees", iou_pred=NULL),
    ]
    report = _write(_objects(segments_layer(found, epsg), raster_layer), raster_layer, tmp_path)
    (stem,) = report.stems
    assert (report.num_objects, report.num_cut, report.num_beside) == (3, 0, 0)
    document = _document(tmp_path, stem)
    left, top = (np.array(document["image"]["place"]["map_from_pix"])[[2, 5]] - (LEFT, TOP)) * (2, -2)
    left, top = int(left), int(top)
    expected = PIXELS[:, top : top + 800, left : left + 800].transpose(1, 2, 0)
    assert (_image(tmp_path, stem) == expected).all()
    tanks = np.zeros((800, 800), bool)
    tanks[500 - top : 560 - top, 400 - left : 460 - left] = True
    tanks[600 - top : 620 - top, 500 - left : 520 - left] = True
    rows = {row["description"]: row for row in document["annotations"]}
    assert rows["storage tanks"]["segmentation"] == encode_rle(tanks)
    assert rows["storage tanks"]["area"] == 4000
    assert rows["storage tanks"]["bbox"] == [400 - left, 500 - top, 120, 120]
    assert rows["storage tanks"]["predicted_iou"] == pytest.approx((3600 * 0.5 + 400) / 4000)
    assert rows["trees"]["predicted_iou"] == 1.0
    assert (tmp_path / "splits" / "train.txt").read_text() == f"{stem}\n"


def test_clicks_are_in_the_images_pixels(raster_layer, tmp_path):
    layer = segments_layer([segment(_at(400, 500, 60))])
    layer.startEditing()
    field = layer.fields().field("query")
    field.setName(CLICKS_FIELD)
    layer.addAttribute(field)
    clicks = [Click(LEFT + 210.25, TOP - 260, True), Click(LEFT + 231, TOP - 260, False), Click(0, 0, True)]
    layer.changeAttributeValue(1, layer.fields().lookupField(CLICKS_FIELD), clicks_text(clicks))
    layer.commitChanges()
    (stem,) = _write(_objects(layer, raster_layer), raster_layer, tmp_path).stems
    document = _document(tmp_path, stem)
    x, y, _, _ = document["annotations"][0]["bbox"]
    assert document["annotations"][0]["point_coords"] == [[x + 20.5, y + 20.0], [x + 62.0, y + 20.0]]
    assert document["annotations"][0]["point_labels"] == [1, 0]


def test_exporting_again_replaces_and_follows_edits(raster_layer, tmp_path):
    layer = segments_layer([segment(_at(400, 500, 60)), segment(_at(300, 300, 10), query="trees")])
    first = _write(_objects(layer, raster_layer), raster_layer, tmp_path)
    layer.dataProvider().changeGeometryValues({1: _at(410, 510, 30)})
    layer.dataProvider().deleteFeatures([2])
    second = _write(_objects(layer, raster_layer), raster_layer, tmp_path)
    assert first.stems == second.stems
    rows = {row["description"]: row["area"] for row in _document(tmp_path, first.stems[0])["annotations"]}
    assert rows == {"storage tanks": 900, "trees": 100}
    assert len(list((tmp_path / "images").iterdir())) == 1


def test_unaccepted_neighbours_of_the_phrase_are_in_its_mask(raster_layer, tmp_path):
    accepted = _objects(segments_layer([segment(_at(400, 500, 60))]), raster_layer)
    others = [segment(_at(500, 600, 20)), segment(_at(520, 500, 20), query="trees")]
    context = _objects(segments_layer(others), raster_layer, is_accepted=False)
    report = _write([*accepted, *context], raster_layer, tmp_path)
    rows = _document(tmp_path, report.stems[0])["annotations"]
    assert [(row["description"], row["area"]) for row in rows] == [("storage tanks", 4000)]
    assert report.num_objects == 1


def test_pixels_without_data_are_black_and_not_in_the_mask(raster_layer, tmp_path):
    objects = _objects(segments_layer([segment(_at(1080, 600, 30))]), raster_layer)
    (stem,) = _write(objects, raster_layer, tmp_path, side_px=200).stems
    row = _document(tmp_path, stem)["annotations"][0]
    assert row["area"] == 20 * 30
    x = row["bbox"][0] + 20
    assert (_image(tmp_path, stem)[:, x:] == 0).all()
    assert (_image(tmp_path, stem)[:, :x] > 0).all()


def test_a_raster_smaller_than_the_image_lies_in_black(project, tmp_path):
    pixels = np.random.default_rng(2).integers(1, 255, (3, 200, 300), np.uint8)
    path = write_raster(tmp_path / "small.tif", pixels, transform=(LEFT, 0.5, 0, TOP, 0, -0.5), epsg=32632)
    small = QgsRasterLayer(path, "small")
    project.addMapLayer(small)
    objects = _objects(segments_layer([segment(_at(20, 30, 60))]), small)
    (stem,) = _write(objects, small, tmp_path / "sample").stems
    image, record = _image(tmp_path / "sample", stem), _document(tmp_path / "sample", stem)["image"]
    assert image.shape == (800, 800, 3)
    rows, cols = np.nonzero(image.any(axis=-1))
    top, left = rows.min(), cols.min()
    assert (image[top : top + 200, left : left + 300] == pixels.transpose(1, 2, 0)).all()
    assert (rows.max() + 1 - top, cols.max() + 1 - left) == (200, 300)  # nothing else, and not stretched
    assert np.array(record["place"]["map_from_pix"])[[2, 5]] * (2, -2) == pytest.approx(
        [LEFT * 2 - left, -TOP * 2 - top]
    )


def test_a_coarser_resolution_shows_more(raster_layer, tmp_path):
    layer = segments_layer([segment(_at(100, 100, 900))])
    report = _write(_objects(layer, raster_layer), raster_layer, tmp_path / "fine")
    assert report.num_cut == 1
    report = _write(_objects(layer, raster_layer), raster_layer, tmp_path / "coarse", resolution_map=1.0)
    assert report.num_cut == 0
    assert _document(tmp_path / "coarse", report.stems[0])["annotations"][0]["area"] == 450**2


def test_an_image_never_shows_what_another_split_is_tested_on(raster_layer, tmp_path):
    layer = segments_layer([segment(_at(400, 500, 60))])
    tested = _write(_objects(layer, raster_layer), raster_layer, tmp_path, split="test", side_px=200)
    near = segments_layer([segment(_at(480, 560, 60)), segment(_at(50, 50, 60))])
    report = _write(_objects(near, raster_layer), raster_layer, tmp_path, side_px=200)
    assert (report.num_in_other_split, len(report.stems), report.num_objects) == (1, 1, 1)
    assert not set(report.stems) & set(tested.stems)


def test_two_phrases_for_one_place_come_from_the_dialog(raster_layer, tmp_path):
    layer = segments_layer([segment(_at(400, 500, 60))])
    objects = _objects(layer, raster_layer, phrase=" white  roofs ")
    (stem,) = _write(objects, raster_layer, tmp_path).stems
    assert _document(tmp_path, stem)["annotations"][0]["description"] == "white  roofs"


def test_a_polygon_without_a_phrase_gives_a_sentence(raster_layer):
    with pytest.raises(ExportError, match="no phrase; type"):
        _objects(segments_layer([segment(_at(400, 500, 60), query="  ")]), raster_layer)


def test_polygons_beside_the_layer_give_a_sentence(raster_layer, tmp_path):
    far = _objects(segments_layer([segment(_at(9000, 500, 60))]), raster_layer)
    with pytest.raises(ExportError, match="choose the one they were found on"):
        _write(far, raster_layer, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_gives_a_sentence(raster_layer, tmp_path):
    (tmp_path / "file").write_text("no folder")
    objects = _objects(segments_layer([segment(_at(400, 500, 60))]), raster_layer)
    with pytest.raises(ExportError, match=r"could not be written \(.+\); choose a folder"):
        _write(objects, raster_layer, tmp_path / "file" / "sample")


def test_cancelling_keeps_whole_images_only(raster_layer, tmp_path):
    layer = segments_layer([segment(_at(50, 50, 20)), segment(_at(900, 900, 20))])
    done = []
    with pytest.raises(ExportCancelledError, match="are kept"):
        write_training_sample(
            layer_raster(raster_layer),
            _objects(layer, raster_layer),
            ImageSource("town", "town"),
            SampleOptions(tmp_path, side_px=100),
            progress=done.append,
            is_cancelled=lambda: bool(done),
        )
    assert done == [0.5]
    stems = (tmp_path / "splits" / "train.txt").read_text().split()
    assert [path.stem for path in (tmp_path / "images").iterdir()] == stems
