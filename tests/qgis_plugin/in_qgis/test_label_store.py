"""Boxes on a raster, the walk through them, and labels that are in their file at once."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from dock_tools import add_raster
from label_layers import LEFT, TOP, box_layer
from osgeo import gdal, ogr
from qgis.core import QgsGeometry, QgsProject, QgsRasterLayer, QgsRectangle, QgsVectorLayer, edit
from rasters import ROTATED, numbered, write_raster
from test_refine_layer_edit import refined

from geophrase.qgis_plugin.core.annotate.boxes import BoxSource, BoxToLabel
from geophrase.qgis_plugin.core.annotate.walk import Label, LabelWalk
from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
from geophrase.qgis_plugin.core.vector.clicks import Click

pytestmark = pytest.mark.usefixtures("qgis_app")
ROWS = [(10, 10, 20, 10, "red  roof"), (50, 40, 10, 30, None), (500, 500, 10, 10, "far away")]
SQUARE = "POLYGON((0 0, 20 0, 20 20, 0 20, 0 0))"


def _read(boxes, raster_layer, field="what"):
    raster = layer_raster(raster_layer)
    context = QgsProject.instance().transformContext()
    try:
        source = BoxSource.of(boxes, field, raster_crs=raster.crs, grid=raster.pixel_grid, context=context)
        return source.read()
    finally:
        raster.close()


@pytest.mark.parametrize("crs", ["EPSG:25832", "EPSG:4326", "EPSG:3857"])
def test_extents_in_any_crs_are_boxes_along_the_rasters_pixels(project, tmp_path, crs):
    boxes, num_beside = _read(box_layer(ROWS, crs=crs), add_raster(tmp_path))
    assert num_beside == 1
    assert [box.phrase for box in boxes] == ["red roof", ""]
    # a rectangle of 20 m is a quadrangle elsewhere, whose extent on the way back differs by millimetres
    assert boxes[0].bounds_pix == pytest.approx((10, 10, 30, 20), abs=0.02)
    assert boxes[1].corners_map[0] == pytest.approx((LEFT + 50, TOP - 40), abs=0.02)


def test_on_a_rotated_raster_a_box_follows_its_rows(project, tmp_path):
    path = write_raster(tmp_path / "askew.tif", numbered(200, 200), transform=ROTATED, epsg=25832)
    raster = QgsRasterLayer(path, "askew")
    project.addMapLayer(raster)
    ((box, *_), _) = _read(box_layer([(60, 30, 20, 10, "roof")]), raster)
    inverse = gdal.InvGeoTransform(ROTATED)
    places = [(LEFT + 60 + x, TOP - 30 - y) for x in (0, 20) for y in (0, 10)]
    pixels = np.array([gdal.ApplyGeoTransform(inverse, *place) for place in places])
    assert box.bounds_pix == pytest.approx((*pixels.min(axis=0), *pixels.max(axis=0)), abs=1e-6)
    sides = np.diff(np.array(box.corners_map), axis=0)
    assert abs(sides[0] @ sides[1]) < 1e-6
    assert math.degrees(math.atan2(*sides[0][::-1])) == pytest.approx(math.degrees(math.atan2(0.6, 0.8)))


def test_a_box_is_known_again_whatever_its_number(project, tmp_path):
    raster = add_raster(tmp_path)
    first, _ = _read(box_layer(ROWS), raster)
    again, _ = _read(box_layer(ROWS[::-1]), raster)
    assert [box.key for box in again] == [box.key for box in first[::-1]]
    other, _ = _read(box_layer([(10, 10, 20, 10, "green roof")]), raster)
    assert other[0].key != first[0].key


def _boxes(num: int) -> list[BoxToLabel]:
    corners = ((0.0, 0.0),) * 4
    return [BoxToLabel(f"k{index}", "", corners, (0.0, 0.0, 1.0, 1.0), str(index)) for index in range(num)]


def test_a_walk_begins_at_the_first_open_box_and_comes_back_for_those_passed_over():
    walk = LabelWalk(_boxes(5), accepted=["k0", "k3"], dropped=["k1"])
    assert (walk.index, walk.num_labelled(Label.ACCEPTED), walk.num_labelled(Label.DROPPED)) == (2, 2, 1)
    assert walk.upcoming is walk.boxes[4]
    assert walk.step(1)
    assert walk.label is Label.ACCEPTED
    assert walk.next_open()
    assert walk.index == 4
    assert not walk.step(1)
    walk.set_label(Label.DROPPED)
    assert walk.next_open()
    assert walk.index == 2
    assert walk.upcoming is None
    walk.set_label(Label.ACCEPTED)
    assert not walk.next_open()
    done = LabelWalk(_boxes(2), accepted=["k0", "k1"])
    assert done.index == 0
    assert not done.step(-1)


@pytest.fixture
def walked(project, tmp_path):
    """Two boxes on a raster, and what opens their labels."""
    from geophrase.qgis_plugin.core.annotate.label_store import open_labels

    raster, boxes = add_raster(tmp_path), box_layer(ROWS[:2], path=tmp_path / "boxes.gpkg")
    reader = layer_raster(raster)
    read, _ = _read(boxes, raster)
    yield read, reader, lambda: open_labels(boxes, raster, read, folder=tmp_path)
    reader.close()


def _in_file(folder, table) -> list[dict]:
    """What a stranger finds in the file at this moment."""
    (path,) = folder.glob("labels_*.gpkg")
    dataset = ogr.Open(str(path))
    rows = [feature.items() for feature in dataset.GetLayerByName(table)]
    del dataset
    return rows


def test_every_label_is_in_the_file_at_once(walked, tmp_path):
    (roof, other), raster, opened = walked
    store = opened()
    corners = tuple((x + 0.0, y + 0.0) for x, y in roof.corners_map)
    clicks = (Click(500_015.5, 5_539_985.5, True), Click(500_002.0, 5_539_985.5, False))
    accepted = replace(refined(SQUARE, text="red roof", clicks=clicks), box_map=corners)
    store.accept(roof, accepted, raster)
    (row,) = _in_file(tmp_path, "segments")
    assert (row["query"], row["iou_pred"], row["box_key"]) == ("red roof", 0.9, roof.key)
    assert row["clicks"] == "[[500015.5, 5539985.5, 1], [500002.0, 5539985.5, 0]]"
    assert not store.layer.isEditable()
    store.drop(other)
    assert [row["box_key"] for row in _in_file(tmp_path, "dropped_boxes")] == [other.key]
    labelled = store.labelled_object(roof, raster.crs)
    assert labelled.state.clicks == clicks
    assert np.array(labelled.state.box_map) == pytest.approx(np.array(corners))
    assert not labelled.is_marked
    assert store.labelled_object(other, raster.crs) is None
    store.close()


def test_a_label_can_be_changed_and_a_dropped_box_taken_up_again(walked, tmp_path):
    (roof, _), raster, opened = walked
    store = opened()
    store.drop(roof)
    store.accept(roof, refined(SQUARE, text="red roof"), raster)
    assert _in_file(tmp_path, "dropped_boxes") == []
    (feature_id,) = store.accepted().values()
    smaller = "POLYGON((0 0, 5 0, 5 5, 0 5, 0 0))"
    store.accept(roof, refined(smaller, feature_id=feature_id, text="red roof"), raster)
    (feature,) = store.layer.getFeatures()
    assert feature.geometry().area() == pytest.approx(25)
    store.drop(roof)
    assert (_in_file(tmp_path, "segments"), store.accepted(), store.dropped()) == ([], {}, {roof.key})
    store.close()


def test_the_next_session_finds_the_labels_without_the_project(walked, tmp_path):
    (roof, other), raster, opened = walked
    store = opened()
    store.accept(roof, refined(SQUARE, text="red roof"), raster)
    store.drop(other)
    first_id = store.layer.id()
    assert opened().layer is store.layer  # it is in the project still
    QgsProject.instance().removeMapLayer(first_id)
    again = opened()
    assert set(again.accepted()) == {roof.key}
    assert again.dropped() == {other.key}
    assert QgsProject.instance().mapLayer(again.layer.id()) is not None
    assert len(list(tmp_path.glob("labels_*.gpkg"))) == 1
    again.close()


def test_a_filter_on_the_boxes_changes_nothing_of_their_labels(project, tmp_path):
    from geophrase.qgis_plugin.core.annotate.label_store import open_labels

    raster, boxes = add_raster(tmp_path), box_layer(ROWS[:2], path=tmp_path / "boxes.gpkg")
    first = open_labels(boxes, raster, [], folder=tmp_path)
    assert boxes.setSubsetString('"what" IS NULL')
    again = open_labels(boxes, raster, [], folder=tmp_path)
    assert again.layer is first.layer
    assert len(list(tmp_path.glob("labels_*.gpkg"))) == 1
    first.close()
    again.close()


def test_the_users_own_edits_of_the_labels_stay_open(walked):
    (roof, _), raster, opened = walked
    store = opened()
    store.layer.startEditing()
    store.accept(roof, refined(SQUARE, text="red roof"), raster)
    assert store.layer.isEditable()
    store.layer.rollBack()
    assert store.layer.featureCount() == 1
    store.close()


def _changed(boxes, *, phrase=None, move=(0, 0)) -> None:
    """The first box under another phrase or elsewhere, metres to the right and up."""
    feature = next(boxes.getFeatures())
    with edit(boxes):
        if phrase is not None:
            boxes.changeAttributeValue(feature.id(), boxes.fields().lookupField("what"), phrase)
        shape = feature.geometry()
        shape.translate(*move)
        boxes.changeGeometry(feature.id(), shape)


def _on_map(bounds) -> str:
    """left, top, right and bottom in metres from the raster's corner, as WKT."""
    left, top, right, bottom = bounds
    xs, ys = (LEFT + left, LEFT + right), (TOP - bottom, TOP - top)
    return QgsRectangle(xs[0], ys[0], xs[1], ys[1]).asWktPolygon()


