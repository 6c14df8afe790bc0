"""Working through a layer of boxes in the dock, over a scripted engine that has three masks."""

from __future__ import annotations

import json
import threading
import time

import pytest
from dock_tools import (
    add_raster,
    loaded_plugin,
    messages,
    no_lost_exception,  # noqa: F401 - a fixture
    turn,
    use_engine,
    wait_until,
)
from label_layers import LEFT, TOP, box_layer
from qgis.core import QgsCoordinateTransformContext, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtTest import QTest

from geophrase.qgis_plugin.core.annotate.walk import Label
from geophrase.qgis_plugin.core.export.export_run import TrainingExport
from geophrase.qgis_plugin.core.export.scope import Scope
from geophrase.qgis_plugin.core.export.training_sample import SampleOptions

ROWS = [
    (10, 10, 24, 12, "red roof"),
    (50, 40, 12, 30, "blue roof"),
    (20, 70, 18, 18, "red roof"),
    (900, 900, 10, 10, "beside the raster"),
]


@pytest.fixture
def dock(qgis_app, iface, scripted_engine, tmp_path, monkeypatch):
    """The dock over a raster of 100 m and a layer of boxes in degrees."""
    from geophrase.qgis_plugin.core.annotate import label_store

    use_engine(scripted_engine)
    scripted_engine.script(num_masks=3)
    monkeypatch.setattr(label_store, "results_folder", lambda: tmp_path / "results")
    with loaded_plugin(iface) as plugin:
        raster = add_raster(tmp_path)
        boxes = box_layer(ROWS, crs="EPSG:4326", path=tmp_path / "boxes.gpkg")
        iface.canvas.setDestinationCrs(raster.crs())
        iface.window.show()
        plugin.dock.show()
        plugin.dock.page.layer_box.setLayer(raster)
        box = plugin.dock.page.label_box
        box.setCollapsed(False)
        box.layer_box.setLayer(boxes)
        box.field_box.setField("what")
        yield plugin.dock


def begin(app, dock):
    dock.page.label_box.toggle.click()
    wait_until(app, lambda: dock.label.walk is not None, what="the boxes")
    answered(app, dock)


def answered(app, dock):
    wait_until(app, lambda: dock.refine.tool._object.outlined is not None, what="an answer")


def where(dock) -> str:
    return dock.page.label_box._where.text().replace("\n", " | ")


def labels(dock) -> list[tuple]:
    features = dock.label.store.layer.getFeatures()
    return [(feature["query"], round(feature["iou_pred"], 6)) for feature in features]


