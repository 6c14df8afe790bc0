"""The dock with a real engine process: type, run, watch, cancel, slide, copy."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
from dock_tools import (
    add_raster,
    jobs,
    loaded_plugin,
    messages,
    no_lost_exception,  # noqa: F401 - a fixture
    turn,
    use_engine,
    wait_until,
)
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QGuiApplication
from qgis.PyQt.QtTest import QTest

from geophrase.qgis_plugin.core.environment.state import InstallState, write_state


@pytest.fixture
def dock(qgis_app, iface, scripted_engine, tmp_path):
    """The dock over one raster layer, its engine ready."""
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        layer = add_raster(tmp_path)
        iface.canvas.setDestinationCrs(layer.crs())
        iface.canvas.setExtent(layer.extent())
        iface.window.show()
        plugin.dock.show()
        yield plugin.dock


def ask(dock, line):
    """Types a query and presses Enter."""
    dock.page.query_line.setText(line)
    QTest.keyClick(dock.page.query_line, Qt.Key.Key_Return)
    assert dock.segment.run is not None, "nothing runs"


def wait_for_end(app, dock):
    wait_until(app, lambda: dock.segment.run is None, what="the run to end")
    turn(app)


def found(dock):
    """The queries of the polygons in the current result's layer."""
    return [feature["query"] for feature in dock.segment.results.current.layer.getFeatures()]


def test_enter_runs_and_the_layer_fills(qgis_app, iface, dock, scripted_engine):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    result = dock.segment.results.current
    assert set(found(dock)) == {"storage tanks"}
    assert result.num_polygons == len(found(dock)) == 11
    assert result.layer.name() == "storage tanks · town"
    assert result.layer.crs().authid() == "EPSG:25832"
    assert messages(iface) == ["Found 11 polygons for storage tanks in 0.0 s."]
    (job,) = jobs(scripted_engine, "segment")
    assert job["source"]["path"].endswith("town.tif")
    assert job["extent_map"] is None
    order = [layer.name() for layer in QgsProject.instance().layerTreeRoot().layerOrder()]
    assert order == ["storage tanks · town", "town"]


def test_polygons_come_while_the_job_runs(qgis_app, dock, scripted_engine):
    scripted_engine.script({"on": "run_job", "hang": True, "after_events": 5})
    ask(dock, "storage tanks")
    wait_until(qgis_app, lambda: dock.segment.results.current is not None and found(dock))
    assert dock.segment.run is not None
    wait_until(qgis_app, lambda: "tile 2 of 4" in dock.page.run_box._text.text())
    assert "2 s left" in dock.page.run_box._text.text()


def test_cancel_keeps_what_was_found(qgis_app, iface, dock, scripted_engine):
    scripted_engine.script({"on": "run_job", "hang": True, "after_events": 5})
    ask(dock, "storage tanks")
    wait_until(qgis_app, lambda: dock.segment.results.current is not None and found(dock))
    dock.page.run_box._cancel.click()
    wait_for_end(qgis_app, dock)
    assert scripted_engine.requests("cancel_job")
    num_found = len(found(dock))
    assert 0 < num_found < 11
    assert messages(iface) == [f"Cancelled: the {num_found} polygons found so far are kept."]


def test_cancel_before_anything_was_found_leaves_no_layer(qgis_app, iface, dock, scripted_engine):
    scripted_engine.script({"on": "run_job", "hang": True, "after_events": 1})
    ask(dock, "storage tanks")
    wait_until(qgis_app, lambda: dock.segment.results.current is not None)
    dock.page.run_box._cancel.click()
    wait_for_end(qgis_app, dock)
    assert [layer.name() for layer in QgsProject.instance().mapLayers().values()] == ["town"]
    assert dock.segment.results.current is None


def test_an_engine_that_dies_is_restarted_and_the_result_is_complete(qgis_app, iface, dock, scripted_engine):
    scripted_engine.script({"on": "run_job", "exit": 9, "after_events": 5, "life": 1})
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    assert scripted_engine.num_starts == 2
    assert len(found(dock)) == 11, "each polygon once"
    assert any("started again" in text for text in messages(iface))


def test_an_engine_that_dies_twice_is_reported_and_what_was_found_stays(
    qgis_app, iface, dock, scripted_engine
):
    scripted_engine.script({"on": "run_job", "exit": 9, "after_events": 5})
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    assert scripted_engine.num_starts >= 2
    assert 0 < len(found(dock)) < 11
    assert "stopped twice" in messages(iface)[-1]
    assert dock.page.run_box._run.isVisible()


