"""Table 11 in small: what is compared differs in the model and in nothing else, and is of equal size."""

from dataclasses import replace

import pytest
import torch

from geophrase.engine.model.rsam.config import PRESETS
from geophrase.training.baselines.models import build_model, num_own_parameters
from geophrase.training.fit.initial_weights import load_initial_weights
from geophrase.training.recipes.catalog import RECIPES, SMALL_ABLATIONS

NAMES = [recipe.__name__ for recipe in SMALL_ABLATIONS]


@pytest.fixture(scope="module")
def models():
    return {name: build_model(RECIPES[name]().model) for name in NAMES}


def test_they_differ_in_the_model_alone():
    configs = [recipe() for recipe in SMALL_ABLATIONS]
    assert [config.model.name for config in configs] == NAMES
    assert len({replace(config, model=configs[0].model) for config in configs}) == 1
    assert configs[0].clicks.batch_probability == 0  # early fusion takes none
    assert {config.model.trunk for config in configs} == {PRESETS["rsam_small"].trunk}
    assert {config.model.text for config in configs} == {PRESETS["rsam_small"].text}


def test_each_ablation_lacks_what_its_name_says():
    switches = {
        name: (model.guidance is not None, model.is_text_added_to_mask_token)
        for name in NAMES[:4]
        for model in [RECIPES[name]().model]
    }
    assert switches == {
        "small_baseline": (False, False),
        "small_mmmd": (False, True),
        "small_twgm": (True, False),
        "small_both": (True, True),
    }


def test_early_fusion_is_as_large_as_both_modules_together(models):
    both, fused = (num_own_parameters(models[name]) for name in ("small_both", "small_early_fusion"))
    assert fused == pytest.approx(both, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_all_start_from_the_same_trunk(name, models, tmp_path):
    torch.manual_seed(7)
    start = build_model(RECIPES["rsam_small"]().model).image_encoder.trunk.state_dict()
    torch.save(start, tmp_path / "trunk.pt")
    model = models[name]
    others = {key: value.clone() for key, value in model.own_state_dict().items() if ".trunk." not in key}
    assert "trunk" in load_initial_weights(model, tmp_path / "trunk.pt")
    trunk = model.image_encoder.trunk.state_dict()
    assert all(torch.equal(trunk[key], value) for key, value in start.items())
    after = model.own_state_dict()
    assert all(torch.equal(after[key], value) for key, value in others.items())
