"""The map tool under a simulated mouse; where clicks belong is computed by GDAL and plain trigonometry."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt, QVariant
from qgis.PyQt.QtGui import QKeySequence, QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QApplication
from rasters import NORTH_UP, ROTATED, write_raster

from geophrase.qgis_plugin.core.engine.service import EngineService
from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
from geophrase.qgis_plugin.core.refine.outlined import RefineOptions
from geophrase.qgis_plugin.core.refine.refine_engine import RefineEngine
from geophrase.qgis_plugin.gui.refine_tool import RefineTool

pytestmark = pytest.mark.usefixtures("qgis_app")
SIDE_PX = 3000
DEGREES = (9.0, 8e-6, 0.0, 50.0, 0.0, -6e-6)
# The file's transform and CRS, the canvas's CRS, its rotation.
PLACEMENTS = {
    "same CRS": (NORTH_UP, 25832, 25832, 0),
    "rotated canvas": (NORTH_UP, 25832, 25832, 30),
    "other CRS": (NORTH_UP, 25832, 3857, 0),
    "degrees on a rotated map in metres": (DEGREES, 4326, 3857, -75),
    "metres on a map in degrees": (NORTH_UP, 25832, 4326, 0),
    "rotated file": (ROTATED, 25832, 25832, 0),
    "rotated file and canvas, other CRS": (ROTATED, 25832, 3857, 130),
    "no georeference": (None, None, None, 0),
    "no georeference, rotated canvas": (None, None, None, 45),
}


class Table:
    """A raster under the tool on a real canvas, a scripted engine, and the mouse."""

    def __init__(self, iface, command, path: str, *, epsg=25832, rotation=0.0, scale=1.0, at=(1500, 1500)):
        self.iface, self.canvas, self.command = iface, iface.canvas, command
        self.layer = QgsRasterLayer(path, "photo")
        QgsProject.instance().addMapLayer(self.layer)
        self.transform = gdal.Open(path).GetGeoTransform(can_return_null=True) or (0, 1, 0, 0, 0, -1)
        self.crs = gdal.Open(path).GetSpatialRef()
        self.canvas_crs = None
        self.canvas.setDestinationCrs(QgsCoordinateReferenceSystem())
        if epsg is not None:
            self.canvas_crs = osr.SpatialReference()
            self.canvas_crs.ImportFromEPSG(epsg)
            self.canvas.setDestinationCrs(QgsCoordinateReferenceSystem(f"EPSG:{epsg}"))
        iface.window.show()
        self.settle(0.1)
        self.canvas.setRotation(rotation)
        self._look_at(at, scale)
        self.service = EngineService(lambda: command.serve_argv)
        self.engine = RefineEngine(self.service, layer_raster(self.layer), RefineOptions())
        self.tool = RefineTool(self.canvas, self.engine)
        self.accepted, self.status, self.failed = [], [], []
        self.tool.accepted.connect(self.accepted.append)
        self.tool.status_changed.connect(self.status.append)
        self.engine.failed.connect(self.failed.append)
        self.engine.start()
        self.num_items = len(self.canvas.scene().items())
        self.canvas.setMapTool(self.tool)
        self._wait_for_the_neighbourhood()

    def _wait_for_the_neighbourhood(self):
        """Sessions are then numbered in the order of the log."""
        num_opened = -1
        while num_opened < max(1, len(self.command.requests("open_session"))):
            num_opened = len(self.command.requests("open_session"))
            self.settle(0.1)

    def _look_at(self, at_pix, scale: float):
        """Centres a pixel of the raster, `scale` raster pixels to a screen pixel."""
        x, y = self._canvas_of(at_pix)
        x1, y1 = self._canvas_of((at_pix[0] + scale, at_pix[1]))
        self.canvas.setCenter(QgsPointXY(x, y))
        self.canvas.zoomScale(
            self.canvas.scale() * math.hypot(x1 - x, y1 - y) / self.canvas.mapUnitsPerPixel()
        )
        self.canvas.setCenter(QgsPointXY(x, y))
        self.settle(0.05)

    # Where things are, without QGIS's transforms.

    def _canvas_of(self, at_pix) -> tuple[float, float]:
        x, y = gdal.ApplyGeoTransform(self.transform, *map(float, at_pix))
        return self._reprojected(x, y, self.crs, self.canvas_crs)

    def _reprojected(self, x, y, source, target):
        if source is None or target is None:
            return x, y
        for crs in (source, target):
            crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        return osr.CoordinateTransformation(source, target).TransformPoint(x, y)[:2]

    def screen_of(self, at_pix) -> QPoint:
        """The screen pixel at a pixel of the raster: the map turns clockwise about the canvas's middle."""
        x, y = self._canvas_of(at_pix)
        centre, unit = self.canvas.center(), self.canvas.mapUnitsPerPixel()
        right, down = (x - centre.x()) / unit, (centre.y() - y) / unit
        angle = math.radians(self.canvas.rotation())
        return QPoint(
            round(self.canvas.viewport().width() / 2 + right * math.cos(angle) - down * math.sin(angle)),
            round(self.canvas.viewport().height() / 2 + right * math.sin(angle) + down * math.cos(angle)),
        )

    def pix_of(self, screen: QPoint) -> tuple[float, float]:
        """The raster's pixel under a screen pixel."""
        across, along = (
            screen.x() - self.canvas.viewport().width() / 2,
            screen.y() - self.canvas.viewport().height() / 2,
        )
        angle = -math.radians(self.canvas.rotation())
        right = across * math.cos(angle) - along * math.sin(angle)
        down = across * math.sin(angle) + along * math.cos(angle)
        centre, unit = self.canvas.center(), self.canvas.mapUnitsPerPixel()
        x, y = centre.x() + right * unit, centre.y() - down * unit
        x, y = self._reprojected(x, y, self.canvas_crs, self.crs)
        return gdal.ApplyGeoTransform(gdal.InvGeoTransform(self.transform), x, y)

    # What arrives at the engine.

    def asked(self, index: int = -1) -> dict:
        """The prompts of a request, by type, with their points in the raster's pixels."""
        self.wait(lambda: self.command.requests("predict"))
        request = self.command.requests("predict")[index]
        opened = {entry["id"]: entry["message"] for entry in self.command.requests("session_opened")}
        session = opened[request["id"]]
        window = session["window"]
        prompts = {prompt["type"]: prompt for prompt in request["message"]["prompts"]}
        scale = np.array([window["width"], window["height"]]) / session["shape_yx"][::-1]
        origin = np.array([window["col"], window["row"]])
        if "points" in prompts:
            prompts["points"] = np.array(prompts["points"]["points_pix"]) * scale + origin
        if "box" in prompts:
            prompts["box"] = np.array(prompts["box"]["box_pix"]).reshape(2, 2) * scale + origin
        return prompts

    @property
    def num_asked(self) -> int:
        return len(self.command.requests("predict"))

    # The mouse and the keys.

    def click(
        self, at_pix, button=Qt.MouseButton.LeftButton, modifiers=Qt.KeyboardModifier.NoModifier
    ) -> QPoint:
        at = self.screen_of(at_pix)
        QTest.mouseClick(self.canvas.viewport(), button, modifiers, at)
        return at

    def move(self, at: QPoint, buttons=Qt.MouseButton.NoButton):
        viewport = self.canvas.viewport()
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(at),
            QPointF(viewport.mapToGlobal(at)),
            Qt.MouseButton.NoButton,
            buttons,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(viewport, event)

    def drag(self, start: QPoint, end: QPoint):
        QTest.mousePress(self.canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
        self.move((start + end) / 2, Qt.MouseButton.LeftButton)
        self.move(end, Qt.MouseButton.LeftButton)
        QTest.mouseRelease(self.canvas.viewport(), Qt.MouseButton.LeftButton, pos=end)

    def key(self, key, modifiers=Qt.KeyboardModifier.NoModifier):
        QTest.keyClick(self.canvas, key, modifiers)

    def undo(self):
        self.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    def redo(self):
        self.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)

    # What is on the canvas.

    def shown_centre_pix(self):
        """The middle of the mask that is drawn, in the raster's pixels; None where none is."""
        geometry = self.tool._bands.mask.asGeometry()
        if geometry.isEmpty():
            return None
        centre = geometry.centroid().asPoint()
        x, y = self._reprojected(centre.x(), centre.y(), self.canvas_crs, self.crs)
        return gdal.ApplyGeoTransform(gdal.InvGeoTransform(self.transform), x, y)

    def wait(self, condition, timeout_s=15.0):
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, (self.status, self.failed, self.command.requests())
            QApplication.processEvents()
            time.sleep(0.002)

    def settle(self, seconds=0.25):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.002)

    def wait_shown(self):
        self.wait(lambda: self.tool._object.outlined is not None)
        assert self.shown_centre_pix() is not None

    def close(self):
        self.canvas.unsetMapTool(self.tool)
        self.engine.stop()
        self.service.stop()
        assert self.engine.join(5)
        self.tool.set_segments(None)
        self.layer = self.tool = None


