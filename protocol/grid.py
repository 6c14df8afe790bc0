"""Pixel windows and raster grids: the one place where pixels become map coordinates and back.

Frames: `_pix` are pixel-edge coordinates (x = column, y = row, origin at the top-left corner of the first
pixel, pixel centres at +0.5); `_map` are coordinates of the raster's CRS in the order x/easting/longitude,
y/northing/latitude, whatever axis order the CRS itself declares. Points are (..., 2) arrays of x, y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple

import numpy as np
import numpy.typing as npt

Affine = Tuple[float, float, float, float, float, float]
Bounds = Tuple[float, float, float, float]

SNAP_PX = 1e-4
"""Map bounds that miss a pixel edge by less than this count as lying on it: the rounding of a round trip."""


@dataclass(frozen=True)
class WindowPx:
    """A half-open rectangle of whole pixels: columns [col, col + width), rows [row, row + height).

    It may stick out of a raster or lie outside it; an empty window has width or height 0.

    Raises:
        ValueError: A negative width or height.
    """

    col: int
    row: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 0 or self.height < 0:
            raise ValueError(f"a window cannot have a negative side: {self.width} x {self.height}")

    @property
    def col_end(self) -> int:
        """The first column to the right of the window."""
        return self.col + self.width

    @property
    def row_end(self) -> int:
        """The first row below the window."""
        return self.row + self.height

    @property
    def shape_yx(self) -> Tuple[int, int]:
        """Rows, columns: the shape of an array that holds the window."""
        return self.height, self.width

    @property
    def is_empty(self) -> bool:
        """Whether the window holds no pixel."""
        return self.width == 0 or self.height == 0

    def intersection(self, other: WindowPx) -> WindowPx:
        """The pixels that both windows hold; an empty window where there are none."""
        col, row = max(self.col, other.col), max(self.row, other.row)
        width = max(0, min(self.col_end, other.col_end) - col)
        height = max(0, min(self.row_end, other.row_end) - row)
        return WindowPx(col, row, width, height)

    def intersects(self, other: WindowPx) -> bool:
        """Whether the windows share a pixel."""
        return not self.intersection(other).is_empty

    def contains(self, other: WindowPx) -> bool:
        """Whether every pixel of `other` is in this window."""
        return self.intersection(other) == other or other.is_empty

    def slices_within(self, frame: WindowPx) -> Tuple[slice, slice]:
        """Row and column slices of this window in an array that holds `frame`.

        Raises:
            ValueError: The window is not wholly inside `frame`.
        """
        if not frame.contains(self):
            raise ValueError(f"{self} is not inside {frame}")
        row, col = self.row - frame.row, self.col - frame.col
        return slice(row, row + self.height), slice(col, col + self.width)


@dataclass(frozen=True)
class RasterGrid:
    """Where a raster's pixels lie on the map, for any invertible affine transform: rotated, sheared, flipped.

    Args:
        width_px: Number of columns.
        height_px: Number of rows.
        map_from_pix: a, b, c, d, e, f with x_map = a * col + b * row + c and y_map = d * col + e * row + f
            (the order of the `affine` package and rasterio, not GDAL's).
        crs_wkt: The CRS as WKT; "" when the raster has none.

    Raises:
        ValueError: A side below one pixel, or a transform that is not finite or has no inverse.
    """

    width_px: int
    height_px: int
    map_from_pix: Affine
    crs_wkt: str = ""

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"a raster needs at least one pixel, not {self.width_px} x {self.height_px}")
        if len(self.map_from_pix) != 6 or not all(math.isfinite(value) for value in self.map_from_pix):
            raise ValueError(f"a transform has six finite numbers, not {self.map_from_pix}")
        if not (math.isfinite(self._determinant) and self._determinant != 0):
            raise ValueError(f"the transform {self.map_from_pix} has no inverse")

    @property
    def _determinant(self) -> float:
        a, b, _, d, e, _ = self.map_from_pix
        return a * e - b * d

    @property
    def window(self) -> WindowPx:
        """The window of the whole raster."""
        return WindowPx(0, 0, self.width_px, self.height_px)

    @property
    def pix_from_map(self) -> Affine:
        """The inverse transform, in the same order as `map_from_pix`."""
        a, b, c, d, e, f = self.map_from_pix
        det = self._determinant
        return (e / det, -b / det, (b * f - e * c) / det, -d / det, a / det, (d * c - a * f) / det)

    @property
    def pixel_area_map(self) -> float:
        """Area of one pixel in squared map units (square degrees for a geographic CRS)."""
        return abs(self._determinant)

    @property
    def pixel_size_map(self) -> Tuple[float, float]:
        """Length of one pixel's step along a row (x) and along a column (y), in map units, both positive."""
        a, b, _, d, e, _ = self.map_from_pix
        return math.hypot(a, d), math.hypot(b, e)

    @property
    def is_north_up(self) -> bool:
        """Whether columns run east and rows run south, neither turned nor flipped."""
        a, b, _, d, e, _ = self.map_from_pix
        return a > 0 and e < 0 and b == 0 and d == 0

    @property
    def bounds_map(self) -> Bounds:
        """xmin, ymin, xmax, ymax of the raster's footprint."""
        return self.bounds_of_window_map(self.window)

    def to_map(self, xy_pix: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map coordinates of pixel-edge coordinates; (..., 2) float64 in, (..., 2) float64 out."""
        return _transform(self.map_from_pix, xy_pix)

    def to_pix(self, xy_map: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Pixel-edge coordinates of map coordinates; (..., 2) float64 in, (..., 2) float64 out.

        The origin is subtracted first, so that coordinates in the millions keep their fractions of a pixel.
        """
        origin_map = self.map_from_pix[2], self.map_from_pix[5]
        inverse_a, inverse_b, _, inverse_d, inverse_e, _ = self.pix_from_map
        offset_map = np.asarray(xy_map, dtype=np.float64) - origin_map
        return _transform((inverse_a, inverse_b, 0.0, inverse_d, inverse_e, 0.0), offset_map)

    def bounds_of_window_map(self, window: WindowPx) -> Bounds:
        """xmin, ymin, xmax, ymax of the window's footprint on the map."""
        corners_pix = _corners(window.col, window.row, window.col_end, window.row_end)
        return _bounds_of(self.to_map(corners_pix))

    def window_for_bounds(self, xmin: float, ymin: float, xmax: float, ymax: float) -> WindowPx:
        """The smallest window of this raster that covers the map rectangle, clipped to the raster.

        On a rotated raster it is the smallest that covers the rotated rectangle. An edge within SNAP_PX of a
        pixel edge counts as on it, so a window's own bounds give that window back. A rectangle beside the
        raster gives an empty window.

        Raises:
            ValueError: Bounds that are not finite, or whose minimum is not below their maximum.
        """
        if not all(math.isfinite(value) for value in (xmin, ymin, xmax, ymax)):
            raise ValueError(f"bounds must be finite numbers: {xmin}, {ymin}, {xmax}, {ymax}")
        if xmin >= xmax or ymin >= ymax:
            raise ValueError(
                f"bounds are xmin ymin xmax ymax, each minimum first: {xmin}, {ymin}, {xmax}, {ymax}"
            )
        left, top, right, bottom = _bounds_of(self.to_pix(_corners(xmin, ymin, xmax, ymax)))
        col, row = math.floor(left + SNAP_PX), math.floor(top + SNAP_PX)
        width = max(0, math.ceil(right - SNAP_PX) - col)
        height = max(0, math.ceil(bottom - SNAP_PX) - row)
        return WindowPx(col, row, width, height).intersection(self.window)

    def intersects(self, xmin: float, ymin: float, xmax: float, ymax: float) -> bool:
        """Whether the map rectangle and the raster's footprint overlap in more than a common edge.

        Exact for rotated rasters: two parallelograms are apart exactly when an edge direction of one
        separates them, and those directions are the axes of the two frames.
        """
        left, top, right, bottom = _bounds_of(self.to_pix(_corners(xmin, ymin, xmax, ymax)))
        own_xmin, own_ymin, own_xmax, own_ymax = self.bounds_map
        apart_pix = right <= 0 or left >= self.width_px or bottom <= 0 or top >= self.height_px
        apart_map = xmax <= own_xmin or xmin >= own_xmax or ymax <= own_ymin or ymin >= own_ymax
        return not (apart_pix or apart_map)

    def subgrid(self, window: WindowPx) -> RasterGrid:
        """The grid of a window's pixels; the window may stick out of the raster but not be empty."""
        a, b, _, d, e, _ = self.map_from_pix
        x_map, y_map = self.to_map((window.col, window.row))
        return RasterGrid(window.width, window.height, (a, b, float(x_map), d, e, float(y_map)), self.crs_wkt)

    def resized(self, width_px: int, height_px: int) -> RasterGrid:
        """The same footprint cut into another number of columns and rows, with the same origin."""
        a, b, c, d, e, f = self.map_from_pix
        scale_x, scale_y = self.width_px / width_px, self.height_px / height_px
        transform = (a * scale_x, b * scale_y, c, d * scale_x, e * scale_y, f)
        return RasterGrid(width_px, height_px, transform, self.crs_wkt)


def _transform(affine: Affine, xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    points = np.asarray(xy, dtype=np.float64)
    if points.shape[-1:] != (2,):
        raise ValueError(f"points are x, y pairs in the last axis, not an array of shape {points.shape}")
    a, b, c, d, e, f = affine
    x, y = points[..., 0], points[..., 1]
    return np.stack([a * x + b * y + c, d * x + e * y + f], axis=-1)


def _corners(xmin: float, ymin: float, xmax: float, ymax: float) -> npt.NDArray[np.float64]:
    return np.array([(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax)], dtype=np.float64)


def _bounds_of(points_xy: npt.NDArray[np.float64]) -> Bounds:
    xmin, ymin = points_xy.min(axis=0)
    xmax, ymax = points_xy.max(axis=0)
    return float(xmin), float(ymin), float(xmax), float(ymax)
