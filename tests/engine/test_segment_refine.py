"""Points and boxes on a map, with an untrained network: where the window lies, and what is refused."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

import geophrase.engine.refine
from geophrase.engine.cli.main import main
from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.predictions import Prediction
from geophrase.engine.predictor import Predictor
from geophrase.engine.refine import RefineConfig, refine_raster, refine_to_file, window_around
from geophrase.engine.vector.run_parameters import read_run_parameters
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx

ROTATED = Affine(0.5, 0, -346000, 0, -0.5, 5648000) @ Affine.rotation(20)


class PromptPainter(Predictor):
    """Encodes with the real network, answers with what it was shown: the box, or a disc around each click.

    Like SAM 2 it takes whole numbers for the centres of pixels, and a box to name its first and last pixel.
    """

    def predict(
        self, embedding, *, points_xy=None, point_labels=None, box_xyxy=None, **_options
    ) -> Prediction:
        rows, cols = np.mgrid[: embedding.image_hw_px[0], : embedding.image_hw_px[1]]
        mask_HW = np.zeros(embedding.image_hw_px, bool)
        if box_xyxy is not None:
            xmin, ymin, xmax, ymax = box_xyxy
            mask_HW |= (xmin <= cols) & (cols <= xmax) & (ymin <= rows) & (rows <= ymax)
        points = [] if points_xy is None else points_xy
        labels = [] if point_labels is None else point_labels
        for (x, y), is_on in zip(points, labels, strict=True):
            disc_HW = np.hypot(cols - x, rows - y) < 8
            mask_HW = mask_HW | disc_HW if is_on else mask_HW & ~disc_HW
        return Prediction(
            np.where(mask_HW, 5.0, -5.0).astype(np.float32), 0.9, 2.0, np.zeros((1, 1), np.float32)
        )


@pytest.fixture(scope="module")
def painter() -> Predictor:
    torch.manual_seed(0)
    return PromptPainter.from_model(Rsam(PRESETS["rsam_small"]))


@pytest.fixture
def town(tmp_path) -> Path:
    path = tmp_path / "town.tif"
    profile = {"driver": "GTiff", "width": 900, "height": 800, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", crs="EPSG:25832", transform=ROTATED, **profile) as dataset:
        dataset.write(np.full((3, 800, 900), 90, np.uint8))
    return path


def test_a_click_is_answered_where_it_was_made_on_a_rotated_map(town, painter):
    x_map, y_map = ROTATED @ (700.5, 600.5)  # the centre of a pixel
    (polygon,) = refine_raster(
        town, config=RefineConfig(points=((x_map, y_map, True),)), model=painter
    ).geometry
    assert polygon.centroid.coords[0] == pytest.approx((x_map, y_map), abs=0.05)
    assert polygon.area == pytest.approx(np.pi * 16, rel=0.05)


def test_a_negative_click_takes_away(town, painter):
    on, off = ROTATED @ (400.0, 300.0), ROTATED @ (406.0, 300.0)
    both = refine_raster(town, config=RefineConfig(points=((*on, True), (*off, False))), model=painter)
    alone = refine_raster(town, config=RefineConfig(points=((*on, True),)), model=painter)
    assert 0 < both.area.sum() < alone.area.sum()


def test_boxes_farther_apart_than_a_tile_are_answered_at_a_coarser_resolution(town, painter):
    centres = [ROTATED @ (60.0, 60.0), ROTATED @ (800.0, 700.0)]
    boxes = tuple((x - 10, y - 10, x + 10, y + 10) for x, y in centres)
    found = refine_raster(town, config=RefineConfig(boxes_map=boxes), model=painter)
    assert len(found) == 2
    for polygon, centre in zip(found.geometry, centres, strict=True):
        assert polygon.centroid.coords[0] == pytest.approx(centre, abs=1.0)


def test_the_window_is_the_models_side_and_moves_into_the_raster():
    grid = RasterGrid(2000, 300, (1, 0, 0, 0, -1, 0))
    tile = window_around(np.array([[1950.0, 100.0]]), grid, image_px=512)
    assert tile.window == WindowPx(1488, 0, 512, 512)
    assert (tile.image_width_px, tile.image_height_px) == (512, 512)
    wide = window_around(np.array([[100.0, 100.0], [1100.0, 200.0]]), grid, image_px=512)
    assert wide.window.contains(WindowPx(100, 100, 1000, 100))
    assert wide.image_width_px == 512


@pytest.mark.parametrize(
    ("prompts", "code"),
    [
        ({}, ErrorCode.BAD_REQUEST),
        ({"points": ((0.0, 0.0, False),)}, ErrorCode.BAD_REQUEST),
        ({"points": ((0.0, 0.0, True),), "boxes_map": ((0, 0, 1, 1), (2, 2, 3, 3))}, ErrorCode.BAD_REQUEST),
        ({"points": ((0.0, 0.0, True),), "query": " "}, ErrorCode.BAD_REQUEST),
        ({"points": ((0.0, 0.0, True),), "min_area_m2": float("inf")}, ErrorCode.BAD_REQUEST),
        ({"points": ((0.0, 0.0, True),), "simplify_m": -1.0}, ErrorCode.BAD_REQUEST),
        ({"points": ((0.0, 0.0, True),)}, ErrorCode.OUTSIDE_RASTER),
    ],
)
def test_what_marks_nothing_is_refused(town, painter, prompts, code):
    with pytest.raises(EngineError) as failure:
        refine_raster(town, config=RefineConfig(**prompts), model=painter)
    assert failure.value.code is code


def test_the_command_takes_negative_coordinates_and_writes_a_layer(
    town, tmp_path, painter, monkeypatch, capsys
):
    monkeypatch.setattr(geophrase.engine.refine, "load_predictor", lambda *_args, **_options: painter)
    x_map, y_map = ROTATED @ (450.0, 400.0)
    output = tmp_path / "one.gpkg"
    command = ["refine", str(town), "--point", f"{x_map},{y_map},+", "--point", f"{x_map + 3},{y_map},-"]
    assert main([*command, "-o", str(output)]) == 0
    assert capsys.readouterr().out.strip() == str(output)
    assert len(gpd.read_file(output, layer="segments")) == 1
    parameters = read_run_parameters(output)
    assert parameters["command"] == "refine"
    assert parameters["points"] == [[x_map, y_map, True], [x_map + 3, y_map, False]]
    assert parameters["model"] == painter.identity


@pytest.mark.parametrize("name", ["o.tif", "o.docx", "missing/o.gpkg"])
def test_an_output_that_cannot_be_made_is_refused_before_the_model_is_loaded(
    town, tmp_path, name, monkeypatch
):
    monkeypatch.setattr(
        geophrase.engine.refine, "load_predictor", lambda *_args, **_options: pytest.fail("loaded")
    )
    config = RefineConfig(points=((*(ROTATED @ (450.0, 400.0)), True),))
    with pytest.raises(EngineError) as failure:
        refine_to_file(town, tmp_path / name, config=config, model="rsam_small")
    assert failure.value.code in (ErrorCode.BAD_REQUEST, ErrorCode.OUTPUT_NOT_WRITABLE)


@pytest.mark.parametrize(
    "prompt", [["--point", "1"], ["--point", "1,2,*"], ["--box", "4,4,1,1"], ["--box", "1,2,3,nan"]]
)
def test_a_malformed_prompt_is_a_usage_error(town, tmp_path, prompt, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["refine", str(town), *prompt, "-o", str(tmp_path / "o.gpkg")])
    assert "error: argument" in capsys.readouterr().err


def test_the_real_network_answers_text_and_points_together(town):
    torch.manual_seed(0)
    predictor = Predictor.from_model(Rsam(PRESETS["rsam_small"]))
    point = ROTATED @ (450.0, 400.0)
    config = RefineConfig(points=((*point, True),), query="a roof", threshold=0.01)
    found = refine_raster(town, config=config, model=predictor)
    assert found.geometry.is_valid.all()
    assert set(found["query"]) <= {"a roof"}
