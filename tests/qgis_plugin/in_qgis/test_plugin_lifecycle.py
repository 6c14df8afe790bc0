"""The plugin comes and goes: nothing of it stays in QGIS, whatever it was doing."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import pytest
from dock_tools import (
    add_raster,
    loaded_plugin,
    no_lost_exception,  # noqa: F401 - a fixture
    turn,
    use_engine,
    wait_until,
)
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtWidgets import QDockWidget


def traces(iface):
    """Everything of the plugin that can be found in QGIS and in this process."""
    QgsApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    scene = iface.canvas.scene()
    return {
        "docks": list(iface.docks) + iface.window.findChildren(QDockWidget),
        "menu": list(iface.menu_actions),
        "toolbar": list(iface.toolbar_actions)
        + [action for action in iface.toolbar.actions() if "GeoPhrase" in action.text()],
        "options": list(iface.option_factories),
        "provider": QgsApplication.processingRegistry().providerById("geophrase"),
        "tasks": [task for task in QgsApplication.taskManager().activeTasks()],
        "threads": [
            thread.name
            for thread in threading.enumerate()
            if thread is not threading.main_thread() and not thread.name.startswith("Dummy")  # of QGIS's pool
        ],
        "map tool": iface.canvas.mapTool(),
        "rubber bands": [item for item in scene.items() if "Rubber" in type(item).__name__],
        "dialogs": [child for child in iface.window.children() if "Dialog" in type(child).__name__],
    }


def nothing(iface):
    return not any(traces(iface).values())


def wait_for_nothing(app, iface):
    """Python threads and queued deletions may need moments."""
    try:
        wait_until(app, lambda: nothing(iface), limit_s=5)
    except AssertionError:
        assert not {name: found for name, found in traces(iface).items() if found}


def is_running(pid):
    from pathlib import Path

    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def engine_pid(plugin):
    return plugin._service._engine.process._process.pid


def test_a_model_that_is_unloaded_at_once_is_asked_for_in_words_that_the_engine_takes(qgis_app):
    """`geophrase serve` refuses a keep-alive of 0."""
    from geophrase.qgis_plugin.core.settings import PluginSettings, save_settings, serve_argv

    save_settings(PluginSettings(engine_command="/bin/true", keep_alive_s=0))
    argv = serve_argv()
    assert float(argv[argv.index("--keep-alive") + 1]) > 0


def test_unloading_waits_for_an_export_that_is_being_cancelled(qgis_app, iface, scripted_engine):
    from geophrase.qgis_plugin.gui.export_task import ExportTask

    use_engine(scripted_engine)
    ended = []

    def work(_progress, is_cancelled):
        while not is_cancelled():
            time.sleep(0.01)
        time.sleep(0.3)
        ended.append(True)

    with loaded_plugin(iface):
        task = ExportTask("an export", work)
        QgsApplication.taskManager().addTask(task)
        wait_until(qgis_app, lambda: task.status() == task.TaskStatus.Running, what="the export")
        task.cancel()
    assert ended


def test_closing_the_set_up_leaves_the_engine_running(qgis_app, iface, scripted_engine):
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        pid = plugin._service.client() and engine_pid(plugin)
        plugin.dock.show_set_up().close()
        turn(qgis_app, 0.5)
        assert is_running(pid)
        assert scripted_engine.num_starts == 1


def test_it_adds_what_it_says_and_takes_it_away_twice(qgis_app, iface, scripted_engine):
    use_engine(scripted_engine)
    for _ in range(2):
        with loaded_plugin(iface) as plugin:
            assert iface.docks == [plugin.dock]
            assert [name for name, _ in iface.menu_actions] == ["GeoPhrase"]
            assert len(iface.toolbar_actions) == len(iface.option_factories) == 1
            provider = QgsApplication.processingRegistry().providerById("geophrase")
            assert len(provider.algorithms()) >= 4
            turn(qgis_app)
        wait_for_nothing(qgis_app, iface)
    assert "torch" not in sys.modules


def test_the_action_shows_and_hides_the_dock(qgis_app, iface, scripted_engine):
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        iface.window.show()
        (action,) = iface.toolbar_actions
        assert not plugin.dock.isVisible()
        action.trigger()
        assert plugin.dock.isVisible()
        action.trigger()
        assert not plugin.dock.isVisible()
        assert scripted_engine.num_starts <= 1


def test_a_hidden_dock_starts_no_engine(qgis_app, iface, scripted_engine):
    use_engine(scripted_engine)
    with loaded_plugin(iface):
        iface.window.show()
        turn(qgis_app, 0.3)
        assert scripted_engine.num_starts == 0


def test_unloaded_in_the_middle_of_a_run(qgis_app, iface, scripted_engine, tmp_path):
    use_engine(scripted_engine)
    scripted_engine.script({"on": "run_job", "hang": True, "after_events": 5})
    with loaded_plugin(iface) as plugin:
        add_raster(tmp_path)
        plugin.dock.show()
        plugin.dock.page.query_line.setText("ships")
        plugin.dock.segment.start()
        results = plugin.dock.segment.results
        wait_until(qgis_app, lambda: results.current is not None and results.current.num_polygons)
        pid = engine_pid(plugin)
        assert is_running(pid)
    wait_for_nothing(qgis_app, iface)
    assert not is_running(pid)
    layers = [layer.name() for layer in QgsProject.instance().mapLayers().values()]
    assert "ships · town" in layers, "what was found stays in the project"
    turn(qgis_app)
    QgsProject.instance().clear()
    turn(qgis_app)


def test_unloaded_while_the_engine_starts(qgis_app, iface, scripted_engine, tmp_path):
    use_engine(scripted_engine)
    scripted_engine.script(start={"delay_s": 30})
    with loaded_plugin(iface) as plugin:
        add_raster(tmp_path)
        iface.window.show()
        plugin.dock.show()
        plugin.dock.page.query_line.setText("ships")
        plugin.dock.segment.start()
        wait_until(qgis_app, lambda: scripted_engine.num_starts == 1)
    wait_for_nothing(qgis_app, iface)


def test_unloaded_while_a_box_is_drawn_and_an_object_refined(qgis_app, iface, scripted_engine, tmp_path):
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        layer = add_raster(tmp_path)
        iface.canvas.setDestinationCrs(layer.crs())
        iface.canvas.setExtent(layer.extent())
        iface.window.show()
        plugin.dock.show()
        plugin.dock.page.extent_box.draw()
        assert iface.canvas.mapTool() is not None
        plugin.dock.page.result_box.refine.click()
        assert iface.canvas.mapTool() is plugin.dock.refine.tool
        turn(qgis_app)
    wait_for_nothing(qgis_app, iface)


def test_unloaded_with_its_windows_open(qgis_app, iface, scripted_engine, tmp_path):
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        add_raster(tmp_path)
        iface.window.show()
        plugin.dock.show()
        plugin.dock.page.query_line.setText("ships")
        plugin.dock.segment.start()
        wait_until(qgis_app, lambda: plugin.dock.segment.results.current is not None)
        wait_until(qgis_app, lambda: plugin.dock.segment.run is None)
        plugin.dock.page.result_box.export.click()
        assert plugin.dock.export.dialog.isVisible()
        plugin.dock.show_set_up()
        plugin.dock.engine.show_doctor(plugin.dock)
        turn(qgis_app)
    wait_for_nothing(qgis_app, iface)


def test_processing_works_without_a_gui(qgis_app):
    import geophrase

    plugin = geophrase.classFactory(None)
    plugin.initProcessing()
    registry = QgsApplication.processingRegistry()
    assert (
        registry.algorithmById("geophrase:segmentbytext") or registry.providerById("geophrase").algorithms()
    )
    plugin.unload()
    assert registry.providerById("geophrase") is None


def test_the_options_page_keeps_what_it_is_given(qgis_app, iface, scripted_engine, tmp_path):
    from geophrase.qgis_plugin.core.settings import load_settings

    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        iface.window.show()
        plugin.dock.show()
        wait_until(qgis_app, lambda: plugin.dock.monitor.status.health is not None)
        (factory,) = iface.option_factories
        page = factory.createWidget(iface.window)
        page.device.setCurrentIndex(page.device.findData("cpu"))
        page.keep_alive.setValue(3)
        page.cache.setFilePath(str(tmp_path / "cache"))
        page.apply()
        settings = load_settings()
        assert (settings.device, settings.keep_alive_s) == ("cpu", 180)
        assert settings.engine_command == scripted_engine.executable
        wait_until(qgis_app, lambda: scripted_engine.num_starts == 2)
        argv = scripted_engine.requests("start")[-1]["argv"]
        assert argv == [
            "serve", "--device", "cpu", "--keep-alive", "180", "--cache", str(tmp_path / "cache")
        ]  # fmt: skip
        page.apply()
        turn(qgis_app, 0.3)
        assert scripted_engine.num_starts == 2, "nothing changed, nothing restarts"
        page.deleteLater()


@pytest.mark.parametrize("value", ["", "nonsense", "-5", None])
def test_damaged_settings_are_replaced_by_defaults(qgis_app, value):
    from qgis.core import QgsSettings

    from geophrase.qgis_plugin.core.settings import PluginSettings, load_settings

    for name in ("keep_alive_s", "device"):
        QgsSettings().setValue(f"geophrase/{name}", value)
    settings = load_settings()
    assert settings.keep_alive_s == PluginSettings().keep_alive_s
    assert settings.device == "auto"


def test_the_settings_button_opens_the_page(qgis_app, iface, scripted_engine):
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        plugin.dock.page.settings_button.click()
        page = iface.option_factories[0].createWidget(iface.window)
        assert iface.option_page_shown == page.objectName()
        page.deleteLater()
        assert Qt.DockWidgetArea.RightDockWidgetArea == iface.window.dockWidgetArea(plugin.dock)


def test_qgis_is_closed_in_the_middle_of_a_run(repository, scripted_engine, tmp_path):
    scripted_engine.script({"on": "run_job", "hang": True, "after_events": 5})
    script = f"""