def test_a_failure_is_told_in_the_engines_words(qgis_app, iface, dock, scripted_engine):
    failure = {"code": "raster_unreadable", "message": "The file is damaged. Copy it again."}
    scripted_engine.script({"on": "run_job", "fail": failure})
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    assert messages(iface) == ["The file is damaged. Copy it again."]


def test_the_sliders_act_without_the_model(qgis_app, dock, scripted_engine):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    ids = {feature.id() for feature in dock.segment.results.current.layer.getFeatures()}
    sliders = dock.page.result_box.outline_box
    sliders._threshold.setValue(80)
    wait_until(qgis_app, lambda: dock.segment.results.is_outlining)
    wait_until(qgis_app, lambda: not dock.segment.results.is_outlining, what="the new outlines")
    turn(qgis_app, 0.3)
    scores = [feature["score"] for feature in dock.segment.results.current.layer.getFeatures()]
    assert len(scores) == 4
    assert min(scores) >= 0.8
    after = {feature.id() for feature in dock.segment.results.current.layer.getFeatures()}
    assert after < ids, "polygons that stay the same are not written again"
    assert len(jobs(scripted_engine, "segment")) == 1
    assert [job["outline"]["threshold"] for job in jobs(scripted_engine, "outline")] == [0.8]
    run = json.loads(dock.segment.results.current.layer.customProperty("geophrase/run"))
    assert run["threshold"] == 0.8


def test_of_many_slider_moves_the_last_one_counts(qgis_app, dock, scripted_engine):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    scripted_engine.script({"on": "run_job", "delay_s": 0.05})
    for value in range(51, 81):
        dock.page.result_box.outline_box._threshold.setValue(value)
        turn(qgis_app, 0.01)
    wait_until(qgis_app, lambda: not dock.segment.results.is_outlining)
    turn(qgis_app, 0.3)
    asked = [job["outline"]["threshold"] for job in jobs(scripted_engine, "outline")]
    assert asked[-1] == 0.8
    assert len(asked) < 10
    assert len(found(dock)) == 4


def test_a_slider_moved_during_a_run_acts_when_it_ends(qgis_app, dock, scripted_engine):
    scripted_engine.script({"on": "run_job", "delay_s": 0.05})
    ask(dock, "storage tanks")
    dock.page.result_box.outline_box._threshold.setValue(80)
    wait_for_end(qgis_app, dock)
    wait_until(qgis_app, lambda: not dock.segment.results.is_outlining)
    turn(qgis_app, 0.3)
    assert jobs(scripted_engine, "segment")[0]["outline"]["threshold"] == 0.5
    assert len(found(dock)) == 4


def test_a_result_that_the_engine_lost_is_explained(qgis_app, iface, dock, scripted_engine):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    failure = {"code": "not_found", "message": "No such result."}
    scripted_engine.script({"on": "run_job", "fail": failure})
    dock.page.result_box.outline_box._area.setValue(20)
    wait_until(qgis_app, lambda: len(messages(iface)) > 1)
    assert "Run the query again" in messages(iface)[-1]
    assert len(found(dock)) == 11


def test_phrases_between_semicolons_are_categories_of_one_job(qgis_app, dock, scripted_engine):
    ask(dock, "storage tanks; ships;storage  tanks")
    wait_for_end(qgis_app, dock)
    assert set(found(dock)) == {"storage tanks", "ships"}
    (job,) = jobs(scripted_engine, "segment")
    assert [query["text"] for query in job["queries"]] == ["storage tanks", "ships"]
    layer = dock.segment.results.current.layer
    categories = layer.renderer().categories()
    assert [category.value() for category in categories][:2] == ["storage tanks", "ships"]
    colours = {category.symbol().color().name() for category in categories}
    assert len(colours) == len(categories)
    assert 0 < categories[0].symbol().color().alpha() < 128


