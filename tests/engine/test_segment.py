"""The whole pipeline with a model made by hand, on GeoTIFFs that each test writes."""

from __future__ import annotations

import importlib.metadata
import json
import math
import threading
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio import features

import geophrase.engine.pipeline.run
import geophrase.engine.pipeline.tile_encoder
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.segment import segment_raster
from geophrase.engine.vector.run_parameters import read_run_parameters
from geophrase.protocol.errors import ErrorCode
from geophrase.tests.fakes.colour_model import ColourModel

GREY = 90
UTM = "EPSG:25832"
NORTH_UP = Affine(0.5, 0, 346000, 0, -0.5, 5648000)


def write_raster(path: Path, image_CHW: np.ndarray, *, transform=NORTH_UP, crs=UTM, **profile) -> Path:
    count, height, width = image_CHW.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=count,
        dtype=image_CHW.dtype,
        crs=crs,
        transform=transform,
        **profile,
    ) as dataset:
        dataset.write(image_CHW)
    return path


def image_of(mask_HW: np.ndarray, *, colour=(255, 0, 0)) -> np.ndarray:
    image_CHW = np.full((3, *mask_HW.shape), GREY, np.uint8)
    image_CHW[:, mask_HW] = np.array(colour, np.uint8)[:, None]
    return image_CHW


def blobs(shape_yx: tuple[int, int], seed: int) -> np.ndarray:
    """Irregular objects of all sizes, many of them across tile edges."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[: shape_yx[0], : shape_yx[1]]
    mask_HW = np.zeros(shape_yx, bool)
    for _ in range(25):
        row, col = rng.uniform(0, shape_yx[0]), rng.uniform(0, shape_yx[1])
        height, width = rng.uniform(3, 70, size=2)
        mask_HW ^= ((rows - row) / height) ** 2 + ((cols - col) / width) ** 2 < 1
    return mask_HW


def gdal_polygons(mask_HW: np.ndarray, transform: Affine) -> list[shapely.Polygon]:
    """What GDAL itself makes of the mask, placed by GDAL's own georeferencing."""
    found = features.shapes(mask_HW.astype(np.uint8), mask=mask_HW, transform=transform, connectivity=4)
    return [shapely.geometry.shape(geometry) for geometry, _ in found]


def assert_same_polygons(actual, expected) -> None:
    tolerance = 1e-6
    actual, expected = list(actual), list(expected)
    assert len(actual) == len(expected)
    tree = shapely.STRtree(expected)
    unmatched = set(range(len(expected)))
    for polygon in actual:
        candidates = [i for i in tree.query(polygon) if i in unmatched]
        best = min(candidates, key=lambda i: polygon.symmetric_difference(expected[i]).area)
        assert polygon.symmetric_difference(expected[best]).area < tolerance * max(1.0, polygon.area)
        unmatched.discard(best)


def segment(path: Path, queries="red", *, model: ColourModel | None = None, **options) -> gpd.GeoDataFrame:
    return segment_raster(path, queries, model=model or ColourModel(), is_cached=False, **options)


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        pytest.param(NORTH_UP, UTM, id="north-up"),
        pytest.param(NORTH_UP @ Affine.rotation(31), UTM, id="rotated"),
        pytest.param(NORTH_UP @ Affine.shear(10, 4), UTM, id="sheared"),
        pytest.param(Affine(0.5, 0, 346000, 0, 0.5, 5647000), UTM, id="south-up"),
        pytest.param(Affine(1e-5, 0, 7.0, 0, -1e-5, 51.0), "EPSG:4326", id="geographic"),
        pytest.param(Affine(0.3, 0, 1113000, 0, -0.3, 6621000), "EPSG:3857", id="web-mercator"),
        pytest.param(NORTH_UP, None, id="no-crs"),
    ],
)
def test_polygons_are_where_gdal_puts_them_and_no_tile_edge_cuts_one(tmp_path, transform, crs):
    mask_HW = blobs((190, 260), seed=5)
    path = write_raster(tmp_path / "town.tif", image_of(mask_HW), transform=transform, crs=crs)
    found = segment(path)
    assert_same_polygons(found.geometry, gdal_polygons(mask_HW, transform))
    assert found.geometry.is_valid.all()
    assert (found.crs is None) if crs is None else found.crs.equals(crs)


