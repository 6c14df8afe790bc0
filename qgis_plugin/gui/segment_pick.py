"""Which polygon of a layer lies under a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)

from ..core.segment.features import QUERY_FIELD


@dataclass(frozen=True)
class PickedSegment:
    """A polygon of a layer.

    Attributes:
        layer_id: The layer.
        feature_id: In the layer.
        geometry: In the CRS that was asked for.
        query: The phrase that it answers; "" where the layer doesn't say.
    """

    layer_id: str
    feature_id: int
    geometry: QgsGeometry
    query: str = ""


def segment_at(
    layer: QgsVectorLayer, x_map: float, y_map: float, *, crs: QgsCoordinateReferenceSystem
) -> Optional[PickedSegment]:
    """The smallest polygon that holds a point; None where there is none.

    Args:
        layer: Polygons, in any CRS.
        x_map: In `crs`.
        y_map: In `crs`.
        crs: Of the point and of the answer.
    """
    to_layer = QgsCoordinateTransform(crs, layer.crs(), QgsProject.instance())
    to_crs = QgsCoordinateTransform(layer.crs(), crs, QgsProject.instance())
    try:
        point = to_layer.transform(QgsPointXY(x_map, y_map))
        found: List[Tuple[float, PickedSegment]] = []
        for feature in layer.getFeatures(_around(point)):
            geometry = QgsGeometry(feature.geometry())
            if geometry.contains(point):
                area = geometry.area()
                geometry.transform(to_crs)
                picked = PickedSegment(layer.id(), feature.id(), geometry, _query_of(feature))
                found.append((area, picked))
    except QgsCsException:
        return None
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _query_of(feature: QgsFeature) -> str:
    index = feature.fieldNameIndex(QUERY_FIELD)
    value = feature.attribute(index) if index >= 0 else None
    return value if isinstance(value, str) else ""  # a null is no str


def _around(point: QgsPointXY) -> QgsFeatureRequest:
    """Features whose boxes touch the point; a rectangle without area would ask for all."""
    margin = 1e-9 * max(1.0, abs(point.x()), abs(point.y()))
    rectangle = QgsRectangle(point.x() - margin, point.y() - margin, point.x() + margin, point.y() + margin)
    return QgsFeatureRequest(rectangle)
