"""A box may mean several things: three masks to choose from, with the mouse and the keys of an analyst."""

from __future__ import annotations

import pytest
from dock_tools import (
    add_raster,
    loaded_plugin,
    no_lost_exception,  # noqa: F401 - a fixture
    turn,
    use_engine,
    wait_until,
)
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QEnterEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from geophrase.qgis_plugin.core.vector.boxes import box_of
from geophrase.qgis_plugin.core.vector.clicks import clicks_of

LEFT, TOP, SIDE_M = 500_030.0, 5_539_970.0, 40.0


@pytest.fixture
def dock(qgis_app, iface, scripted_engine, tmp_path):
    """The dock over a raster of 100 m, refining, with an engine that has three masks."""
    use_engine(scripted_engine)
    scripted_engine.script(num_masks=3)
    with loaded_plugin(iface) as plugin:
        raster = add_raster(tmp_path)
        iface.canvas.setDestinationCrs(raster.crs())
        iface.canvas.setExtent(raster.extent())
        iface.window.show()
        plugin.dock.show()
        plugin.dock.page.result_box.refine.click()
        wait_until(qgis_app, lambda: scripted_engine.requests("open_session"))
        yield plugin.dock


def _pixel(canvas, x, y) -> QPoint:
    return canvas.getCoordinateTransform().transform(x, y).toQPointF().toPoint()


def _drag(canvas, start, end):
    viewport, button, none = canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    start, end = _pixel(canvas, *start), _pixel(canvas, *end)
    QTest.mousePress(viewport, button, none, start)
    QTest.mouseMove(viewport, (start + end) / 2)
    QTest.mouseRelease(viewport, button, none, end)


def _box(app, dock, canvas):
    """Draws the box and waits for the masks."""
    _drag(canvas, (LEFT, TOP), (LEFT + SIDE_M, TOP - SIDE_M))
    _answered(app, dock)


def _answered(app, dock):
    wait_until(app, lambda: dock.refine.tool._object.outlined is not None, what="an answer")


def _area(dock) -> float:
    return dock.refine.tool._bands.mask.asGeometry().area()


def _texts(dock) -> list[str]:
    buttons = dock.page.result_box.mask_choice.buttons
    return [("*" if button.isChecked() else "") + button.text() for button in buttons if button.isVisible()]


def test_the_best_mask_is_chosen_until_the_analyst_chooses_another(qgis_app, iface, dock):
    assert not dock.page.result_box.mask_choice.isVisible()
    _box(qgis_app, dock, iface.canvas)
    assert _texts(dock) == ["*1 · 0.90", "2 · 0.80", "3 · 0.70"]
    whole = _area(dock)
    assert whole == pytest.approx(SIDE_M**2, rel=0.05)
    QTest.keyClick(iface.canvas, Qt.Key.Key_2)
    assert _texts(dock) == ["1 · 0.90", "*2 · 0.80", "3 · 0.70"]
    assert _area(dock) == pytest.approx(whole / 4, rel=1e-6)
    dock.page.result_box.mask_choice.buttons[2].click()
    assert _texts(dock) == ["1 · 0.90", "2 · 0.80", "*3 · 0.70"]
    assert _area(dock) == pytest.approx(whole / 9, rel=1e-6)
    for key, part in ((Qt.Key.Key_Z, 4), (Qt.Key.Key_Z, 1)):
        QTest.keyClick(iface.canvas, key, Qt.KeyboardModifier.ControlModifier)
        assert _area(dock) == pytest.approx(whole / part, rel=1e-6)
    dock.page.result_box.redo.click()
    assert _texts(dock) == ["1 · 0.90", "*2 · 0.80", "3 · 0.70"]