def test_selected_polygons_limit_the_job_and_its_result(qgis_app, iface, dock, scripted_engine):
    fields = QgsVectorLayer("Polygon?crs=EPSG:25832", "fields", "memory")
    triangle = QgsFeature()
    triangle.setGeometry(
        QgsGeometry.fromWkt("POLYGON((500000 5539900,500100 5539900,500000 5540000,500000 5539900))")
    )
    fields.dataProvider().addFeatures([triangle])
    QgsProject.instance().addMapLayer(fields)
    fields.selectAll()
    iface.setActiveLayer(fields)
    from geophrase.qgis_plugin.core.segment.extent import ExtentKind

    dock.page.extent_box.kind = ExtentKind.SELECTION
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    (job,) = jobs(scripted_engine, "segment")
    assert job["extent_map"] == pytest.approx([500000, 5539900, 500100, 5540000])
    shapes = [each.geometry() for each in dock.segment.results.current.layer.getFeatures()]
    assert 0 < len(shapes) < 11
    assert all(shape.intersects(triangle.geometry()) for shape in shapes)


def test_without_a_selection_nothing_runs(iface, dock, scripted_engine):
    from geophrase.qgis_plugin.core.segment.extent import ExtentKind

    dock.page.extent_box.kind = ExtentKind.SELECTION
    dock.page.query_line.setText("ships")
    dock.segment.start()
    assert dock.segment.run is None
    assert "select polygons" in messages(iface)[-1]
    assert not scripted_engine.requests("run_job")


def test_a_drawn_box_can_be_seen_while_it_counts(iface, dock):
    from geophrase.qgis_plugin.core.segment.extent import ExtentKind

    def boxes():
        items = [item for item in iface.canvas.scene().items() if isinstance(item, QgsRubberBand)]
        return [item.asGeometry().boundingBox() for item in items if item.isVisible() and item.size()]

    box = QgsRectangle(500010, 5539910, 500050, 5539950)
    dock.page.extent_box.set_box(box)
    assert boxes() == [box]
    dock.page.extent_box.kind = ExtentKind.LAYER
    assert not boxes()
    dock.page.extent_box.kind = ExtentKind.DRAWN
    iface.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    (shown,) = boxes()
    assert shown.contains(QgsPointXY(9.0004, 50.0117))
    assert shown.width() < 0.001
    dock.page.extent_box.close_tool()
    assert not boxes()


def test_the_copied_command_is_the_docks_state(iface, dock, tmp_path):
    from geophrase.qgis_plugin.core.segment.extent import ExtentKind

    dock.page.query_line.setText("storage tanks; ships")
    dock.page.extent_box.set_box(QgsRectangle(500010, 5539910, 500050, 5539950))
    assert dock.page.extent_box.kind is ExtentKind.DRAWN
    dock.page.extent_box.is_one_image = True
    dock.page.resolution_box.resolution = 0.5
    dock.page.result_box.outline_box._threshold.setValue(35)
    dock.page.copy_button.click()
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:5] == ["geophrase", "segment", str(tmp_path / "town.tif"), "storage tanks", "ships"]
    rest = " ".join(words[5:])
    assert "--extent 500010 5539910 500050 5539950 --resolution 0.5 --bands 1 2 3" in rest
    assert "--one-window --threshold 0.35" in rest


def test_a_layer_that_is_no_file_has_no_command(iface, dock, tmp_path):
    from qgis.core import QgsRasterLayer

    tiles = QgsRasterLayer("type=xyz&url=file:///nowhere/{z}/{x}/{y}.png&zmin=0&zmax=18", "tiles", "wms")
    QgsProject.instance().addMapLayer(tiles)
    dock.page.layer_box.setLayer(tiles)
    dock.page.query_line.setText("ships")
    dock.page.copy_button.click()
    assert "GeoTIFF" in messages(iface)[-1]
    assert dock.page.resolution_box.resolution > 0
    assert "m per pixel" in dock.page.resolution_box._side.suffix()


def test_the_history_is_offered_the_latest_first(qgis_app, dock):
    ask(dock, "harbour cranes")
    wait_for_end(qgis_app, dock)
    ask(dock, "ships")
    wait_for_end(qgis_app, dock)
    model = dock.page.query_line._model
    assert model.stringList()[:2] == ["ships", "harbour cranes"]
    completer = dock.page.query_line.completer()
    dock.page.query_line.setText("roofs; harb")
    completer.setCompletionPrefix("roofs; harb")
    assert completer.completionCount() == 1
    assert completer.currentCompletion() == "roofs; harbour cranes"


def test_the_status_says_the_device_and_why(qgis_app, dock):
    box = dock.page.engine_box
    wait_until(qgis_app, lambda: "CPU" in box._state.text())
    assert box._reason.text() == "A scripted engine computes nothing."
    assert box._models.currentText() == "scripted"
    assert [box._models.itemText(index) for index in range(3)][2] == "scripted-absent (downloads 320 MB)"


