"""What the export dialog asks for when polygons are saved as training data."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsFileWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from ..core.export.sample_folder import SPLITS
from ..core.export.training_sample import DEFAULT_SIDE_PX, SampleOptions
from ..core.translation import tr

_MIN_SIDE_PX, _MAX_SIDE_PX = 64, 4096


class TrainingForm(QWidget):
    """Asks for the image, the folder, the phrase and the split.

    Args:
        raster: The layer that the polygons were found on, where that is known.
        parent: Qt's.
    """

    changed = pyqtSignal()
    """Something is another one."""

    def __init__(self, raster: Optional[QgsRasterLayer] = None, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.raster = QgsMapLayerComboBox()
        self.raster.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        if raster is not None:
            self.raster.setLayer(raster)
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setDialogTitle(tr("Folder of training data"))
        self.phrase = QLineEdit()
        self.phrase.setPlaceholderText(tr("the query of each polygon"))
        self.split = QComboBox()
        for split, meaning in zip(SPLITS, (tr("to learn from"), tr("to choose by"), tr("to test with"))):
            self.split.addItem(f"{split} – {meaning}", split)
        self.side_px = QSpinBox()
        self.side_px.setRange(_MIN_SIDE_PX, _MAX_SIDE_PX)
        self.side_px.setValue(DEFAULT_SIDE_PX)
        self.side_px.setSuffix(tr(" px"))
        self.resolution = QDoubleSpinBox()
        self.resolution.setDecimals(6)
        self.resolution.setRange(0.0, 10_000.0)
        self.resolution.setSpecialValueText(tr("the layer's own"))
        self.with_others = QCheckBox(tr("The phrase's other polygons in an image are right, too"))
        self.with_others.setChecked(True)
        self._lay_out()
        self.folder.fileChanged.connect(self._on_change)
        self.raster.layerChanged.connect(self._on_change)

    def options(self) -> Optional[SampleOptions]:
        """Where and how to write; None where no folder is given yet."""
        typed = self.folder.filePath().strip()
        if not typed:
            return None
        return SampleOptions(
            Path(typed),
            split=str(self.split.currentData()),
            side_px=self.side_px.value(),
            resolution_map=self.resolution.value() or None,
        )

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        note = QLabel(
            tr("Images are cut from the layer around the polygons, as it is shown now. What is not a polygon "
               "counts as not meant by the phrase, so complete the polygons before you save them.")
        )  # fmt: skip
        note.setWordWrap(True)
        form.addRow(note)
        form.addRow(tr("Images from"), self.raster)
        form.addRow(tr("Folder"), self.folder)
        form.addRow(tr("Phrase"), self.phrase)
        form.addRow(tr("Split"), self.split)
        form.addRow(tr("Image side"), self.side_px)
        form.addRow(tr("Pixel size (map units)"), self.resolution)
        form.addRow("", self.with_others)

    def _on_change(self) -> None:
        self.changed.emit()
