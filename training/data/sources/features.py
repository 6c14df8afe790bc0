"""Features with phrases from any vector layer, in the pixel frame of a raster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyogrio
import pyogrio.errors
import pyproj
import shapely
from rasterio.features import rasterize
from rasterio.transform import Affine
from shapely.geometry.base import BaseGeometry

from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import RisorsError
from geophrase.training.data.sources.streaming import tell

_OUTLINE_POINTS = 32


@dataclass(frozen=True)
class FeatureTable:
    """A vector layer and what its columns mean.

    Attributes:
        path: Any vector file that GDAL reads.
        layer_name: Needed where the file has several layers.
        phrase_column: Text column with each feature's phrase; None where `phrase` holds for all.
        phrase: The phrase of every feature.
        class_column: Text column with the class; None leaves classes unnamed.

    Raises:
        RisorsError: Not exactly one of phrase column and phrase is given.
    """

    path: Path
    layer_name: str | None = None
    phrase_column: str | None = None
    phrase: str | None = None
    class_column: str | None = None

    def __post_init__(self) -> None:
        if (self.phrase_column is None) == (self.phrase is None):
            raise RisorsError("Give either the column with the phrases or one phrase for all features.")


@dataclass(frozen=True, eq=False)
class Feature:
    """An object of the layer.

    Attributes:
        text: Its phrase.
        name: Key of its class; "" without a class column.
        polygons_pix: In pixel edges of the raster's working grid.
    """

    text: str
    name: str
    polygons_pix: shapely.Polygon | shapely.MultiPolygon

    def burnt(self, window: WindowPx, valid_HW: npt.NDArray[np.bool_]) -> Instance | None:
        """What a window shows of it: the pixels with data whose centres are inside; None for nothing.

        Args:
            window: Of the working grid.
            valid_HW: Where the window has data.
        """
        left, top, right, bottom = self.polygons_pix.bounds
        col, row = int(np.floor(left)), int(np.floor(top))
        box = WindowPx(col, row, int(np.ceil(right)) - col, int(np.ceil(bottom)) - row).intersection(window)
        if box.is_empty:
            return None
        mask_hw = rasterize(
            [self.polygons_pix],
            out_shape=box.shape_yx,
            transform=Affine.translation(box.col, box.row),
            dtype=np.uint8,
        )
        mask_HW = np.zeros(window.shape_yx, np.bool_)
        mask_HW[box.slices_within(window)] = mask_hw != 0
        return Instance.from_mask(self.name, mask_HW & valid_HW)


def read_features(table: FeatureTable, grid: RasterGrid) -> list[Feature]:
    """The polygons that reach onto a raster, in any CRS and however valid they were.

    Features that are no polygons, or have no phrase, are left out and counted on stderr.

    Raises:
        RisorsError: The layer can't be read or placed, lacks a column, or has no such polygon.
    """
    layer = _layer_of(table)
    frame = _read(table, layer, grid)
    texts = _texts(frame, table)
    polygons = np.array([_polygonal(geometry) for geometry in frame.geometry], object)
    usable = np.array([text != "" for text in texts], bool) & ~shapely.is_missing(polygons)
    if not usable.all():
        tell(f"{int((~usable).sum())} features of {table.path} are no polygons or have no phrase: left out.")
    chosen = np.flatnonzero(usable)
    moved_pix = shapely.transform(polygons[chosen], grid.to_pix)
    names = _names(frame, table)
    features = [
        Feature(texts[index], names[index], polygon)
        for index, polygon in zip(chosen, moved_pix, strict=True)
        if np.isfinite(polygon.bounds).all() and polygon.intersects(_frame_pix(grid))
    ]
    if not features:
        raise RisorsError(
            f"{table.path} has no polygon with a phrase on the raster; check that they show the same place "
            "and that their coordinate systems are set."
        )
    return features


def _layer_of(table: FeatureTable) -> dict[str, Any]:
    """What pyogrio says of the layer, its name included."""
    try:
        layers = [str(name) for name in pyogrio.list_layers(table.path)[:, 0]]
        if table.layer_name is None and len(layers) > 1:
            raise RisorsError(f"{table.path} has several layers ({', '.join(layers)}); name one of them.")
        name = table.layer_name or layers[0]
        if name not in layers:
            raise RisorsError(f"{table.path} has no layer {name!r}, but {', '.join(layers)}.")
        info: dict[str, Any] = {**pyogrio.read_info(table.path, layer=name), "layer_name": name}
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, IndexError) as error:
        raise RisorsError(f"{table.path} can't be read as a vector layer ({error}).") from error
    for column in (table.phrase_column, table.class_column):
        if column is not None and column not in info["fields"]:
            raise RisorsError(
                f"{table.path} has no column {column!r}; its columns are {', '.join(info['fields'])}."
            )
    return info


def _read(table: FeatureTable, layer: dict[str, Any], grid: RasterGrid) -> gpd.GeoDataFrame:
    """The layer's features near the raster, in the raster's CRS."""
    if bool(layer["crs"]) != bool(grid.crs_wkt):
        lacking = "raster" if layer["crs"] else "layer"
        raise RisorsError(f"The {lacking} has no coordinate system; set it, for example in QGIS.")
    columns = [column for column in (table.phrase_column, table.class_column) if column is not None]
    outline = gpd.GeoSeries([_outline_map(grid)], crs=grid.crs_wkt or None)
    if layer["crs"]:
        outline = outline.to_crs(layer["crs"])
    bounds = tuple(float(value) for value in outline.total_bounds)
    frame = gpd.read_file(
        table.path,
        layer=layer["layer_name"],
        columns=columns,
        bbox=bounds if np.isfinite(bounds).all() else None,
    )
    if not layer["crs"] or pyproj.CRS(layer["crs"]) == pyproj.CRS(grid.crs_wkt):
        return frame
    return frame.to_crs(grid.crs_wkt)


def _outline_map(grid: RasterGrid) -> shapely.Polygon:
    """The raster's footprint with points along its sides, which may be curves in another CRS."""
    width, height = grid.width_px, grid.height_px
    outline = shapely.Polygon(grid.to_map([(0, 0), (width, 0), (width, height), (0, height)]))
    return shapely.segmentize(outline, outline.length / _OUTLINE_POINTS)


