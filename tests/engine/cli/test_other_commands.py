"""`geophrase info`, `models`, `doctor` and `demo`: what people and programs read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image

import geophrase.engine.segment
from geophrase.engine.cli.main import main
from geophrase.engine.picture import draw_picture
from geophrase.protocol.grid import RasterGrid
from geophrase.tests.fakes.colour_model import ColourModel


def test_info_counts_and_names_the_licence(capsys):
    assert main(["info", "--model", "rsam_small", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    # A few loose parameters belong to no box.
    assert facts["parameters_total"] == pytest.approx(sum(facts["parameters_by_part"].values()), rel=1e-4)
    assert facts["weights"]["licence"] == "GPL-3.0-or-later"
    assert main(["info", "--model", "rsam_small"]) == 0
    assert "GMAC" in capsys.readouterr().out


def test_a_reader_that_leaves_early_is_no_error_to_report():
    listing = f"{sys.executable} -m geophrase.engine.cli.main models list"
    shell = subprocess.run(["/bin/sh", "-c", f"{listing} | true"], capture_output=True, text=True, timeout=60)
    assert shell.stderr == ""


def test_info_of_an_unknown_model_names_the_nearest(capsys):
    assert main(["info", "--model", "rsam_smal"]) == 1
    assert "rsam_small" in capsys.readouterr().err


def test_models_list_has_ours_and_the_click_models(capsys):
    assert main(["models", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"rsam_small", "rsam_base_plus", "sam2.1_hiera_tiny", "sam2.1_hiera_large"} <= set(rows)
    assert len(rows["sam2.1_hiera_tiny"]["sha256"]) == 64
    assert main(["models", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(rows)


def test_doctor_reports_the_device_in_json(capsys):
    main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert "device" in {check["name"] for check in report["checks"]}
    assert isinstance(report["healthy"], bool)


def test_the_demo_on_a_users_raster_gives_polygons_and_a_picture(tmp_path, monkeypatch, capsys):
    image_CHW = np.full((3, 200, 300), 90, np.uint8)
    image_CHW[:, 40:90, 50:170] = np.array([255, 0, 0], np.uint8)[:, None, None]
    raster = tmp_path / "town.tif"
    profile = {"driver": "GTiff", "width": 300, "height": 200, "count": 3, "dtype": "uint8"}
    transform = Affine(0.5, 0, 346000, 0, -0.5, 5648000)
    with rasterio.open(raster, "w", crs="EPSG:25832", transform=transform, **profile) as dataset:
        dataset.write(image_CHW)
    monkeypatch.setattr(geophrase.engine.segment, "load_predictor", lambda *_args, **_options: ColourModel())
    command = ["demo", str(raster), "--query", "red", "--query", "zebra", "-o", str(tmp_path / "out")]
    assert main([*command, "--cache", "none"]) == 0
    said = capsys.readouterr()
    polygons, picture = (Path(line.split(maxsplit=1)[1]) for line in said.out.splitlines())
    assert len(gpd.read_file(polygons)) == 1
    with Image.open(picture) as drawn:
        assert drawn.format == "PNG"
        assert drawn.width == 300
        assert drawn.height > 200  # the legend is below
    assert "red: 1 polygon" in said.err


def test_the_picture_fills_polygons_but_not_their_holes(tmp_path):
    grid = RasterGrid(100, 80, (2.0, 0.0, 1000.0, 0.0, -2.0, 500.0))
    outline_map = shapely.Polygon(
        grid.to_map([(10, 10), (70, 10), (70, 60), (10, 60)]),
        [grid.to_map([(30, 20), (50, 20), (50, 50), (30, 50)])],
    )
    frame = gpd.GeoDataFrame({"query": ["lake"]}, geometry=[outline_map])
    draw_picture(tmp_path / "p.png", np.zeros((80, 100, 3), np.uint8), grid, [frame], queries=["lake"])
    with Image.open(tmp_path / "p.png") as picture:
        inside, hole, outside = (picture.getpixel(place) for place in ((20, 35), (40, 35), (90, 70)))
    assert sum(inside) > 50
    assert hole == outside == (0, 0, 0)
