"""The export dialog, used as an analyst would: its widgets, its preview, its exports."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from export_layers import UTM, segment, segments_layer, square
from osgeo import gdal, osr
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QEventLoop
from qgis.PyQt.QtWidgets import QComboBox, QDialogButtonBox

from geophrase.qgis_plugin.core.export.outline import MAX_SMOOTHING, OutlineOptions
from geophrase.qgis_plugin.core.export.scope import Scope
from geophrase.qgis_plugin.core.export.training_sample import SampleReport
from geophrase.qgis_plugin.gui import export_preview
from geophrase.qgis_plugin.gui.export_dialog import ExportDialog

LEFT, TOP = 500_000, 5_540_000
LIMIT_S = 20


def _wait_for(condition) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        QgsApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


@pytest.fixture
def layer(project):
    found = [
        segment(square(LEFT + 10, TOP - 60, 40)),
        segment(square(LEFT + 100, TOP - 60, 10), query="trees"),
        segment(square(LEFT + 5_000, TOP - 60, 40)),
    ]
    layer = segments_layer(found)
    project.addMapLayer(layer)
    return layer


@pytest.fixture
def dialog(iface, layer):
    canvas = iface.mapCanvas()
    QgsApplication.processEvents()  # QGIS zooms to a project's first layer
    canvas.setDestinationCrs(layer.crs())
    canvas.setExtent(QgsRectangle(LEFT, TOP - 200, LEFT + 200, TOP))
    dialog = ExportDialog(layer, canvas, parent=iface.mainWindow())
    dialog.show()
    yield dialog
    dialog.reject()


@pytest.fixture
def ends(dialog):
    """How often an export has ended."""
    ended = []
    dialog.ended.connect(lambda: ended.append(True))
    return ended


def _message(dialog) -> str:
    item = dialog.message_bar.currentItem()
    return item.text() if item else ""


def _texts(box: QComboBox) -> list[str]:
    return [box.itemText(index) for index in range(box.count())]


def test_choices_follow_the_selection(dialog, layer):
    assert _texts(dialog.scope)[0] == "all polygons (3)"
    assert _texts(dialog.scope)[1:] == ["answers to “storage tanks”", "answers to “trees”"]
    layer.selectByIds([1])
    assert _texts(dialog.scope)[0] == "the selected polygons (1)"
    assert dialog.scope.currentData() == Scope()  # what was chosen stays chosen
    dialog.scope.setCurrentIndex(0)
    layer.selectByIds([1, 2])
    assert dialog.scope.currentText() == "the selected polygons (2)"
    layer.removeSelection()
    assert dialog.scope.currentText() == "all polygons (3)"


def test_every_outline_option_is_reachable(dialog):
    form = dialog.outlines
    assert form.options() == OutlineOptions()
    form.simplify.setValue(1.5)
    form.smooth.setValue(MAX_SMOOTHING)
    form.holes.setValue(20)
    form.min_area.setValue(300)
    expected = {"simplify_m": 1.5, "fill_holes_m2": 20, "min_area_m2": 300}
    assert form.options() == OutlineOptions(**expected, smooth_iterations=MAX_SMOOTHING)
    form.regularise.setChecked(True)
    form.all_holes.setChecked(True)
    assert form.options() == OutlineOptions(**{**expected, "fill_holes_m2": math.inf}, regularise=True)
    assert not form.smooth.isEnabled()


def _band_geometry(dialog) -> QgsGeometry:
    return dialog.preview.band.asGeometry()


def test_the_preview_shows_what_is_in_view_and_what_would_be_written(dialog):
    drawn = []
    dialog.preview.drawn.connect(lambda *state: drawn.append(state))
    _wait_for(lambda: drawn)
    assert drawn.pop() == (2, True)
    assert _band_geometry(dialog).area() == pytest.approx(1600 + 100)
    assert dialog.preview_note.text() == "2 outlines in view."
    dialog.outlines.min_area.setValue(200)
    _wait_for(lambda: drawn)
    assert drawn.pop() == (1, True)
    assert _band_geometry(dialog).area() == pytest.approx(1600)
    dialog.outlines.preview.setChecked(False)
    _wait_for(lambda: dialog.preview.band.size() == 0)


def test_the_preview_follows_the_canvas_in_another_crs(dialog, iface):
    drawn = []
    dialog.preview.drawn.connect(lambda *state: drawn.append(state))
    _wait_for(lambda: drawn)
    canvas = iface.mapCanvas()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    drawn.clear()
    canvas.setRotation(30)
    canvas.setExtent(QgsRectangle(9.0695, 50.008, 9.0705, 50.014))
    _wait_for(lambda: drawn)
    assert drawn[-1] == (1, True)
    assert _band_geometry(dialog).boundingBox().center().x() == pytest.approx(9.07, abs=1e-3)


def test_thousands_are_shown_in_part(dialog, monkeypatch):
    monkeypatch.setattr(export_preview, "MAX_SHOWN", 1)
    drawn = []
    dialog.preview.drawn.connect(lambda *state: drawn.append(state))
    dialog.outlines.simplify.setValue(0.5)
    _wait_for(lambda: drawn)
    assert drawn[-1] == (1, False)
    assert "first 1" in dialog.preview_note.text()


def test_the_preview_can_be_taken_away_while_it_is_drawn(dialog, layer, iface):
    many = [segment(square(LEFT + number % 100, TOP - 100 + number // 100, 1)) for number in range(900)]
    layer.dataProvider().addFeatures(many)
    dialog.outlines.regularise.setChecked(True)
    _wait_for(lambda: 0 < dialog.preview.band.size() < 800)
    dialog.outlines.preview.setChecked(False)
    _wait_for(lambda: dialog.preview.band.size() == 0)
    drawn = []
    dialog.preview.drawn.connect(lambda *state: drawn.append(state))
    dialog.outlines.preview.setChecked(True)
    _wait_for(lambda: drawn)
    assert drawn == [(902, True)]


def test_closing_takes_the_preview_off_the_canvas(dialog, iface):
    before = len(iface.mapCanvas().scene().items())
    dialog.reject()
    assert len(iface.mapCanvas().scene().items()) == before - 1


def test_the_dialog_closes_with_its_layer(dialog, layer, project):
    project.removeMapLayer(layer.id())
    assert not dialog.isVisible()


def test_nothing_can_be_exported_nowhere(dialog, tmp_path):
    assert not dialog.run_button.isEnabled()
    dialog.target.path.setFilePath(str(tmp_path / "a"))
    assert dialog.run_button.isEnabled()
    dialog.target.to_layer.setChecked(True)
    assert not dialog.run_button.isEnabled()
    dialog.tabs.setCurrentIndex(1)
    assert not dialog.run_button.isEnabled()


def test_a_new_file_is_written_and_added(dialog, ends, project, tmp_path):
    exported = []
    dialog.exported.connect(exported.append)
    dialog.target.path.setFilePath(str(tmp_path / "tanks"))
    dialog.outlines.min_area.setValue(200)
    dialog.run_button.click()
    assert dialog.is_busy
    assert not dialog.run_button.isEnabled()
    _wait_for(lambda: ends)
    assert not dialog.is_busy
    (written,) = exported
    assert isinstance(written, QgsVectorLayer)
    assert project.mapLayer(written.id()) is not None
    assert written.featureCount() == 2
    assert (tmp_path / "tanks.gpkg").exists()
    assert "2 polygons were written" in _message(dialog)
    assert "1 were left out as too small" in _message(dialog)


def test_another_format_and_one_querys_answers(dialog, ends, tmp_path):
    dialog.scope.setCurrentIndex(dialog.scope.findText("answers to “trees”"))
    dialog.target.format.setCurrentIndex(dialog.target.format.findData("GeoJSON"))
    dialog.target.path.setFilePath(str(tmp_path / "trees"))
    dialog.target.add_to_project.setChecked(False)
    dialog.run_button.click()
    _wait_for(lambda: ends)
    back = QgsVectorLayer(str(tmp_path / "trees.geojson"), "back", "ogr")
    assert [feature["query"] for feature in back.getFeatures()] == ["trees"]


@pytest.mark.parametrize(("name", "driver"), [("a.shp", "ESRI Shapefile"), ("a.GeoJSON", "GeoJSON")])
def test_the_format_is_what_the_file_is_called(dialog, tmp_path, name, driver):
    dialog.target.path.setFilePath(str(tmp_path / name))
    target = dialog.target.target()
    assert (target.path.name, target.driver) == (name, driver)
    dialog.target.path.setFilePath(str(tmp_path / "town.hall"))
    assert dialog.target.target().driver == driver, "a dot in a name says nothing"


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_file_is_replaced_only_when_the_user_says_so(dialog, ends, tmp_path, monkeypatch, is_allowed):
    path = tmp_path / "a.gpkg"
    path.write_text("precious")
    monkeypatch.setattr(dialog, "may_replace", lambda asked: asked == path and is_allowed)
    dialog.target.path.setFilePath(str(path))
    dialog.run_button.click()
    if is_allowed:
        _wait_for(lambda: ends)
    assert (path.read_bytes() == b"precious") is not is_allowed
    assert not dialog.is_busy


def test_a_failure_is_said_in_the_dialog(dialog, ends, tmp_path):
    (tmp_path / "file").write_text("")
    dialog.target.path.setFilePath(str(tmp_path / "file" / "a.gpkg"))
    dialog.run_button.click()
    _wait_for(lambda: ends)
    assert "could not be written" in _message(dialog)
    assert dialog.message_bar.currentItem().level() == Qgis.MessageLevel.Warning
    assert dialog.run_button.isEnabled()


def test_polygons_go_into_a_layer_of_the_project(dialog, ends, project):
    mine = QgsVectorLayer("Polygon?crs=EPSG:4326&field=query:string", "mine", "memory")
    project.addMapLayer(mine)
    dialog.target.to_layer.setChecked(True)
    dialog.target.layer.setLayer(mine)
    dialog.target.add_fields.setChecked(False)
    dialog.run_button.click()
    _wait_for(lambda: ends)
    assert mine.featureCount() == 3
    assert mine.isEditable()
    assert "Save the layer's edits" in _message(dialog)
    assert "no place for: score" in _message(dialog)
    mine.undoStack().undo()
    assert mine.featureCount() == 0
    mine.rollBack()


def test_neither_lines_nor_the_layer_itself_are_targets(dialog, layer, project):
    lines = QgsVectorLayer("LineString?crs=EPSG:4326", "lines", "memory")
    fixed = QgsVectorLayer("Polygon?crs=EPSG:4326", "fixed", "memory")
    mine = QgsVectorLayer("Polygon?crs=EPSG:4326", "mine", "memory")
    fixed.setReadOnly(True)
    project.addMapLayers([lines, fixed, mine])
    assert _texts(dialog.target.layer) == ["mine"]


def test_cancelling_leaves_nothing(dialog, ends, layer, tmp_path):
    many = [segment(square(LEFT + 3 * number, TOP, 2)) for number in range(20_000)]
    layer.dataProvider().addFeatures(many)
    dialog.outlines.regularise.setChecked(True)
    dialog.outlines.preview.setChecked(False)
    dialog.target.path.setFilePath(str(tmp_path / "a.gpkg"))
    dialog.run_button.click()
    _wait_for(lambda: dialog.progress.value() > 0)
    dialog.cancel_button.click()
    _wait_for(lambda: ends)
    assert "cancelled; nothing was written" in _message(dialog)
    assert list(tmp_path.iterdir()) == []


def test_closing_in_the_middle_cancels(dialog, layer, tmp_path):
    many = [segment(square(LEFT + 3 * number, TOP, 2)) for number in range(20_000)]
    layer.dataProvider().addFeatures(many)
    dialog.outlines.regularise.setChecked(True)
    dialog.target.path.setFilePath(str(tmp_path / "a.gpkg"))
    dialog.run_button.click()
    dialog.reject()
    _wait_for(lambda: QgsApplication.taskManager().countActiveTasks() == 0)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def raster(project, tmp_path):
    path = str(tmp_path / "town.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, 400, 400, 3, gdal.GDT_Byte)
    dataset.SetGeoTransform((LEFT, 0.5, 0, TOP, 0, -0.5))
    system = osr.SpatialReference()
    system.ImportFromEPSG(int(UTM.split(":")[1]))
    dataset.SetProjection(system.ExportToWkt())
    for band in range(3):
        dataset.GetRasterBand(band + 1).WriteRaster(0, 0, 400, 400, bytes(np.full(160_000, 99, np.uint8)))
    del dataset
    layer = QgsRasterLayer(path, "town")
    project.addMapLayer(layer)
    return layer


def test_training_data_is_saved(dialog, ends, layer, raster, tmp_path):
    exported = []
    dialog.exported.connect(exported.append)
    layer.selectByIds([1])
    dialog.scope.setCurrentIndex(0)
    dialog.tabs.setCurrentWidget(dialog.training)
    form = dialog.training
    form.raster.setLayer(raster)
    form.folder.setFilePath(str(tmp_path / "sample"))
    form.phrase.setText("round roofs")
    form.split.setCurrentIndex(form.split.findData("val"))
    form.side_px.setValue(256)
    dialog.run_button.click()
    _wait_for(lambda: ends)
    (report,) = exported
    assert isinstance(report, SampleReport)
    assert (len(report.stems), report.num_objects) == (1, 1)
    assert "1 images with 1 polygons" in _message(dialog)
    assert (tmp_path / "sample" / "splits" / "val.txt").read_text() == f"{report.stems[0]}\n"
    text = (tmp_path / "sample" / "annotations" / f"{report.stems[0]}.json").read_text()
    assert "round roofs" in text


def test_training_data_beside_the_layer_is_said(dialog, ends, layer, raster, tmp_path):
    dialog.tabs.setCurrentWidget(dialog.training)
    dialog.training.raster.setLayer(raster)
    dialog.training.folder.setFilePath(str(tmp_path / "sample"))
    dialog.run_button.click()
    _wait_for(lambda: ends)
    assert "1 polygons lie beside the layer" in _message(dialog)
    assert QgsProject.instance().mapLayer(raster.id()) is not None


def test_its_buttons_say_what_they_do(dialog):
    assert dialog.run_button.text() == "Export"
    assert dialog.buttons.button(QDialogButtonBox.StandardButton.Close) is not None
    assert QgsWkbTypes.geometryType(dialog.preview.band.asGeometry().wkbType()) in (
        QgsWkbTypes.GeometryType.PolygonGeometry,
        QgsWkbTypes.GeometryType.UnknownGeometry,
    )