def test_choosing_asks_nothing_and_the_next_click_takes_the_chosen_mask_along(
    qgis_app, iface, dock, scripted_engine
):
    _box(qgis_app, dock, iface.canvas)
    asked = scripted_engine.requests("predict")
    boxed = [entry["message"] for entry in asked if entry["message"]["prompts"][0]["type"] == "box"]
    assert boxed[-1]["is_multimask"]
    best = dock.refine.tool._object.outlined
    QTest.keyClick(iface.canvas, Qt.Key.Key_3)
    chosen = dock.refine.tool._object.outlined
    assert len(scripted_engine.requests("predict")) == len(asked)
    QTest.mouseClick(
        iface.canvas.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        _pixel(iface.canvas, LEFT + SIDE_M / 2, TOP - SIDE_M / 2),
    )
    _answered(qgis_app, dock)
    sent = scripted_engine.requests("predict")[-1]
    assert {prompt["type"] for prompt in sent["message"]["prompts"]} == {"box", "points", "mask"}
    assert not sent["message"]["is_multimask"]
    assert sent["positive"]["low_res_logits_HW"] == int((chosen.mask.logits_HW > 0).sum())
    assert chosen.mask.logits_HW.shape == best.mask.logits_HW.shape
    assert (chosen.mask.logits_HW > 0).sum() < (best.mask.logits_HW > 0).sum() / 5
    assert not dock.page.result_box.mask_choice.isVisible()
    dock.refine.tool.undo()
    assert _texts(dock) == ["1 · 0.90", "2 · 0.80", "*3 · 0.70"]


def test_a_button_under_the_mouse_shows_its_mask_beside_the_chosen_one(qgis_app, iface, dock):
    _box(qgis_app, dock, iface.canvas)
    button, whole = dock.page.result_box.mask_choice.buttons[1], _area(dock)
    place = QPointF(5, 5)
    QApplication.sendEvent(button, QEnterEvent(place, place, place))
    hovered = dock.refine.tool._bands.hover.asGeometry()
    assert hovered.area() == pytest.approx(whole / 4, rel=1e-6)
    assert _area(dock) == whole
    QApplication.sendEvent(button, QEvent(QEvent.Type.Leave))
    assert dock.refine.tool._bands.hover.asGeometry().isEmpty()


def test_what_is_accepted_is_the_chosen_mask_with_its_estimate_and_its_prompts(qgis_app, iface, dock):
    _box(qgis_app, dock, iface.canvas)
    whole = _area(dock)
    QTest.keyClick(iface.canvas, Qt.Key.Key_2)
    QTest.keyClick(iface.canvas, Qt.Key.Key_Return)
    layer = dock.segment.results.current.layer
    (feature,) = layer.getFeatures()
    assert feature["iou_pred"] == pytest.approx(0.8)
    assert feature.geometry().area() == pytest.approx(whole / 4, rel=1e-6)
    assert clicks_of(feature["clicks"]) == ()
    corners = box_of(feature["box"])
    unit = iface.canvas.mapUnitsPerPixel()
    assert min(x for x, _ in corners) == pytest.approx(LEFT, abs=unit)
    assert max(y for _, y in corners) == pytest.approx(TOP, abs=unit)
    assert not dock.page.result_box.mask_choice.isVisible()
    layer.rollBack()


def test_a_model_with_one_mask_offers_no_choice(qgis_app, iface, dock, scripted_engine):
    scripted_engine.script(num_masks=1)
    _box(qgis_app, dock, iface.canvas)
    assert not dock.page.result_box.mask_choice.isVisible()
    QTest.keyClick(iface.canvas, Qt.Key.Key_2)
    assert _area(dock) == pytest.approx(SIDE_M**2, rel=0.05)


def test_another_tool_hides_the_choice_and_it_is_there_again_with_the_object(qgis_app, iface, dock):
    _box(qgis_app, dock, iface.canvas)
    QTest.keyClick(iface.canvas, Qt.Key.Key_2)
    dock.page.result_box.refine.click()
    assert not dock.page.result_box.mask_choice.isVisible()
    dock.page.result_box.refine.click()
    turn(qgis_app)
    assert _texts(dock) == ["1 · 0.90", "*2 · 0.80", "3 · 0.70"]