@pytest.mark.parametrize(("tile_px", "overlap_px"), [(32, 0), (50, 13), (64, 16), (128, 32), (512, None)])
def test_the_tiling_does_not_show(tmp_path, tile_px, overlap_px):
    mask_HW = blobs((150, 210), seed=8)
    path = write_raster(tmp_path / "town.tif", image_of(mask_HW))
    found = segment(path, tile_px=tile_px, overlap_px=overlap_px)
    assert_same_polygons(found.geometry, gdal_polygons(mask_HW, NORTH_UP))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_extent_gives_the_whole_runs_polygons_inside_it(tmp_path, seed):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((200, 300), seed=seed)))
    whole = segment(path)
    rng = np.random.default_rng(seed)
    col, row = rng.integers(0, 150, size=2)
    width, height = rng.integers(20, 90, size=2)
    xmin, ymax = NORTH_UP @ (col, row)
    xmax, ymin = NORTH_UP @ (col + width, min(200, row + height))
    part = segment(path, extent=(xmin, ymin, xmax, ymax))
    inside = shapely.box(xmin, ymin, xmax, ymax)
    clipped = [
        piece
        for polygon in whole.geometry
        for piece in shapely.get_parts(polygon.intersection(inside))
        if piece.area > 0
    ]
    assert_same_polygons(part.geometry, clipped)


def test_an_extent_keeps_the_whole_rasters_stretch_and_encodes_only_its_tiles(tmp_path):
    # 16 bits with a wide range: a stretch measured per extent or per tile would change what is red.
    mask_HW = blobs((256, 256), seed=4)
    image_CHW = (image_of(mask_HW).astype(np.uint16) * 16) + 500
    image_CHW[:, :128] //= 2  # the north is darker
    path = write_raster(tmp_path / "deep.tif", image_CHW)
    whole_model, part_model = ColourModel(), ColourModel()
    whole = segment(path, model=whole_model)
    bounds = (*(NORTH_UP @ (90, 230)), *(NORTH_UP @ (160, 150)))
    part = segment(path, model=part_model, extent=bounds)
    inside = shapely.box(*bounds)
    assert part.area.sum() > 0
    assert part.area.sum() == pytest.approx(whole.geometry.intersection(inside).area.sum())
    assert 0 < part_model.num_encoded < whole_model.num_encoded / 2


def test_an_object_over_the_whole_raster_is_one_polygon_with_its_holes(tmp_path):
    mask_HW = np.ones((300, 200), bool)
    mask_HW[40:60, 50:120] = False
    mask_HW[150:290, 60:70] = False
    path = write_raster(tmp_path / "lake.tif", image_of(mask_HW))
    (polygon,) = segment(path).geometry
    assert len(polygon.interiors) == 2
    assert_same_polygons([polygon], gdal_polygons(mask_HW, NORTH_UP))


def test_all_queries_share_one_encoding_and_one_decoding(tmp_path):
    image_CHW = image_of(blobs((150, 150), seed=1))
    image_CHW[:, 20:50, 90:140] = np.array([0, 0, 255], np.uint8)[:, None, None]
    path = write_raster(tmp_path / "town.tif", image_CHW)
    one, many = ColourModel(), ColourModel()
    red = segment(path, model=one)
    both = segment(path, ["red", " blue ", "red", "zebra"], model=many)
    assert many.num_encoded == one.num_encoded
    assert many.num_decoded == one.num_decoded
    assert set(many.texts_seen) == {("red", "blue", "zebra")}
    assert_same_polygons(both.geometry[both["query"] == "red"], red.geometry)
    assert set(both["query"]) == {"red", "blue"}


def test_every_polygon_has_the_output_schema(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((80, 80), seed=2)))
    found = segment(path)
    assert list(found.columns) == [
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
        "geometry",
    ]
    assert found["score"].between(0.99, 1).all()
    assert found["objectness"].to_numpy() == pytest.approx(1 / (1 + math.exp(-3.0)))
    # UTM's scale away from its central meridian: the ellipsoid's areas differ by parts in a thousand.
    np.testing.assert_allclose(found["area_m2"], found.area, rtol=3e-3)
    assert set(found["source"]) == {str(path)}


