"""The export dialog: accepted polygons into a file, into a layer, or into training data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Callable, List, Optional, Tuple

from qgis.core import Qgis, QgsApplication, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ..core.export.errors import ExportError
from ..core.export.existing_layer import add_to_layer, check_can_take_polygons
from ..core.export.export_run import PolygonExport, TrainingExport
from ..core.export.new_file import NewFile
from ..core.export.prepare import PreparedFeatures
from ..core.export.reports import added_text, sample_text, written_text
from ..core.export.scope import Scope, queries_in
from ..core.export.training_sample import SampleReport
from ..core.raster.errors import LayerError
from ..core.translation import tr
from .export_outline_form import OutlineForm
from .export_preview import ExportPreview
from .export_target_form import TargetForm
from .export_task import ExportTask, Work
from .export_training_form import TrainingForm

_GOOD_NEWS_S = 8


class ExportDialog(QDialog):
    """Exports features of a segments layer; stays open, so that several exports can follow each other.

    Args:
        layer: The features; the dialog closes when the layer goes.
        canvas: Where outlines are shown before they are made.
        raster: The layer that they were found on, where that is known.
        parent: Qt's.
    """

    exported = pyqtSignal(object)
    """What an export gave: the layer, the path of a file that was not added, or a SampleReport."""
    ended = pyqtSignal()
    """An export is over, one way or another."""

    def __init__(
        self,
        layer: QgsVectorLayer,
        canvas: QgsMapCanvas,
        *,
        raster: Optional[QgsRasterLayer] = None,
        parent: Optional[QWidget] = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export polygons of {name}").format(name=layer.name()))
        self._layer: Optional[QgsVectorLayer] = layer
        self._task: Optional[ExportTask] = None
        self.message_bar = QgsMessageBar(self)
        self.scope = QComboBox()
        self.outlines = OutlineForm()
        self.target = TargetForm(layer)
        self.training = TrainingForm(raster)
        self.preview = ExportPreview(canvas, layer, parent=self)
        self.preview_note = QLabel()
        self.tabs = QTabWidget()
        self.progress = QProgressBar()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        roles = QDialogButtonBox.ButtonRole
        self.run_button = self.buttons.addButton(tr("Export"), roles.ApplyRole)
        self.cancel_button = self.buttons.addButton(tr("Cancel export"), roles.ActionRole)
        self._lay_out()
        self.refresh_scopes()
        self._connect()
        self._on_change()

    @property
    def is_busy(self) -> bool:
        """Whether an export is under way."""
        return self._task is not None

    def refresh_scopes(self) -> None:
        """Offers the choices that the layer has now; happens by itself when the selection changes."""
        if self._layer is None:
            return
        scopes = _scopes_of(self._layer)
        chosen = [scope for _, scope in scopes]
        index = chosen.index(self._scope) if self._scope in chosen else 0
        self.scope.blockSignals(True)
        self.scope.clear()
        for text, scope in scopes:
            self.scope.addItem(text, scope)
        self.scope.setCurrentIndex(index)
        self.scope.blockSignals(False)

    def export(self) -> None:
        """Begins the export of the tab that is open; `ended` says when it is over."""
        if self.is_busy or self._layer is None:
            return
        try:
            if self.tabs.currentWidget() is self.training:
                self._export_training(self._layer)
            else:
                self._export_polygons(self._layer)
        except (ExportError, LayerError) as error:
            self._on_failure(str(error))

    def cancel(self) -> None:
        """Asks the export that is under way to stop."""
        if self._task is not None:
            self._task.cancel()

    def done(self, result: int) -> None:
        """Closes the dialog; an export that is under way is cancelled and nothing more is heard of it."""
        if self._task is not None:
            for signal in (self._task.succeeded, self._task.failed, self._task.was_cancelled):
                signal.disconnect()
            self._task.progressChanged.disconnect(self._on_progress)
            self._task.cancel()
            self._task = None
        if self._layer is not None:
            self.preview.close()
            self._layer.selectionChanged.disconnect(self._on_selection)
            QgsProject.instance().layersWillBeRemoved.disconnect(self._on_removal)
            self._layer = None
        super().done(result)

    @property
    def _scope(self) -> Scope:
        return self.scope.currentData() or Scope()

    def _export_polygons(self, layer: QgsVectorLayer) -> None:
        target = self.target.target()
        export = PolygonExport.of(layer, self._scope, self.outlines.options())
        if isinstance(target, NewFile):
            if target.path.exists():
                if not self.may_replace(target.path):
                    return
                target = NewFile(target.path, target.driver, overwrite=True)
            add = self.target.add_to_project.isChecked()
            self._start(partial(export.to_file, target), partial(self._on_written, target, add))
        elif target is not None:
            check_can_take_polygons(target)
            self._start(export.prepared, partial(self._on_prepared, target.id()))

    def _export_training(self, layer: QgsVectorLayer) -> None:
        raster, options = self.training.raster.currentLayer(), self.training.options()
        if raster is None or options is None:
            return
        export = TrainingExport.of(
            layer,
            self._scope,
            raster,
            options,
            phrase=self.training.phrase.text().strip(),
            with_others=self.training.with_others.isChecked(),
        )
        self._start(export.run, self._on_sampled)

    def may_replace(self, path: Path) -> bool:
        """Asks whether a file may be replaced."""
        text = tr("{name} exists already. Replace it?").format(name=path.name)
        return bool(QMessageBox.question(self, self.windowTitle(), text) == QMessageBox.StandardButton.Yes)

    def _start(self, work: Work, on_success: Callable[..., None]) -> None:
        self.message_bar.clearWidgets()
        task = ExportTask(self.windowTitle(), work)
        task.progressChanged.connect(self._on_progress)
        task.succeeded.connect(partial(self._on_success, on_success))
        task.failed.connect(self._on_failure)
        task.was_cancelled.connect(self._on_cancelled)
        self._task = task
        self.progress.setValue(0)
        self._on_change()
        QgsApplication.taskManager().addTask(task)

    def _on_progress(self, percent: float) -> None:
        self.progress.setValue(round(percent))

    def _on_success(self, on_success: Callable[..., None], answer: object) -> None:
        try:
            on_success(answer)
        except ExportError as error:
            self._on_failure(str(error))
        else:
            self._end()

    def _on_written(self, target: NewFile, add: bool, prepared: PreparedFeatures) -> None:
        written: object = target.path
        if add:
            layer = QgsVectorLayer(str(target.path), target.path.stem, "ogr")
            if layer.isValid():
                QgsProject.instance().addMapLayer(layer)
                written = layer
        self._tell(written_text(target, prepared), Qgis.MessageLevel.Success)
        self.exported.emit(written)

    def _on_prepared(self, layer_id: str, prepared: PreparedFeatures) -> None:
        layer = QgsProject.instance().mapLayer(layer_id)
        if layer is None:
            raise ExportError(tr("The layer was removed meanwhile; choose another one."))
        report = add_to_layer(layer, prepared, add_fields=self.target.add_fields.isChecked())
        level = Qgis.MessageLevel.Warning if report.fields_left_out else Qgis.MessageLevel.Success
        self._tell(added_text(layer.name(), report, prepared), level)
        self.exported.emit(layer)

    def _on_sampled(self, report: SampleReport) -> None:
        is_whole = not (report.num_beside or report.num_in_other_split or report.num_cut)
        level = Qgis.MessageLevel.Success if is_whole else Qgis.MessageLevel.Warning
        self._tell(sample_text(report), level)
        self.exported.emit(report)

    def _on_failure(self, text: str) -> None:
        self._tell(text, Qgis.MessageLevel.Warning)
        self._end()

    def _on_cancelled(self, text: str) -> None:
        self._tell(text, Qgis.MessageLevel.Info)
        self._end()

    def _end(self) -> None:
        self._task = None
        self._on_change()
        self.ended.emit()

    def _tell(self, text: str, level: Qgis.MessageLevel) -> None:
        duration_s = 0 if level == Qgis.MessageLevel.Warning else _GOOD_NEWS_S
        self.message_bar.pushMessage("", text, level, duration_s)

    def _on_selection(self, *_: object) -> None:
        self.refresh_scopes()
        self._on_change()

    def _on_removal(self, layer_ids: List[str]) -> None:
        if self._layer is not None and self._layer.id() in layer_ids:
            self.reject()

    def _on_change(self) -> None:
        """Shows what can be done now, and what it would give."""
        is_training = self.tabs.currentWidget() is self.training
        has_target = self.training.options() is not None and self.training.raster.currentLayer() is not None
        if not is_training:
            has_target = self.target.target() is not None
        self.run_button.setEnabled(has_target and not self.is_busy)
        self.cancel_button.setVisible(self.is_busy)
        self.progress.setVisible(self.is_busy)
        wants_preview = self.outlines.preview.isChecked() and not is_training
        self.preview_note.setVisible(wants_preview)
        if self._layer is not None:
            self.preview.show(self.outlines.options() if wants_preview else None, self._scope)

    def _on_drawn(self, num_shown: int, is_all: bool) -> None:
        text = tr("{count} outlines in view.") if is_all else tr("The first {count} outlines in view.")
        self.preview_note.setText(text.format(count=num_shown))

    def _connect(self) -> None:
        self.run_button.clicked.connect(self.export)
        self.cancel_button.clicked.connect(self.cancel)
        self.buttons.rejected.connect(self.reject)
        self.scope.currentIndexChanged.connect(self._on_change)
        self.tabs.currentChanged.connect(self._on_change)
        for form in (self.outlines, self.target, self.training):
            form.changed.connect(self._on_change)
        self.preview.drawn.connect(self._on_drawn)
        if self._layer is not None:
            self._layer.selectionChanged.connect(self._on_selection)
        QgsProject.instance().layersWillBeRemoved.connect(self._on_removal)

    def _lay_out(self) -> None:
        polygons = QWidget()
        column = QVBoxLayout(polygons)
        for widget in (self.target, self.outlines, self.preview_note):
            column.addWidget(widget)
        column.addStretch(1)
        self.tabs.addTab(polygons, tr("Polygons"))
        self.tabs.addTab(self.training, tr("Save as training data"))
        which = QFormLayout()
        which.addRow(tr("Export"), self.scope)
        outer = QVBoxLayout(self)
        outer.addWidget(self.message_bar)
        outer.addLayout(which)
        for widget in (self.tabs, self.progress, self.buttons):
            outer.addWidget(widget)


def _scopes_of(layer: QgsVectorLayer) -> List[Tuple[str, Scope]]:
    """The choices for a layer, the most likely first."""
    scopes = []
    num_selected = layer.selectedFeatureCount()
    if num_selected:
        text = tr("the selected polygons ({count})").format(count=num_selected)
        scopes.append((text, Scope(selected_only=True)))
    scopes.append((tr("all polygons ({count})").format(count=layer.featureCount()), Scope()))
    queries = queries_in(layer)
    if len(queries) > 1:
        scopes += [(tr("answers to “{query}”").format(query=query), Scope(query=query)) for query in queries]
    return scopes