@pytest.fixture
def table(iface, scripted_engine, tmp_path):
    opened = []

    def open_table(transform=NORTH_UP, file_epsg=25832, **options):
        values = np.full((1, SIDE_PX, SIDE_PX), 90, np.uint8)
        path = write_raster(tmp_path / "photo.tif", values, transform=transform, epsg=file_epsg)
        opened.append(Table(iface, scripted_engine, path, **options))
        return opened[-1]

    yield open_table
    for one in opened:
        one.close()


@pytest.mark.parametrize("name", PLACEMENTS)
def test_a_click_lands_on_the_pixel_under_the_mouse_and_its_outline_around_it(table, name):
    transform, file_epsg, epsg, rotation = PLACEMENTS[name]
    t = table(transform, file_epsg, epsg=epsg, rotation=rotation)
    assert t.canvas.rotation() == pytest.approx(rotation % 360) or t.canvas.rotation() == rotation
    at = t.click((1600, 1420))
    expected_pix = t.pix_of(at)
    assert expected_pix == pytest.approx((1600, 1420), abs=2)
    assert t.asked()["points"] == pytest.approx(np.array([expected_pix]), abs=0.02)
    t.wait_shown()
    assert t.shown_centre_pix() == pytest.approx(expected_pix, abs=1)
    assert t.failed == []