def test_scores_come_from_the_tiles_that_a_polygon_lies_in(tmp_path):
    mask_HW = np.zeros((64, 128), bool)
    mask_HW[10:20, 5:55] = True  # wholly in the first tile of two
    mask_HW[0:64, 64:128] = True  # the second tile, full
    path = write_raster(tmp_path / "two.tif", image_of(mask_HW))
    found = segment(path, tile_px=64, overlap_px=0).sort_values("area_m2")
    first_share = mask_HW[:, :64].mean()
    assert list(found["iou_pred"]) == pytest.approx([first_share, 1.0])
    mask_HW[10:20, 55:64] = True  # joined: half the pixels' weight cannot come from one tile only
    (joined,) = segment(
        write_raster(tmp_path / "one.tif", image_of(mask_HW)), tile_px=64, overlap_px=0
    ).itertuples()
    num_first, num_second = mask_HW[:, :64].sum(), mask_HW[:, 64:].sum()
    expected = (num_first * mask_HW[:, :64].mean() + num_second * 1.0) / (num_first + num_second)
    assert joined.iou_pred == pytest.approx(expected)


def test_nothing_is_found_over_nodata_and_empty_tiles_are_not_encoded(tmp_path):
    image_CHW = np.zeros((3, 256, 256), np.uint8)
    image_CHW[0, 100:140, 30:90] = 255
    path = write_raster(tmp_path / "sparse.tif", image_CHW, nodata=0)
    model = ColourModel()
    assert segment(path, "black", model=model).empty  # black is nodata here
    assert 0 < model.num_encoded < 12
    (polygon,) = segment(path, "red").geometry
    assert polygon.equals(shapely.box(*(NORTH_UP @ (30, 140)), *(NORTH_UP @ (90, 100))))


def test_alpha_hides_what_it_covers(tmp_path):
    mask_HW = blobs((100, 120), seed=3)
    alpha_HW = np.where(np.arange(120) < 60, 0, 255)[None].repeat(100, axis=0).astype(np.uint8)
    image_CHW = np.concatenate([image_of(mask_HW), alpha_HW[None]])
    path = write_raster(tmp_path / "alpha.tif", image_CHW, photometric="RGB", alpha="yes")
    assert_same_polygons(segment(path).geometry, gdal_polygons(mask_HW & (alpha_HW > 0), NORTH_UP))


def test_one_grey_band_works(tmp_path):
    mask_HW = blobs((100, 120), seed=6)
    path = write_raster(tmp_path / "grey.tif", np.where(mask_HW, 5, 200).astype(np.uint8)[None])
    assert_same_polygons(segment(path, "black").geometry, gdal_polygons(mask_HW, NORTH_UP))


def test_a_raster_smaller_than_a_tile_works_and_finds_nothing_beside_it(tmp_path):
    mask_HW = np.ones((20, 30), bool)
    path = write_raster(tmp_path / "small.tif", image_of(mask_HW))
    assert_same_polygons(segment(path).geometry, gdal_polygons(mask_HW, NORTH_UP))
    assert segment(path, "black").empty  # the padding is black


def test_one_window_shows_the_extent_to_the_model_as_one_image(tmp_path):
    mask_HW = np.zeros((200, 400), bool)
    mask_HW[48:104, 80:240] = True
    path = write_raster(tmp_path / "wide.tif", image_of(mask_HW))
    model = ColourModel()
    (polygon,) = segment(path, model=model, one_window=True).geometry
    assert model.num_encoded == 1
    (truth,) = gdal_polygons(mask_HW, NORTH_UP)
    assert polygon.intersection(truth).area / polygon.union(truth).area > 0.9  # 6 pixels became one


