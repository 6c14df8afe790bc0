"""Any raster layer of QGIS as pixels: a file for the engine to read, or a picture drawn by QGIS."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Callable, Optional, Tuple

from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from geophrase.protocol.grid import SNAP_PX, Bounds, RasterGrid
from geophrase.protocol.messages import FileSource

from ..ground import nominal_metres_per_unit
from ..translation import tr
from .errors import LayerError
from .local_file import LocalFile, absolute_source, local_file, wkt_of
from .rendered import Image, RenderedPixels, Valid

_FINEST_UNKNOWN_M = 0.125
"""Pixel side that counts as a layer's own where it has none, as for WMS: finer than most imagery."""
_MAX_SIDE_PX = 2**30


@dataclass(frozen=True)
class LayerRaster:
    """The pixels of one layer, made by `layer_raster` in the main thread, for one worker thread at a time.

    Attributes:
        name: The layer's.
        source: What features say as their source: the file as the user knows it, else the layer's name.
        crs: Of the layer; all `_map` coordinates are in it.
        extent_map: xmin, ymin, xmax, ymax of what QGIS shows.
        native_grid: The raster's own pixels, rotated ones included; None where it has none (XYZ, WMS).
        pixel_grid: The native grid, or the finest that is of use where there is none.
        file: The file behind it, where the engine can read it.
        rendered: Its pixels as QGIS draws them.
    """

    name: str
    source: str
    crs: QgsCoordinateReferenceSystem
    extent_map: Bounds
    native_grid: Optional[RasterGrid]
    pixel_grid: RasterGrid
    file: Optional[LocalFile]
    rendered: RenderedPixels

    @property
    def crs_wkt(self) -> str:
        """WKT 2 of the CRS; "" when the layer has none."""
        return wkt_of(self.crs)

    @property
    def is_file(self) -> bool:
        """Whether the engine can read it by a path."""
        return self.file is not None

    @property
    def problems(self) -> Tuple[str, ...]:
        """What the layer's provider reported while pixels were read, each once."""
        return self.rendered.problems

    def file_source(self, resolution_m: Optional[float] = None) -> FileSource:
        """How the engine opens the raster; keep this object while the engine uses it.

        Args:
            resolution_m: Metres per working pixel; None for the raster's own.

        Raises:
            ValueError: It is no file (see `is_file`).
        """
        if self.file is None:
            raise ValueError(f"{self.name} is not a local file")
        return FileSource(self.file.path, self.file.bands, resolution_m)

    def grid_for(self, extent_map: Bounds, resolution_map: float) -> RasterGrid:
        """A north-up grid of square pixels that covers an extent, for `read`.

        Its pixels lie on one lattice however the extent is chosen, and it is clipped to the layer.

        Args:
            extent_map: xmin, ymin, xmax, ymax.
            resolution_map: Side of a pixel in map units.

        Raises:
            LayerError: The extent lies beside the layer.
        """
        anchor_x, anchor_y = self._anchor_map
        left, bottom, right, top = _intersection(extent_map, self.extent_map)
        if not (left < right and bottom < top):
            text = tr("The extent lies beside the layer {name}; choose one that overlaps it.")
            raise LayerError(text.format(name=self.name))
        col = math.floor((left - anchor_x) / resolution_map + SNAP_PX)
        row = math.floor((anchor_y - top) / resolution_map + SNAP_PX)
        col_end = math.ceil((right - anchor_x) / resolution_map - SNAP_PX)
        row_end = math.ceil((anchor_y - bottom) / resolution_map - SNAP_PX)
        x_map, y_map = anchor_x + col * resolution_map, anchor_y - row * resolution_map
        transform = (resolution_map, 0.0, x_map, 0.0, -resolution_map, y_map)
        return RasterGrid(max(1, col_end - col), max(1, row_end - row), transform, self.crs_wkt)

    def read(
        self, grid: RasterGrid, *, is_cancelled: Optional[Callable[[], bool]] = None
    ) -> Tuple[Image, Valid]:
        """The layer as QGIS draws it: (H, W, 3) uint8, and where it is data, (H, W) bool.

        Args:
            grid: North up, in the layer's CRS; see `grid_for`.
            is_cancelled: Asked all the time, also while the network is waited for.

        Raises:
            ReadCancelledError: `is_cancelled` said so.
        """
        return self.rendered.read(grid, is_cancelled=is_cancelled)

    def clone(self) -> LayerRaster:
        """Another of the same layer, for another thread; call it in the main thread."""
        return replace(self, rendered=self.rendered.clone())

    def close(self) -> None:
        """Lets go what was cloned from the layer, so that nothing can be read; call it in the main thread."""
        self.rendered.close()

    @property
    def _anchor_map(self) -> Tuple[float, float]:
        """The raster's first corner, or the CRS's origin where the raster is askew."""
        _, _, c, _, _, f = self.pixel_grid.map_from_pix
        return (c, f) if self.pixel_grid.is_north_up else (0.0, 0.0)


