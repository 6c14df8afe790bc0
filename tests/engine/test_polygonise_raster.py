"""Rasters of probabilities against GDAL's own polygonise of the mask."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio import features

import geophrase.engine.polygonise_raster
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.pipeline.progress import Progress
from geophrase.engine.polygonise_raster import opened_probabilities, polygonise_raster
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import Outline

ROTATED = Affine(0.5, 0, 346000, 0, -0.5, 5648000) @ Affine.rotation(20)


def waves(shape_yx: tuple[int, int] = (330, 210)) -> np.ndarray:
    """Probabilities with objects of all sizes, some of them over many rows."""
    rows, cols = np.mgrid[: shape_yx[0], : shape_yx[1]]
    noise = np.random.default_rng(2).normal(0, 0.05, shape_yx)
    return (0.5 + 0.45 * np.sin(rows / 19) * np.sin(cols / 13) + noise).clip(0, 1)


def write(path: Path, *bands_HW: np.ndarray, transform: Affine = ROTATED, **profile) -> Path:
    height, width = bands_HW[0].shape
    options = {"driver": "GTiff", "width": width, "height": height, "count": len(bands_HW), **profile}
    with rasterio.open(
        path, "w", crs="EPSG:25832", transform=transform, dtype=bands_HW[0].dtype, **options
    ) as d:
        d.write(np.stack(bands_HW))
    return path


def joined(frames) -> gpd.GeoDataFrame:
    return pd.concat(list(frames), ignore_index=True)


def canonical(polygons) -> list[str]:
    # A millimetre's grid: GDAL and we multiply in another order.
    return sorted(shapely.to_wkt(shapely.normalize(shapely.set_precision(one, 1e-3))) for one in polygons)


def gdal_polygons(mask_HW: np.ndarray, transform: Affine = ROTATED) -> list[shapely.Polygon]:
    found = features.shapes(mask_HW.astype(np.uint8), mask=mask_HW, transform=transform, connectivity=4)
    return [shapely.geometry.shape(geometry) for geometry, _ in found]


@pytest.mark.parametrize("strip_rows", [1, 7, 256, 1000])
def test_polygons_are_gdals_whatever_the_strips(tmp_path, monkeypatch, strip_rows):
    monkeypatch.setattr(geophrase.engine.polygonise_raster, "_STRIP_ROWS", strip_rows)
    prob_HW = waves().astype(np.float32)
    found = joined(polygonise_raster(write(tmp_path / "p.tif", prob_HW), threshold=0.6))
    assert canonical(found.geometry) == canonical(gdal_polygons(prob_HW >= np.float32(0.6)))
    assert found.crs.to_epsg() == 25832
    assert found["score"].between(0.6, 1).all()
    assert found[["iou_pred", "objectness"]].isna().all(axis=None)


def test_a_wide_raster_is_read_in_fewer_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(geophrase.engine.polygonise_raster, "_MAX_STRIP_PX", 1000)
    seen: list[Progress] = []
    path = write(tmp_path / "p.tif", waves().astype(np.float32))
    with opened_probabilities(path, Outline(0.6), progress=seen.append) as run:
        assert canonical(joined(run.frames()).geometry) == canonical(gdal_polygons(waves() >= 0.6))
    assert [one.num_done for one in seen] == [*range(4, 330, 4), 330]


@pytest.mark.parametrize(
    ("dtype", "one", "scale"),
    [
        ("uint8", 255, None),
        ("uint16", 65535, None),
        ("int16", 32767, None),
        ("uint8", 100, 100),
        ("int16", 1000, 1000),
        ("float32", 1, None),
        ("float64", 1, None),
        ("float32", 100, 100),
    ],
)
def test_values_count_by_their_dtype_or_scale(tmp_path, dtype, one, scale):
    values_HW = (waves() * one).astype(dtype)
    path = write(tmp_path / "p.tif", values_HW)
    found = joined(polygonise_raster(path, threshold=0.4, scale=scale))
    assert canonical(found.geometry) == canonical(gdal_polygons(values_HW >= 0.4 * one))
    probabilities = values_HW / one
    mask_HW = probabilities >= 0.4
    num_px = found["area_m2"] / found["area_m2"].sum() * mask_HW.sum()
    assert (found["score"] * num_px).sum() == pytest.approx(probabilities[mask_HW].sum(), rel=1e-4)


def test_no_data_is_never_an_object(tmp_path):
    prob_HW = waves().astype(np.float32)
    prob_HW[50:90, 30:120] = np.nan
    prob_HW[200:220] = -9999
    path = write(tmp_path / "p.tif", prob_HW, nodata=-9999)
    found = joined(polygonise_raster(path))
    assert canonical(found.geometry) == canonical(gdal_polygons(np.nan_to_num(prob_HW) >= 0.5))


def test_the_band_and_the_extent_are_those_asked_for(tmp_path):
    transform = Affine(0.5, 0, 346000, 0, -0.5, 5648000)
    path = write(
        tmp_path / "p.tif", np.zeros((330, 210), np.float32), waves().astype(np.float32), transform=transform
    )
    extent = (*(transform @ (20, 300)), *(transform @ (150, 40)))
    with opened_probabilities(path, Outline(0.5), band=2, query="waves", extent_map=extent) as run:
        found = joined(run.frames())
        parameters = run.parameters()
    inside_HW = np.zeros((330, 210), bool)
    inside_HW[40:300, 20:150] = True
    assert canonical(found.geometry) == canonical(gdal_polygons((waves() >= 0.5) & inside_HW, transform))
    assert set(found["query"]) == {"waves"}
    assert set(found["source"]) == {str(path)}
    assert (parameters["band"], parameters["threshold"], parameters["query"]) == (2, 0.5, "waves")
    assert parameters["raster_fingerprint"]
    assert list(polygonise_raster(path, band=1)) == []


def test_small_polygons_are_dropped_and_outlines_simplified(tmp_path):
    path = write(tmp_path / "p.tif", waves().astype(np.float32))
    every = joined(polygonise_raster(path))
    few = joined(polygonise_raster(path, min_area_m2=20))
    assert sorted(few["area_m2"]) == sorted(every["area_m2"][every["area_m2"] >= 20])
    assert 0 < len(few) < len(every)
    plain = joined(polygonise_raster(path, min_area_m2=20, simplify_m=1.0))
    assert plain.geometry.count_coordinates().sum() < few.geometry.count_coordinates().sum() / 2


def test_it_can_be_cancelled(tmp_path, monkeypatch):
    monkeypatch.setattr(geophrase.engine.polygonise_raster, "_STRIP_ROWS", 10)
    path = write(tmp_path / "p.tif", waves().astype(np.float32))
    seen: list[Progress] = []
    with (
        opened_probabilities(path, Outline(0.5), progress=seen.append, cancel=lambda: len(seen) >= 3) as run,
        pytest.raises(CancelledError),
    ):
        joined(run.frames())
    assert seen[-1].num_done == 30


def test_a_raster_without_georeference_gives_pixels_and_no_warning(tmp_path):
    prob_HW = waves().astype(np.float32)
    path = tmp_path / "p.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", driver="GTiff", width=210, height=330, count=1, dtype="float32") as d:
            d.write(prob_HW, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = joined(polygonise_raster(path))
    assert found.crs is None
    assert found.area.sum() == (prob_HW >= 0.5).sum()


@pytest.mark.parametrize(
    ("values", "options", "code"),
    [
        (np.float32(7), {}, ErrorCode.BAD_REQUEST),
        (np.float32(-3), {}, ErrorCode.BAD_REQUEST),
        (np.uint8(101), {"scale": 100}, ErrorCode.BAD_REQUEST),
        (np.uint8(1), {"scale": 0}, ErrorCode.BAD_REQUEST),
        (np.uint8(1), {"scale": float("nan")}, ErrorCode.BAD_REQUEST),
        (np.uint8(1), {"threshold": 1.0}, ErrorCode.BAD_REQUEST),
        (np.uint8(1), {"simplify_m": -1.0}, ErrorCode.BAD_REQUEST),
        (np.uint8(1), {"band": 2}, ErrorCode.BAD_REQUEST),
        (np.complex64(1), {}, ErrorCode.RASTER_UNSUPPORTED),
    ],
)
def test_what_are_no_probabilities_is_refused_in_a_sentence(tmp_path, values, options, code):
    path = write(tmp_path / "p.tif", np.full((20, 20), values))
    with pytest.raises(EngineError) as failure:
        joined(polygonise_raster(path, **options))
    assert failure.value.code is code
    assert failure.value.message.endswith((".", ")"))


def test_a_damaged_file_is_named(tmp_path):
    path = write(tmp_path / "p.tif", np.random.default_rng(0).random((400, 400)).astype(np.float32))
    path.write_bytes(path.read_bytes()[:300_000])
    with pytest.raises(EngineError, match=r"p\.tif") as failure:
        joined(polygonise_raster(path))
    assert failure.value.code is ErrorCode.RASTER_UNREADABLE
