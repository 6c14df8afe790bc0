"""Features with phrases from any vector layer, in the pixel frame of a raster."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
        shown = Instance.from_mask(self.name, (mask_hw != 0) & valid_HW[box.slices_within(window)])
        if shown is None:
            return None
        left_px, top_px = shown.left_px + box.col - window.col, shown.top_px + box.row - window.row
        return replace(shown, left_px=left_px, top_px=top_px)


def read_features(table: FeatureTable, grid: RasterGrid) -> list[Feature]:
    """The polygons that reach onto a raster, in any CRS and however valid they were.

    Features that are no polygons, or have no phrase, are left out and counted on stderr.

    Raises:
        RisorsError: The layer can't be read or placed, lacks a column, has one without words, or has no such
            polygon.
    """
    frame = _read(table, _layer_of(table), grid)
    texts = np.array(_texts(frame, table), object)
    areas = _areas(frame.geometry.to_numpy())
    is_usable = (texts != "") & ~shapely.is_missing(areas)
    if len(frame) and not is_usable.any():
        raise RisorsError(
            f"None of the {len(frame)} features of {table.path} near the raster is a polygon with a phrase."
        )
    if not is_usable.all():
        num_others = int((~is_usable).sum())
        tell(f"{num_others} features of {table.path} are no polygons or have no phrase: left out.")
    areas[~is_usable] = None
    areas_pix = shapely.transform(areas, grid.to_pix)
    is_usable &= np.isfinite(shapely.bounds(areas_pix)).all(axis=1)
    is_usable &= shapely.intersects(areas_pix, shapely.box(0, 0, grid.width_px, grid.height_px))
    if not is_usable.any():
        raise RisorsError(
            f"{table.path} has no polygon with a phrase on the raster; check that they show the same place "
            "and that their coordinate systems are set."
        )
    names = _names(frame, table)
    return [Feature(texts[index], names[index], areas_pix[index]) for index in np.flatnonzero(is_usable)]


def _layer_of(table: FeatureTable) -> dict[str, Any]:
    """What pyogrio says of the layer, its name included."""
    try:
        layers = [str(name) for name in pyogrio.list_layers(table.path)[:, 0]]
        if table.layer_name is None and len(layers) > 1:
            raise RisorsError(
                f"{table.path} has several layers ({', '.join(layers)}); name one of them with --layer-name."
            )
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
    if info["features"] == 0:
        raise RisorsError(f"The layer {name!r} of {table.path} is empty: give one with polygons.")
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
    """A column's texts; "" where there is none.

    Raises:
        RisorsError: It holds numbers, dates or codes of digits alone, which say nothing of what is seen.
    """
    values = frame[column]
    texts = ["" if is_na else str(value).strip() for value, is_na in zip(values, values.isna(), strict=True)]
    filled = [text for text in texts if text]
    has_words = any(isinstance(value, str) for value in values) and any(map(str.isalpha, "".join(filled)))
    if filled and not has_words:
        raise RisorsError(
            f"The column {column!r} holds no words ({filled[0]}, for example): "
            "name one that says what each feature is."
        )
    return texts


def _areas(geometries: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """The areas of each geometry, made valid; None where it has none."""
    areas: npt.NDArray[np.object_] = shapely.force_2d(geometries)
    is_invalid = ~shapely.is_valid(areas) & ~shapely.is_missing(areas)
    areas[is_invalid] = shapely.make_valid(areas[is_invalid])
    collections = shapely.get_type_id(areas) == shapely.GeometryType.GEOMETRYCOLLECTION
    for index in np.flatnonzero(collections):  # what making valid leaves: areas, and lines beside them
        parts = shapely.get_parts(shapely.get_parts(areas[index]))
        areas[index] = shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])
    areas[(shapely.get_dimensions(areas) != 2) | shapely.is_empty(areas)] = None
    return areas