@pytest.mark.parametrize("change", [{"phrase": "green roof"}, {"move": (2, 3)}])
def test_a_box_that_was_changed_has_its_new_label_alone(project, tmp_path, change):
    from geophrase.qgis_plugin.core.annotate.label_store import open_labels

    raster, boxes = add_raster(tmp_path), box_layer(ROWS[:2], path=tmp_path / "boxes.gpkg")
    reader = layer_raster(raster)
    old, _ = _read(boxes, raster)
    store = open_labels(boxes, raster, old, folder=tmp_path)
    for box, bounds in zip(old, [(10, 10, 30, 20), (50, 40, 60, 70)], strict=True):
        store.accept(box, _refined_at(bounds), reader)
    store.close()
    _changed(boxes, **change)
    new, _ = _read(boxes, raster)
    assert [box.key for box in new][1:] == [box.key for box in old][1:]
    store = open_labels(boxes, raster, new, folder=tmp_path)
    assert set(store.accepted()) == {box.key for box in old}  # nothing is lost before it is labelled anew
    assert store.labelled_object(new[0], reader.crs) is None
    store.accept(new[0], _refined_at((12, 8, 32, 18)), reader)
    assert set(store.accepted()) == {box.key for box in new}
    assert len(_in_file(tmp_path, "segments")) == 2
    store.close()
    _changed(boxes, move=(1, 0))
    again, _ = _read(boxes, raster)
    store = open_labels(boxes, raster, again, folder=tmp_path)
    store.drop(again[0])
    assert [row["box_key"] for row in _in_file(tmp_path, "segments")] == [new[1].key]
    store.close()
    reader.close()