def test_another_device_restarts_the_engine(qgis_app, dock, scripted_engine):
    wait_until(qgis_app, lambda: dock.monitor.status.health is not None)
    devices = dock.page.engine_box._devices
    devices.setCurrentIndex(devices.findData("cpu"))
    devices.activated.emit(devices.currentIndex())
    wait_until(qgis_app, lambda: scripted_engine.num_starts == 2)
    argv = scripted_engine.requests("start")[-1]["argv"]
    assert argv[argv.index("--device") + 1] == "cpu"


def test_settings_that_do_not_start_the_engine_leave_it_running(
    qgis_app, iface, dock, scripted_engine, tmp_path
):
    wait_until(qgis_app, lambda: dock.monitor.status.health is not None)
    page = iface.option_factories[0].createWidget(iface.window)
    page.environment.setFilePath(str(tmp_path / "a private engine that is not used"))
    page.apply()
    turn(qgis_app, 0.5)
    assert scripted_engine.num_starts == 1
    page.deleteLater()


def test_settings_that_start_the_engine_otherwise_wait_for_the_run(qgis_app, iface, dock, scripted_engine):
    scripted_engine.script({"on": "run_job", "delay_s": 0.05})
    ask(dock, "storage tanks")
    wait_until(qgis_app, lambda: dock.segment.results.current is not None)
    page = iface.option_factories[0].createWidget(iface.window)
    page.keep_alive.setValue(3)
    page.apply()
    assert "when the run has ended" in messages(iface)[-1]
    wait_for_end(qgis_app, dock)
    assert len(found(dock)) == 11
    wait_until(qgis_app, lambda: scripted_engine.num_starts == 2, what="the engine's restart")
    assert "180" in scripted_engine.requests("start")[-1]["argv"]
    page.deleteLater()


def test_removing_the_private_engine_leaves_another_running(qgis_app, dock, scripted_engine, tmp_path):
    wait_until(qgis_app, lambda: dock.monitor.status.health is not None)
    folder = tmp_path / "private"
    folder.mkdir()
    write_state(folder, InstallState())
    ended = []
    dock.installation.ended.connect(ended.append)
    dock.installation.remove(folder)
    wait_until(qgis_app, lambda: ended)
    turn(qgis_app, 0.5)
    assert ended[0].is_done
    assert not folder.exists()
    assert scripted_engine.num_starts == 1


def test_an_engine_that_does_not_start_is_shown_and_can_be_tried_again(qgis_app, iface, scripted_engine):
    scripted_engine.script(start={"exit": 3, "stderr": "no such library"})
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        iface.window.show()
        plugin.dock.show()
        box = plugin.dock.page.engine_box
        wait_until(qgis_app, lambda: "Try again" in box._state.text())
        assert "no such library" in box._reason.text()
        scripted_engine.script()
        box._state.linkActivated.emit("retry")
        wait_until(qgis_app, lambda: "CPU" in box._state.text())


def test_without_an_engine_the_dock_leads_to_the_set_up(qgis_app, iface, tmp_path):
    from geophrase.qgis_plugin.core.settings import PluginSettings, save_settings

    save_settings(PluginSettings(environment_folder=str(tmp_path / "nothing")))
    with loaded_plugin(iface) as plugin:
        iface.window.show()
        plugin.dock.show()
        turn(qgis_app)
        assert plugin.dock.welcome.isVisible()
        plugin.dock.welcome._set_up.click()
        (dialog,) = [each for each in iface.window.children() if type(each).__name__ == "SetupDialog"]
        assert dialog.isVisible()
        dialog.close()


def test_an_engine_that_is_not_where_the_settings_say_is_named(qgis_app, iface, tmp_path):
    from geophrase.qgis_plugin.core.engine.errors import EngineFailure
    from geophrase.qgis_plugin.core.settings import PluginSettings, save_settings, serve_argv

    path = str(tmp_path / "moved" / "geophrase")
    save_settings(PluginSettings(engine_command=path))
    with pytest.raises(EngineFailure, match="There is no engine at"):
        serve_argv()
    with loaded_plugin(iface) as plugin:
        assert path in plugin.dock.welcome._text.text()
        save_settings(PluginSettings(environment_folder=str(tmp_path / "nothing")))
        iface.window.show()
        plugin.dock.show()
        plugin.dock.on_engine_changed()
        wait_until(qgis_app, lambda: "installed yet" in plugin.dock.welcome._text.text())


