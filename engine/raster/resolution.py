"""Ground resolution: metres per pixel for any CRS, and the working grid for a resolution in metres."""

from __future__ import annotations

import math

import numpy as np
import pyproj
from pyproj.exceptions import ProjError

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid

NATIVE_TOLERANCE = 0.01
"""A resolution this close to the raster's own is the raster's own: no resampling for a rounded number."""
MAX_UPSAMPLING = 8.0
MIN_SIDE_PX = 16


def ground_pixel_size_m(grid: RasterGrid) -> tuple[float, float]:
    """Metres on the ground that one pixel spans along a row and along a column, at the raster's centre.

    Measured on the CRS's ellipsoid, so Web Mercator's stretching and degrees are accounted for. Without a
    CRS, or where the CRS is a local one or doesn't reach the centre, the map units are converted (unknown
    ones count as metres).
    """
    crs = pyproj.CRS.from_wkt(grid.crs_wkt) if grid.crs_wkt else None
    geodesic = _geodesic_pixel_size_m(grid, crs) if crs is not None else None
    if geodesic is not None:
        return geodesic
    metres_per_unit = crs.axis_info[0].unit_conversion_factor if crs is not None and crs.axis_info else 1.0
    width_map, height_map = grid.pixel_size_map
    return width_map * metres_per_unit, height_map * metres_per_unit


def working_grid(native: RasterGrid, resolution_m: float | None) -> RasterGrid:
    """The grid to work on: the native one, or its footprint cut into square pixels of about `resolution_m`.

    The footprint and the origin stay the raster's own, so the pixel side differs from what was asked by less
    than one part in the number of columns or rows.

    Raises:
        EngineError: A resolution that isn't a positive number, or that is absurd for this raster.
    """
    if resolution_m is None:
        return native
    if not (math.isfinite(resolution_m) and resolution_m > 0):
        raise EngineError(
            ErrorCode.BAD_REQUEST, f"The resolution is a number of metres above 0, not {resolution_m}."
        )
    native_m = ground_pixel_size_m(native)
    own = f"the raster's own is {math.sqrt(native_m[0] * native_m[1]):.3g} m"
    if resolution_m * MAX_UPSAMPLING < min(native_m):  # first, for what follows divides by it
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"A resolution of {resolution_m:g} m is more than {MAX_UPSAMPLING:g} times finer than the raster "
            f"can show ({own}); choose a coarser one.",
        )
    factors = tuple(resolution_m / side_m for side_m in native_m)
    if all(abs(factor - 1) <= NATIVE_TOLERANCE for factor in factors):
        return native
    width_px, height_px = round(native.width_px / factors[0]), round(native.height_px / factors[1])
    longest_px = max(width_px, height_px)
    if longest_px < min(MIN_SIDE_PX, native.width_px, native.height_px):
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"At a resolution of {resolution_m:g} m the whole raster would be {longest_px} pixels ({own}); "
            "choose a finer one.",
        )
    return native.resized(max(1, width_px), max(1, height_px))


def _geodesic_pixel_size_m(grid: RasterGrid, crs: pyproj.CRS) -> tuple[float, float] | None:
    """Lengths of the two central pixel steps on the ellipsoid; None where they can't be had."""
    if crs.geodetic_crs is None or crs.ellipsoid is None:
        return None
    centre_pix = np.array([grid.width_px / 2, grid.height_px / 2])
    points_map = grid.to_map(centre_pix + np.array([(-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)]))
    try:
        to_geodetic = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        lon, lat = to_geodetic.transform(points_map[:, 0], points_map[:, 1], errcheck=True)
        degrees = math.degrees(crs.geodetic_crs.axis_info[0].unit_conversion_factor)
        geod = pyproj.Geod(a=crs.ellipsoid.semi_major_metre, b=crs.ellipsoid.semi_minor_metre)
        _, _, sides_m = geod.inv(
            lon[::2] * degrees, lat[::2] * degrees, lon[1::2] * degrees, lat[1::2] * degrees
        )
    except ProjError:
        return None
    width_m, height_m = (float(side) for side in sides_m)
    is_measured = math.isfinite(width_m) and math.isfinite(height_m) and min(width_m, height_m) > 0
    return (width_m, height_m) if is_measured else None