def _refined_at(bounds):
    return replace(refined(SQUARE, text="roof"), geometry=QgsGeometry.fromWkt(_on_map(bounds)))


def test_labels_of_other_boxes_stay(project, tmp_path):
    """A box that the filter hides, one of another column, and one of another layer of the same name."""
    from geophrase.qgis_plugin.core.annotate.label_store import open_labels

    raster, boxes = add_raster(tmp_path), box_layer([*ROWS[:2], (10, 10, 20, 10, "roof")])
    reader = layer_raster(raster)
    old, _ = _read(boxes, raster)
    store = open_labels(boxes, raster, old, folder=tmp_path)
    store.accept(old[0], _refined_at((10, 10, 30, 20)), reader)
    store.close()
    without, _ = _read(boxes, raster, field="")
    elsewhere, _ = _read(box_layer([(60, 60, 9, 9, "pool")]), raster)
    assert elsewhere[0].origin == old[0].origin
    for others in (old[2:], without[:1], elsewhere):
        store = open_labels(boxes, raster, others, folder=tmp_path)
        store.accept(others[0], _refined_at((11, 11, 29, 19)), reader)
        assert old[0].key in store.accepted()
        store.close()
    reader.close()


def test_a_layer_that_cannot_be_written_is_explained(walked):
    from geophrase.qgis_plugin.core.refine.layer_edit import RefinedError

    (roof, _), raster, opened = walked
    store = opened()
    store.layer.setReadOnly(True)
    with pytest.raises(RefinedError, match="can't be edited"):
        store.accept(roof, refined(SQUARE), raster)
    assert store.accepted() == {}
    store.layer.setReadOnly(False)
    store.close()