@pytest.mark.parametrize(("scale", "side"), [(0.25, 256), (1.0, 1024), (2.0, 2048), (2.6, 2048)])
def test_the_crop_shows_about_what_the_analyst_sees(table, scale, side):
    t = table(scale=scale)
    t.wait(lambda: t.command.requests("open_session"))
    message = t.command.requests("open_session")[0]["message"]
    assert message["window"]["width"] == message["window"]["height"] == side
    assert message["shape_yx"] == [1024, 1024]
    at = t.click((1540, 1480))
    assert t.asked()["points"] == pytest.approx(np.array([t.pix_of(at)]), abs=0.02)
    assert len([e for e in t.command.requests("open_session") if not e["message"]["is_background"]]) == 1


@pytest.mark.parametrize("rotation", [0, 40])
def test_a_drag_is_the_upright_box_around_its_corners(table, rotation):
    t = table(rotation=rotation)
    start, end = QPoint(300, 200), QPoint(420, 330)
    t.drag(start, end)
    corners = [start, QPoint(420, 200), end, QPoint(300, 330)]
    corners_pix = np.array([t.pix_of(at) for at in corners])
    expected = [corners_pix.min(axis=0), corners_pix.max(axis=0)]
    assert t.asked()["box"] == pytest.approx(np.array(expected), abs=0.02)
    assert set(t.asked()) == {"box"}
    t.wait_shown()
    assert t.shown_centre_pix() == pytest.approx(t.pix_of(QPoint(360, 265)), abs=1)
    assert t.num_asked == 1


