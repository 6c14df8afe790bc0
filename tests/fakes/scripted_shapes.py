"""Polygons of known shape and size, as WKB, without a geometry library."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import Bounds

GRID_SIDE = 4
_CIRCLE_POINTS = 32
Ring = np.ndarray
"""(points, 2) closed, x and y."""


@dataclass(frozen=True)
class Shape:
    """A polygon and what its feature says."""

    rings_map: Sequence[Ring]
    query_index: int
    score: float

    @property
    def area(self) -> float:
        """In squared map units."""
        outer, *holes = (abs(_signed_area(ring)) for ring in self.rings_map)
        return outer - sum(holes)

    @property
    def perimeter(self) -> float:
        """Of all rings, in map units."""
        return float(sum(np.hypot(*np.diff(ring, axis=0).T).sum() for ring in self.rings_map))


def batch_of(shapes: Sequence[Shape]) -> FeatureBatch:
    """The shapes as features; their areas count map units as metres."""
    return FeatureBatch.of(
        [polygon_wkb(shape.rings_map) for shape in shapes],
        query_index=[shape.query_index for shape in shapes],
        score=[shape.score for shape in shapes],
        iou_pred=[shape.score for shape in shapes],
        objectness=[0.9] * len(shapes),
        area_m2=[shape.area for shape in shapes],
        perimeter_m=[shape.perimeter for shape in shapes],
    )


def polygon_wkb(rings: Sequence[Ring]) -> bytes:
    """Little-endian WKB of a polygon."""
    parts = [struct.pack("<BII", 1, 3, len(rings))]
    for ring in rings:
        parts += [struct.pack("<I", len(ring)), np.ascontiguousarray(ring, "<f8").tobytes()]
    return b"".join(parts)


def rectangle(xmin: float, ymin: float, xmax: float, ymax: float) -> Ring:
    """Counter-clockwise where y goes up."""
    return np.array([(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax), (xmin, ymin)], np.float64)


def circle(centre: Sequence[float], radius: float) -> Ring:
    """A regular polygon."""
    turn = np.linspace(0, 2 * np.pi, _CIRCLE_POINTS + 1)
    ring = np.asarray(centre, np.float64) + radius * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    ring[-1] = ring[0]
    return ring


def circle_with_holes(inside: np.ndarray, beside: np.ndarray, radius: float) -> tuple[float, list[Ring]]:
    """A circle around all points `inside`, reaching `radius` past them, with holes around those `beside`.

    Holes stay within the circle and apart from each other; points outside it make none.

    Returns:
        The circle's radius, and its rings, the outer one first.
    """
    centre = inside.mean(axis=0)
    outer_radius = radius + float(np.hypot(*(inside - centre).T).max())
    rings, holes = [circle(centre, outer_radius)], []
    for point in beside:
        room = outer_radius - float(np.hypot(*(point - centre)))
        hole_radius = min(radius / 3, 0.9 * room)
        is_apart = all(np.hypot(*(point - other)) > hole_radius + size for other, size in holes)
        if hole_radius > 0 and is_apart:
            holes.append((point, hole_radius))
            rings.append(circle(point, hole_radius)[::-1])
    return outer_radius, rings


def squares(extent_map: Bounds, query_index: int, *, row: int) -> list[Shape]:
    """One row of a 4 x 4 grid of rectangles, sides 0.3 to 0.7 of a cell's, scores 0.3 to 0.95.

    Which is which depends on nothing but the cell and the query; each query's are shifted a little.
    """
    xmin, ymin, xmax, ymax = extent_map
    step_x, step_y = (xmax - xmin) / GRID_SIDE, (ymax - ymin) / GRID_SIDE
    shapes = []
    for column in range(GRID_SIDE):
        index = row * GRID_SIDE + column
        half = (0.3 + 0.1 * ((index + query_index) % 5)) / 2
        x = xmin + (column + 0.5 + 0.02 * (query_index % 5)) * step_x
        y = ymax - (row + 0.5) * step_y
        ring = rectangle(x - half * step_x, y - half * step_y, x + half * step_x, y + half * step_y)
        shapes.append(Shape([ring], query_index, 0.3 + 0.65 * ((7 * index + 3 * query_index) % 16) / 15))
    return shapes


def _signed_area(ring: Ring) -> float:
    x, y = (ring - ring[0]).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)
