"""What the tests of the dock have in common."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from traceback import format_exception

import pytest
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QEvent
from rasters import NORTH_UP, numbered, write_raster

LIMIT_S = 20.0


@pytest.fixture(autouse=True)
def no_lost_exception(monkeypatch):
    """Fails a test in whose slots something was raised; PyQt would end the process, QGIS show a dialog."""
    lost = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: lost.append("".join(format_exception(*error))))
    monkeypatch.setattr(
        threading, "excepthook", lambda args: lost.append("".join(format_exception(*args[:3])))
    )
    yield
    assert not lost, "\n".join(lost)


def wait_until(app, is_true, *, what="it", limit_s=LIMIT_S):
    """Turns the event loop until something holds."""
    end = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < end, f"waited {limit_s:.0f} s for {what}"
        _turn_once(app)


def turn(app, seconds=0.1):
    """Turns the event loop for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _turn_once(app)


def _turn_once(app):
    """As QGIS does, whose loop deletes what `deleteLater` was called on; processEvents alone does not."""
    app.processEvents()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    time.sleep(0.005)


def add_raster(folder, name="town", *, side_px=100, epsg=25832):
    """A raster layer of `side_px` metres in the project."""
    path = write_raster(folder / f"{name}.tif", numbered(side_px, side_px), transform=NORTH_UP, epsg=epsg)
    layer = QgsRasterLayer(path, name)
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer


def use_engine(command):
    """Makes a scripted engine the installed one, for a user who never asked anything."""
    from geophrase.qgis_plugin.core.segment.history import forget_queries
    from geophrase.qgis_plugin.core.settings import PluginSettings, save_settings

    forget_queries()
    save_settings(PluginSettings(engine_command=command.executable))


def messages(iface):
    """What the message bar shows, latest last."""
    return [item.text() for item in iface.messageBar().items()][::-1]


def jobs(command, kind):
    """The jobs of one type that an engine was sent."""
    return [entry["message"] for entry in command.requests("run_job") if entry["message"]["type"] == kind]


@contextmanager
def loaded_plugin(iface):
    """The plugin in this interface, until the end of the block."""
    import geophrase

    plugin = geophrase.classFactory(iface)
    plugin.initGui()
    try:
        yield plugin
    finally:
        plugin.unload()
