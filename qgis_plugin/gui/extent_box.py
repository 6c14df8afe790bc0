"""The dock's choice of where to look."""

from __future__ import annotations

from typing import Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsRasterLayer,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.gui import QgisInterface, QgsMapCanvas, QgsMapTool, QgsMapToolExtent, QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from ..core.segment.extent import (
    Area,
    ExtentError,
    ExtentKind,
    canvas_area,
    drawn_area,
    selection_area,
)
from ..core.translation import tr
from .icons import theme_icon


class ExtentBox(QWidget):
    """Layer, map view, drawn box or selected polygons; and whether that is shown to the model as one image.

    Args:
        iface: QGIS's interface.
        parent: Qt's.
    """

    changed = pyqtSignal()

    def __init__(self, iface: QgisInterface, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._box: Optional[QgsRectangle] = None
        self._box_crs = QgsCoordinateReferenceSystem()
        self._band: Optional[QgsRubberBand] = None  # the tool's own is seen only while it is used
        self._tool: Optional[QgsMapToolExtent] = None
        self._earlier_tool: Optional[QgsMapTool] = None
        self._kinds = QComboBox()
        self._kinds.setAccessibleName(tr("Where to look"))
        for kind, text in _titles().items():
            self._kinds.addItem(text, kind)
        self._kinds.setToolTip(
            tr(
                "Selected polygons are those of the layer that is active in the layer panel; objects that "
                "touch one of them are kept whole."
            )
        )
        self._draw = QToolButton()
        self._draw.setIcon(theme_icon("mActionAddBasicRectangle.svg"))
        self._draw.setToolTip(tr("Draw the box on the map"))
        self._draw.setAccessibleName(tr("Draw a box"))
        self._one_image = QCheckBox(tr("As one image"))
        self._one_image.setToolTip(
            tr(
                "Show the area to the model as a single image instead of tiles, so that words such as "
                '"the leftmost" or "the largest" mean what you see. Small objects are found less well.'
            )
        )
        self._arrange()
        self._kinds.currentIndexChanged.connect(self._on_kind)
        self._draw.clicked.connect(self.draw)
        self._one_image.toggled.connect(lambda _checked: self.changed.emit())

    @property
    def kind(self) -> ExtentKind:
        """The choice."""
        return ExtentKind(self._kinds.currentData())

    @kind.setter
    def kind(self, kind: ExtentKind) -> None:
        self._kinds.setCurrentIndex(self._kinds.findData(kind))

    @property
    def is_one_image(self) -> bool:
        """Whether the area goes to the model as a single image."""
        return bool(self._one_image.isChecked())

    @is_one_image.setter
    def is_one_image(self, is_one_image: bool) -> None:
        self._one_image.setChecked(is_one_image)

    def area_on(self, raster: QgsRasterLayer) -> Area:
        """The choice in the raster's coordinates.

        Raises:
            ExtentError: It can't be used on this raster.
        """
        if self.kind is ExtentKind.CANVAS:
            return canvas_area(raster, self._iface.mapCanvas().mapSettings())
        if self.kind is ExtentKind.DRAWN:
            if self._box is None:
                raise ExtentError(tr("No box is drawn yet. Press the button beside the choice and draw it."))
            return drawn_area(raster, self._box, self._box_crs)
        if self.kind is ExtentKind.SELECTION:
            return selection_area(raster, self._iface.activeLayer())
        return Area()

    def draw(self) -> None:
        """Lets the user draw a box, then gives the map its earlier tool back."""
        canvas = self._iface.mapCanvas()
        if self._tool is None:
            self._tool = QgsMapToolExtent(canvas)
            self._tool.extentChanged.connect(self.set_box)
        if canvas.mapTool() is not self._tool:
            self._earlier_tool = canvas.mapTool()
        canvas.setMapTool(self._tool)

    def set_box(self, box: QgsRectangle) -> None:
        """Takes a box in the map's CRS as the choice."""
        if box.isEmpty():
            return
        canvas = self._iface.mapCanvas()
        self._box = QgsRectangle(box)
        self._box_crs = canvas.mapSettings().destinationCrs()
        if self.kind is not ExtentKind.DRAWN:
            self.kind = ExtentKind.DRAWN
        if self._tool is not None and canvas.mapTool() is self._tool:
            canvas.unsetMapTool(self._tool)
            if self._earlier_tool is not None and not sip.isdeleted(self._earlier_tool):
                canvas.setMapTool(self._earlier_tool)
        self._show_box()
        self.changed.emit()

    def close_tool(self) -> None:
        """Takes the box and its tool off the map."""
        if self._tool is not None:
            self._iface.mapCanvas().unsetMapTool(self._tool)
            self._tool.clearRubberBand()
            self._tool.deleteLater()
            self._tool = None
        if self._band is not None:
            self._iface.mapCanvas().destinationCrsChanged.disconnect(self._show_box)
            self._iface.mapCanvas().scene().removeItem(self._band)
            self._band = None

    def _show_box(self) -> None:
        """Shows on the map where the drawn box is, while it counts."""
        is_shown = self.kind is ExtentKind.DRAWN and self._box is not None
        if self._band is None and is_shown:
            self._band = _dashed_band(self._iface.mapCanvas())
            self._iface.mapCanvas().destinationCrsChanged.connect(self._show_box)
        if self._band is not None and self._box is not None:
            self._band.setToGeometry(QgsGeometry.fromRect(self._box), self._box_crs)
            self._band.setVisible(is_shown)

    def _on_kind(self) -> None:
        self._draw.setVisible(self.kind is ExtentKind.DRAWN)
        if self.kind is ExtentKind.DRAWN and self._box is None:
            self.draw()
        if self.kind is not ExtentKind.DRAWN and self._tool is not None:
            self._tool.clearRubberBand()
        self._show_box()
        self.changed.emit()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        self._kinds.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._kinds.setMinimumContentsLength(6)
        row.addWidget(self._kinds, 1)
        row.addWidget(self._draw)
        self._draw.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self._one_image)


def _dashed_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    band.setFillColor(QColor(0, 0, 0, 0))
    band.setStrokeColor(QColor("#ff9800"))
    band.setLineStyle(Qt.PenStyle.DashLine)
    band.setWidth(2)
    return band


def _titles() -> dict[ExtentKind, str]:
    return {
        ExtentKind.LAYER: tr("Whole layer"),
        ExtentKind.CANVAS: tr("Map view"),
        ExtentKind.DRAWN: tr("Drawn box"),
        ExtentKind.SELECTION: tr("Selected polygons"),
    }
