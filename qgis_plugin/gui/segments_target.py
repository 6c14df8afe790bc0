"""Which layer of segments the dock's buttons are about."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsVectorLayer, QgsWkbTypes
from qgis.gui import QgisInterface

from ..core.segment.results import Results
from ..core.vector.features import is_segments_schema


def segments_target(iface: QgisInterface, results: Results) -> Optional[QgsVectorLayer]:
    """The active layer if it holds segments, also one from an earlier session; else the current result's."""
    active = iface.activeLayer()
    if is_segments_layer(active):
        return active
    return results.current.layer if results.current is not None else None


def is_segments_layer(layer: object) -> bool:
    """Whether a layer can take polygons with their provenance."""
    return (
        isinstance(layer, QgsVectorLayer)
        and layer.isValid()
        and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
        and is_segments_schema([field.name() for field in layer.fields()])
    )
