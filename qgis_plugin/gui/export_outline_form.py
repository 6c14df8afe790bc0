"""The outline options of the export dialog."""

from __future__ import annotations

import math
from typing import Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QGroupBox, QSpinBox, QWidget

from ..core.export.outline import MAX_SMOOTHING, OutlineOptions
from ..core.translation import tr

_MAX_TOLERANCE_M = 1000.0
_MAX_AREA_M2 = 1e9


class OutlineForm(QGroupBox):
    """Asks what to do with the outlines."""

    changed = pyqtSignal()
    """Some option is another one."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Outlines"), parent)
        self.simplify = _spin_box(tr(" m"), _MAX_TOLERANCE_M, tr("no"))
        self.simplify.setToolTip(
            tr("How far the new outline may be from the found one, in metres on the ground in every CRS.")
        )
        self.regularise = QCheckBox(tr("Right angles, for buildings"))
        self.regularise.setToolTip(
            tr("Walls become straight and perpendicular where that stays close to what was found. Without a "
               "tolerance it is taken from each polygon's size.")
        )  # fmt: skip
        self.smooth = QSpinBox()
        self.smooth.setRange(0, MAX_SMOOTHING)
        self.smooth.setSpecialValueText(tr("no"))
        self.holes = _spin_box(tr(" m²"), _MAX_AREA_M2, tr("none"))
        self.all_holes = QCheckBox(tr("Fill all holes"))
        self.min_area = _spin_box(tr(" m²"), _MAX_AREA_M2, tr("none"))
        self.preview = QCheckBox(tr("Show them on the map"))
        self.preview.setChecked(True)
        self._lay_out()
        for box in (self.simplify, self.holes, self.min_area, self.smooth):
            box.valueChanged.connect(self._on_change)
        for check in (self.regularise, self.all_holes, self.preview):
            check.toggled.connect(self._on_change)

    def options(self) -> OutlineOptions:
        """What is asked for."""
        is_square = self.regularise.isChecked()
        return OutlineOptions(
            simplify_m=self.simplify.value(),
            regularise=is_square,
            smooth_iterations=0 if is_square else self.smooth.value(),
            fill_holes_m2=math.inf if self.all_holes.isChecked() else self.holes.value(),
            min_area_m2=self.min_area.value(),
        )

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.addRow(tr("Simplify by"), self.simplify)
        form.addRow("", self.regularise)
        form.addRow(tr("Rounds of smoothing"), self.smooth)
        form.addRow(tr("Fill holes below"), self.holes)
        form.addRow("", self.all_holes)
        form.addRow(tr("Leave out polygons below"), self.min_area)
        form.addRow(tr("Preview"), self.preview)

    def _on_change(self) -> None:
        self.smooth.setEnabled(not self.regularise.isChecked())
        self.holes.setEnabled(not self.all_holes.isChecked())
        self.changed.emit()


def _spin_box(suffix: str, maximum: float, zero: str) -> QDoubleSpinBox:
    """A number from 0, which is shown as a word."""
    box = QDoubleSpinBox()
    box.setRange(0.0, maximum)
    box.setDecimals(2)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    box.setSuffix(suffix)
    box.setSpecialValueText(zero)
    return box