import sys
sys.path[:0] = [{str(repository / "tests/qgis_plugin/in_qgis")!r}, {str(repository / "build/plugins")!r}]
from pathlib import Path
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSettings
QSettings.setDefaultFormat(QSettings.Format.IniFormat)
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, {str(tmp_path)!r})
app = QgsApplication([], True, {str(tmp_path / "profile")!r}); app.initQgis()
from dock_tools import add_raster, wait_until
from in_qgis_interface import TestInterface
from geophrase.qgis_plugin.core.settings import PluginSettings, save_settings
import geophrase
save_settings(PluginSettings(engine_command={scripted_engine.executable!r}))
plugin = geophrase.classFactory(TestInterface())
plugin.initGui()
add_raster(Path({str(tmp_path)!r}))
plugin.dock.page.query_line.setText("ships")
plugin.dock.segment.start()
results = plugin.dock.segment.results
wait_until(app, lambda: results.current is not None and results.current.num_polygons)
print(plugin._service._engine.process._process.pid)
app.aboutToQuit.emit()
app.exitQgis()
"""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment,
    )
    lines = done.stdout.split()
    assert lines, done.stderr
    end = time.monotonic() + 5
    while is_running(int(lines[-1])) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_running(int(lines[-1])), "the engine outlives QGIS"
    assert done.returncode == 0, done.stderr
