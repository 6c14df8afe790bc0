"""Right-angled outlines of polygons, where they stay close enough to what was found."""

from __future__ import annotations

import math
from typing import Iterator, List, Optional

import numpy as np
from qgis.core import QgsGeometry, QgsPointXY

from .right_angles import RingXY, corner_indices, main_direction_rad, right_angled

DEFAULT_TOLERANCE = 0.05
"""Tolerance where none is given, as a share of the side of the square that has the polygon's area."""
ANGLE_THRESHOLD_DEG = 25.0
"""How far from straight or square a corner may be for QGIS's own method to move it."""


def regularised(geometry_m: QgsGeometry, *, tolerance_m: float, min_overlap: float) -> QgsGeometry:
    """The polygon with right angles, part by part; a part that has no such outline is only simplified.

    Tried in turn: all walls along two perpendicular directions, with the tolerance and with half of it; then
    QGIS's orthogonalize, which leaves oblique walls as they are. The first that is valid and overlaps the
    original enough is taken.

    Args:
        geometry_m: Valid polygon or multi-polygon in a plane in metres.
        tolerance_m: How far a wall may be from straight and the shortest wall kept; 0 takes it from the size
            of the part.
        min_overlap: Intersection over union that is enough, 0 to 1.
    """
    parts = [_part(part, tolerance_m, min_overlap) for part in geometry_m.asGeometryCollection()]
    return parts[0] if len(parts) == 1 else QgsGeometry.unaryUnion(parts)


def _part(part: QgsGeometry, tolerance_m: float, min_overlap: float) -> QgsGeometry:
    tolerance = tolerance_m or DEFAULT_TOLERANCE * math.sqrt(part.area())
    for candidate in _candidates(part, tolerance):
        if candidate.isGeosValid() and overlap(candidate, part) >= min_overlap:
            return candidate
    return part.simplify(tolerance)


def overlap(first: QgsGeometry, second: QgsGeometry) -> float:
    """Intersection over union of two polygons, 0 to 1."""
    both = first.intersection(second).area()
    either = first.area() + second.area() - both
    return float(both / either) if either > 0 else 0.0


def _candidates(part: QgsGeometry, tolerance_m: float) -> Iterator[QgsGeometry]:
    rings = [np.array([(p.x(), p.y()) for p in ring[:-1]], np.float64) for ring in part.asPolygon()]
    for tolerance in (tolerance_m, tolerance_m / 2):
        candidate = _right_angled(rings, tolerance)
        if candidate is not None:
            yield candidate
    yield part.simplify(tolerance_m).orthogonalize(1e-8, 1000, ANGLE_THRESHOLD_DEG)


def _right_angled(rings: List[RingXY], tolerance_m: float) -> Optional[QgsGeometry]:
    """The polygon with all walls along the outer ring's directions; holes that have no such shape go."""
    corners = rings[0][corner_indices(rings[0], tolerance_m)]
    direction = main_direction_rad([corners])
    answers = [right_angled(ring, direction_rad=direction, tolerance_m=tolerance_m) for ring in rings]
    if answers[0] is None:
        return None
    found = [answer for answer in answers if answer is not None]
    return QgsGeometry.fromPolygonXY([[QgsPointXY(x, y) for x, y in ring] for ring in found])
