"""The resolution to work at."""

from __future__ import annotations

import math
from typing import Optional

from qgis.core import QgsCoordinateTransformContext

from geophrase.protocol.grid import Bounds

from ..core.ground import ground_measure, metres_per_unit
from ..core.raster.layer_raster import LayerRaster
from ..core.translation import tr
from .failure import PreparationError


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
        measure = ground_measure(raster.crs, QgsCoordinateTransformContext())
        xmin, ymin, xmax, ymax = place_map
        east, north = metres_per_unit((xmin + xmax) / 2, (ymin + ymax) / 2, measure)
        return resolution_m / math.sqrt(east * north)
    if raster.native_grid is None:
        text = tr(
            "The layer {name} has no pixels of its own. Give a working resolution in metres per pixel, "
            "for example 0.5."
        )
        raise PreparationError(text.format(name=raster.name))
    return math.sqrt(raster.native_grid.pixel_area_map)
