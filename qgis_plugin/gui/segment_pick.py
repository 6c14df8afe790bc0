"""Which polygon of a layer lies under a point."""

from __future__ import annotations

from typing import Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)


def segment_at(
    layer: QgsVectorLayer, x_map: float, y_map: float, *, crs: QgsCoordinateReferenceSystem
) -> Optional[QgsFeature]:
    """The smallest polygon that holds a point; None where there is none.

    Args:
        layer: Polygons, in any CRS.
        x_map: In `crs`.
        y_map: In `crs`.
        crs: Of the point.
    """
    try:
        to_layer = QgsCoordinateTransform(crs, layer.crs(), QgsProject.instance())
        point = to_layer.transform(QgsPointXY(x_map, y_map))
    except QgsCsException:
        return None
    around = list(layer.getFeatures(_around(point)))
    found = [feature for feature in around if feature.geometry().contains(point)]
    return min(found, key=lambda feature: feature.geometry().area(), default=None)


def _around(point: QgsPointXY) -> QgsFeatureRequest:
    """Features whose boxes touch the point; a rectangle without area would ask for all."""
    margin = 1e-9 * max(1.0, abs(point.x()), abs(point.y()))
    rectangle = QgsRectangle(point.x() - margin, point.y() - margin, point.x() + margin, point.y() + margin)
    return QgsFeatureRequest(rectangle)