def _in_sqlite(folder, statement) -> None:
    (path,) = folder.glob("labels_*.gpkg")
    with closing(sqlite3.connect(str(path))) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_label_that_was_not_saved_the_first_time_is_there_once(walked, tmp_path):
    from geophrase.qgis_plugin.core.refine.layer_edit import RefinedError

    (roof, _), raster, opened = walked
    store = opened()
    refuse = "BEGIN SELECT RAISE(ABORT, 'no room'); END"
    _in_sqlite(tmp_path, f"CREATE TRIGGER full BEFORE INSERT ON segments {refuse}")
    with pytest.raises(RefinedError, match="could not be saved"):
        store.accept(roof, refined(SQUARE, text="red roof"), raster)
    assert not store.layer.isEditable()
    assert store.accepted() == {}
    _in_sqlite(tmp_path, "DROP TRIGGER full")
    store.drop(roof)
    _in_sqlite(tmp_path, f"CREATE TRIGGER full BEFORE DELETE ON dropped_boxes {refuse}")
    for _ in range(2):  # the polygon is saved, that the box is no longer dropped is not
        with pytest.raises(RefinedError, match="could not be saved"):
            store.accept(roof, refined(SQUARE, text="red roof"), raster)
    assert len(_in_file(tmp_path, "segments")) == 1
    _in_sqlite(tmp_path, "DROP TRIGGER full")
    store.accept(roof, refined(SQUARE, text="red roof"), raster)
    assert len(_in_file(tmp_path, "segments")) == 1
    assert store.dropped() == set()
    store.close()


def test_a_box_has_one_polygon_whatever_its_number_was(walked, tmp_path):
    (roof, _), raster, opened = walked
    store = opened()
    store.accept(roof, refined(SQUARE, text="red roof"), raster)
    store.accept(roof, refined(SQUARE, feature_id=-7, text="red roof"), raster)  # as before somebody saved
    assert len(_in_file(tmp_path, "segments")) == 1
    store.close()


def test_a_half_made_file_is_not_in_the_way(walked, tmp_path, monkeypatch):
    from geophrase.qgis_plugin.core.annotate import label_store
    from geophrase.qgis_plugin.core.segment.result_file import ResultError

    opened = walked[2]
    with monkeypatch.context() as context:
        context.setattr(label_store, "DROPPED_TABLE", "sqlite_refuses")  # such names are SQLite's own
        with pytest.raises(ResultError, match="can't be written"):
            opened()
    assert list(tmp_path.glob("labels_*.gpkg")) == []
    store = opened()
    assert (store.accepted(), store.dropped()) == ({}, set())
    store.close()


def test_a_databases_password_is_not_written_down(project, tmp_path):
    from geophrase.qgis_plugin.core.annotate.label_store import open_labels

    uri = "dbname='town' host=nowhere.invalid user='me' password='hidden' table=\"boxes\" (geom)"
    boxes = QgsVectorLayer(uri, "boxes", "postgres", QgsVectorLayer.LayerOptions(loadDefaultStyle=False))
    open_labels(boxes, add_raster(tmp_path), [], folder=tmp_path).close()
    (path,) = tmp_path.glob("labels_*.gpkg")
    assert b"nowhere.invalid" in path.read_bytes()
    assert b"hidden" not in path.read_bytes()