@pytest.mark.parametrize("hw_px", [(40, 80), (80, 40), (30, 30)])
def test_one_window_fills_the_models_square(tmp_path, hw_px):
    mask_HW = np.zeros(hw_px, bool)
    mask_HW[-10:, -16:-4] = True
    path = write_raster(tmp_path / "low.tif", image_of(mask_HW))
    shown = []

    class Keeping(ColourModel):
        def encode_batch(self, images_BHWC):
            shown.extend(images_BHWC)
            return super().encode_batch(images_BHWC)

    (polygon,) = segment(path, model=Keeping(), one_window=True).geometry
    (image_HWC,) = shown
    assert image_HWC.shape[0] == image_HWC.shape[1]
    assert image_HWC.any(axis=-1).all()  # the raster alone, without the black of an empty frame
    (truth,) = gdal_polygons(mask_HW, NORTH_UP)
    assert polygon.intersection(truth).area / polygon.union(truth).area > 0.8


def test_a_resolution_is_worked_at_whatever_the_extent(tmp_path):
    mask_HW = np.zeros((256, 256), bool)
    mask_HW[64:128, 32:160] = True
    path = write_raster(tmp_path / "fine.tif", image_of(mask_HW))
    model = ColourModel()
    (polygon,) = segment(path, model=model, resolution_m=2.0, tile_px=128).geometry
    assert model.num_encoded == 1
    assert_same_polygons([polygon], gdal_polygons(mask_HW, NORTH_UP))


def test_small_polygons_are_dropped_and_outlines_simplified(tmp_path):
    mask_HW = np.zeros((100, 100), bool)
    mask_HW[10:12, 10:12] = True  # 1 m2
    mask_HW |= np.hypot(*(np.mgrid[:100, :100] - 60)) < 25
    path = write_raster(tmp_path / "town.tif", image_of(mask_HW))
    assert len(segment(path)) == 2
    (rough,) = segment(path, min_area_m2=5).geometry
    (smooth,) = segment(path, min_area_m2=5, simplify_m=1.0).geometry
    assert len(smooth.exterior.coords) < len(rough.exterior.coords) / 2
    assert smooth.symmetric_difference(rough).area < 0.1 * rough.area


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".fgb", ".parquet"])
def test_every_format_holds_the_same_polygons(tmp_path, suffix):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((100, 120), seed=7)))
    output = tmp_path / f"out{suffix}"
    found = segment(path, output=output)
    stored = gpd.read_parquet(output) if suffix == ".parquet" else gpd.read_file(output)
    stored = stored.to_crs(found.crs)
    assert len(stored) == len(found)
    assert stored.area.sum() == pytest.approx(found.area.sum(), rel=1e-4)
    parameters = read_run_parameters(output)
    assert parameters["queries"] == ["red"]
    assert parameters["threshold"] == 0.5


def test_a_tif_output_is_the_mask(tmp_path):
    mask_HW = blobs((100, 120), seed=7)
    path = write_raster(tmp_path / "town.tif", image_of(mask_HW))
    output = tmp_path / "mask.tif"
    segment(path, ["blue", "red"], output=output)
    with rasterio.open(output) as dataset:
        np.testing.assert_array_equal(dataset.read(1) == 2, mask_HW)
        assert dataset.transform == NORTH_UP


def test_more_queries_than_fit_in_memory_take_several_passes_and_find_the_same(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((200, 200), seed=7)))
    queries = ["red", "zebra", "blue"]
    expected = segment(path, queries)
    monkeypatch.setattr(geophrase.engine.pipeline.run, "_MAX_BLEND_BYTES", 1)
    model, seen = ColourModel(), []
    found = segment(path, queries, model=model, progress=seen.append)
    assert set(model.texts_seen) == {("red",), ("zebra",), ("blue",)}
    assert seen[-1].num_done == seen[-1].num_total
    assert_same_polygons(found.geometry, expected.geometry)
    assert list(found["query"]) == list(expected["query"])


def test_a_mask_of_more_queries_than_fit_in_memory_is_refused(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((200, 200), seed=7)))
    monkeypatch.setattr(geophrase.engine.pipeline.run, "_MAX_BLEND_BYTES", 1)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(EngineError, match="at most 1 queries") as failure:
        segment(path, ["red", "blue"], output=tmp_path / "mask.tif")
    assert failure.value.code is ErrorCode.BAD_REQUEST
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_without_polygons_is_a_valid_empty_layer(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(np.zeros((70, 70), bool)))
    assert segment(path, "zebra", output=tmp_path / "none.gpkg").empty
    info = pyogrio.read_info(tmp_path / "none.gpkg", layer="segments")
    assert info["features"] == 0
    assert info["crs"] == UTM


