"""Accepted objects in the segments layer: what they say, and QGIS's own undo."""

from __future__ import annotations

import pytest
from dock_tools import add_raster, no_lost_exception, turn  # noqa: F401 - a fixture
from qgis.core import NULL, QgsGeometry, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject
from segment_tools import ORIGIN, batch, started
from test_segment_layer import fill


@pytest.fixture
def layer(qgis_app, project, tmp_path):
    """A result layer with one polygon."""
    from geophrase.qgis_plugin.core.segment.layer import ResultLayer

    owner = QObject()
    result = ResultLayer(started("ships"), add_raster(tmp_path), folder=tmp_path, parent=owner)
    fill(qgis_app, result, batch([(0, 0)]))
    yield result.layer
    result.release()


def refined(wkt, *, feature_id=None, text="", clicks=()):
    """What the map tool hands over."""
    from geophrase.qgis_plugin.core.refine.outlined import Outlined, RefinedFeature

    geometry = QgsGeometry.fromWkt(wkt)
    geometry.translate(*ORIGIN)
    outlined = Outlined(
        state=None,
        geometry=geometry,
        mask=None,
        score=0.8,
        iou_pred=0.9,
        objectness=float("nan"),
        area_m2=geometry.area(),
        perimeter_m=geometry.length(),
        model="rsam_base",
        weights="abcd1234",
    )
    return RefinedFeature(feature_id, geometry, text, tuple(clicks), outlined)


def write(layer, feature, crs=None):
    from geophrase.qgis_plugin.core.refine.layer_edit import write_refined

    return write_refined(layer, feature, crs=crs or layer.crs(), source="/data/town.tif")


def test_a_refined_polygon_takes_the_place_of_the_old_one_and_can_be_undone(layer):
    from geophrase.qgis_plugin.core.vector.clicks import Click

    (before,) = layer.getFeatures()
    clicks = (Click(500000.5, 5539900.5, True), Click(500002.0, 5539900.5, False))
    wkt = "POLYGON((0 0, 2 0, 2 1, 0 1, 0 0))"
    write(layer, refined(wkt, feature_id=before.id(), clicks=clicks))
    (after,) = layer.getFeatures()
    assert after.id() == before.id()
    assert after.geometry().area() == pytest.approx(2.0)
    assert (after["query"], after["model"], after["weights"]) == ("ships", "rsam_base", "abcd1234")
    assert (after["score"], after["iou_pred"], after["objectness"]) == (0.8, 0.9, NULL)
    assert after["clicks"] == "[[500000.5, 5539900.5, 1], [500002.0, 5539900.5, 0]]"
    assert layer.undoStack().undoText() == "GeoPhrase: refined polygon"
    layer.undoStack().undo()
    (undone,) = layer.getFeatures()
    assert undone.geometry().equals(before.geometry())
    assert undone.attributes() == before.attributes()
    layer.undoStack().redo()
    assert layer.commitChanges(), layer.commitErrors()
    (saved,) = layer.getFeatures()
    assert saved.geometry().area() == pytest.approx(2.0)


def test_a_new_object_is_added_and_can_be_undone(layer):
    write(layer, refined("POLYGON((10 0, 12 0, 12 1, 10 1, 10 0))", text="quays"))
    assert sorted(feature["query"] for feature in layer.getFeatures()) == ["quays", "ships"]
    layer.undoStack().undo()
    assert [feature["query"] for feature in layer.getFeatures()] == ["ships"]
    layer.undoStack().redo()
    assert layer.commitChanges(), layer.commitErrors()
    assert layer.featureCount() == 2


def test_an_object_of_several_parts_is_one_feature(layer):
    wkt = "MULTIPOLYGON(((10 0, 12 0, 12 1, 10 0)), ((20 0, 22 0, 22 1, 20 0)))"
    write(layer, refined(wkt, text="quays"))
    assert layer.commitChanges(), layer.commitErrors()
    assert layer.featureCount() == 2


def test_an_object_without_a_text_has_no_query(layer):
    write(layer, refined("POLYGON((10 0, 12 0, 12 1, 10 0))"))
    queries = [feature["query"] for feature in layer.getFeatures()]
    assert NULL in queries


def test_a_layer_in_another_crs_gets_the_object_in_its_place(layer):
    other = QgsVectorLayer("Polygon?crs=EPSG:4326&field=query:string&field=model:string", "other", "memory")
    QgsProject.instance().addMapLayer(other)
    write(other, refined("POLYGON((0 0, 100 0, 100 100, 0 0))", text="ships"), crs=layer.crs())
    (feature,) = other.getFeatures()
    assert feature.geometry().boundingBox().center().x() == pytest.approx(9.0, abs=0.01)
    assert feature.geometry().boundingBox().center().y() == pytest.approx(50.0, abs=0.1)
    assert feature["model"] == "rsam_base"
    other.rollBack()


def test_clicks_are_kept_in_the_coordinates_of_the_layer(layer):
    from geophrase.qgis_plugin.core.vector.clicks import Click, clicks_of

    other = QgsVectorLayer("Polygon?crs=EPSG:4326&field=clicks:string", "other", "memory")
    QgsProject.instance().addMapLayer(other)
    clicks = (Click(500000.0, 5539900.0, True), Click(500010.0, 5539900.0, False))
    write(other, refined("POLYGON((0 0, 9 0, 9 9, 0 0))", clicks=clicks), crs=layer.crs())
    (feature,) = other.getFeatures()
    kept = clicks_of(feature["clicks"])
    assert [click.is_positive for click in kept] == [True, False]
    assert kept[0].x_map == pytest.approx(9.0, abs=1e-9)  # the zone's central meridian
    assert kept[1].x_map - kept[0].x_map == pytest.approx(10 / 71_500, rel=0.01)
    assert kept[0].y_map == pytest.approx(50.0, abs=0.1)
    other.rollBack()


def test_a_layer_that_cannot_be_edited_is_explained(layer):
    from geophrase.qgis_plugin.core.refine.layer_edit import RefinedError

    layer.setReadOnly(True)
    with pytest.raises(RefinedError, match="can't be edited"):
        write(layer, refined("POLYGON((10 0, 12 0, 12 1, 10 0))"))
    layer.setReadOnly(False)


def test_several_parts_in_a_layer_of_single_polygons_are_explained(layer):
    from geophrase.qgis_plugin.core.refine.layer_edit import RefinedError

    single = QgsVectorLayer("Polygon?crs=EPSG:25832&field=query:string", "single", "memory")
    wkt = "MULTIPOLYGON(((10 0, 12 0, 12 1, 10 0)), ((20 0, 22 0, 22 1, 20 0)))"
    with pytest.raises(RefinedError, match="several parts"):
        write(single, refined(wkt))
