"""Each recipe runs to its end in miniature: what is to train trains, and the engine answers with it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.load import locate_weights
from geophrase.engine.predictor import Predictor
from geophrase.training.cli import main
from geophrase.training.recipes.catalog import PAPER_RECIPES, RECIPES, SMALL_ABLATIONS

_TEXT, _IMAGE = "text_encoder.", "image_encoder."
# The small ablations have the switches of the paper's and the trunk of rsam_small, and a baseline among them.
_OF_THE_ENGINE = [name for name, recipe in RECIPES.items() if recipe not in SMALL_ABLATIONS]


def start_of(config):
    """The weights that a run begins with, from its seed alone."""
    torch.manual_seed(config.seed)
    rsam = Rsam(config.model)
    if rsam.text_encoder is not None:
        rsam.text_encoder.load()
    return rsam.own_state_dict()


def moved(before, after, prefix):
    """Whether a parameter with a prefix has changed beyond what storing it in half precision does."""
    return any(
        not torch.equal(value, before[name].to(value.dtype))
        for name, value in after.items()
        if name.startswith(prefix) and "running_" not in name and "num_batches" not in name
    )


@pytest.mark.parametrize("name", _OF_THE_ENGINE)
def test_a_recipe_runs_and_the_engine_answers(name, trained, miniature):
    weights, config = trained(name), miniature.shrink(RECIPES[name]())
    predictor = Predictor.load(weights, "cpu")
    assert predictor.rsam.config == config.model
    image_HWC = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    prediction = predictor.predict(predictor.encode(image_HWC), text="the red disc")
    assert prediction.mask_logits_HW.shape == (50, 70)
    assert np.isfinite(prediction.mask_logits_HW).all()
    rows = [json.loads(line) for line in (weights.parent / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3]
    assert not any(row["skipped"] for row in rows if "loss" in row)
    assert any("validation" in row for row in rows)


@pytest.mark.parametrize("name", [recipe.__name__ for recipe in PAPER_RECIPES])
def test_what_is_to_train_trains_and_nothing_else(name, trained, miniature):
    config = miniature.shrink(RECIPES[name]())
    before, after = start_of(config), load_file(trained(name))
    is_text_frozen = config.model.text.is_frozen
    assert any(key.startswith(_TEXT) for key in after) == (not is_text_frozen)
    assert moved(before, after, _TEXT) == (not is_text_frozen)
    assert moved(before, after, _IMAGE) == (not config.trainable.is_image_encoder_frozen)
    assert moved(before, after, "mask_decoder.")
    assert moved(before, after, "guidance.") == (config.model.guidance is not None)


def test_trained_words_are_answered_with(trained):
    weights = trained("risors_base_plus_all_trained")
    rsam = load_model(locate_weights(weights)).eval()
    stored = load_file(weights)
    name = "text_encoder.bert.encoder.layer.0.output.dense.weight"
    rsam.encode_text(["the red disc"])
    assert torch.equal(rsam.state_dict()[name], stored[name].float())


def test_the_command_leaves_its_run_where_it_is_told(tmp_path, capsys):
    assert main(["fit", "--recipe", "risors_mmmd", "--smoke", "--run", str(tmp_path / "kept")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("risors_mmmd: 3 updates")
    assert said.out.count("\n") == 1
    assert (tmp_path / "kept" / "run" / "best.safetensors").is_file()


def test_recipes_are_listed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--list-recipes"])
    assert stop.value.code == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(RECIPES)
