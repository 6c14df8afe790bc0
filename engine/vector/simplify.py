"""Fewer vertices on pixel outlines, within a tolerance in metres."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geophrase.engine.vector.measure import GroundMeasure
from geophrase.protocol.grid import RasterGrid


def simplified(
    polygons_pix: NDArray[np.object_], tolerance_m: float, *, grid: RasterGrid, measure: GroundMeasure
) -> NDArray[np.object_]:
    """Return polygons valid on the map, with as many holes, their outlines within a tolerance.

    Douglas-Peucker on pixel corners: a slanting edge is a stair whose corners lie up to 0.71 pixel apart
    across it, so a tolerance below that leaves stairs as they are, and one above draws lines through some
    corners. The distance is in metres around each polygon: the same along both axes and in every CRS.

    Args:
        polygons_pix: (N,) valid polygons with whole pixel edges as coordinates.
        tolerance_m: Greatest distance in metres, at least 0; 0 returns the polygons as they are.
        grid: The raster that the pixels belong to.
        measure: Of the same raster.

    Returns:
        (N,) polygons in pixel edges whose vertices are among the given ones. One that would become invalid,
        or lies where the CRS is not defined, is returned as it was.
    """
    if tolerance_m == 0 or len(polygons_pix) == 0:
        return polygons_pix
    frames = measure.local_frames(polygons_pix)
    candidates = frames.to_pix(shapely.simplify(frames.to_metres(polygons_pix), tolerance_m))
    is_sound = frames.is_defined & shapely.is_valid(shapely.transform(candidates, grid.to_map))
    is_sound &= shapely.get_num_interior_rings(candidates) == shapely.get_num_interior_rings(polygons_pix)
    return np.where(is_sound, candidates, polygons_pix)
