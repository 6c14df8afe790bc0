"""Grids and features that the tests of vector outputs share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import geopandas as gpd
import numpy as np
import pytest
from rasterio.crs import CRS

from geophrase.engine.vector.attributes import Provenance, SegmentsTable
from geophrase.engine.vector.polygonise import PixelPolygon, StreamingPolygoniser
from geophrase.protocol.grid import RasterGrid

PROVENANCE = Provenance(
    model="rsam_small",
    weights="0123456789ab",
    source="/data/scène.tif",
    created=datetime(2026, 11, 21, 12, 30, 5, 123000, tzinfo=timezone.utc),
)


def grid_of(epsg: int | None, map_from_pix: tuple[float, ...], *, side_px: int = 64) -> RasterGrid:
    crs_wkt = CRS.from_epsg(epsg).to_wkt() if epsg else ""
    return RasterGrid(side_px, side_px, map_from_pix, crs_wkt)


def polygons_of(mask_HW: np.ndarray) -> list[PixelPolygon]:
    polygoniser = StreamingPolygoniser()
    prob_HW = mask_HW.astype(np.float32) * 0.75
    return [*polygoniser.add_strip(0, prob_HW, np.ones(mask_HW.shape, bool)), *polygoniser.finish()]


def frame_of(grid: RasterGrid, polygons: list[PixelPolygon], **rules: float) -> gpd.GeoDataFrame:
    return SegmentsTable(grid, PROVENANCE, **rules).frame(
        polygons,
        queries=['Lagerhäuser, "grün"'] * len(polygons),
        iou_pred=[0.5] * len(polygons),
        objectness=[np.nan] * len(polygons),
    )


@pytest.fixture(scope="session", name="blobs_HW")
def _blobs() -> np.ndarray:
    """A few dozen regions, some with holes, some that touch in corners."""
    return np.random.default_rng(7).random((64, 64)) < 0.6


@pytest.fixture
def make_frame(blobs_HW: np.ndarray) -> Callable[[RasterGrid], gpd.GeoDataFrame]:
    return lambda grid: frame_of(grid, polygons_of(blobs_HW))
