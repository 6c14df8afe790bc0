"""Runs inside QGIS and does what an analyst does, with keys and mouse; test_end_to_end.py starts it.

What to do comes as JSON in the environment variable GEOPHRASE_E2E; what was seen goes into `report.json`.
"""

import json
import os
import time
import traceback
from pathlib import Path

from qgis.core import QgsCoordinateTransform, QgsPointXY, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from qgis.utils import iface, plugins

TASK = json.loads(os.environ["GEOPHRASE_E2E"])
OUT = Path(TASK["out"])
LIMIT_S = 240.0
REPORT = {"shots": []}


def wait(is_true, what, limit_s=LIMIT_S):
    """Lets QGIS work until something holds."""
    end = time.monotonic() + limit_s
    while not is_true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit_s:.0f} s for {what}")
        QApplication.processEvents()
        time.sleep(0.01)


def rest(seconds=0.6):
    """Gives the map time to draw."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end and not iface.mapCanvas().isDrawing(), "the map")


def shot(name):
    """Photographs the whole desktop."""
    rest()
    path = OUT / f"{name}.png"
    QApplication.primaryScreen().grabWindow(0).save(str(path))
    REPORT["shots"].append(path.name)


def open_raster():
    layer = QgsRasterLayer(TASK["raster"], Path(TASK["raster"]).stem)
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    iface.zoomToActiveLayer()
    return layer


def ask(dock, page):
    """Types the phrase, presses Enter, and waits for polygons."""
    line = page.query_line
    line.setFocus()
    QTest.keyClicks(line, TASK["query"])
    line.completer().popup().hide()
    shot("1_phrase")
    started_s = time.monotonic()
    QTest.keyClick(line, Qt.Key.Key_Return)
    wait(lambda: page.run_box.is_running, "the run to begin", 30)
    wait(lambda: not page.run_box.is_running, "the run to end")
    REPORT["run_s"] = time.monotonic() - started_s
    result = dock.segment.results.current
    assert result is not None, [item.text() for item in iface.messageBar().items()]
    REPORT["polygons"] = result.num_polygons
    REPORT["layer"] = result.layer.name()
    shot("2_polygons")
    return result


def click(canvas, crs, x_map, y_map, button=Qt.MouseButton.LeftButton):
    """Clicks on the map at a place of the raster."""
    transform = QgsCoordinateTransform(crs, canvas.mapSettings().destinationCrs(), QgsProject.instance())
    place = canvas.getCoordinateTransform().transform(transform.transform(QgsPointXY(x_map, y_map)))
    QTest.mouseClick(
        canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, QPoint(round(place.x()), round(place.y()))
    )


def has_outline(tool):
    """Whether the object under work has an outline on the map."""
    outlined = tool._object
    return outlined is not None and outlined.geometry is not None


def refine(dock, page, layer, result):
    """Adds an object by a click, and accepts it."""
    page.result_box.refine.click()
    tool = dock.refine.tool
    assert iface.mapCanvas().mapTool() is tool is not None
    x_map, y_map = TASK["click"]
    click(iface.mapCanvas(), layer.crs(), x_map, y_map)
    wait(lambda: has_outline(tool), "the clicked outline", 60)
    shot("3_click")
    before = result.layer.featureCount()
    QTest.keyClick(iface.mapCanvas(), Qt.Key.Key_Return)
    wait(lambda: result.layer.featureCount() > before, "the accepted polygon", 30)
    REPORT["after_accepting"] = result.layer.featureCount()
    page.result_box.refine.click()
    shot("4_accepted")


def export(page, result):
    """Writes everything into a new GeoPackage through the dialog."""
    page.result_box.export.click()
    dialog = next(
        w for w in QApplication.topLevelWidgets() if type(w).__name__ == "ExportDialog" and w.isVisible()
    )
    dialog.target.path.setFilePath(TASK["export"])
    shot("5_export")
    dialog.run_button.click()
    wait(lambda: not dialog.is_busy and Path(TASK["export"]).exists(), "the export", 60)
    rest()
    shot("6_exported")
    dialog.close()
    assert result.layer.commitChanges(), result.layer.commitErrors()


def drive():
    iface.mainWindow().resize(1500, 950)
    iface.mainWindow().move(0, 0)
    assert "geophrase" in plugins, "the plugin is not loaded"
    dock = iface.mainWindow().findChild(QDockWidget, "GeoPhraseDock")
    dock.show()
    dock.raise_()
    layer = open_raster()
    rest(1.5)
    result = ask(dock, dock.page)
    refine(dock, dock.page, layer, result)
    export(dock.page, result)


def main():
    try:
        drive()
        REPORT["error"] = ""
    except Exception:
        REPORT["error"] = traceback.format_exc()
        shot("failed")
    (OUT / "report.json").write_text(json.dumps(REPORT, indent=1))
    QgsProject.instance().setDirty(False)
    iface.actionExit().trigger()


QTimer.singleShot(3000, main)
