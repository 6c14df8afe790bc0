"""The sliders: what of the probabilities becomes polygons."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from geophrase.protocol.jobs import Outline

from ..core.segment.area_scale import MAX_AREA_STEP, area_of_step, step_of_area
from ..core.translation import tr

_PERCENT = 100


class OutlineBox(QWidget):
    """Threshold and minimum area, with their values beside them."""

    changed = pyqtSignal(object)
    """The Outline that the sliders say, while they are dragged too."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._threshold = _slider(1, _PERCENT - 1, tr("Threshold"))
        self._threshold.setToolTip(
            tr("To the right only what the model is sure of, to the left more. Acts on the result at once.")
        )
        self._area = _slider(0, MAX_AREA_STEP, tr("Minimum area"))
        self._area.setToolTip(tr("Smaller polygons are left out. Acts on the result at once."))
        self._threshold_text, self._area_text = QLabel(), QLabel()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        rows = (
            (tr("Threshold"), self._threshold, self._threshold_text),
            (tr("Min. area"), self._area, self._area_text),
        )
        for row, (title, slider, value) in enumerate(rows):
            label = QLabel(title)
            label.setBuddy(slider)
            grid.addWidget(label, row, 0)
            grid.addWidget(slider, row, 1)
            grid.addWidget(value, row, 2)
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance("7000 m²"))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid.setColumnStretch(1, 1)
        self.outline = Outline()
        self._threshold.valueChanged.connect(self._on_change)
        self._area.valueChanged.connect(self._on_change)

    @property
    def outline(self) -> Outline:
        """What the sliders say."""
        return Outline(
            threshold=self._threshold.value() / _PERCENT, min_area_m2=area_of_step(self._area.value())
        )

    @outline.setter
    def outline(self, outline: Outline) -> None:
        for slider, value in (
            (self._threshold, round(outline.threshold * _PERCENT)),
            (self._area, step_of_area(outline.min_area_m2)),
        ):
            slider.blockSignals(True)
            slider.setValue(value)
            slider.blockSignals(False)
        self._show_values()

    def _on_change(self) -> None:
        self._show_values()
        self.changed.emit(self.outline)

    def _show_values(self) -> None:
        outline = self.outline
        self._threshold_text.setText(f"{outline.threshold:.2f}")
        self._area_text.setText(area_text(outline.min_area_m2))


def area_text(area_m2: Optional[float]) -> str:
    """An area as people read it."""
    if area_m2 is None:
        return tr("any")
    if area_m2 >= 10_000:
        return tr("{area:g} ha").format(area=area_m2 / 10_000)
    return tr("{area:g} m²").format(area=area_m2)


def _slider(minimum: int, maximum: int, name: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(minimum, maximum)
    slider.setPageStep(max(1, (maximum - minimum) // 10))
    slider.setMinimumWidth(60)
    slider.setAccessibleName(name)
    return slider
