"""From the canvas, rotated and in any CRS, to the pixels of a raster."""

from __future__ import annotations

import math
from typing import List, Optional, Sequence, Tuple

from qgis.core import Qgis, QgsCoordinateTransform, QgsCsException, QgsPointXY, QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QPoint
from qgis.PyQt.QtWidgets import QApplication

from ..core.raster.layer_raster import LayerRaster
from ..core.refine.outlined import View

_STEP_PX = 16


class RasterOnCanvas:
    """Where screen pixels lie on a raster, now: make it anew for every use.

    Args:
        canvas: The canvas.
        raster: The raster.
    """

    def __init__(self, canvas: QgsMapCanvas, raster: LayerRaster) -> None:
        self._canvas = canvas
        self._raster = raster
        canvas_crs = canvas.mapSettings().destinationCrs()
        self._transform = QgsCoordinateTransform(canvas_crs, raster.crs, QgsProject.instance())

    def to_map(self, screen: QPoint) -> Optional[Tuple[float, float]]:
        """x, y in the raster's CRS; None where that has no place for it."""
        to_canvas_map = self._canvas.getCoordinateTransform()
        try:
            point = self._transform.transform(to_canvas_map.toMapCoordinates(screen))
        except QgsCsException:
            return None
        is_finite = math.isfinite(point.x()) and math.isfinite(point.y())
        return (point.x(), point.y()) if is_finite else None

    def to_canvas(self, x_map: float, y_map: float) -> Optional[QgsPointXY]:
        """The point in the canvas's CRS; None where that has no place for it."""
        try:
            return self._transform.transform(QgsPointXY(x_map, y_map), Qgis.TransformDirection.Reverse)
        except QgsCsException:
            return None

    def is_on_raster(self, x_map: float, y_map: float) -> bool:
        """Whether the raster has a pixel there."""
        grid = self._raster.pixel_grid
        x_pix, y_pix = grid.to_pix((x_map, y_map))
        return bool(0 <= x_pix <= grid.width_px and 0 <= y_pix <= grid.height_px)

    def to_raster(self, screen: QPoint) -> Optional[Tuple[float, float]]:
        """x, y in the raster's CRS; None beside the raster."""
        place = self.to_map(screen)
        return place if place is not None and self.is_on_raster(*place) else None

    @property
    def is_seen(self) -> bool:
        """Whether the view shows some of the raster, as far as 25 places of it tell."""
        width_px, height_px = self._canvas.viewport().width(), self._canvas.viewport().height()
        places = [QPoint(width_px * x // 4, height_px * y // 4) for y in range(5) for x in range(5)]
        return any(self.to_raster(at) is not None for at in places)

    def has_pixels_in(self, corners_map: Sequence[Tuple[float, float]]) -> bool:
        """Whether the raster has pixels in the box of rows and columns around these corners."""
        grid = self._raster.pixel_grid
        corners_pix = grid.to_pix(corners_map)
        (xmin, ymin), (xmax, ymax) = corners_pix.min(axis=0), corners_pix.max(axis=0)
        return bool(xmin < grid.width_px and ymin < grid.height_px and xmax > 0 and ymax > 0)

    def view(self, at: Optional[QPoint] = None) -> Optional[View]:
        """The view, measured at a point of it, its middle by default; None where the raster isn't.

        Measured there and not at the corners, which may lie beyond what a CRS can show.
        """
        width_px, height_px = self._canvas.viewport().width(), self._canvas.viewport().height()
        middle = QPoint(width_px // 2, height_px // 2)
        at = middle if at is None else at
        centre, here = self.to_map(middle), self.to_map(at)
        right, down = self.to_map(at + QPoint(_STEP_PX, 0)), self.to_map(at + QPoint(0, _STEP_PX))
        if here is None or right is None or down is None:
            return None
        to_pix = self._raster.pixel_grid.to_pix
        (ax, ay), (bx, by) = to_pix(right) - to_pix(here), to_pix(down) - to_pix(here)
        scale = math.sqrt(abs(ax * by - ay * bx)) / _STEP_PX
        if not (math.isfinite(scale) and scale > 0):
            return None
        x_pix, y_pix = to_pix(centre if centre is not None else here)
        return View((float(x_pix), float(y_pix)), scale * math.sqrt(width_px * height_px))


def is_drag(start: QPoint, end: QPoint) -> bool:
    """Whether the mouse went so far between two screen pixels that it was no click."""
    return bool((end - start).manhattanLength() >= QApplication.startDragDistance())


def screen_corners(start: QPoint, end: QPoint) -> List[QPoint]:
    """The corners of the screen's rectangle, in turn."""
    return [start, QPoint(end.x(), start.y()), end, QPoint(start.x(), end.y())]
