"""Fewer vertices on pixel outlines, within a tolerance in metres."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geophrase.engine.vector.measure import GroundMeasure
from geophrase.protocol.grid import RasterGrid

MAX_RING_COMPARISONS = 10**8
"""Vertices x rings of a polygon up to which topology is kept while simplifying: about a second."""


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
    # GEOS compares every section that it flattens with every ring; where that would take seconds, rings are
    # flattened each for itself, and the check below keeps the outline if they then cross.
    num_rings = shapely.get_num_interior_rings(polygons_pix).astype(np.int64) + 1
    is_light = shapely.get_num_coordinates(polygons_pix) * num_rings <= MAX_RING_COMPARISONS
    polygons_m = frames.to_metres(polygons_pix)
    polygons_m[is_light] = shapely.simplify(polygons_m[is_light], tolerance_m)
    polygons_m[~is_light] = _ring_by_ring(polygons_m[~is_light], tolerance_m)
    candidates = frames.to_pix(polygons_m)
    is_sound = frames.is_defined & shapely.is_valid(shapely.transform(candidates, grid.to_map))
    is_sound &= shapely.get_num_interior_rings(candidates) == shapely.get_num_interior_rings(polygons_pix)
    return np.where(is_sound, candidates, polygons_pix)


def _ring_by_ring(polygons_m: NDArray[np.object_], tolerance_m: float) -> NDArray[np.object_]:
    """Return polygons whose rings are flattened each for itself, and so may cross; no ring collapses."""
    rings, index = shapely.get_rings(polygons_m, return_index=True)
    flattened = shapely.simplify(rings, tolerance_m, preserve_topology=False)
    has_collapsed = shapely.get_num_coordinates(flattened) < 4
    flattened[has_collapsed] = rings[has_collapsed]
    return np.asarray(shapely.polygons(flattened, indices=index), dtype=object)
