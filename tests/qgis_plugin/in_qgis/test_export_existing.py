"""Accepting into layers of the project, and taking it back."""

from __future__ import annotations

import pytest
from export_layers import UTM, prepared, segment, segments_layer, square
from qgis.core import NULL, QgsCoordinateTransformContext, QgsFeature, QgsGeometry, QgsVectorLayer

from geophrase.qgis_plugin.core.export.errors import ExportError
from geophrase.qgis_plugin.core.export.existing_layer import add_to_layer
from geophrase.qgis_plugin.core.export.new_file import NewFile, write_new_file
from geophrase.qgis_plugin.core.ground import area_m2, ground_measure

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def ready(qgis_app):
    pair = QgsGeometry.collectGeometry([square(500_000, 5_540_000, 20), square(500_100, 5_540_000, 10)])
    return prepared(
        segments_layer([segment(square(500_300, 5_540_000, 30)), segment(pair)], kind="MultiPolygon")
    )


def _own_layer(definition: str) -> QgsVectorLayer:
    layer = QgsVectorLayer(definition, "mine", "memory")
    assert layer.isValid()
    return layer


def test_accepting_is_one_step_that_can_be_undone(ready):
    layer = _own_layer("MultiPolygon?crs=EPSG:4326&field=Query:string(8)&field=score:int&field=note:string")
    report = add_to_layer(layer, ready)
    assert (report.num_added, layer.featureCount()) == (2, 2)
    assert layer.isEditable()
    names = layer.fields().names()
    assert names[:3] == ["Query", "score", "note"]
    assert set(report.fields_added) == set(names[3:]) == {
        "iou_pred", "objectness", "area_m2", "perimeter_m", "model", "weights", "source", "created",
    }  # fmt: skip
    first = max(layer.getFeatures(), key=lambda feature: feature["area_m2"])
    assert (first["Query"], first["score"], first["note"]) == ("storage ", 1, NULL)
    measure = ground_measure(layer.crs(), QgsCoordinateTransformContext())
    assert area_m2(first.geometry(), measure) == pytest.approx(900 / 0.9996**2, rel=2e-5)
    assert first["area_m2"] == pytest.approx(900 / 0.9996**2, rel=2e-5)
    assert layer.undoStack().count() == 1
    layer.undoStack().undo()
    assert layer.featureCount() == 0
    assert layer.fields().names() == ["Query", "score", "note"]
    layer.undoStack().redo()
    assert layer.featureCount() == 2
    assert layer.commitChanges()
    assert layer.featureCount() == 2


def test_single_polygons_get_a_feature_per_part_each_measured(ready):
    layer = _own_layer(f"Polygon?crs={UTM}&field=area_m2:double")
    report = add_to_layer(layer, ready, add_fields=False)
    assert report.num_added == 3
    areas = sorted(feature["area_m2"] for feature in layer.getFeatures())
    assert areas == pytest.approx([area / 0.9996**2 for area in (100, 400, 900)], rel=2e-5)


def test_what_the_layer_has_no_field_for_is_said(ready):
    layer = _own_layer(f"Polygon?crs={UTM}&field=model:integer&field=score:double")
    report = add_to_layer(layer, ready, add_fields=False)
    assert report.fields_added == ()
    assert set(report.fields_left_out) == {
        "query", "iou_pred", "objectness", "area_m2", "perimeter_m", "model", "weights", "source", "created",
    }  # fmt: skip
    assert all(feature["model"] in (NULL, None) for feature in layer.getFeatures())


@pytest.mark.parametrize(("driver", "name"), [("GPKG", "own.gpkg"), ("ESRI Shapefile", "own.shp")])
def test_files_keep_what_was_accepted_once_saved(ready, tmp_path, driver, name):
    own = segments_layer([segment(square(500_000, 5_550_000, 5))], "EPSG:4326")
    unwanted = [own.fields().lookupField(field) for field in ("created", "perimeter_m", "source")]
    own.dataProvider().deleteAttributes(unwanted)
    own.updateFields()
    bare = prepared(own)
    path = tmp_path / name
    write_new_file(NewFile(path, driver), bare)
    layer = QgsVectorLayer(str(path), "own", "ogr")
    add_to_layer(layer, ready)
    assert layer.commitChanges(), layer.commitErrors()
    back = QgsVectorLayer(str(path), "back", "ogr")
    assert back.featureCount() == 3
    perimeter = "perim_m" if name.endswith("shp") else "perimeter_m"
    best = max(back.getFeatures(), key=lambda feature: feature["area_m2"])
    assert best[perimeter] == pytest.approx(120 / 0.9996, rel=2e-5)
    assert best["source"] == "Köln.tif"
    assert best.geometry().boundingBox().center().x() == pytest.approx(9.0044, abs=1e-3)


def test_a_shapefile_takes_the_time_as_text(ready, tmp_path):
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326&field=a:int", "seed", "memory")
    from qgis.core import QgsProject, QgsVectorFileWriter

    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "ESRI Shapefile"
    path = str(tmp_path / "foreign.shp")
    QgsVectorFileWriter.writeAsVectorFormatV3(layer, path, QgsProject.instance().transformContext(), options)
    foreign = QgsVectorLayer(path, "foreign", "ogr")
    report = add_to_layer(foreign, ready)
    assert report.fields_left_out == ()
    assert foreign.commitChanges(), foreign.commitErrors()
    back = next(QgsVectorLayer(path, "back", "ogr").getFeatures())
    assert back["created"] == "2026-11-21T10:20:30.125Z"
    assert back["perim_m"] > 0


def test_a_readonly_layer_gives_a_sentence(ready):
    layer = _own_layer(f"Polygon?crs={UTM}")
    layer.setReadOnly(True)
    with pytest.raises(ExportError, match="read-only; choose another layer or write a new file"):
        add_to_layer(layer, ready)
    assert layer.featureCount() == 0


def test_a_layer_of_lines_gives_a_sentence(ready):
    with pytest.raises(ExportError, match="does not hold polygons"):
        add_to_layer(_own_layer(f"LineString?crs={UTM}"), ready)


def test_a_failure_leaves_no_half_of_it(ready):
    """The parts of the earth that a transverse Mercator cannot show."""
    layer = _own_layer("Polygon?crs=EPSG:3031&field=score:double")
    far = prepared(segments_layer([segment(square(0, 0, 1))], UTM))
    far.features[0].setGeometry(QgsGeometry.fromWkt("Polygon((1e30 1e30, 2e30 1e30, 2e30 2e30, 1e30 1e30))"))
    with pytest.raises(ExportError, match="choose a target in another CRS"):
        add_to_layer(layer, far)
    assert not layer.isEditable()
    assert layer.fields().names() == ["score"]
    assert add_to_layer(layer, ready).num_added == 3


def test_edits_that_were_under_way_stay(ready):
    layer = _own_layer(f"Polygon?crs={UTM}")
    layer.startEditing()
    mine = QgsFeature(layer.fields())
    mine.setGeometry(square(0, 0, 1))
    assert layer.addFeature(mine)
    add_to_layer(layer, ready)
    layer.undoStack().undo()
    assert layer.featureCount() == 1
    assert layer.isEditable()