def test_cancelling_stops_between_batches_and_leaves_the_old_output(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((1500, 1500), seed=7)))
    output = tmp_path / "out.gpkg"
    output.write_bytes(b"what was there before")
    before = sorted(tmp_path.iterdir())
    model = ColourModel()
    seen = []
    num_threads = threading.active_count()
    with pytest.raises(CancelledError):
        segment(path, model=model, output=output, progress=seen.append, cancel=lambda: len(seen) >= 2)
    assert len(seen) == 2
    assert model.num_encoded < seen[0].num_total
    assert output.read_bytes() == b"what was there before"
    assert sorted(tmp_path.iterdir()) == before
    assert threading.active_count() == num_threads


def test_progress_counts_every_tile_once_and_ends_at_the_total(tmp_path):
    image_CHW = image_of(blobs((600, 600), seed=7))
    image_CHW[:, 300:, 300:] = 0
    path = write_raster(tmp_path / "town.tif", image_CHW, nodata=0)
    seen = []
    segment(path, progress=seen.append)
    assert [one.num_done for one in seen] == sorted({one.num_done for one in seen})
    assert seen[-1].num_done == seen[-1].num_total
    assert 0 < seen[-1].num_encoded < seen[-1].num_total
    assert seen[-1].num_cached == 0


def test_a_second_query_encodes_nothing_and_finds_the_same(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((200, 200), seed=9)))
    first, second = ColourModel(), ColourModel()
    cached = {"cache_dir": tmp_path / "cache"}
    before = segment_raster(path, "red", model=first, **cached)
    after = segment_raster(path, "red", model=second, **cached)
    assert first.num_encoded > 0
    assert second.num_encoded == 0
    assert_same_polygons(after.geometry, before.geometry)
    assert_same_polygons(after.geometry, segment(path).geometry)
    other_extent = ColourModel()
    segment_raster(path, "blue", model=other_extent, extent=(346010, 5647950, 346060, 5647990), **cached)
    assert other_extent.num_encoded == 0


@pytest.mark.parametrize("change", ["raster", "model", "bands", "resolution", "tile", "stretch"])
def test_what_an_encoding_depends_on_makes_a_new_one(tmp_path, change):
    image_CHW = image_of(blobs((120, 120), seed=9))
    path = write_raster(tmp_path / "town.tif", image_CHW)
    cached = {"cache_dir": tmp_path / "cache"}
    segment_raster(path, "red", model=ColourModel(), **cached)
    again = ColourModel(identity="colour:2") if change == "model" else ColourModel()
    options: dict = {
        "bands": {"bands": [3, 2, 1]},
        "resolution": {"resolution_m": 1.0},
        "tile": {"tile_px": 96},
    }.get(change, {})
    if change == "raster":
        image_CHW[:, 60, 60] = 1
    if change == "stretch":
        image_CHW = image_CHW.astype(np.uint16)
    if change in ("raster", "stretch"):
        write_raster(path, image_CHW)
    segment_raster(path, "red", model=again, **cached, **options)
    assert again.num_encoded > 0