def test_clicks_add_up_with_the_text_and_the_mask_before(table):
    t = table()
    t.tool.set_text(" white roof ")
    first = t.click((1500, 1500))
    t.wait_shown()
    second = t.click((1520, 1500), Qt.MouseButton.RightButton)
    t.wait(lambda: t.num_asked == 2)
    assert set(t.asked(0)) == {"text", "points"}
    assert set(t.asked(1)) == {"text", "points", "mask"}
    raw = t.command.requests("predict")[1]["message"]["prompts"]
    assert [prompt["text"] for prompt in raw if prompt["type"] == "text"] == ["white roof"]
    assert [prompt["labels"] for prompt in raw if prompt["type"] == "points"] == [[1, 0]]
    assert t.asked(1)["points"] == pytest.approx(np.array([t.pix_of(first), t.pix_of(second)]), abs=0.02)
    t.wait(lambda: "Enter accepts" in t.status[-1])
    assert len(t.tool._bands.markers) == 2


def test_the_outline_stays_until_the_next_answer_is_here(table):
    t = table()
    t.click((1500, 1500))
    t.wait_shown()
    shown = t.shown_centre_pix()
    t.command.script({"on": "predict", "delay_s": 0.3})
    t.click((1560, 1500))
    t.settle(0.1)
    assert t.shown_centre_pix() == pytest.approx(shown)
    t.wait_shown()
    assert t.shown_centre_pix()[0] == pytest.approx(1530, abs=2)


def test_undo_and_redo_show_what_was_and_ask_only_what_is_not_known(table):
    t = table()
    menu_undo = []
    action = QAction(t.iface.window)
    action.setShortcut(QKeySequence(QKeySequence.StandardKey.Undo))
    action.triggered.connect(lambda: menu_undo.append(True))
    t.iface.window.addAction(action)
    t.iface.window.activateWindow()
    shown = []
    for number in range(3):
        t.click((1500 + 40 * number, 1500))
        t.wait(lambda number=number: t.num_asked == number + 1)
        t.wait_shown()
        shown.append(t.shown_centre_pix())
    assert shown[2][0] == pytest.approx(1540, abs=2)
    t.undo()
    assert t.shown_centre_pix() == pytest.approx(shown[1])
    assert len(t.tool._bands.markers) == 2
    t.undo()
    t.undo()
    assert t.shown_centre_pix() is None
    t.redo()
    assert t.shown_centre_pix() == pytest.approx(shown[0])
    t.redo()
    t.redo()
    assert t.shown_centre_pix() == pytest.approx(shown[2])
    t.settle()
    assert t.num_asked == 3
    assert menu_undo == []
    t.undo()
    at = t.click((1500, 1560))
    t.wait(lambda: t.num_asked == 4)
    points = t.asked()["points"]
    assert points[:, 0] == pytest.approx([1500, 1540, 1500], abs=2)
    assert points[2] == pytest.approx(t.pix_of(at), abs=0.02)
    t.key(Qt.Key.Key_Escape)
    t.undo()
    assert menu_undo == [True]  # without an object the key is QGIS's again