def _frame_pix(grid: RasterGrid) -> shapely.Polygon:
    return shapely.box(0, 0, grid.width_px, grid.height_px)


def _texts(frame: gpd.GeoDataFrame, table: FeatureTable) -> list[str]:
    if table.phrase_column is None:
        return [(table.phrase or "").strip()] * len(frame)
    return _strings(frame, table.phrase_column)


def _names(frame: gpd.GeoDataFrame, table: FeatureTable) -> list[str]:
    """Class keys in snake case."""
    if table.class_column is None:
        return [""] * len(frame)
    return ["_".join(value.lower().split()) for value in _strings(frame, table.class_column)]


def _strings(frame: gpd.GeoDataFrame, column: str) -> list[str]:
    values = frame[column]
    return ["" if is_na else str(value).strip() for value, is_na in zip(values, values.isna(), strict=True)]


def _polygonal(geometry: BaseGeometry | None) -> shapely.Polygon | shapely.MultiPolygon | None:
    """The areas of a geometry, made valid; None where it has none."""
    if geometry is None or geometry.is_empty:
        return None
    valid = shapely.make_valid(shapely.force_2d(geometry))
    parts = shapely.get_parts(shapely.get_parts(valid))  # a collection may hold a multi-polygon
    areas = parts[shapely.get_dimensions(parts) == 2]
    if not len(areas):
        return None
    return areas[0] if len(areas) == 1 else shapely.MultiPolygon(list(areas))