def layer_raster(layer: QgsRasterLayer) -> LayerRaster:
    """The pixels of a layer, cut loose from it; call it in the main thread.

    Raises:
        LayerError: The layer can't be drawn.
    """
    rendered = RenderedPixels.of(layer)
    file = local_file(layer)
    native_grid = file.grid if file else _provider_grid(layer)
    extent = layer.extent()
    return LayerRaster(
        name=str(layer.name()),
        source=absolute_source(layer) if file else str(layer.name()),
        crs=layer.crs(),
        extent_map=(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()),
        native_grid=native_grid,
        pixel_grid=native_grid or _finest_grid(layer),
        file=file,
        rendered=rendered,
    )


def _provider_grid(layer: QgsRasterLayer) -> Optional[RasterGrid]:
    """The pixels that QGIS itself works on; for a warped file those of the warp."""
    provider, extent = layer.dataProvider(), layer.extent()
    width_px, height_px = provider.xSize(), provider.ySize()
    if width_px < 1 or height_px < 1 or extent.isEmpty():
        return None
    pixel_x, pixel_y = extent.width() / width_px, extent.height() / height_px
    transform = (pixel_x, 0.0, extent.xMinimum(), 0.0, -pixel_y, extent.yMaximum())
    return RasterGrid(width_px, height_px, transform, wkt_of(layer.crs()))


def _finest_grid(layer: QgsRasterLayer) -> RasterGrid:
    """Pixels of the finest resolution of use over the layer's extent.

    Raises:
        LayerError: It has no extent.
    """
    extent = layer.extent()
    if extent.isEmpty() or not extent.isFinite():
        text = tr("The layer {name} has no extent; reload it, or choose another layer.")
        raise LayerError(text.format(name=layer.name()))
    resolution_map = _finest_resolution_map(layer)
    longest_map = max(extent.width(), extent.height())
    resolution_map *= 2 ** max(0, math.ceil(math.log2(longest_map / resolution_map / _MAX_SIDE_PX)))
    width_px, height_px = (
        max(1, math.ceil(side_map / resolution_map - SNAP_PX))
        for side_map in (extent.width(), extent.height())
    )
    transform = (resolution_map, 0.0, extent.xMinimum(), 0.0, -resolution_map, extent.yMaximum())
    return RasterGrid(width_px, height_px, transform, wkt_of(layer.crs()))


def _finest_resolution_map(layer: QgsRasterLayer) -> float:
    """That of a tiled layer's last zoom level; else a power of two of the map unit."""
    resolutions = [float(value) for value in layer.dataProvider().nativeResolutions() if value > 0]
    if resolutions:
        return min(resolutions)
    finest_map = _FINEST_UNKNOWN_M / nominal_metres_per_unit(layer.crs())
    return float(2.0 ** math.floor(math.log2(finest_map)))


def _intersection(one: Bounds, other: Bounds) -> Bounds:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