def test_enter_hands_the_object_over_and_escape_drops_it(table):
    t = table()
    t.tool.set_text("tank")
    t.click((1500, 1500))
    t.key(Qt.Key.Key_Return)
    assert t.accepted == []
    assert "Nothing is outlined yet" in t.status[-1]
    t.wait_shown()
    shown = t.shown_centre_pix()
    t.key(Qt.Key.Key_Return)
    (refined,) = t.accepted
    assert (refined.feature_id, refined.text) == (None, "tank")
    centre = refined.geometry.centroid().asPoint()
    x, y = gdal.ApplyGeoTransform(t.transform, *shown)
    assert (centre.x(), centre.y()) == pytest.approx((x, y), abs=0.5)
    assert [click.is_positive for click in refined.clicks] == [True]
    assert (refined.outlined.score, refined.outlined.iou_pred) == (0.9, 0.9)
    assert t.shown_centre_pix() is None
    assert t.tool._bands.markers == []
    t.click((1700, 1500))
    t.wait_shown()
    t.key(Qt.Key.Key_Escape)
    assert t.shown_centre_pix() is None
    assert not t.tool.is_refining
    assert len(t.accepted) == 1


def _segments(epsg: int, rings_pix, transform) -> QgsVectorLayer:
    """A memory layer of one polygon with a hole, which lies where the raster's pixels do."""
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:{epsg}", "segments", "memory")
    source, target = osr.SpatialReference(), osr.SpatialReference()
    source.ImportFromEPSG(25832)
    target.ImportFromEPSG(epsg)
    for crs in (source, target):
        crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    to_layer = osr.CoordinateTransformation(source, target)
    rings = [
        [
            QgsPointXY(*to_layer.TransformPoint(*gdal.ApplyGeoTransform(transform, *map(float, at)))[:2])
            for at in ring
        ]
        for ring in rings_pix
    ]
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromPolygonXY(rings))
    layer.dataProvider().addFeatures([feature])
    return layer


def test_a_polygon_is_refined_as_what_it_was_found_for(table):
    t = table()
    square = [(1400, 1400), (1600, 1400), (1600, 1600), (1400, 1600)]
    segments = _segments(25832, [square], NORTH_UP)
    segments.dataProvider().addAttributes([QgsField("query", QVariant.Type.String)])
    segments.updateFields()
    feature = next(segments.getFeatures())
    segments.dataProvider().changeAttributeValues(
        {feature.id(): {segments.fields().indexOf("query"): "sheds"}}
    )
    t.tool.set_text("houses")
    t.tool.set_segments(segments)
    t.click((1430, 1430))
    t.click((1450, 1450))
    assert t.asked()["text"]["text"] == "sheds"


@pytest.mark.parametrize("epsg", [25832, 4326])
def test_a_polygon_is_taken_up_and_its_shape_is_the_first_mask(table, epsg):
    t = table()
    outer = [(1400, 1400), (1600, 1400), (1600, 1600), (1400, 1600)]
    hole = [(1480, 1480), (1520, 1480), (1520, 1520), (1480, 1520)]
    segments = _segments(epsg, [outer, hole], NORTH_UP)
    t.tool.set_segments(segments)
    t.click((1430, 1430))
    assert t.num_asked == 0
    assert t.tool.is_refining
    assert t.shown_centre_pix() == pytest.approx((1500, 1500), abs=1)
    shape = t.tool._bands.mask.asGeometry()
    assert len(shape.asMultiPolygon()[0] if shape.isMultipart() else shape.asPolygon()) == 2  # with its hole
    t.click((1580, 1580), Qt.MouseButton.RightButton)
    assert set(t.asked()) == {"points", "mask"}
    assert t.command.requests("predict")[0]["arrays"] == {"low_res_logits_HW": [256, 256]}
    t.click((1450, 1450))
    t.wait(lambda: t.num_asked == 2)
    t.wait_shown()
    t.key(Qt.Key.Key_Return)
    assert t.accepted[0].feature_id == next(segments.getFeatures()).id()
    assert t.accepted[0].layer_id == segments.id()
    t.click((1500, 1500))  # in the hole: a new object
    t.wait(lambda: t.num_asked == 3)
    assert set(t.asked()) == {"points"}
    t.key(Qt.Key.Key_Escape)
    t.click((1430, 1430), modifiers=Qt.KeyboardModifier.ShiftModifier)
    t.wait(lambda: t.num_asked == 4)
    assert set(t.asked()) == {"points"}
    t.tool.set_segments(segments)
    t.key(Qt.Key.Key_Escape)
    t.click((1430, 1430))
    t.key(Qt.Key.Key_Escape)
    assert t.shown_centre_pix() is None