def test_the_doctors_report_can_be_read(qgis_app, dock):
    wait_until(qgis_app, lambda: dock.monitor.status.health is not None)
    dialog = dock.engine.show_doctor(dock)
    wait_until(qgis_app, lambda: dialog.text == "Everything is scripted.")
    dialog.copy()
    assert QGuiApplication.clipboard().text() == "Everything is scripted."
    dialog.close()


def test_a_removed_layer_ends_its_run(qgis_app, iface, dock, scripted_engine):
    scripted_engine.script({"on": "run_job", "hang": True, "after_events": 5})
    ask(dock, "storage tanks")
    wait_until(qgis_app, lambda: dock.segment.results.current is not None and found(dock))
    QgsProject.instance().removeMapLayer(dock.segment.results.current.layer.id())
    wait_for_end(qgis_app, dock)
    assert dock.segment.results.current is None
    assert "the layer of its polygons was removed" in messages(iface)[-1]
    ask(dock, "ships")
    wait_until(qgis_app, lambda: dock.segment.results.current is not None, what="another run's layer")


def test_the_sliders_follow_the_active_result(qgis_app, iface, dock, scripted_engine):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    first = dock.segment.results.current
    dock.page.result_box.outline_box._threshold.setValue(80)
    wait_until(qgis_app, lambda: dock.segment.results.is_outlining)
    wait_until(qgis_app, lambda: not dock.segment.results.is_outlining)
    dock.page.result_box.outline_box._threshold.setValue(60)
    ask(dock, "ships")
    wait_for_end(qgis_app, dock)
    wait_until(qgis_app, lambda: not dock.segment.results.is_outlining)
    second = dock.segment.results.current
    assert second is not first
    iface.setActiveLayer(first.layer)
    assert dock.segment.results.current is first
    iface.setActiveLayer(second.layer)
    assert dock.segment.results.current is second
    assert dock.page.result_box.outline_box.outline.threshold == 0.6


def test_the_sliders_follow_a_result_that_was_chosen_during_a_run(qgis_app, iface, dock, scripted_engine):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    first = dock.segment.results.current
    scripted_engine.script({"on": "run_job", "delay_s": 0.05})
    ask(dock, "ships")
    wait_until(qgis_app, lambda: dock.segment.results.current is not first)
    iface.setActiveLayer(first.layer)
    dock.page.result_box.outline_box._threshold.setValue(80)
    wait_for_end(qgis_app, dock)
    assert dock.segment.results.current is first
    assert dock.page.result_box.outline_box.outline.threshold == 0.5


@pytest.mark.parametrize("width_px", [230, 300, 600])
def test_nothing_is_cut_off_at_any_width(qgis_app, iface, dock, width_px):
    iface.window.resize(1400, 900)
    iface.window.resizeDocks([dock], [width_px], Qt.Orientation.Horizontal)
    turn(qgis_app)
    assert dock.width() <= max(width_px, 280)
    content = dock.page.widget()
    assert content.width() <= dock.page.viewport().width()
    for widget in content.findChildren(type(dock.page.result_box.refine)):
        if widget.isVisible():
            right = widget.mapTo(content, widget.rect().topRight()).x()
            assert right <= content.width()


def test_of_a_large_result_the_visible_part_comes_first(qgis_app, iface, dock, scripted_engine, monkeypatch):
    from geophrase.qgis_plugin.core.segment import outliner

    monkeypatch.setattr(outliner, "LARGE_RESULT", 5)
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    extent = iface.canvas.extent()
    iface.canvas.setExtent(QgsRectangle(extent.center().x(), extent.center().y(), 500100, 5540000))
    dock.page.result_box.outline_box._threshold.setValue(80)
    wait_until(qgis_app, lambda: dock.segment.results.is_outlining)
    wait_until(qgis_app, lambda: not dock.segment.results.is_outlining)
    turn(qgis_app, 0.3)
    first, second = jobs(scripted_engine, "outline")
    assert first["extent_map"] is not None
    assert first["extent_map"][0] > 500010
    assert second["extent_map"] is None
    assert len(found(dock)) == 4


def test_a_raster_that_is_clicked_in_the_layer_panel_is_searched(iface, dock, tmp_path):
    other = add_raster(tmp_path, "another")
    iface.setActiveLayer(other)
    assert dock.segment.layer is other


