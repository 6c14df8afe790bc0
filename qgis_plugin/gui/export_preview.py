"""The outlines of an export on the canvas, before it is made."""

from __future__ import annotations

import time
from typing import Iterable, Iterator, Optional

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsDistanceArea,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QObject, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor

from ..core.export.outline import OutlineOptions, outlined
from ..core.export.scope import Scope
from ..core.ground import ground_measure

MAX_SHOWN = 1000
"""More outlines than this on a screen cannot be told apart."""
_SETTLES_MS = 150
_SLICE_S = 0.03
_COLOUR = QColor(220, 0, 120)
_FILL_ALPHA = 40


class ExportPreview(QObject):
    """Draws what an export would make of the features in view, in slices, so that QGIS stays responsive.

    Args:
        canvas: Where to draw.
        layer: Whose features.
        parent: Qt's.
    """

    drawn = pyqtSignal(int, bool)
    """How many outlines are shown, and whether these are all in view."""

    def __init__(self, canvas: QgsMapCanvas, layer: QgsVectorLayer, *, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas, self._layer = canvas, layer
        self._band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        self._band.setStrokeColor(_COLOUR)
        self._band.setFillColor(QColor(_COLOUR.red(), _COLOUR.green(), _COLOUR.blue(), _FILL_ALPHA))
        self._band.setWidth(2)
        self._band.setLineStyle(Qt.PenStyle.SolidLine)
        self._options: Optional[OutlineOptions] = None
        self._scope = Scope()
        self._outlines: Iterator[QgsGeometry] = iter(())
        self._num_shown = 0
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLES_MS)
        self._settled.timeout.connect(self._begin)
        self._slices = QTimer(self)
        self._slices.timeout.connect(self._draw_slice)
        canvas.extentsChanged.connect(self._settled.start)

    @property
    def band(self) -> QgsRubberBand:
        """What is drawn."""
        return self._band

    def show(self, options: Optional[OutlineOptions], scope: Scope) -> None:
        """Draws these outlines once no newer ones are asked for; None draws nothing."""
        self._slices.stop()  # those under way are of no use any more
        self._options, self._scope = options, scope
        self._settled.start()

    def close(self) -> None:
        """Takes everything off the canvas, for good."""
        self._settled.stop()
        self._slices.stop()
        self._outlines = iter(())
        self._canvas.extentsChanged.disconnect(self._settled.start)
        self._canvas.scene().removeItem(self._band)

    def _begin(self) -> None:
        self._slices.stop()
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        self._num_shown = 0
        if self._options is None:
            return
        request = self._scope.request(self._layer)
        view = self._view_in_layer()
        if view is not None:
            request.setFilterRect(view)
        measure = ground_measure(self._layer.crs(), QgsProject.instance().transformContext())
        self._outlines = _outlines(self._layer.getFeatures(request), self._options, measure)
        self._slices.start(0)

    def _draw_slice(self) -> None:
        """Draws as many as fit a fraction of a second."""
        until = time.monotonic() + _SLICE_S
        is_complete = False
        while not is_complete and self._num_shown < MAX_SHOWN and time.monotonic() < until:
            outline = next(self._outlines, None)
            is_complete = outline is None
            if outline is not None and not outline.isNull():
                self._band.addGeometry(outline, self._layer, False)
                self._num_shown += 1
        self._band.updatePosition()
        self._band.update()
        if is_complete or self._num_shown == MAX_SHOWN:
            self._slices.stop()
            self.drawn.emit(self._num_shown, is_complete)

    def _view_in_layer(self) -> Optional[QgsRectangle]:
        """What the canvas shows, in the layer's CRS; None where that can't be said."""
        settings = self._canvas.mapSettings()
        to_layer = QgsCoordinateTransform(settings.destinationCrs(), self._layer.crs(), QgsProject.instance())
        try:
            view = to_layer.transformBoundingBox(settings.visibleExtent())
        except QgsCsException:
            return None
        return view if view.isFinite() and not view.isEmpty() else None


def _outlines(
    features: Iterable[QgsFeature], options: OutlineOptions, measure: QgsDistanceArea
) -> Iterator[QgsGeometry]:
    """One by one what an export would make of them; null for what it would leave out."""
    for feature in features:
        yield outlined(feature.geometry(), options, measure)
