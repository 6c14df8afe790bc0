"""Where refined objects go: the dock's side of the map tool."""

from __future__ import annotations

import pytest
from dock_tools import (
    add_raster,
    loaded_plugin,
    messages,
    no_lost_exception,  # noqa: F401 - a fixture
    use_engine,
    wait_until,
)
from qgis.core import QgsGeometry, QgsProject, QgsRasterLayer
from qgis.gui import QgsMapToolPan
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from rasters import numbered, write_raster
from segment_tools import batch, started
from test_segment_layer import fill

TAKEN_UP = (500_010, 5_539_910)


@pytest.fixture
def dock(qgis_app, iface, scripted_engine, tmp_path):
    """The dock over one raster layer, with the map at its place."""
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        raster = add_raster(tmp_path)
        iface.canvas.setDestinationCrs(raster.crs())
        iface.canvas.setExtent(raster.extent())
        iface.window.show()
        plugin.dock.show()
        yield plugin.dock


@pytest.fixture
def results(qgis_app, dock, tmp_path):
    """Two result layers, each with a polygon of 20 m at the same place."""
    from geophrase.qgis_plugin.core.segment.layer import ResultLayer

    owner, made = QObject(), []
    for query in ("ships", "quays"):
        result = ResultLayer(started(query), dock.segment.layer, folder=tmp_path, parent=owner)
        fill(qgis_app, result, batch([(0, 0)], side=20.0))
        made.append(result)
    yield [result.layer for result in made]
    for result in made:
        if result.layer is not None:
            result.layer.rollBack()
        result.release()


def click(canvas, place, button=Qt.MouseButton.LeftButton):
    pixel = canvas.getCoordinateTransform().transform(*place).toQPointF().toPoint()
    QTest.mouseClick(canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, pixel)


def wait_for_answer(app, tool):
    wait_until(app, lambda: tool._object is not None and tool._object.outlined is not None, what="an answer")


def polygon(layer) -> QgsGeometry:
    (feature,) = layer.getFeatures()
    return QgsGeometry(feature.geometry())


def test_a_polygon_stays_in_its_layer_whichever_is_active_at_the_end(qgis_app, iface, dock, results):
    ships, quays = results
    before = polygon(quays)
    iface.setActiveLayer(ships)
    dock.page.result_box.refine.click()
    click(iface.canvas, TAKEN_UP)
    assert dock.refine.tool.is_refining
    iface.setActiveLayer(quays)
    click(iface.canvas, (500_015, 5_539_915))
    wait_for_answer(qgis_app, dock.refine.tool)
    dock.refine.tool.accept()
    assert not quays.isEditable()
    assert polygon(quays).equals(before)
    (changed,) = ships.editBuffer().changedGeometries()
    assert changed == next(ships.getFeatures()).id()


def test_an_object_whose_layer_cannot_take_it_is_not_lost(qgis_app, iface, dock, results):
    ships, _ = results
    iface.setActiveLayer(ships)
    ships.setReadOnly(True)
    dock.page.result_box.refine.click()
    tool = dock.refine.tool
    click(iface.canvas, (500_050, 5_539_950))
    wait_for_answer(qgis_app, tool)
    tool.accept()
    assert "can't be edited" in messages(iface)[-1]
    assert tool.is_refining
    assert not tool._bands.mask.asGeometry().isEmpty()
    ships.setReadOnly(False)
    tool.accept()
    assert not tool.is_refining
    assert ships.featureCount() == 2


def test_a_polygon_whose_layer_is_gone_becomes_a_new_object(qgis_app, iface, dock, results):
    ships, quays = results
    iface.setActiveLayer(ships)
    dock.page.result_box.refine.click()
    click(iface.canvas, TAKEN_UP)
    click(iface.canvas, (500_015, 5_539_915))
    wait_for_answer(qgis_app, dock.refine.tool)
    before = polygon(quays)
    QgsProject.instance().removeMapLayer(ships.id())
    iface.setActiveLayer(quays)
    dock.refine.tool.accept()
    assert quays.featureCount() == 2
    assert any(feature.geometry().equals(before) for feature in quays.getFeatures())


def test_a_raster_that_qgis_places_itself_is_named_as_its_user_knows_it(qgis_app, iface, dock, tmp_path):
    path = write_raster(tmp_path / "scan.tif", numbered(100, 100), transform=None, epsg=None)
    scan = QgsRasterLayer(path, "scan")
    QgsProject.instance().addMapLayer(scan)
    iface.canvas.setDestinationCrs(scan.crs())
    iface.canvas.setExtent(scan.extent())
    dock.page.layer_box.setLayer(scan)
    dock.page.result_box.refine.click()
    click(iface.canvas, (50, -50))
    wait_for_answer(qgis_app, dock.refine.tool)
    dock.refine.tool.accept()
    layer = dock.segment.results.current.layer
    (feature,) = layer.getFeatures()
    assert feature["source"] == path
    layer.rollBack()


def test_another_model_is_asked_from_the_next_time_on(iface, dock):
    dock.page.result_box.refine.click()
    first = dock.refine.tool
    dock.page.result_box.refine.click()
    dock.page.engine_box.model_chosen.emit("rsam_base")
    dock.page.result_box.refine.click()
    assert dock.refine.tool is not first
    assert dock.refine._engine.options.model == "rsam_base"


def test_a_box_is_drawn_also_where_the_earlier_tool_is_gone(iface, dock):
    dock.page.result_box.refine.click()
    dock.page.extent_box.draw()
    earlier = QgsMapToolPan(iface.canvas)
    dock.page.extent_box._earlier_tool = earlier
    sip.delete(earlier)
    canvas = iface.canvas.viewport()
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 50))
    QTest.mouseMove(canvas, QPoint(90, 90))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(120, 120))
    assert dock.page.extent_box._box is not None
    assert iface.canvas.mapTool() is None
