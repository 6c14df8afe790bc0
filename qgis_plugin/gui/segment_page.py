"""The dock's page for an installed engine: how its widgets are arranged."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgisInterface, QgsMapLayerComboBox, QgsScrollArea
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QResizeEvent
from qgis.PyQt.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..core.translation import tr
from .engine_box import EngineBox
from .extent_box import ExtentBox
from .icons import theme_icon
from .label_box import LabelBox
from .query_line import QueryLine
from .resolution_box import ResolutionBox
from .result_box import ResultBox
from .run_box import RunBox

WIDE_PX = 340
"""From here on there is room for the links' texts."""


class SegmentPage(QgsScrollArea):
    """What to look for and where, the run, its result, and the engine; nothing here knows what they do.

    Args:
        iface: QGIS's interface.
        parent: Qt's.
    """

    def __init__(self, iface: QgisInterface, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.layer_box = QgsMapLayerComboBox()
        self.layer_box.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer_box.setAllowEmptyLayer(False)
        self.layer_box.setMinimumWidth(60)
        self.layer_box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        adjust = QgsMapLayerComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.layer_box.setSizeAdjustPolicy(adjust)
        self.layer_box.setAccessibleName(tr("Raster layer"))
        self.layer_box.setToolTip(
            tr("Any raster layer: local files as well as XYZ, WMS and other online maps")
        )
        self.query_line = QueryLine()
        self.extent_box = ExtentBox(iface)
        self.resolution_box = ResolutionBox(iface.mapCanvas())
        self.run_box = RunBox()
        self.result_box = ResultBox()
        self.label_box = LabelBox()
        self.engine_box = EngineBox()
        self.copy_button = _link_button("mActionEditCopy.svg", tr("Copy as command"))
        self.copy_button.setToolTip(tr("Put the same run on the clipboard as a command line"))
        self.doctor_button = _link_button("mIconInfo.svg", tr("Doctor"))
        self.doctor_button.setToolTip(tr("What the engine has, what it lacks, and why a GPU is not used"))
        self.settings_button = _link_button("mActionOptions.svg", tr("Settings"))
        self._links = (self.copy_button, self.doctor_button, self.settings_button)
        self.setWidget(self._content())
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as the widgets need, since there is no scrolling sideways, and of any height."""
        width_px = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width_px, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Where the panel is narrow, the links are icons with tool tips."""
        is_wide = event.size().width() >= WIDE_PX
        style = Qt.ToolButtonStyle
        for button in self._links:
            button.setToolButtonStyle(style.ToolButtonTextBesideIcon if is_wide else style.ToolButtonIconOnly)
        super().resizeEvent(event)

    def _content(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setSpacing(8)
        column.addLayout(self._form())
        column.addWidget(self.run_box)
        column.addWidget(_rule())
        column.addWidget(self.result_box)
        column.addWidget(self.label_box)
        column.addWidget(_rule())
        column.addWidget(self.engine_box)
        column.addStretch(1)
        column.addLayout(self._footer())
        return content

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Layer"), self.layer_box)
        form.addRow(tr("Find"), self.query_line)
        form.addRow(tr("Where"), self.extent_box)
        form.addRow(tr("Detail"), self.resolution_box)
        return form

    def _footer(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        for button in self._links:
            row.addWidget(button)
        row.addStretch(1)
        return row


def _link_button(icon: str, text: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(theme_icon(icon))
    button.setText(text)
    button.setAutoRaise(True)
    return button


def _rule() -> QFrame:
    rule = QFrame()
    rule.setFrameShape(QFrame.Shape.HLine)
    rule.setFrameShadow(QFrame.Shadow.Sunken)
    return rule
