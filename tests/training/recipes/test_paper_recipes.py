"""The paper's settings, and parameter counts of the models that the recipes build."""

from __future__ import annotations

import functools

import pytest
import torch

from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.benchmark.experiments import EXPERIMENTS
from geophrase.training.benchmark.published import FREEZING
from geophrase.training.fit.model_setup import prepare_model
from geophrase.training.recipes.catalog import PAPER_RECIPES, RECIPES
from geophrase.training.recipes.paper import initial_weights

_GUIDANCE_MILLIONS, _PROJECTION_MILLIONS = 12.803, 0.197  # Linear 768 -> 256


@functools.cache
def counted(name):
    """Total and trainable parameters in millions, without storage."""
    config = RECIPES[name]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "linspace", functools.partial(torch.linspace, device="cpu"))  # Hiera reads it
        with torch.device("meta"):
            rsam = Rsam(config.model)
    prepare_model(rsam, config.trainable, config.execution)
    parameters = list(rsam.parameters())
    return tuple(
        sum(p.numel() for p in parameters if p.requires_grad or not trainable_only) / 1e6
        for trainable_only in (False, True)
    )


@pytest.mark.parametrize(
    "experiment", [row for row in EXPERIMENTS if row.table == 12], ids=lambda experiment: experiment.row
)
def test_models_have_the_parameters_of_table_12(experiment):
    published, (total, trainable) = FREEZING[experiment.row], counted(experiment.run)
    assert total == pytest.approx(published.total_millions, abs=0.7)  # 194.6 is printed as 194
    assert trainable == pytest.approx(published.trainable_millions, abs=0.7)
    assert (trainable == total) == (published.trainable_millions == published.total_millions)


def test_an_ablation_lacks_the_guidance_and_only_that():
    both, baseline = counted("risors_base_plus")[0], counted("risors_baseline")[0]
    assert both - baseline == pytest.approx(_GUIDANCE_MILLIONS - _PROJECTION_MILLIONS, abs=0.001)
    assert counted("risors_mmmd") == counted("risors_baseline")
    assert counted("risors_twgm") == counted("risors_base_plus")
    switches = {
        name: (model.guidance is not None, model.is_text_added_to_mask_token)
        for name in ("risors_baseline", "risors_mmmd", "risors_twgm", "risors_base_plus")
        for model in [RECIPES[name]().model]
    }
    assert switches == {
        "risors_baseline": (False, False),
        "risors_mmmd": (False, True),
        "risors_twgm": (True, False),
        "risors_base_plus": (True, True),
    }


@pytest.mark.parametrize(
    ("dataset", "epochs", "pairs_per_gpu", "has_black_boxes"),
    [("refsegrs", 60, 4, False), ("rrsis_d", 40, 4, True), ("risors", 60, 2, True)],
)
def test_runs_are_those_of_section_3_3(dataset, epochs, pairs_per_gpu, has_black_boxes):
    configs = [recipe() for recipe in PAPER_RECIPES if recipe.__name__.startswith(dataset)]
    assert configs
    for config in configs:
        assert config.budget.epochs == epochs
        assert config.data.batch_size * config.data.queries_per_image == pairs_per_gpu
        assert (config.data.augment.black_boxes > 0) == has_black_boxes
        assert config.data.image_px == (1024,)
        loss = config.loss
        weights = (loss.focal_weight, loss.dice_weight, loss.objectness_weight, loss.iou_weight)
        assert weights == (20, 1, 1, 1)
        assert config.model.text.location.endswith("bert-base-uncased")


def test_each_starts_from_the_sam2_encoder_of_its_size():
    starts = {recipe.__name__: initial_weights(recipe()) for recipe in PAPER_RECIPES}
    assert {name: start.removeprefix("sam2.1_hiera_") for name, start in starts.items()} == {
        name: "large" if "large" in name else "base_plus" for name in starts
    }
    assert PRESETS[starts["risors_large"]].trunk == RECIPES["risors_large"]().model.trunk