def click(canvas, x, y, button=Qt.MouseButton.LeftButton):
    pixel = canvas.getCoordinateTransform().transform(x, y)
    QTest.mouseClick(canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, pixel.toQPointF().toPoint())


def test_a_refined_object_lands_in_the_result(qgis_app, iface, dock, scripted_engine):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    layer = dock.segment.results.current.layer
    num_found = layer.featureCount()
    dock.page.result_box.refine.click()
    tool = dock.refine.tool
    assert iface.canvas.mapTool() is tool
    assert dock.page.result_box.undo.isEnabled()
    click(iface.canvas, 500001, 5539999)  # beside all squares
    wait_until(qgis_app, lambda: tool.is_refining)
    wait_until(qgis_app, lambda: tool._object.outlined is not None, what="an answer")
    turn(qgis_app, 0.3)
    assert dock.page.result_box._hint.text().startswith("Click adds"), "it stays until something else happens"
    QTest.keyClick(iface.canvas, Qt.Key.Key_Return)
    wait_until(qgis_app, lambda: layer.featureCount() == num_found + 1)
    (added,) = layer.editBuffer().addedFeatures().values()
    assert (added["query"], added["model"]) == ("storage tanks", "scripted")
    assert added["clicks"]
    assert "Accepted into" in dock.page.result_box._hint.text()
    layer.undoStack().undo()
    assert layer.featureCount() == num_found
    dock.page.result_box.refine.click()
    assert iface.canvas.mapTool() is not tool
    assert not dock.page.result_box.undo.isEnabled()
    layer.rollBack()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system doesn't say which files are open")
def test_a_raster_that_was_searched_refined_and_removed_is_closed(qgis_app, iface, dock):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    dock.page.result_box.refine.click()
    click(iface.canvas, 500001, 5539999)
    wait_until(qgis_app, lambda: dock.refine.tool._object.outlined is not None, what="an answer")
    path = dock.segment.layer.source()
    assert path in open_files()
    QgsProject.instance().removeAllMapLayers()
    wait_until(qgis_app, lambda: path not in open_files(), what="the raster to be closed", limit_s=8)


def open_files():
    """What this process has open."""
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return {os.readlink(link) for link in links if link.is_symlink()}


def test_an_object_clicked_without_a_query_gets_a_layer(qgis_app, iface, dock):
    dock.page.result_box.refine.click()
    click(iface.canvas, 500050, 5539950)
    tool = dock.refine.tool
    wait_until(qgis_app, lambda: tool._object is not None and tool._object.outlined is not None)
    tool.accept()
    layer = dock.segment.results.current.layer
    assert layer.name() == "clicked objects · town"
    assert layer.featureCount() == 1
    dock.page.result_box.outline_box._threshold.setValue(80)
    assert not dock.segment.results.is_outlining, "there is nothing to outline anew"
    layer.rollBack()


def test_enter_runs_also_while_suggestions_are_shown(qgis_app, dock, scripted_engine):
    line = dock.page.query_line
    line.setFocus()
    QTest.keyClicks(line, "roo")
    popup = line.completer().popup()
    wait_until(qgis_app, popup.isVisible)
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert dock.segment.run is not None, "nothing runs"
    wait_for_end(qgis_app, dock)
    assert jobs(scripted_engine, "segment")[0]["queries"][0]["text"] == "roo"


def test_enter_on_a_suggestion_takes_it(qgis_app, iface, dock):
    line = dock.page.query_line
    iface.window.activateWindow()
    assert QTest.qWaitForWindowActive(iface.window)
    line.setFocus()
    wait_until(qgis_app, line.hasFocus, what="the focus")
    QTest.keyClicks(line, "ships; roo")
    popup = line.completer().popup()
    wait_until(qgis_app, popup.isVisible)
    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert line.text() == "ships; roofs"
    assert dock.segment.run is None


def test_a_file_that_takes_no_new_outlines_is_told_of(qgis_app, iface, dock):
    ask(dock, "storage tanks")
    wait_for_end(qgis_app, dock)
    result = dock.segment.results.current
    dock.page.result_box.outline_box._threshold.setValue(80)
    wait_until(qgis_app, lambda: not dock.segment.results.is_outlining, what="the new outlines")
    result.failed.emit("The disk is full.")
    assert messages(iface)[-1] == "The disk is full."
