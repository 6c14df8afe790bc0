"""Raster layers that are local files, which the engine reads itself.

The engine places a file as GDAL says. QGIS mostly does too, rotated and flipped files included (it warps
those for the screen only), but it shows a file without georeference with y growing upwards from -height, and
it lets the user give a file another CRS. A small VRT then tells the engine what QGIS shows.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsSingleBandGrayRenderer,
)

from geophrase.protocol.grid import RasterGrid

_LOCAL_VSI = "zip|gzip|tar|7z|rar|sparse|subfile"
_NOT_LOCAL = re.compile(rf"://|^\s*<|/vsi(?!{_LOCAL_VSI})")
_NETWORK_DRIVERS = frozenset(
    {"WMS", "WMTS", "WCS", "HTTP", "OGCAPI", "PLMosaic", "EEDAI", "DAAS", "STACIT", "STACTA"}
)


@dataclass(frozen=True)
class LocalFile:
    """A raster that the engine can open by its path and that then looks and lies as it does in QGIS.

    Attributes:
        path: What GDAL opens.
        bands: 1-based; those that are read.
        grid: Its pixels where QGIS shows them, in the layer's CRS.
        folder: Holds the file at `path` while it is referred to, where that was made here.
    """

    path: str
    bands: Tuple[int, ...]
    grid: RasterGrid
    folder: Optional[tempfile.TemporaryDirectory[str]] = None


def local_file(layer: QgsRasterLayer) -> Optional[LocalFile]:
    """The file behind a layer, or None where its pixels must come from QGIS.

    That is where the layer is no local file, or where what the user sees isn't in the file: placed by control
    points, coloured by a ramp, with values declared to be no data.
    """
    bands = _bands_shown(layer)
    if bands is None or _has_own_nodata(layer, bands):
        return None
    file = placed_file(layer, bands)
    return None if file is None or _has_other_alpha(layer, _opened(file.path)) else file


def placed_file(layer: QgsRasterLayer, bands: Tuple[int, ...]) -> Optional[LocalFile]:
    """The file behind a layer for its values, however they are coloured, placed as QGIS places it.

    None where the layer is no local file, or where control points place it.
    """
    path = _local_path(layer)
    dataset = None if path is None else _opened(path)
    if path is None or dataset is None:
        return None
    if dataset.GetDriver().ShortName in _NETWORK_DRIVERS or _is_warped_by_qgis(dataset):
        return None
    folder = None
    if _gdal_transform(dataset) is None or layer.dataProvider().crs() != layer.crs():
        folder = tempfile.TemporaryDirectory(prefix="geophrase_")
        path = _write_vrt(Path(folder.name), dataset, path=path, crs=layer.crs())
        dataset = _opened(path)
    grid = None if dataset is None else _grid_of(dataset, layer.crs())
    return None if grid is None else LocalFile(path, bands, grid, folder)


def wkt_of(crs: QgsCoordinateReferenceSystem) -> str:
    """WKT 2 of a CRS; "" where there is none."""
    return str(crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2019)) if crs.isValid() else ""


def _local_path(layer: QgsRasterLayer) -> Optional[str]:
    if layer.providerType() != "gdal":
        return None
    source = str(layer.source())
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    if _NOT_LOCAL.search(source) or parts.get("openOptions") or "|" in source:
        return None
    return absolute_source(layer)


def absolute_source(layer: QgsRasterLayer) -> str:
    """The layer's source; absolute where it is a file, for `qgis_process` may be given a relative path."""
    source = str(layer.source())
    return os.path.abspath(source) if os.path.exists(source) else source


def _bands_shown(layer: QgsRasterLayer) -> Optional[Tuple[int, ...]]:
    """The bands that make the layer's picture; None where it is made of more than bands."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsMultiBandColorRenderer):
        bands = renderer.redBand(), renderer.greenBand(), renderer.blueBand()
        return bands if min(bands) >= 1 else None
    if isinstance(renderer, QgsSingleBandGrayRenderer):
        return tuple(renderer.usesBands()[:1])
    if isinstance(renderer, QgsPalettedRasterRenderer):
        bands = tuple(renderer.usesBands()[:1])
        return bands if bands and layer.dataProvider().colorTable(bands[0]) else None
    return None


def _has_own_nodata(layer: QgsRasterLayer, bands: Tuple[int, ...]) -> bool:
    """Whether the user declared values as no data, or the file's own no-data value as data."""
    provider = layer.dataProvider()
    return any(
        provider.userNoDataValues(band)
        or (provider.sourceHasNoDataValue(band) and not provider.useSourceNoDataValue(band))
        for band in bands
    )


def _has_other_alpha(layer: QgsRasterLayer, dataset: Any) -> bool:
    """Whether the user chose a transparency band that the file doesn't call one.

    QGIS adds a band of its own, after the file's, for a mask and for the corners of a file that it warps.
    """
    alpha = layer.renderer().alphaBand()
    if not 1 <= alpha <= dataset.RasterCount:
        return False
    return bool(dataset.GetRasterBand(alpha).GetColorInterpretation() != gdal.GCI_AlphaBand)


def _opened(path: str) -> Any:
    """The dataset; None where GDAL can't open it, whether or not its exceptions are on in this process."""
    try:
        return gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY)
    except RuntimeError:
        return None


def _gdal_transform(dataset: Any) -> Optional[Tuple[float, ...]]:
    transform: Optional[Tuple[float, ...]] = dataset.GetGeoTransform(can_return_null=True)
    return transform


def _is_warped_by_qgis(dataset: Any) -> bool:
    """Whether only control points or a sensor model place it; QGIS shows such a file warped."""
    has_model = dataset.GetGCPCount() > 0 or bool(dataset.GetMetadata("RPC"))
    return has_model and _gdal_transform(dataset) is None


def _grid_of(dataset: Any, crs: QgsCoordinateReferenceSystem) -> Optional[RasterGrid]:
    """GDAL's transform in the order of RasterGrid; None for one that places nothing."""
    c, a, b, f, d, e = dataset.GetGeoTransform()
    try:
        return RasterGrid(dataset.RasterXSize, dataset.RasterYSize, (a, b, c, d, e, f), wkt_of(crs))
    except ValueError:
        return None


def _write_vrt(folder: Path, dataset: Any, *, path: str, crs: QgsCoordinateReferenceSystem) -> str:
    """A VRT of the dataset with QGIS's placement, under the file's own name, which the results then carry.

    Its time of change is fixed: the engine tells rasters apart by the times and bytes of their files, and a
    VRT written again must count as the same.
    """
    vrt = folder / (re.split(r"[/\\]", path)[-1] or "raster")
    options: Dict[str, Any] = {}
    if _gdal_transform(dataset) is None:
        options["outputBounds"] = [0, 0, dataset.RasterXSize, -dataset.RasterYSize]
    if crs.isValid():
        options["outputSRS"] = wkt_of(crs)
    gdal.Translate(str(vrt), dataset, format="VRT", **options).FlushCache()
    os.utime(vrt, (0, 0))
    return str(vrt)
