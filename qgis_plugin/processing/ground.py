"""Metres on the ground in the units of a map."""

from __future__ import annotations

import math
from typing import Optional

from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransformContext, QgsDistanceArea, QgsPointXY

from geophrase.protocol.grid import Bounds

from ..core.raster.layer_raster import LayerRaster
from ..core.translation import tr
from .failure import PreparationError

_WGS84_ELLIPSOID = "EPSG:7030"
_STEP_DEGREES = 1e-4
_STEP_UNITS = 10.0


def resolution_map(raster: LayerRaster, resolution_m: Optional[float], place_map: Bounds) -> float:
    """The pixel side in map units to work at.

    Args:
        raster: The layer.
        resolution_m: What the user asked for; None for the layer's own pixels.
        place_map: Where, as the length of a map unit on the ground depends on the place.

    Raises:
        PreparationError: Nothing is asked for, and the layer has no pixels of its own.
    """
    if resolution_m is not None:
        return resolution_m / metres_per_unit(raster.crs, place_map)
    if raster.native_grid is None:
        text = tr(
            "The layer {name} has no pixels of its own. Give a working resolution in metres per pixel, "
            "for example 0.5."
        )
        raise PreparationError(text.format(name=raster.name))
    return math.sqrt(raster.native_grid.pixel_area_map)


def metres_per_unit(crs: QgsCoordinateReferenceSystem, place_map: Bounds) -> float:
    """The mean length on the ground of a map unit in the middle of a place; 1 where the CRS isn't known."""
    if not crs.isValid():
        return 1.0
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, QgsCoordinateTransformContext())
    measure.setEllipsoid(crs.ellipsoidAcronym() or _WGS84_ELLIPSOID)
    step_map = _STEP_DEGREES if crs.isGeographic() else _STEP_UNITS
    xmin, ymin, xmax, ymax = place_map
    x_map, y_map = (xmin + xmax) / 2, (ymin + ymax) / 2
    middle = QgsPointXY(x_map, y_map)
    beside, above = QgsPointXY(x_map + step_map, y_map), QgsPointXY(x_map, y_map + step_map)
    lengths_m = measure.measureLine(middle, beside), measure.measureLine(middle, above)
    return math.sqrt(lengths_m[0] * lengths_m[1]) / step_map
