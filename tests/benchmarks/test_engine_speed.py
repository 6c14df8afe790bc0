"""The benchmark runs, and its figures mean what they say."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from geophrase.benchmarks import engine_speed
from geophrase.benchmarks.engine_speed import Figure, generated_raster, invented, products_gmac
from geophrase.benchmarks.timing import interleaved_s
from geophrase.engine.model.complexity import count_complexity
from geophrase.engine.model.rsam.config import PRESETS, ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam

TRUNK = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))
CONFIG = replace(PRESETS["rsam_small"], trunk=TRUNK, image_px=128)


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    return invented(Rsam(CONFIG), "cpu")


def test_prints_every_figure_with_its_budget(predictor, tmp_path, monkeypatch, capsys):
    raster = generated_raster(tmp_path, size_px=256)
    monkeypatch.setattr(engine_speed, "load_or_invent", lambda model, device: (predictor, "random weights"))
    assert engine_speed.main(["--raster", str(raster), "--rounds", "1", "--sam2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    figures = {row["name"]: row for row in printed["figures"]}
    second = figures["second query on an encoded raster, over the first's time"]
    assert second["budget"] == pytest.approx(0.125)
    assert second["value"] > 0
    outside = figures["share of wall time outside the model"]
    assert outside["budget"] == pytest.approx(0.15)
    assert 0 < outside["value"] < 1
    assert all(row["value"] > 0 for row in printed["figures"])
    assert sum("over the floor" in name for name in figures) == 4


def test_compares_equal_work_with_sam2():
    encode, decode = engine_speed.against_sam2("tiny", device=torch.device("cpu"), num_rounds=1, image_px=256)
    # The same network on the same processor: far apart would mean that the work is not the same.
    assert 0.3 < encode.value < 3
    assert 0.1 < decode.value < 3


def test_products_are_those_that_info_counts():
    rsam = Rsam(CONFIG)
    counted = count_complexity(CONFIG)
    assert sum(products_gmac(rsam)) <= counted.gmac + counted.gmac_attention_products
    assert products_gmac(rsam)[0] >= counted.gmac_encode_image


def test_an_invented_model_finds_something_everywhere(predictor):
    images = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    answers = predictor.predict_texts(predictor.encode_batch(images), engine_speed.QUERIES)
    assert (answers.objectness_BQ > 0).all()


def test_contestants_take_turns_and_medians_count():
    order = []

    def contestant(name, slow_round):
        def run():
            order.append(name)
            time.sleep(0.2 if order.count(name) == slow_round else 0.01)

        return run

    seconds = interleaved_s({"a": contestant("a", 1), "b": contestant("b", 3)}, num_rounds=3)
    assert order == ["a", "b"] * 4
    assert all(0.01 <= value < 0.1 for value in seconds.values())


def test_a_figure_over_its_budget_says_so():
    assert Figure("", 0.2, "x", 0.125).verdict == "OVER"
    assert Figure("", 0.1, "x", 0.125).verdict == "ok"
    assert Figure("", 0.1, "x").verdict == ""
