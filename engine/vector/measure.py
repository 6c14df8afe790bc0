"""Metres and square metres on the ground, whatever the CRS of a raster."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError

from geophrase.protocol.grid import RasterGrid

MAX_GEODESIC_EDGE_M = 1000.0
"""A geodesic and a straight line on the map part by at most about 0.02 m x tan(latitude) over this length."""
LOCAL_EXTENT_M = 100.0
"""Up to this size a polygon is measured in the plane that touches the ellipsoid at its middle: wrong by about
one part in 100,000 at 50 degrees of latitude, where the noise of geodesic sums (1e-5 m2) would spoil areas of
a few square centimetres."""


@dataclass(frozen=True)
class LocalFrames:
    """A plane in metres around the middle of each of N polygons.

    Attributes:
        middle_pix: (N, 2) its origin, in pixel edges.
        m_from_pix: (N, 2, 2) invertible: a pixel's step right and one down (column vectors) in metres.
        is_defined: (N,) False where the CRS is not defined or its map has no width, as at a pole; the matrix
            is then the identity.
    """

    middle_pix: NDArray[np.float64]
    m_from_pix: NDArray[np.float64]
    is_defined: NDArray[np.bool_]

    def to_metres(self, polygons_pix: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the polygons in metres, each in its own frame."""
        xy_pix, index = shapely.get_coordinates(polygons_pix, return_index=True)
        xy_m = np.einsum("nij,nj->ni", self.m_from_pix[index], xy_pix - self.middle_pix[index])
        polygons_m: NDArray[np.object_] = shapely.set_coordinates(polygons_pix.copy(), xy_m)
        return polygons_m

    def to_pix(self, polygons_m: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return polygons to whole pixel edges, where all their vertices must have come from."""
        xy_m, index = shapely.get_coordinates(polygons_m, return_index=True)
        pix_from_m = np.linalg.inv(self.m_from_pix)
        xy_pix = np.einsum("nij,nj->ni", pix_from_m[index], xy_m) + self.middle_pix[index]
        polygons_pix: NDArray[np.object_] = shapely.set_coordinates(polygons_m.copy(), np.rint(xy_pix))
        return polygons_pix


class GroundMeasure:
    """Measures polygons of one raster: on the ellipsoid where the CRS has one, in the plane otherwise.

    Without a CRS, or with a local one that is not tied to the Earth, lengths are planar: in metres where the
    CRS says how long its unit is, else in map units (pixels, for a raster without georeferencing).

    Args:
        grid: The raster's pixels and CRS.
    """

    def __init__(self, grid: RasterGrid) -> None:
        self._grid = grid
        self._crs = _parsed_crs(grid.crs_wkt)
        geographic_crs = self._crs.geodetic_crs if self._crs else None
        self._geod: Geod | None = None
        self._m_from_map = self._crs.axis_info[0].unit_conversion_factor if self._crs else 1.0
        if self._crs and geographic_crs:
            self._geod = self._crs.get_geod()
            self._to_geographic = Transformer.from_crs(self._crs, geographic_crs, always_xy=True)
            self._rad_from_geographic = geographic_crs.axis_info[0].unit_conversion_factor

    @property
    def is_geodesic(self) -> bool:
        """Whether measures are taken on the ellipsoid."""
        return self._geod is not None

    def metres_from_pix(self, xy_pix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what one pixel's step right and one down is on the ground, at each point.

        Args:
            xy_pix: (N, 2) points in pixel edges.

        Returns:
            (N, 2, 2) matrices from pixel steps (column vectors) to metres in two perpendicular directions,
            east and north where measures are geodesic. Not finite where the CRS is not defined.

        Source: radii of curvature as in Snyder, Map Projections, USGS Professional Paper 1395 (1987), 4-18
            ff.
        """
        a, b, _, d, e, _ = self._grid.map_from_pix
        if self._geod is None:
            return np.tile(np.array([[a, b], [d, e]]) * self._m_from_map, (len(xy_pix), 1, 1))
        steps = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        lonlat_rad = np.deg2rad(self._lonlat_deg(self._grid.to_map(xy_pix[:, None, :] + steps)))
        change = lonlat_rad[:, 1:] - lonlat_rad[:, :1]
        change[..., 0] = np.remainder(change[..., 0] + np.pi, 2 * np.pi) - np.pi  # over the antimeridian
        lat = lonlat_rad[:, 0, 1]
        flattened = 1 - self._geod.es * np.sin(lat) ** 2
        parallel_m = self._geod.a / np.sqrt(flattened) * np.cos(lat)
        meridian_m = self._geod.a * (1 - self._geod.es) / flattened**1.5
        return np.stack([change[..., 0] * parallel_m[:, None], change[..., 1] * meridian_m[:, None]], axis=1)

    def local_frames(self, polygons_pix: NDArray[np.object_]) -> LocalFrames:
        """Return a frame in metres around the middle of each polygon's bounds."""
        bounds = shapely.bounds(polygons_pix).reshape(-1, 4)
        middle_pix = (bounds[:, :2] + bounds[:, 2:]) / 2
        m_from_pix = self.metres_from_pix(middle_pix)
        with np.errstate(invalid="ignore"):
            is_defined = np.abs(np.linalg.det(m_from_pix)) > 0  # false for NaN
        m_from_pix[~is_defined] = np.eye(2)
        return LocalFrames(middle_pix, m_from_pix, is_defined)

    def areas_and_perimeters(
        self, polygons_pix: NDArray[np.object_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the area and the perimeter, holes' outlines included, of each polygon.

        Edges are straight on the map and not geodesics, so that areas add up.

        Returns:
            (N,) square metres and (N,) metres; planar as the class says; NaN where the CRS is not defined.
        """
        frames = self.local_frames(polygons_pix)
        polygons_m = frames.to_metres(polygons_pix)
        areas_m2, perimeters_m = shapely.area(polygons_m), shapely.length(polygons_m)
        if self._geod and len(polygons_pix):
            bounds_m = shapely.bounds(polygons_m)
            is_large = (bounds_m[:, 2:] - bounds_m[:, :2]).max(axis=1) > LOCAL_EXTENT_M
            is_large &= frames.is_defined
            m_per_px = np.hypot(frames.m_from_pix[is_large, 0], frames.m_from_pix[is_large, 1]).max(axis=1)
            short_edged = shapely.segmentize(polygons_pix[is_large], MAX_GEODESIC_EDGE_M / m_per_px)
            areas_m2[is_large], perimeters_m[is_large] = self._on_the_ellipsoid(short_edged, self._geod)
        areas_m2[~frames.is_defined] = np.nan
        perimeters_m[~frames.is_defined] = np.nan
        return areas_m2, perimeters_m

    def _on_the_ellipsoid(
        self, polygons_pix: NDArray[np.object_], geod: Geod
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return area and perimeter of polygons whose edges are geodesics."""
        if len(polygons_pix) == 0:
            return np.zeros(0), np.zeros(0)
        _, xy_pix, (ring_ends, polygon_ends) = shapely.to_ragged_array(polygons_pix)
        lonlat = self._lonlat_deg(self._grid.to_map(xy_pix))
        rings = [
            geod.polygon_area_perimeter(lonlat[start:end, 0], lonlat[start:end, 1])
            for start, end in pairwise(ring_ends)
        ]
        ring_areas, ring_lengths = np.abs(np.array(rings)).T
        ring_areas[np.setdiff1d(np.arange(len(rings)), polygon_ends)] *= -1  # all but exteriors are holes
        polygon_of_ring = np.repeat(np.arange(len(polygons_pix)), np.diff(polygon_ends))
        areas_m2 = np.bincount(polygon_of_ring, ring_areas).astype(np.float64)
        return areas_m2, np.bincount(polygon_of_ring, ring_lengths).astype(np.float64)

    def _lonlat_deg(self, xy_map: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return longitude and latitude in degrees of (..., 2) map coordinates; NaN where not defined."""
        geographic = np.stack(self._to_geographic.transform(xy_map[..., 0], xy_map[..., 1]), axis=-1)
        geographic[~np.isfinite(geographic)] = np.nan
        return np.rad2deg(geographic * self._rad_from_geographic)


def _parsed_crs(crs_wkt: str) -> CRS | None:
    """Return the CRS, or None where there is none that PROJ understands."""
    if not crs_wkt:
        return None
    try:
        return CRS.from_wkt(crs_wkt)
    except CRSError:
        return None
