"""Where the export dialog writes polygons: a new file, or a layer of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from qgis.core import QgsMapLayerProxyModel, QgsVectorLayer
from qgis.gui import QgsFileWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QFormLayout, QGroupBox, QRadioButton, QWidget

from ..core.export.new_file import NewFile, vector_formats
from ..core.translation import tr


class TargetForm(QGroupBox):
    """Asks for the target.

    Args:
        layer: The segments layer, which is no target for itself.
        parent: Qt's.
    """

    changed = pyqtSignal()
    """Another target, or none any more."""

    def __init__(self, layer: QgsVectorLayer, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Target"), parent)
        self.to_file = QRadioButton(tr("New file"))
        self.to_layer = QRadioButton(tr("Layer of this project"))
        self.to_file.setChecked(True)
        self._formats = vector_formats()
        self.format = QComboBox()
        for offered in self._formats:
            self.format.addItem(offered.label, offered.driver)
        self.path = QgsFileWidget()
        self.path.setStorageMode(QgsFileWidget.StorageMode.SaveFile)
        self.path.setConfirmOverwrite(False)  # asked once, when it is written
        self.path.setDialogTitle(tr("Save the polygons as"))
        self.add_to_project = QCheckBox(tr("Add to the project"))
        self.add_to_project.setChecked(True)
        self.layer = QgsMapLayerComboBox()
        filters = QgsMapLayerProxyModel.Filter
        self.layer.setFilters(filters.PolygonLayer | filters.WritableLayer)
        self.layer.setExceptedLayerList([layer])
        self.add_fields = QCheckBox(tr("Add the fields that the layer lacks"))
        self.add_fields.setChecked(True)
        self._lay_out()
        self.format.currentIndexChanged.connect(self._on_change)
        self.path.fileChanged.connect(self._on_path)
        self.layer.layerChanged.connect(self._on_change)
        self.to_file.toggled.connect(self._on_change)
        self._on_change()

    def target(self) -> Union[NewFile, QgsVectorLayer, None]:
        """The file to write or the layer to add to; None where there is none yet."""
        if self.to_layer.isChecked():
            return self.layer.currentLayer()
        typed = self.path.filePath().strip()
        if not typed:
            return None
        chosen = self._formats[self.format.currentIndex()]
        return NewFile(chosen.completed(Path(typed)), chosen.driver)

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.addRow(self.to_file)
        form.addRow(tr("Format"), self.format)
        form.addRow(tr("File"), self.path)
        form.addRow("", self.add_to_project)
        form.addRow(self.to_layer)
        form.addRow(tr("Layer"), self.layer)
        form.addRow("", self.add_fields)

    def _on_path(self, path: str) -> None:
        """A name that ends as another format's files do chooses that format."""
        suffixes = [offered.suffix.lower() for offered in self._formats]
        typed = Path(path.strip()).suffix.lower()
        if typed in suffixes and typed != suffixes[self.format.currentIndex()]:
            self.format.setCurrentIndex(suffixes.index(typed))
        self._on_change()

    def _on_change(self) -> None:
        is_file = self.to_file.isChecked()
        for widget in (self.format, self.path, self.add_to_project):
            widget.setEnabled(is_file)
        for widget in (self.layer, self.add_fields):
            widget.setEnabled(not is_file)
        self.path.setFilter(self._formats[self.format.currentIndex()].label)
        self.changed.emit()
