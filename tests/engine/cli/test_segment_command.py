"""`geophrase segment` in this process, with a model made by hand behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

import geophrase.engine.segment
from geophrase.engine.cli.main import main
from geophrase.tests.fakes.colour_model import ColourModel

SHARED_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
RASTERS = sorted(
    path for folder in ("scenes", "edge_cases", "spacenet") for path in (SHARED_DATA / folder).glob("*.tif")
)
UNREADABLE = {"rasterio_corrupt.tif"}
NUM_SAMPLES = 20_000
LARGE = {"cog_int16.tif", "naip_sparse_mosaic_24576x25344_epsg26911.tif"}


@pytest.fixture
def model(monkeypatch) -> ColourModel:
    hand_made = ColourModel(image_px=256)
    monkeypatch.setattr(geophrase.engine.segment, "load_predictor", lambda *_args, **_options: hand_made)
    return hand_made


@pytest.fixture
def town(tmp_path) -> Path:
    image_CHW = np.full((3, 300, 300), 90, np.uint8)
    image_CHW[:, 40:90, 50:270] = np.array([255, 0, 0], np.uint8)[:, None, None]
    path = tmp_path / "town.tif"
    profile = {"driver": "GTiff", "width": 300, "height": 300, "count": 3, "dtype": "uint8"}
    transform = Affine(0.5, 0, -346000, 0, -0.5, 5648000)
    with rasterio.open(path, "w", crs="EPSG:25832", transform=transform, **profile) as dataset:
        dataset.write(image_CHW)
    return path


def test_says_where_the_result_is_and_what_was_found(town, tmp_path, model, capsys):
    output = tmp_path / "out.gpkg"
    assert main(["segment", str(town), "red", "zebra", "-o", str(output), "--cache", "none"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(output)
    assert "red: 1 polygon" in said.err
    assert "zebra: 0 polygons" in said.err
    assert len(gpd.read_file(output, layer="segments")) == 1


def test_the_raster_is_never_replaced_by_its_own_result(town, model, capsys):
    before = town.read_bytes()
    assert main(["segment", str(town), "red", "-o", str(town), "--cache", "none"]) == 1
    assert "is the raster itself" in capsys.readouterr().err
    assert town.read_bytes() == before


def test_a_file_name_that_is_no_text_is_said_to_be_none(town, tmp_path, model, capsys):
    raster = town.rename(tmp_path / "caf\udce9.tif")
    assert main(["segment", str(raster), "red", "-o", str(tmp_path / "out.gpkg"), "--cache", "none"]) == 1
    assert "its name is not UTF-8" in capsys.readouterr().err


def test_an_address_reaches_gdal_as_typed(tmp_path, model, capsys):
    address = "/vsizip/nowhere//town.zip/town.tif"
    assert main(["segment", address, "red", "-o", str(tmp_path / "out.gpkg"), "--cache", "none"]) == 1
    assert address in capsys.readouterr().err


def test_json_tells_programs_what_was_done(town, tmp_path, model, capsys):
    output = tmp_path / "out.gpkg"
    command = [
        "segment",
        str(town),
        "red",
        " red",
        "-o",
        str(output),
        "--cache",
        str(tmp_path / "c"),
        "--json",
    ]
    assert main(command) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["outputs"] == [str(output)]
    assert first["queries"] == [{"query": "red", "num_polygons": 1}]
    assert first["tiles"] == {"num_total": 4, "num_encoded": 4, "num_cached": 0, "num_empty": 0}
    assert {"read", "encode", "decode", "blend", "polygonise", "write"} <= set(first["seconds"])
    assert sum(first["seconds"].values()) <= first["wall_s"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["tiles"]["num_cached"] == 4


def test_an_extent_west_of_greenwich_and_of_any_spelling_is_understood(town, tmp_path, model):
    output = tmp_path / "out.gpkg"
    extent = ["-3.4600e5", "5647950", "-345900.0", "5648000"]
    assert main(["segment", str(town), "red", "-o", str(output), "--cache", "none", "--extent", *extent]) == 0
    assert gpd.read_file(output).total_bounds == pytest.approx([-345975, 5647955, -345900, 5647980])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["segment"], 2),
        (["segment", "{town}", "red"], 2),
        (["nonsense"], 2),
        (["segment", "{town}", "red", "-o", "{folder}/o.gpkg", "--threshold", "much"], 2),
        (["segment", "{town}", "  ", "-o", "{folder}/o.gpkg"], 2),
        (["segment", "{town}", "red", "-o", "{folder}/o.docx"], 2),
        (["segment", "{folder}/none.tif", "red", "-o", "{folder}/o.gpkg"], 1),
        (["segment", "{folder}", "red", "-o", "{folder}/o.gpkg"], 1),
        (["segment", "{town}", "red", "-o", "{folder}/none/o.gpkg"], 1),
        (["segment", "{town}", "red", "-o", "{folder}/o.gpkg", "--extent", "0", "0", "1", "1"], 1),
    ],
)
def test_failures_are_one_line_and_leave_nothing(town, tmp_path, model, capsys, arguments, code):
    before = sorted(tmp_path.rglob("*"))
    command = [argument.format(town=town, folder=tmp_path) for argument in arguments]
    try:
        actual = main(command)
    except SystemExit as exit_:  # argparse
        actual = exit_.code
    said = capsys.readouterr()
    assert actual == code
    assert said.out == ""
    assert "Traceback" not in said.err
    last_line = said.err.strip().splitlines()[-1]
    assert last_line.startswith("geophrase")
    assert len(last_line) > 30
    assert sorted(tmp_path.rglob("*")) == before


def test_an_unforeseen_failure_is_one_line_too_unless_debugging(town, tmp_path, model, capsys, monkeypatch):
    def explode(*_args):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(ColourModel, "predict_texts", explode)
    command = ["segment", str(town), "red", "-o", str(tmp_path / "o.gpkg"), "--cache", "none"]
    assert main(command) == 1
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("GEOPHRASE_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(command)
    assert not (tmp_path / "o.gpkg").exists()


def test_no_memory_is_a_sentence(town, tmp_path, model, capsys, monkeypatch):
    def explode(*_args):
        raise MemoryError

    monkeypatch.setattr(ColourModel, "encode_batch", explode)
    assert main(["segment", str(town), "red", "-o", str(tmp_path / "o.gpkg"), "--cache", "none"]) == 1
    assert "not enough memory" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.parametrize(
    "raster",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.name in LARGE else [])
        for path in RASTERS
    ]
    or [pytest.param(None, id="none", marks=pytest.mark.skip(reason="the shared imagery is not here"))],
)
def test_every_raster_gives_a_valid_layer_in_place_or_a_sentence(raster, tmp_path, model, capsys):
    model.image_px = 512
    output = tmp_path / "out.gpkg"
    code = main(["segment", str(raster), "black", "green", "-o", str(output), "--cache", "none"])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    if raster.name in UNREADABLE:
        assert code == 1
        assert said.startswith("geophrase: ")
        assert said.count("\n") == 1
        assert list(tmp_path.iterdir()) == []
        return
    assert code == 0, said
    found = gpd.read_file(output, layer="segments")
    assert found.geometry.is_valid.all()
    assert pyogrio.read_info(output)["geometry_type"] == "Polygon"
    with rasterio.open(raster) as dataset:
        assert_in_place(found, dataset)


def assert_in_place(found: gpd.GeoDataFrame, dataset: rasterio.DatasetReader) -> None:
    """Sampled pixels, placed by GDAL's own georeferencing, lie in polygons exactly where they should."""
    assert (found.crs is None) == (dataset.crs is None)
    if dataset.crs is not None:
        assert found.crs.equals(dataset.crs)
    side_yx = min(dataset.height, 4096), min(dataset.width, 4096)
    window = rasterio.windows.Window(0, 0, side_yx[1], side_yx[0])
    has_data_HW = dataset.dataset_mask(window=window) > 0
    first_HW = dataset.read(1, window=window)
    if first_HW.dtype.kind == "f":
        has_data_HW &= np.isfinite(first_HW)
    rng = np.random.default_rng(0)
    rows, cols = (rng.integers(0, side_px, size=NUM_SAMPLES) for side_px in side_yx)
    centres = shapely.points(*rasterio.transform.xy(dataset.transform, rows, cols))
    hits, _ = shapely.STRtree(centres).query(found.geometry.values, predicate="contains")[::-1]
    is_found = np.isin(np.arange(NUM_SAMPLES), hits)
    assert not (is_found & ~has_data_HW[rows, cols]).any()
    if dataset.dtypes[0] == "uint8" and dataset.count >= 3:
        red, green, blue = dataset.read([1, 2, 3], window=window)[:, rows, cols]
        is_dark = (red < 100) & (green < 100) & (blue < 100)
        is_green = (green > 155) & (red < 100) & (blue < 100)
        np.testing.assert_array_equal(is_found, (is_dark | is_green) & has_data_HW[rows, cols])


def test_help_needs_no_heavy_library():
    heavy = {"torch", "rasterio", "geopandas", "transformers", "numpy"}
    script = f"import sys, geophrase.engine.cli.main; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