def test_another_version_of_the_program_makes_its_own_encodings(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((120, 120), seed=9)))
    cached = {"cache_dir": tmp_path / "cache"}
    segment_raster(path, "red", model=ColourModel(), **cached)
    monkeypatch.setattr(geophrase.engine.pipeline.tile_encoder, "software_version", lambda: "0.0.0")
    again = ColourModel()
    segment_raster(path, "red", model=again, **cached)
    assert again.num_encoded > 0


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((900, 900), seed=9)))
    cached = {"cache_dir": tmp_path / "cache"}
    seen: list = []
    first, second = ColourModel(), ColourModel()
    with pytest.raises(CancelledError):
        segment_raster(path, "red", model=first, progress=seen.append, cancel=lambda: bool(seen), **cached)
    segment_raster(path, "red", model=second, progress=seen.append, **cached)
    assert first.num_encoded + second.num_encoded == seen[-1].num_total
    assert seen[-1].num_cached == first.num_encoded


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((120, 120), seed=9)))
    (tmp_path / "file").write_text("in the way")
    found = segment_raster(path, "red", model=ColourModel(), cache_dir=tmp_path / "file" / "cache")
    assert_same_polygons(found.geometry, segment(path).geometry)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"queries": []}, ErrorCode.BAD_REQUEST),
        ({"queries": "  "}, ErrorCode.BAD_REQUEST),
        ({"queries": ["red", ""]}, ErrorCode.BAD_REQUEST),
        ({"queries": "caf\udce9"}, ErrorCode.BAD_REQUEST),
        ({"queries": "red\x00"}, ErrorCode.BAD_REQUEST),
        ({"threshold": 1.5}, ErrorCode.BAD_REQUEST),
        ({"threshold": float("nan")}, ErrorCode.BAD_REQUEST),
        ({"extent": (0, 0, 0, 10)}, ErrorCode.BAD_REQUEST),
        ({"extent": (0, 0, 10, 10)}, ErrorCode.OUTSIDE_RASTER),
        ({"extent": (0, 0, float("inf"), 10)}, ErrorCode.BAD_REQUEST),
        ({"resolution_m": 0}, ErrorCode.BAD_REQUEST),
        ({"tile_px": -4}, ErrorCode.BAD_REQUEST),
        ({"tile_px": 7}, ErrorCode.BAD_REQUEST),
        ({"tile_px": 100_000}, ErrorCode.BAD_REQUEST),
        ({"tile_px": 32, "overlap_px": 32}, ErrorCode.BAD_REQUEST),
        ({"tile_px": 64, "overlap_px": 63}, ErrorCode.BAD_REQUEST),
        ({"bands": [1, 9, 2]}, ErrorCode.BAD_REQUEST),
        ({"min_area_m2": -1}, ErrorCode.BAD_REQUEST),
        ({"simplify_m": float("inf")}, ErrorCode.BAD_REQUEST),
        ({"output": "out.docx"}, ErrorCode.BAD_REQUEST),
        ({"output": "nowhere/out.gpkg"}, ErrorCode.OUTPUT_NOT_WRITABLE),
        ({"path": "nothing.tif"}, ErrorCode.RASTER_UNREADABLE),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_leaves_nothing(tmp_path, monkeypatch, options, code):
    monkeypatch.chdir(tmp_path)
    write_raster(tmp_path / "town.tif", image_of(blobs((50, 50), seed=9)))
    before = sorted(tmp_path.iterdir())
    arguments = {"path": "town.tif", "queries": "red", **options}
    model = ColourModel()
    with pytest.raises(EngineError) as failure:
        segment(Path(arguments.pop("path")), arguments.pop("queries"), model=model, **arguments)
    assert failure.value.code is code
    assert failure.value.message.rstrip().endswith((".", ")"))
    assert "\n" not in failure.value.message
    assert model.num_encoded == 0
    assert sorted(tmp_path.iterdir()) == before


def test_a_click_model_says_that_it_takes_no_text(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((50, 50), seed=9)))
    with pytest.raises(EngineError, match="refine"):
        segment(path, model=ColourModel(has_text=False))


def test_run_parameters_are_json_and_complete(tmp_path):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((50, 50), seed=9)))
    segment(path, output=tmp_path / "o.gpkg", threshold=0.6, extent=(346000, 5647980, 346010, 5648000))
    parameters = json.loads(json.dumps(read_run_parameters(tmp_path / "o.gpkg")))
    assert parameters["threshold"] == 0.6
    assert parameters["extent_map"] == [346000, 5647980, 346010, 5648000]
    assert parameters["raster"] == str(path)
    assert parameters["model"] == "colour:1"
    assert parameters["command"] == "segment"
    assert parameters["geophrase"] == importlib.metadata.version("geophrase")
    assert (parameters["tile_px"], parameters["overlap_px"]) == (50, 12)
    with RasterSource.open(path) as source:
        assert parameters["raster_fingerprint"] == source.fingerprint


def test_a_relative_path_is_recorded_so_that_it_can_be_found_again(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "town.tif", image_of(blobs((50, 50), seed=9)))
    monkeypatch.chdir(tmp_path)
    segment(Path("town.tif"), output=tmp_path / "o.gpkg")
    assert read_run_parameters(tmp_path / "o.gpkg")["raster"] == str(path)
