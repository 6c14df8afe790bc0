"""What is drawn on the canvas while an object is refined."""

from __future__ import annotations

from typing import List, Optional, Sequence

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsRubberBand, QgsVertexMarker
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

_MASK = QColor(0, 120, 255)
_HOVER = QColor(255, 170, 0)
_ADDED = QColor(0, 140, 60)
_REMOVED = QColor(200, 30, 30)
_FILL_ALPHA = 70


class RefineBands:
    """The object's outline with its holes, a preview, a box, and the clicks.

    Clicks that add are green circles and clicks that remove red crosses: their shapes differ, too, for those
    who don't tell red from green.

    Args:
        canvas: Where it is drawn.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self.mask = _band(canvas, _MASK, width_px=2, fill_alpha=_FILL_ALPHA)
        self.hover = _band(canvas, _HOVER, width_px=1, fill_alpha=_FILL_ALPHA // 2)
        self.hover.setLineStyle(Qt.PenStyle.DashLine)
        self.box = _band(canvas, _ADDED, width_px=1, fill_alpha=0)
        self.markers: List[QgsVertexMarker] = []

    def show_mask(self, geometry: Optional[QgsGeometry], crs: QgsCoordinateReferenceSystem) -> None:
        """Shows the object, or nothing."""
        _show(self.mask, geometry, crs)

    def show_hover(self, geometry: Optional[QgsGeometry], crs: QgsCoordinateReferenceSystem) -> None:
        """Shows a preview, or none."""
        _show(self.hover, geometry, crs)

    def show_box(self, places: Sequence[Optional[QgsPointXY]]) -> None:
        """Shows a box by its corners as far as they are on the canvas; none for ()."""
        corners = [place for place in places if place is not None]
        self.box.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        for corner in corners:
            self.box.addPoint(corner, False)
        if corners:
            self.box.closePoints(True)
        self.box.setVisible(bool(corners))

    def show_clicks(
        self, added: Sequence[Optional[QgsPointXY]], removed: Sequence[Optional[QgsPointXY]]
    ) -> None:
        """Shows clicks where they are on the canvas; one that is nowhere on it is not shown."""
        self._remove_markers()
        icons = QgsVertexMarker.IconType
        for points, colour, icon in ((added, _ADDED, icons.ICON_CIRCLE), (removed, _REMOVED, icons.ICON_X)):
            self.markers += [_marker(self._canvas, at, colour, icon) for at in points if at is not None]

    def clear(self) -> None:
        """Shows nothing."""
        for band in (self.mask, self.hover, self.box):
            band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        self._remove_markers()

    def remove(self) -> None:
        """Takes everything off the canvas for good."""
        self.clear()
        for band in (self.mask, self.hover, self.box):
            self._canvas.scene().removeItem(band)

    def _remove_markers(self) -> None:
        for marker in self.markers:
            self._canvas.scene().removeItem(marker)
        self.markers = []


def _band(canvas: QgsMapCanvas, colour: QColor, *, width_px: int, fill_alpha: int) -> QgsRubberBand:
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    fill = QColor(colour)
    fill.setAlpha(fill_alpha)
    band.setStrokeColor(colour)
    band.setFillColor(fill)
    band.setWidth(width_px)
    return band


def _show(band: QgsRubberBand, geometry: Optional[QgsGeometry], crs: QgsCoordinateReferenceSystem) -> None:
    if geometry is None or geometry.isEmpty():
        band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
    else:
        band.setToGeometry(geometry, crs)


def _marker(canvas: QgsMapCanvas, point: QgsPointXY, colour: QColor, icon: int) -> QgsVertexMarker:
    marker = QgsVertexMarker(canvas)
    marker.setCenter(point)
    marker.setColor(colour)
    marker.setIconType(icon)
    marker.setIconSize(10)
    marker.setPenWidth(3)
    return marker