def key(iface, which, modifiers=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(iface.canvas, which, modifiers)


def test_box_after_box_is_asked_about_chosen_and_saved(qgis_app, iface, dock, scripted_engine):
    begin(qgis_app, dock)
    assert messages(iface)[-1].startswith("Left out")
    assert messages(iface)[-1].endswith("extent: 1.")
    assert where(dock) == "1 of 3: red roof | 0 accepted, 0 dropped"
    view = iface.canvas.extent()
    assert view.center().x() == pytest.approx(LEFT + 22, abs=0.5)
    assert view.center().y() == pytest.approx(TOP - 16, abs=0.5)
    assert view.height() == pytest.approx(256, rel=0.01)  # metres, one to a pixel
    assert dock.page.result_box.mask_choice.isVisible()
    asked = scripted_engine.requests("predict")[-1]["message"]
    assert {prompt["type"] for prompt in asked["prompts"]} == {"text", "box"}  # a model that takes text
    shown = dock.refine.tool._bands.mask.asGeometry().boundingBox()
    assert (shown.width(), shown.height()) == pytest.approx((24, 12), abs=0.1)
    key(iface, Qt.Key.Key_2)
    key(iface, Qt.Key.Key_Return)
    assert labels(dock) == [("red roof", 0.8)]
    assert where(dock) == "2 of 3: blue roof | 1 accepted, 0 dropped"
    answered(qgis_app, dock)
    assert dock.refine.tool._choice.chosen == 0
    key(iface, Qt.Key.Key_Delete)
    assert where(dock) == "3 of 3: red roof | 1 accepted, 1 dropped"
    answered(qgis_app, dock)
    dock.page.label_box.accept.click()
    assert messages(iface)[-1].startswith("All boxes are labelled: 2 accepted, 1 dropped.")
    assert dock.label.walk is None
    assert not dock.page.label_box.toggle.isChecked()
    assert not dock.refine.tool.is_refining


def test_the_walk_goes_on_where_it_ended_in_a_fresh_project(qgis_app, iface, dock, tmp_path):
    begin(qgis_app, dock)
    dock.page.label_box.accept.click()
    answered(qgis_app, dock)
    dock.page.label_box.drop.click()
    answered(qgis_app, dock)
    dock.page.label_box.toggle.click()
    assert dock.label.walk is None
    (first,) = [layer for layer in QgsProject.instance().mapLayers().values() if "labels" in layer.name()]
    QgsProject.instance().removeMapLayer(first.id())
    begin(qgis_app, dock)
    assert where(dock) == "3 of 3: red roof | 1 accepted, 1 dropped"
    assert labels(dock) == [("red roof", 0.9)]


def test_back_at_an_accepted_box_its_polygon_can_be_corrected(qgis_app, iface, dock, scripted_engine):
    begin(qgis_app, dock)
    key(iface, Qt.Key.Key_Return)
    answered(qgis_app, dock)
    key(iface, Qt.Key.Key_PageUp)
    assert where(dock).startswith("1 of 3: red roof (accepted)")
    turn(qgis_app)
    num_asked = len(scripted_engine.requests("predict"))
    shown = dock.refine.tool._bands.mask.asGeometry()
    assert shown.boundingBox().width() == pytest.approx(24, abs=0.1)
    transform = iface.canvas.getCoordinateTransform()
    place = transform.transform(LEFT + 22, TOP - 16).toQPointF().toPoint()
    QTest.mouseClick(
        iface.canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(place)
    )
    answered(qgis_app, dock)
    requests = scripted_engine.requests("predict")
    assert len(requests) > num_asked
    prompts = {prompt["type"] for prompt in requests[-1]["message"]["prompts"]}
    assert prompts == {"text", "box", "points", "mask"}
    key(iface, Qt.Key.Key_Return)
    (feature,) = dock.label.store.layer.getFeatures()
    ((x, y, label),) = json.loads(feature["clicks"])
    assert (x, y, label) == (pytest.approx(LEFT + 22, abs=0.3), pytest.approx(TOP - 16, abs=0.3), 1)
    assert where(dock).startswith("2 of 3")


def test_escape_begins_the_box_anew_and_next_passes_it_over(qgis_app, iface, dock):
    begin(qgis_app, dock)
    key(iface, Qt.Key.Key_3)
    key(iface, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    key(iface, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)  # the box itself stays
    assert not dock.refine.tool._bands.mask.asGeometry().isEmpty()
    key(iface, Qt.Key.Key_3)
    key(iface, Qt.Key.Key_Escape)
    answered(qgis_app, dock)
    assert where(dock).startswith("1 of 3")
    assert dock.refine.tool._choice.chosen == 0
    dock.page.label_box.next.click()
    answered(qgis_app, dock)
    assert where(dock) == "2 of 3: blue roof | 0 accepted, 0 dropped"
    assert dock.label.walk.num_labelled(Label.OPEN) == 3
    assert labels(dock) == []


def test_another_raster_another_tool_and_a_lost_layer_end_or_interrupt_it(qgis_app, iface, dock, tmp_path):
    begin(qgis_app, dock)
    dock.page.result_box.refine.click()  # the analyst pans, say
    assert dock.label.walk is not None
    dock.page.label_box.next.click()
    answered(qgis_app, dock)
    assert iface.canvas.mapTool() is dock.refine.tool
    QgsProject.instance().removeMapLayer(dock.label.store.layer.id())
    assert dock.label.walk is None
    begin(qgis_app, dock)
    dock.page.layer_box.setLayer(add_raster(tmp_path, "village"))
    assert dock.label.walk is None
    assert not dock.page.label_box.accept.isEnabled()


def test_a_key_that_is_held_down_drops_one_box(qgis_app, iface, dock):
    begin(qgis_app, dock)
    for is_repeated in (False, True, True):
        pressed = QKeyEvent(
            QEvent.Type.KeyPress, Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier, "", is_repeated
        )
        qgis_app.sendEvent(iface.canvas, pressed)
        assert pressed.isAccepted()  # QGIS would delete what is selected
    assert where(dock) == "2 of 3: blue roof | 0 accepted, 1 dropped"


def test_boxes_that_leave_the_project_while_they_are_read_end_it(qgis_app, iface, dock):
    dock.page.label_box.toggle.click()
    assert dock.label._reading is not None
    QgsProject.instance().removeMapLayer(dock.page.label_box.boxes.id())
    wait_until(qgis_app, lambda: dock.label._reading is None, what="the boxes")
    assert dock.label.walk is None
    assert not dock.page.label_box.toggle.isChecked()


def test_reading_many_boxes_ends_when_nobody_waits_for_it(qgis_app, dock):
    def is_reading():
        return any(thread.name == "geophrase-call" for thread in threading.enumerate())

    box = dock.page.label_box
    box.layer_box.setLayer(box_layer([(index / 1000, 10, 20, 10, "roof") for index in range(30_000)]))
    wait_until(qgis_app, lambda: not is_reading(), what="what the engine is asked for")
    box.toggle.click()
    assert is_reading()
    box.toggle.click()
    began_s = time.monotonic()
    wait_until(qgis_app, lambda: not is_reading(), what="the end of the thread")
    assert time.monotonic() - began_s < 1  # of the two or more that all boxes take
    assert dock.label.walk is None


def test_what_cannot_be_walked_is_said(qgis_app, iface, dock):
    dock.page.label_box.layer_box.setLayer(box_layer([(900, 900, 5, 5, "far")]))
    dock.page.label_box.toggle.click()
    wait_until(qgis_app, lambda: messages(iface) and "No box lies" in messages(iface)[-1])
    assert not dock.page.label_box.toggle.isChecked()
    dock.page.label_box.layer_box.setLayer(None)
    dock.page.label_box.toggle.click()
    assert "no layer of boxes" in messages(iface)[-1]


def test_a_column_that_sounds_like_phrases_is_proposed(qgis_app, dock):
    box = dock.page.label_box
    assert box.phrase_field == "what"  # as chosen
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326&field=id:int&field=Class:string", "others", "memory")
    QgsProject.instance().addMapLayer(layer)
    box.layer_box.setLayer(layer)
    assert box.phrase_field == "Class"


def test_an_engine_that_fails_loses_nothing(qgis_app, iface, dock, scripted_engine):
    begin(qgis_app, dock)
    scripted_engine.script({"on": "predict", "life": 1, "exit": 9}, num_masks=3)
    dock.page.label_box.accept.click()
    answered(qgis_app, dock)  # by the next engine
    assert scripted_engine.num_starts == 2
    assert labels(dock) == [("red roof", 0.9)]


def test_labels_reach_the_training_data_with_their_prompts(qgis_app, iface, dock, tmp_path):
    begin(qgis_app, dock)
    key(iface, Qt.Key.Key_2)
    transform = iface.canvas.getCoordinateTransform()
    for x, y, button in ((22, 16, Qt.MouseButton.LeftButton), (14, 13, Qt.MouseButton.RightButton)):
        place = transform.transform(LEFT + x, TOP - y).toQPointF().toPoint()
        QTest.mouseClick(iface.canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, place)
    answered(qgis_app, dock)
    key(iface, Qt.Key.Key_Return)
    layer, raster = dock.label.store.layer, dock.page.layer_box.currentLayer()
    (feature,) = layer.getFeatures()
    folder = tmp_path / "sample"
    export = TrainingExport.of(layer, Scope(), raster, SampleOptions(folder))
    assert export.context.__class__ is QgsCoordinateTransformContext
    (stem,) = export.run(lambda fraction: None, lambda: False).stems
    document = json.loads((folder / "annotations" / f"{stem}.json").read_text())
    (row,) = document["annotations"]
    left, top = (document["image"]["place"]["map_from_pix"][at] for at in (2, 5))
    assert (document["image"]["width"], document["image"]["height"]) == (800, 800)
    assert row["description"] == "red roof"
    assert row["predicted_iou"] == pytest.approx(feature["iou_pred"])
    assert row["point_labels"] == [1, 0]
    expected = [[LEFT + x - left, top - (TOP - y)] for x, y in ((22, 16), (14, 13))]
    assert [pytest.approx(point, abs=0.3) for point in row["point_coords"]] == expected
    ((x, y, width, height),) = row["prompt_boxes"]
    assert (x, y) == pytest.approx((LEFT + 10 - left, top - (TOP - 10)), abs=0.02)
    assert (width, height) == pytest.approx((24, 12), abs=0.02)
    assert row["area"] > 0
    assert row["segmentation"]["size"] == [800, 800]