def test_a_preview_follows_the_mouse_at_its_own_pace(table):
    t = table()
    t.wait(lambda: t.command.requests("open_session"))
    t.settle(0.2)
    for step in range(100):
        t.move(QPoint(300 + step, 300))
        QApplication.processEvents()
        time.sleep(0.002)
    t.wait(lambda: not t.tool._bands.hover.asGeometry().isEmpty())
    t.settle()
    assert 1 <= t.num_asked <= 20
    assert t.asked()["points"] == pytest.approx(np.array([t.pix_of(QPoint(399, 300))]), abs=0.02)
    assert t.shown_centre_pix() is None
    QApplication.sendEvent(t.canvas.viewport(), QEvent(QEvent.Type.Leave))
    assert t.tool._bands.hover.asGeometry().isEmpty()
    t.settle()
    assert t.tool._bands.hover.asGeometry().isEmpty()


def test_clicks_beside_the_layer_and_removing_from_nothing_are_explained(table):
    t = table(at=(20, 20))
    t.click((-100, -100))
    assert "The layer photo has no pixel there" in t.status[-1]
    t.click((100, 100), Qt.MouseButton.RightButton)
    assert "nothing to remove from" in t.status[-1]
    t.drag(t.screen_of((-200, -200)), t.screen_of((-100, -100)))
    assert "has no pixels in the box" in t.status[-1]
    assert not t.tool.is_refining
    t.drag(t.screen_of((-100, -100)), t.screen_of((100, 100)))
    assert t.asked()["box"] == pytest.approx(np.array([(0, 0), (100, 100)]), abs=2)
    assert t.num_asked == 1


def test_another_tool_leaves_a_clean_canvas_and_the_object_waits(table):
    t = table()
    t.click((1500, 1500))
    t.wait_shown()
    shown = t.shown_centre_pix()
    t.canvas.setMapTool(QgsMapToolPan(t.canvas))
    assert len(t.canvas.scene().items()) == t.num_items
    t.move(QPoint(300, 300))
    t.settle(0.1)
    assert t.num_asked == 1
    t.canvas.setMapTool(t.tool)
    assert t.shown_centre_pix() == pytest.approx(shown)
    assert len(t.tool._bands.markers) == 1
    t.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    t.canvas_crs.ImportFromEPSG(3857)
    assert t.shown_centre_pix() == pytest.approx(shown, abs=0.5)
    t.click((1540, 1500))
    t.wait(lambda: t.num_asked == 2)
    assert t.asked()["points"][1] == pytest.approx((1540, 1500), abs=2)


def test_an_answer_that_came_while_another_tool_was_active_is_asked_for_again(table):
    t = table()
    t.command.script({"on": "predict", "delay_s": 0.3, "times": 1})
    t.click((1500, 1500))
    t.canvas.setMapTool(QgsMapToolPan(t.canvas))
    t.settle(0.6)
    t.canvas.setMapTool(t.tool)
    t.wait_shown()
    t.key(Qt.Key.Key_Return)
    assert len(t.accepted) == 1


def test_a_text_that_changes_asks_again_and_can_be_undone(table):
    t = table()
    t.tool.set_text("roof")
    t.click((1500, 1500))
    t.wait_shown()
    t.tool.set_text("chimney")
    t.wait(lambda: t.num_asked == 2)
    t.undo()
    t.settle(0.1)
    assert t.num_asked == 2
    t.key(Qt.Key.Key_Return)
    assert t.accepted[0].text == "roof"
