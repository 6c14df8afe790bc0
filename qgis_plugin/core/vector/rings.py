"""The rings of polygons, as QGIS's points and as arrays."""

from __future__ import annotations

from typing import List, Tuple

import numpy as np
from qgis.core import QgsGeometry, QgsPointXY

from .mask import Rings


def polygons_of(geometry: QgsGeometry) -> List[List[List[QgsPointXY]]]:
    """The parts of a polygon or multi-polygon, each a list of rings, the outer one first."""
    if geometry.isMultipart():
        return list(geometry.asMultiPolygon())
    return [geometry.asPolygon()]


def rings_of(geometry: QgsGeometry) -> Tuple[Rings, ...]:
    """The same parts and rings as arrays."""
    return tuple(
        [np.array([(point.x(), point.y()) for point in ring], np.float64) for ring in polygon]
        for polygon in polygons_of(geometry)
    )
