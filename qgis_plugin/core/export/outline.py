"""Outlines as an analyst wants them: fewer vertices, right angles, no pinholes, nothing too small."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, List, Tuple

from qgis.core import (
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsWkbTypes,
)
from qgis.PyQt.QtGui import QTransform

from ..ground import area_m2, metres_per_unit
from ..vector.rings import polygons_of
from .regularise import regularised

MAX_SMOOTHING = 5
"""Rounds of corner cutting; each doubles the vertices."""


@dataclass(frozen=True)
class OutlineOptions:
    """What to do with each outline; the default changes nothing but what is invalid.

    Attributes:
        simplify_m: Farthest a simplified outline may be from the original; 0 keeps all vertices.
        regularise: Make the walls perpendicular, where that stays close enough to the original.
        min_overlap: Intersection over union with the original that a right-angled outline must reach.
        smooth_iterations: Rounds of corner cutting, 0 to `MAX_SMOOTHING`.
        fill_holes_m2: Holes below this area are filled; infinity fills all.
        min_area_m2: Polygons below this area are dropped.

    Raises:
        ValueError: A number out of its range, or smoothing together with right angles.
    """

    simplify_m: float = 0.0
    regularise: bool = False
    min_overlap: float = 0.85
    smooth_iterations: int = 0
    fill_holes_m2: float = 0.0
    min_area_m2: float = 0.0

    def __post_init__(self) -> None:
        lengths = (self.simplify_m, self.fill_holes_m2, self.min_area_m2)
        if any(math.isnan(value) or value < 0 for value in lengths):
            raise ValueError(f"tolerances and areas are numbers of at least 0: {self}")
        if not (0 <= self.min_overlap <= 1 and 0 <= self.smooth_iterations <= MAX_SMOOTHING):
            raise ValueError(f"the overlap is 0 to 1 and smoothing 0 to {MAX_SMOOTHING}: {self}")
        if self.regularise and self.smooth_iterations:
            raise ValueError("an outline is either smooth or right-angled")

    @property
    def moves_vertices(self) -> bool:
        """Whether outlines are changed beyond their holes."""
        return self.simplify_m > 0 or self.regularise or self.smooth_iterations > 0


def outlined(geometry: QgsGeometry, options: OutlineOptions, distance_area: QgsDistanceArea) -> QgsGeometry:
    """The outline that the options ask for: a valid polygon or multi-polygon, or null where it is dropped.

    Tolerances hold in a plane in metres around the polygon's middle, so that they mean the same in degrees,
    in feet and in Web Mercator. A polygon of one part stays one where it doesn't fall apart.

    Args:
        geometry: Polygon or multi-polygon in the CRS of `distance_area`, valid or not.
        options: What to do.
        distance_area: See `ground_measure`.
    """
    answer = polygonal(geometry)
    if options.moves_vertices and not answer.isNull():
        to_metres, from_metres = _local_plane(answer, distance_area)
        answer.transform(to_metres)
        reshaped = polygonal(_reshaped(answer, options))
        answer = answer if reshaped.isNull() else reshaped  # an object is never lost by its outline
        answer.transform(from_metres)
        answer = polygonal(answer)
    if options.fill_holes_m2 > 0 and not answer.isNull():
        answer = _without_holes(answer, options.fill_holes_m2, distance_area)
    if answer.isNull() or area_m2(answer, distance_area) < options.min_area_m2:
        return QgsGeometry()
    return answer


def polygonal(geometry: QgsGeometry) -> QgsGeometry:
    """The valid flat polygons that a geometry holds: of one part where it has one; null where it has none."""
    answer = QgsGeometry(geometry)
    if QgsWkbTypes.isCurvedType(answer.wkbType()):
        answer = QgsGeometry(answer.constGet().segmentize())
    if not answer.isNull():
        answer.get().dropZValue()
        answer.get().dropMValue()
    if answer.isNull() or not answer.isGeosValid():
        answer = answer.makeValid()
    if answer.type() != QgsWkbTypes.GeometryType.PolygonGeometry:
        answer = QgsGeometry.unaryUnion(list(_polygons_among(answer)))
    if answer.isNull() or answer.isEmpty() or answer.area() == 0:
        return QgsGeometry()
    if answer.constGet().partCount() == 1:
        answer.convertToSingleType()
    return answer


def _polygons_among(geometry: QgsGeometry) -> Iterator[QgsGeometry]:
    """The polygons in a collection, in collections within it too."""
    for part in geometry.asGeometryCollection():
        if part.isMultipart():
            yield from _polygons_among(part)
        elif part.type() == QgsWkbTypes.GeometryType.PolygonGeometry:
            yield part


def _reshaped(geometry_m: QgsGeometry, options: OutlineOptions) -> QgsGeometry:
    """The outline in metres, simplified, made right-angled or smoothed."""
    if options.regularise:
        return regularised(geometry_m, tolerance_m=options.simplify_m, min_overlap=options.min_overlap)
    answer = geometry_m
    if options.simplify_m > 0:
        answer = answer.simplify(options.simplify_m)
    if options.smooth_iterations > 0:
        answer = answer.smooth(options.smooth_iterations)
    return answer


def _without_holes(geometry: QgsGeometry, below_m2: float, measure: QgsDistanceArea) -> QgsGeometry:
    """The polygon without the holes below an area; parts that lay in a filled hole become one with it."""

    def is_kept(ring: List[QgsPointXY]) -> bool:
        return area_m2(QgsGeometry.fromPolygonXY([ring]), measure) >= below_m2

    parts = [[part[0], *filter(is_kept, part[1:])] for part in polygons_of(geometry)]
    if len(parts) == 1:
        return polygonal(QgsGeometry.fromPolygonXY(parts[0]))
    return polygonal(QgsGeometry.unaryUnion([QgsGeometry.fromPolygonXY(part) for part in parts]))


def _local_plane(geometry: QgsGeometry, measure: QgsDistanceArea) -> Tuple[QTransform, QTransform]:
    """To a plane in metres around the geometry's middle, along the map's axes, and back."""
    middle = geometry.boundingBox().center()
    x, y = middle.x(), middle.y()
    east, north = metres_per_unit(x, y, measure)
    to_metres = QTransform().scale(east, north).translate(-x, -y)
    return to_metres, QTransform().translate(x, y).scale(1 / east, 1 / north)
