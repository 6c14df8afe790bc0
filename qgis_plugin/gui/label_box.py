"""The widgets that work through a layer of boxes."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsFieldProxyModel, QgsMapLayer, QgsMapLayerProxyModel, QgsVectorLayer
from qgis.gui import QgsCollapsibleGroupBox, QgsFieldComboBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..core.annotate.walk import Label, LabelWalk
from ..core.translation import tr
from .icons import theme_icon
from .labels import wrapped_label

_BAR_PX = 6
_PHRASE_FIELDS = ("query", "phrase", "description", "label", "class", "name")
"""Names of columns that say what an object is, the likeliest first."""


class LabelBox(QgsCollapsibleGroupBox):
    """Which boxes, where the walk is, and the ways on: accept, drop, next, previous."""

    walk_toggled = pyqtSignal(bool)
    accept_requested = pyqtSignal()
    drop_requested = pyqtSignal()
    step_requested = pyqtSignal(int)
    """1 for the next box, -1 for the one before."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Boxes to label"), parent)
        self.layer_box = QgsMapLayerComboBox()
        self.layer_box.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.layer_box.setAccessibleName(tr("Layer of boxes"))
        self.layer_box.setToolTip(
            tr("A layer whose features' extents are boxes around one object each, in any coordinate system")
        )
        self.field_box = QgsFieldComboBox()
        self.field_box.setFilters(QgsFieldProxyModel.Filter.String)
        self.field_box.setAllowEmptyFieldName(True)
        self.field_box.setAccessibleName(tr("Column of phrases"))
        self.field_box.setToolTip(
            tr("The column that says what is in each box; none for the phrase after Find")
        )
        self.toggle = QPushButton(theme_icon("mActionEditTable.svg"), tr("Label the boxes"))
        self.toggle.setCheckable(True)
        self.toggle.setToolTip(
            tr(
                "Goes from box to box. Masks are proposed for each: accept one, correct it with clicks, or "
                "drop the box. Every label is saved at once, and next time the walk goes on here."
            )
        )
        self.accept = QPushButton(tr("Accept"))
        self.accept.setToolTip(tr("Save this outline and go on to the next open box (Enter on the map)"))
        self.drop = QPushButton(tr("Drop"))
        self.drop.setToolTip(tr("This box has nothing to label: go on without (Delete on the map)"))
        self.previous = _tool_button("mActionArrowLeft.svg", tr("The box before (Page Up on the map)"))
        self.next = _tool_button("mActionArrowRight.svg", tr("The next box (Page Down on the map)"))
        self._where, self._bar = wrapped_label(), QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(_BAR_PX)
        self._arrange()
        self._connect()
        self.setCollapsed(True)
        self.show_walk(None)

    @property
    def boxes(self) -> Optional[QgsVectorLayer]:
        """The chosen layer of boxes."""
        layer: Optional[QgsMapLayer] = self.layer_box.currentLayer()
        return layer if isinstance(layer, QgsVectorLayer) and layer.isValid() else None

    @property
    def phrase_field(self) -> str:
        """The chosen column; "" for none."""
        return str(self.field_box.currentField())

    def show_toggled(self, is_on: bool) -> None:
        """Whether a walk is on, without telling about it."""
        self.toggle.blockSignals(True)
        self.toggle.setChecked(is_on)
        self.toggle.blockSignals(False)
        self.layer_box.setEnabled(not is_on)
        self.field_box.setEnabled(not is_on)

    def show_walk(self, walk: Optional[LabelWalk]) -> None:
        """Where the walk is; None while there is none."""
        for button in (self.accept, self.drop):
            button.setEnabled(walk is not None)
        for widget in (self.previous, self._where, self.next, self._bar):
            widget.setVisible(walk is not None)
        if walk is None:
            return
        num_accepted, num_dropped = walk.num_labelled(Label.ACCEPTED), walk.num_labelled(Label.DROPPED)
        self._bar.setRange(0, len(walk.boxes))
        self._bar.setValue(num_accepted + num_dropped)
        self.previous.setEnabled(walk.index > 0)
        self.next.setEnabled(walk.index + 1 < len(walk.boxes))
        self._where.setText(_where_text(walk, num_accepted, num_dropped))

    def _on_layer(self, layer: Optional[QgsMapLayer]) -> None:
        if layer is not None and layer is self.field_box.layer():
            return  # told again, for the list of layers changed: what was chosen stays
        self.field_box.setLayer(layer)
        if isinstance(layer, QgsVectorLayer):
            self.field_box.setField(_likely_field(layer))

    def _arrange(self) -> None:
        for combo in (self.layer_box, self.field_box):
            combo.setMinimumWidth(60)
            combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Boxes"), self.layer_box)
        form.addRow(tr("Phrase"), self.field_box)
        place, answer = QHBoxLayout(), QHBoxLayout()
        place.addWidget(self.previous)
        place.addWidget(self._where, 1)
        place.addWidget(self.next)
        for button in (self.accept, self.drop):
            answer.addWidget(button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addLayout(form)
        column.addWidget(self.toggle)
        column.addLayout(place)
        column.addWidget(self._bar)
        column.addLayout(answer)

    def _connect(self) -> None:
        self.layer_box.layerChanged.connect(self._on_layer)
        self._on_layer(self.layer_box.currentLayer())
        self.toggle.toggled.connect(self.walk_toggled)
        self.accept.clicked.connect(self.accept_requested)
        self.drop.clicked.connect(self.drop_requested)
        self.previous.clicked.connect(lambda _checked: self.step_requested.emit(-1))
        self.next.clicked.connect(lambda _checked: self.step_requested.emit(1))


def _likely_field(layer: QgsVectorLayer) -> str:
    """The column that probably holds the phrases; "" where none has such a name."""
    names = {field.name().lower(): field.name() for field in layer.fields()}
    return next((names[name] for name in _PHRASE_FIELDS if name in names), "")


def _where_text(walk: LabelWalk, num_accepted: int, num_dropped: int) -> str:
    """Such as "12 of 340: storage tank (accepted). 10 accepted, 1 dropped"."""
    place = tr("{number} of {count}").format(number=walk.index + 1, count=len(walk.boxes))
    phrase = f": {walk.current.phrase}" if walk.current.phrase else ""
    became = {Label.OPEN: "", Label.ACCEPTED: tr(" (accepted)"), Label.DROPPED: tr(" (dropped)")}[walk.label]
    sums = tr("{accepted} accepted, {dropped} dropped").format(accepted=num_accepted, dropped=num_dropped)
    return f"{place}{phrase}{became}\n{sums}"


def _tool_button(icon: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(theme_icon(icon))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button
