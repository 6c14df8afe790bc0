"""New files of every format, read back by QGIS."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
from export_layers import UTM, prepared, segment, segments_layer, square
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsField,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt

from geophrase.qgis_plugin.core.export.errors import ExportCancelledError, ExportError
from geophrase.qgis_plugin.core.export.new_file import NewFile, vector_formats, write_new_file
from geophrase.qgis_plugin.core.export.outline import OutlineOptions
from geophrase.qgis_plugin.core.export.regularise import overlap

pytestmark = pytest.mark.usefixtures("project")
SQUARES = [(500_000, 5_540_000, 20), (500_100, 5_540_000, 10)]


@pytest.fixture
def features(qgis_app):
    return [segment(square(*SQUARES[0])), segment(square(*SQUARES[1]), query="Öltank №1", iou_pred=NULL)]


def _read(path) -> QgsVectorLayer:
    layer = QgsVectorLayer(str(path), "back", "ogr")
    assert layer.isValid()
    return layer


def _in_utm(geometry, layer):
    systems = layer.crs(), QgsCoordinateReferenceSystem(UTM)
    geometry.transform(QgsCoordinateTransform(*systems, QgsProject.instance()))
    return geometry


@pytest.mark.parametrize("epsg", [UTM, "EPSG:4326"])
@pytest.mark.parametrize(
    ("driver", "name"), [("GPKG", "a.gpkg"), ("GeoJSON", "a.geojson"), ("FlatGeobuf", "a.fgb")]
)
def test_everything_comes_back(features, tmp_path, driver, name, epsg):
    path = tmp_path / "new folder" / name
    assert write_new_file(NewFile(path, driver), prepared(segments_layer(features, epsg))) == 2
    layer = _read(path)
    assert layer.crs().authid() in (("OGC:CRS84", "EPSG:4326") if driver == "GeoJSON" else (epsg,))
    back = sorted(layer.getFeatures(), key=lambda feature: -feature["area_m2"])
    assert [feature["query"] for feature in back] == ["storage tanks", "Öltank №1"]
    assert back[0]["iou_pred"] == 0.75
    assert back[1]["iou_pred"] == NULL
    assert (back[0]["score"], back[0]["objectness"]) == (0.9, 0.8)
    assert [back[0][field] for field in ("model", "weights", "source")] == ["rsam", "0123abcd", "Köln.tif"]
    # QGIS 3.22 writes whole seconds.
    assert back[0]["created"].toString(Qt.DateFormat.ISODate)[:19] == "2026-11-21T10:20:30"
    # UTM's scale on the central meridian is 0.9996, so the ground is larger than the map.
    assert back[0]["area_m2"] == pytest.approx(400 / 0.9996**2, rel=2e-5)
    assert back[0]["perimeter_m"] == pytest.approx(80 / 0.9996, rel=2e-5)
    for feature, corners in zip(back, SQUARES, strict=True):
        assert overlap(_in_utm(feature.geometry(), layer), square(*corners)) > 0.9999
    assert [child.name for child in path.parent.iterdir()] == [name]


def test_a_shapefile_has_the_engines_short_names(features, tmp_path):
    path = tmp_path / "tanks.shp"
    layer = segments_layer(features)
    layer.startEditing()
    for name in ("objectness_of_mine", "objectness_of_yours"):
        field = layer.fields().field("query")
        field.setName(name)
        layer.addAttribute(field)
    layer.changeAttributeValue(1, layer.fields().lookupField("objectness_of_mine"), "mine")
    layer.changeAttributeValue(1, layer.fields().lookupField("objectness_of_yours"), "yours")
    layer.commitChanges()
    write_new_file(NewFile(path, "ESRI Shapefile"), prepared(layer))
    back = _read(path)
    schema = ["query", "score", "iou_pred", "objectness", "area_m2", "perim_m", "model", "weights", "source"]
    assert back.fields().names()[:10] == [*schema, "created"]
    first = next(feature for feature in back.getFeatures() if feature["query"] == "storage tanks")
    assert first["perim_m"] == pytest.approx(80 / 0.9996, rel=2e-5)
    assert first["objectness"] == pytest.approx(0.8)
    assert list(first.attributes())[10:] == ["mine", "yours"]
    assert str(first["created"]).startswith("2026")
    assert back.crs().authid() == UTM
    assert {child.suffix for child in tmp_path.iterdir()} >= {".shp", ".dbf", ".shx", ".prj", ".cpg"}


def test_every_format_that_is_offered_can_be_written(features, tmp_path):
    formats = vector_formats()
    assert formats[0].driver == "GPKG"
    for number, offered in enumerate(formats):
        path = tmp_path / str(number) / f"tanks{offered.suffix}"
        write_new_file(NewFile(path, offered.driver), prepared(segments_layer(features)))
        back = list(_read(path).getFeatures())
        assert len(back) == 2, offered
        assert not back[0].geometry().isNull(), offered


def test_row_numbers_of_another_file_do_not_collide(features, tmp_path):
    write_new_file(NewFile(tmp_path / "a.gpkg"), prepared(segments_layer(features)))
    first = _read(tmp_path / "a.gpkg")
    assert first.fields().names()[0] == "fid"
    write_new_file(NewFile(tmp_path / "b.gpkg"), prepared(first))
    assert _read(tmp_path / "b.gpkg").fields().names().count("fid") == 1


def test_small_ones_are_counted_as_dropped(features, tmp_path):
    ready = prepared(segments_layer(features), OutlineOptions(min_area_m2=200))
    assert (len(ready.features), ready.num_dropped) == (1, 1)
    assert write_new_file(NewFile(tmp_path / "a.gpkg"), ready) == 1


def test_an_empty_export_is_a_layer_with_the_schema(tmp_path):
    assert write_new_file(NewFile(tmp_path / "a.gpkg"), prepared(segments_layer([]))) == 0
    assert "query" in _read(tmp_path / "a.gpkg").fields().names()


@pytest.mark.parametrize(("driver", "name"), [("GPKG", "a.gpkg"), ("ESRI Shapefile", "a.shp")])
def test_a_file_is_replaced_only_when_that_is_allowed(features, tmp_path, driver, name):
    path = tmp_path / name
    write_new_file(NewFile(path, driver), prepared(segments_layer(features)))
    one = prepared(segments_layer(features[:1]))
    with pytest.raises(ExportError, match="exists already"):
        write_new_file(NewFile(path, driver), one)
    assert _read(path).featureCount() == 2
    write_new_file(NewFile(path, driver, overwrite=True), one)
    assert _read(path).featureCount() == 1


def test_cancelling_leaves_what_was_there(features, tmp_path):
    path = tmp_path / "a.gpkg"
    ready = prepared(segments_layer(features))
    write_new_file(NewFile(path), ready)
    before = path.read_bytes()
    answers = iter([False, True])
    with pytest.raises(ExportCancelledError):
        write_new_file(NewFile(path, overwrite=True), ready, is_cancelled=lambda: next(answers))
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["a.gpkg"]


def test_an_unwritable_folder_gives_a_sentence(features, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ExportError, match=r"could not be written \(.+\); choose a folder"):
        write_new_file(NewFile(tmp_path / "file" / "a.gpkg"), prepared(segments_layer(features)))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_gives_a_sentence(features, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ExportError, match="could not be written"):
            write_new_file(NewFile(tmp_path / "a.gpkg"), prepared(segments_layer(features)))
    finally:
        tmp_path.chmod(0o700)


@contextmanager
def _files_of_at_most(size_bytes: int):
    """The system refuses to let a file grow further, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("driver", "name"),
    [("GPKG", "a.gpkg"), ("ESRI Shapefile", "a.shp"), ("GeoJSON", "a.geojson"), ("FlatGeobuf", "a.fgb")],
)
def test_a_full_disk_gives_a_sentence_and_leaves_the_old_file(qgis_app, tmp_path, driver, name):
    path = tmp_path / name
    write_new_file(NewFile(path, driver), prepared(segments_layer([segment(square(*SQUARES[0]))])))
    many = prepared(segments_layer([segment(square(*SQUARES[0])) for _ in range(2000)]))
    with _files_of_at_most(150_000), pytest.raises(ExportError, match=r"could not be written \(.+\); choose"):
        write_new_file(NewFile(path, driver, overwrite=True), many)
    assert _read(path).featureCount() == 1
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("typed", "expected"), [("a", "a.gpkg"), ("a.gpkg", "a.gpkg"), ("A.GPKG", "A.GPKG"), ("a.b", "a.b.gpkg")]
)
def test_a_name_gets_the_formats_suffix(qgis_app, typed, expected):
    assert vector_formats()[0].completed(Path("/x") / typed) == Path("/x") / expected


def test_clicks_go_along_to_another_crs(tmp_path, features):
    from geophrase.qgis_plugin.core.vector.clicks import CLICKS_FIELD, Click, clicks_of, clicks_text

    layer = segments_layer(features)
    column = QgsField(layer.fields().field("query"))
    column.setName(CLICKS_FIELD)
    layer.dataProvider().addAttributes([column])
    layer.updateFields()
    index = layer.fields().indexOf(CLICKS_FIELD)
    text = clicks_text([Click(500_010, 5_540_010, True), Click(500_030, 5_540_010, False)])
    layer.dataProvider().changeAttributeValues({min(layer.allFeatureIds()): {index: text}})
    path = tmp_path / "a.geojson"
    write_new_file(NewFile(path, "GeoJSON"), prepared(layer))
    back = _read(path)
    (feature,) = (each for each in back.getFeatures() if each[CLICKS_FIELD])
    inside, beside = clicks_of(feature[CLICKS_FIELD])
    assert feature.geometry().contains(QgsPointXY(inside.x_map, inside.y_map))
    assert not feature.geometry().contains(QgsPointXY(beside.x_map, beside.y_map))
    assert (inside.x_map, inside.y_map) == pytest.approx((9.0, 50.0), abs=0.1)
