"""Shapes, clicks and boxes in another CRS."""

from __future__ import annotations

from typing import Iterable, Optional, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
)

from ..translation import tr
from .boxes import Corners
from .clicks import Click


class NoPlaceError(Exception):
    """A shape cannot be expressed in a CRS; the message is for people: what happened, then what to do."""


def reprojected(
    geometry: QgsGeometry,
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsGeometry:
    """The geometry in another CRS; as it is where one of the two is unknown.

    Raises:
        NoPlaceError: It cannot be expressed there.
    """
    answer = QgsGeometry(geometry)
    if not (source.isValid() and target.isValid()) or source == target:
        return answer
    try:
        answer.transform(QgsCoordinateTransform(source, target, context))
    except QgsCsException as error:
        text = tr("The polygons cannot be expressed in {crs} ({reason}); choose a target in another CRS.")
        raise NoPlaceError(text.format(crs=target.authid(), reason=error)) from error
    if not answer.boundingBox().isFinite():
        text = tr("The polygons lie outside the area of {crs}; choose a target in another CRS.")
        raise NoPlaceError(text.format(crs=target.authid()))
    return answer


def moved_clicks(
    clicks: Iterable[Click],
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> Tuple[Click, ...]:
    """The clicks in another CRS; as they are where one of the two is unknown.

    Raises:
        NoPlaceError: One cannot be expressed there.
    """
    moved = []
    for click in clicks:
        x_map, y_map = _moved_place((click.x_map, click.y_map), source, target, context)
        moved.append(Click(x_map, y_map, click.is_positive))
    return tuple(moved)


def moved_box(
    corners: Optional[Corners],
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> Optional[Corners]:
    """The corners of a box in another CRS; as they are where one of the two is unknown, or without a box.

    Raises:
        NoPlaceError: One cannot be expressed there.
    """
    if corners is None:
        return None
    return tuple(_moved_place(corner, source, target, context) for corner in corners)


def _moved_place(
    place: Tuple[float, float],
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> Tuple[float, float]:
    point = QgsGeometry.fromPointXY(QgsPointXY(*place))
    moved = reprojected(point, source, target, context).asPoint()
    return moved.x(), moved.y()
