"""Runs inside QGIS and does what an analyst does, with keys and mouse; test_end_to_end.py starts it.

What to do comes as JSON in the environment variable GEOPHRASE_E2E; what was seen goes into `report.json`.
"""

import json
import os
import time
import traceback
from pathlib import Path

from qgis.core import (
    QgsCoordinateTransform,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QSlider
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


def total_area(layer):
    return sum(feature.geometry().area() for feature in layer.getFeatures())


def lower_threshold(page, result):
    """Moves the slider with the keyboard; the outlines follow without another run."""
    slider = next(s for s in page.findChildren(QSlider) if s.accessibleName() == "Threshold")
    before = total_area(result.layer)
    slider.setFocus()
    started_s = time.monotonic()
    for _ in range(15):
        QTest.keyClick(slider, Qt.Key.Key_Left)
    wait(lambda: total_area(result.layer) > before, "larger outlines", 30)
    REPORT["slider_s"] = time.monotonic() - started_s
    assert not page.run_box.is_running
    rest()
    REPORT["polygons"] = result.num_polygons
    shot("3_threshold")


def click(canvas, crs, x_map, y_map, button=Qt.MouseButton.LeftButton):
    """Clicks on the map at a place of the raster."""
    transform = QgsCoordinateTransform(crs, canvas.mapSettings().destinationCrs(), QgsProject.instance())
    place = canvas.getCoordinateTransform().transform(transform.transform(QgsPointXY(x_map, y_map)))
    QTest.mouseClick(
        canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, QPoint(round(place.x()), round(place.y()))
    )


def has_outline(tool):
    """Whether the object under work has been answered with an outline."""
    outlined = tool._object.outlined
    return outlined is not None and not outlined.geometry.isEmpty()


def refine(dock, page, layer, result):
    """Takes the best polygon up with one click, corrects it with another, and accepts it."""
    best = max(result.layer.getFeatures(), key=lambda feature: feature["score"] * feature["area_m2"])
    place, _ = best.geometry().poleOfInaccessibility(layer.rasterUnitsPerPixelX() / 4)
    at = place.asPoint()
    page.result_box.refine.click()
    tool = dock.refine.tool
    assert iface.mapCanvas().mapTool() is tool is not None
    click(iface.mapCanvas(), layer.crs(), at.x(), at.y())
    assert tool.is_refining
    click(iface.mapCanvas(), layer.crs(), at.x(), at.y())
    wait(lambda: has_outline(tool), "the corrected outline", 60)
    shot("4_click")
    QTest.keyClick(iface.mapCanvas(), Qt.Key.Key_Return)
    wait(lambda: result.layer.isEditable() and not tool.is_refining, "the accepted polygon", 30)
    accepted = result.layer.getFeature(best.id())
    REPORT["clicks"] = accepted["clicks"] if "clicks" in accepted.fields().names() else None
    REPORT["after_accepting"] = result.layer.featureCount()
    page.result_box.refine.click()
    shot("5_accepted")


def export(page, result):
    """Writes everything into a new GeoPackage through the dialog."""
    page.result_box.export.click()
    dialog = next(
        w for w in QApplication.topLevelWidgets() if type(w).__name__ == "ExportDialog" and w.isVisible()
    )
    dialog.target.path.setFilePath(TASK["export"])
    shot("6_export")
    dialog.run_button.click()
    wait(lambda: not dialog.is_busy and Path(TASK["export"]).exists(), "the export", 60)
    rest()
    shot("7_exported")
    dialog.close()
    assert result.layer.commitChanges(), result.layer.commitErrors()


def boxes_around_the_best(found):
    """The extents of two polygons as yellow frames; the layers that were found are hidden."""
    boxes = QgsVectorLayer(f"Polygon?crs={found.crs().authid()}&field=what:string", "car boxes", "memory")
    boxes.setCustomProperty("skipMemoryLayersCheck", 1)  # or QGIS asks about it before it closes
    best = sorted(found.getFeatures(), key=lambda feature: -feature["score"] * feature["area_m2"])[:2]
    for feature in best:
        box = QgsFeature(boxes.fields())
        box.setGeometry(QgsGeometry.fromRect(feature.geometry().boundingBox()))
        box.setAttributes(["car"])
        assert boxes.dataProvider().addFeature(box)
    frame = {"color": "0,0,0,0", "outline_color": "255,255,0", "outline_width": "0.5"}
    boxes.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(frame)))
    for node in QgsProject.instance().layerTreeRoot().findLayers():
        node.setItemVisibilityChecked(isinstance(node.layer(), QgsRasterLayer))
    QgsProject.instance().addMapLayer(boxes)
    return boxes


def label(dock, page):
    """Walks through boxes around the best two polygons: accepts the first outline, drops the other box."""
    boxes = boxes_around_the_best(QgsVectorLayer(TASK["export"], "cars", "ogr"))
    box, canvas = page.label_box, iface.mapCanvas()
    box.setCollapsed(False)
    box.layer_box.setLayer(boxes)
    box.field_box.setField("what")
    box.toggle.click()
    wait(lambda: dock.label.walk is not None, "the boxes", 30)
    tool = dock.refine.tool
    wait(lambda: tool._object.outlined is not None, "the box's outline", 60)
    shot("8_label")
    started_s = time.monotonic()
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    REPORT["accept_s"] = time.monotonic() - started_s
    wait(lambda: tool._object is not None and tool._object.outlined is not None, "the next outline", 60)
    store, layer = dock.label.store, dock.label.store.layer
    REPORT["labels"] = [[feature["query"], feature["box"]] for feature in layer.getFeatures()]
    REPORT["label_file"] = layer.source().partition("|")[0]
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert dock.label.walk is None  # that was the last
    REPORT["dropped"] = len(store.dropped())


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
    lower_threshold(dock.page, result)
    refine(dock, dock.page, layer, result)
    export(dock.page, result)
    label(dock, dock.page)


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
