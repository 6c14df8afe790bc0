"""The attribute table of found polygons: DESIGN.md's output schema, in chunks of any number of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.special import expit

from geophrase.engine.vector.measure import GroundMeasure
from geophrase.engine.vector.polygonise import PixelPolygon
from geophrase.engine.vector.simplify import simplified
from geophrase.protocol.grid import RasterGrid

COLUMNS = (
    "query",
    "score",
    "iou_pred",
    "objectness",
    "area_m2",
    "perimeter_m",
    "model",
    "weights",
    "source",
    "created",
)
"""The attributes of every output layer, in order; the geometry follows."""


@dataclass(frozen=True)
class Provenance:
    """Where the features of a run come from; the same for all of them.

    Attributes:
        model: The model's name.
        weights: Short hash of its weights.
        source: The raster, as the user named it.
        created: When the run began; any time zone, stored as UTC with milliseconds.
    """

    model: str
    weights: str
    source: str
    created: datetime


class SegmentsTable:
    """Makes frames of the output schema from a run's polygons.

    Args:
        grid: The raster grid whose pixel edges the polygons are in.
        provenance: The run's constant attributes.
        min_area_m2: Features under this `area_m2` are left out; None keeps all. In square map units where
            `is_geodesic` is False.
        simplify_m: Tolerance of the outlines in metres (map units likewise); None keeps the pixel edges.
    """

    def __init__(
        self,
        grid: RasterGrid,
        provenance: Provenance,
        *,
        min_area_m2: float | None = None,
        simplify_m: float | None = None,
    ) -> None:
        self._grid = grid
        self._provenance = provenance
        self._measure = GroundMeasure(grid)
        self._min_area_m2 = min_area_m2 or 0.0
        self._simplify_m = simplify_m or 0.0

    @property
    def is_geodesic(self) -> bool:
        """Whether areas and perimeters are geodesic; else they are planar (see GroundMeasure)."""
        return self._measure.is_geodesic

    def frame(
        self,
        polygons: Sequence[PixelPolygon],
        *,
        queries: Sequence[str],
        iou_pred: Sequence[float],
        objectness: Sequence[float],
    ) -> gpd.GeoDataFrame:
        """Return the features of some polygons: COLUMNS and a valid polygon each, in the raster's CRS.

        Args:
            polygons: Any number of polygons in pixel edges of the grid.
            queries: The query that each answers.
            iou_pred: The model's estimate of each one's IoU; NaN becomes a null.
            objectness: The model's objectness logit of each, stored as a probability; NaN becomes a null.

        Raises:
            ValueError: The sequences differ in length.
        """
        if not len(polygons) == len(queries) == len(iou_pred) == len(objectness):
            raise ValueError("polygons, queries, iou_pred and objectness must be of the same length")
        geometry_pix = np.array([polygon.geometry for polygon in polygons], dtype=object)
        geometry_pix = simplified(geometry_pix, self._simplify_m, grid=self._grid, measure=self._measure)
        area_m2, perimeter_m = self._measure.areas_and_perimeters(geometry_pix)
        frame = pd.DataFrame(
            {
                "query": pd.Series(list(queries), dtype=object),
                "score": np.array([polygon.score for polygon in polygons], dtype=np.float64),
                "iou_pred": np.asarray(iou_pred, dtype=np.float64),
                "objectness": expit(np.asarray(objectness, dtype=np.float64)),
                "area_m2": area_m2,
                "perimeter_m": perimeter_m,
            }
        )
        for column in ("model", "weights", "source"):
            frame[column] = pd.Series([getattr(self._provenance, column)] * len(frame), dtype=object)
        created = pd.Timestamp(self._provenance.created.astimezone(timezone.utc)).floor("ms").as_unit("ms")
        frame["created"] = pd.Series([created] * len(frame), dtype="datetime64[ms, UTC]")
        features = gpd.GeoDataFrame(
            frame, geometry=self._on_the_map(geometry_pix), crs=self._grid.crs_wkt or None
        )
        return features[~(features["area_m2"] < self._min_area_m2)].reset_index(drop=True)

    def empty(self) -> gpd.GeoDataFrame:
        """Return the schema and the CRS without features."""
        return self.frame([], queries=[], iou_pred=[], objectness=[])

    def _on_the_map(self, polygons_pix: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return polygons in map coordinates, exteriors counter-clockwise."""
        a, b, _, d, e, _ = self._grid.map_from_pix
        polygons_map: NDArray[np.object_] = shapely.transform(polygons_pix, self._grid.to_map)
        is_mirrored = a * e - b * d < 0  # y runs down in pixels and mostly up on maps
        return shapely.reverse(polygons_map) if is_mirrored else polygons_map
