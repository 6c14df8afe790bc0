"""What can be done with a result."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..core.segment.layer import ResultLayer
from ..core.segment.queries import short_title
from ..core.translation import tr
from .icons import theme_icon
from .labels import wrapped_label
from .mask_choice import MaskChoiceBox
from .outline_box import OutlineBox


class ResultBox(QWidget):
    """Which result it is, its sliders, and the ways on: refine, undo, redo, accept and export."""

    refine_toggled = pyqtSignal(bool)
    undo_requested = pyqtSignal()
    redo_requested = pyqtSignal()
    export_requested = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.outline_box = OutlineBox()
        self._title = wrapped_label()
        self._hint = wrapped_label()
        self.mask_choice = MaskChoiceBox()
        self.refine = QPushButton(theme_icon("mActionDigitizeWithCurve.svg"), tr("Refine"))
        self.refine.setCheckable(True)
        self.refine.setToolTip(
            tr(
                "Click on the map: left adds, right takes away, a drag is a box. The first click on a "
                "polygon takes it up, with Shift it begins a new one. Enter accepts, Escape discards."
            )
        )
        self.undo = _tool_button("mActionUndo.svg", tr("Undo the last click"))
        self.redo = _tool_button("mActionRedo.svg", tr("Redo the click"))
        self.export = QPushButton(theme_icon("mActionFileSave.svg"), tr("Accept / export…"))
        self.export.setToolTip(
            tr("Accept the polygons into a layer or a file, or save them as training data")
        )
        self._arrange()
        self.refine.toggled.connect(self.refine_toggled)
        self.undo.clicked.connect(self.undo_requested)
        self.redo.clicked.connect(self.redo_requested)
        self.export.clicked.connect(self.export_requested)
        self.show_result(None)
        self.show_refining(False)
        self.show_hint("")

    def show_result(self, result: Optional[ResultLayer], *, is_outlining: bool = False) -> None:
        """Says which result the box is about."""
        if result is None:
            self._title.setText(tr("No result yet. The sliders apply to the next run."))
            return
        queries = short_title(result.started.queries) or tr("clicked objects")
        title = tr("{count}: {queries}").format(count=count_text(result.num_polygons), queries=queries)
        self._title.setText(tr("{title} …").format(title=title) if is_outlining else title)

    def show_refining(self, is_refining: bool) -> None:
        """Whether the map tool is active, without telling about it."""
        self.refine.blockSignals(True)
        self.refine.setChecked(is_refining)
        self.refine.blockSignals(False)
        for button in (self.undo, self.redo):
            button.setEnabled(is_refining)

    def show_hint(self, text: str) -> None:
        """What refining can do next, or is doing."""
        self._hint.setText(text)
        self._hint.setVisible(bool(text))

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.refine, 1)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._title)
        column.addWidget(self.outline_box)
        column.addLayout(row)
        column.addWidget(self.mask_choice)
        column.addWidget(self._hint)
        column.addWidget(self.export)


def count_text(num_polygons: int) -> str:
    """A number of polygons in words."""
    if num_polygons == 1:
        return tr("1 polygon")
    return tr("{count} polygons").format(count=f"{num_polygons:,}".replace(",", "\u202f"))


def _tool_button(icon: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(theme_icon(icon))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button
