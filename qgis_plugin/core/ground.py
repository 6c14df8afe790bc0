"""What is on the map, measured on the ground."""

from __future__ import annotations

import math
from typing import Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsUnitTypes,
)

_STEP_M = 10.0
"""Short against what changes a map's scale, long against the rounding of coordinates."""


def ground_measure(
    crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext
) -> QgsDistanceArea:
    """Measures on the ellipsoid of the CRS, in metres and square metres; in the plane where it has none."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context)
    measure.setEllipsoid(crs.ellipsoidAcronym() if crs.isValid() else "NONE")
    return measure


def area_m2(geometry: QgsGeometry, measure: QgsDistanceArea) -> float:
    """The polygon's area in square metres, without its holes (square map units without a CRS)."""
    square_metres = QgsUnitTypes.AreaUnit.AreaSquareMeters
    area = measure.measureArea(geometry)
    has_unit = measure.areaUnits() != QgsUnitTypes.AreaUnit.AreaUnknownUnit
    return float(measure.convertAreaMeasurement(area, square_metres) if has_unit else area)


def perimeter_m(geometry: QgsGeometry, measure: QgsDistanceArea) -> float:
    """The length of all rings in metres (map units without a CRS)."""
    return _in_metres(measure.measurePerimeter(geometry), measure)


def nominal_metres_per_unit(crs: QgsCoordinateReferenceSystem) -> float:
    """The length of a map unit by its name, a degree's at the equator; 1 where the unit isn't known."""
    return float(QgsUnitTypes.fromUnitToUnitFactor(crs.mapUnits(), QgsUnitTypes.DistanceUnit.DistanceMeters))


def metres_per_unit(x_map: float, y_map: float, measure: QgsDistanceArea) -> Tuple[float, float]:
    """The lengths on the ground of a map unit to the east and to the north of a place.

    Where that cannot be measured, as beyond a pole, they are the nominal one.

    Args:
        x_map: In the CRS of `measure`.
        y_map: Likewise.
        measure: See `ground_measure`.
    """
    nominal = nominal_metres_per_unit(measure.sourceCrs())
    step = _STEP_M / nominal
    west, east = QgsPointXY(x_map - step, y_map), QgsPointXY(x_map + step, y_map)
    south, north = QgsPointXY(x_map, y_map - step), QgsPointXY(x_map, y_map + step)
    lengths_m = [_in_metres(measure.measureLine(*ends), measure) for ends in ((west, east), (south, north))]
    per_east, per_north = (_or_nominal(length_m / (2 * step), nominal) for length_m in lengths_m)
    return per_east, per_north


def _or_nominal(length: float, nominal: float) -> float:
    return length if math.isfinite(length) and length > 0 else nominal


def _in_metres(length: float, measure: QgsDistanceArea) -> float:
    if measure.lengthUnits() == QgsUnitTypes.DistanceUnit.DistanceUnknownUnit:
        return float(length)
    return float(measure.convertLengthMeasurement(length, QgsUnitTypes.DistanceUnit.DistanceMeters))
