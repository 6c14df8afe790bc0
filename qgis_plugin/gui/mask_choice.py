"""The buttons that choose among the masks that one mark may mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from qgis.PyQt.QtCore import QEvent, QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from ..core.translation import tr


@dataclass(frozen=True)
class MaskChoice:
    """What there is to choose from.

    Attributes:
        iou_preds: The model's estimate of each mask, the best first; () where there is no choice.
        chosen: The index of the one that counts.
    """

    iou_preds: Tuple[float, ...] = ()
    chosen: int = 0


class MaskChoiceBox(QWidget):
    """A button for every mask, with its number and its predicted IoU; hidden while there is no choice."""

    chosen = pyqtSignal(int)
    """A button was pressed."""
    hovered = pyqtSignal(object)
    """The index of the button under the mouse; None when it left."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.buttons: List[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_choice(self, choice: MaskChoice) -> None:
        """Shows what there is to choose from, without telling about it."""
        while len(self.buttons) < len(choice.iou_preds):
            self._add_button()
        for index, button in enumerate(self.buttons):
            button.setVisible(index < len(choice.iou_preds))
            button.setChecked(index == choice.chosen)
        for index, (button, iou_pred) in enumerate(zip(self.buttons, choice.iou_preds)):
            button.setText(f"{index + 1} · {iou_pred:.2f}")
            text = tr(
                "Mask {number}, predicted IoU {iou:.2f}: press {number}, or hold the mouse here to see it"
            )
            button.setToolTip(text.format(number=index + 1, iou=iou_pred))
        self.setVisible(bool(choice.iou_preds))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Tells which button the mouse is on."""
        if event.type() == QEvent.Type.Enter and watched in self.buttons:
            self.hovered.emit(self.buttons.index(watched))
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            self.hovered.emit(None)
        return bool(super().eventFilter(watched, event))

    def _add_button(self) -> None:
        button, index = QPushButton(), len(self.buttons)
        button.setCheckable(True)
        button.setMinimumWidth(40)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda _checked: self._choose(index))
        button.installEventFilter(self)
        self.buttons.append(button)
        self._row.addWidget(button)

    def _choose(self, index: int) -> None:
        """The pressed button counts alone, whatever counted before."""
        for other, button in enumerate(self.buttons):
            button.setChecked(other == index)
        self.chosen.emit(index)
