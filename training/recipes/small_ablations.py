"""Table 11 at the size of ``rsam_small``, and an early-fusion model of equal size beside it.

All five start from the same trunk (``--init trunk.pt``), see the same views of the same data for as long, and
are trained on phrases alone, since early fusion takes nothing else.

Source: RSAM Table 11 for the four ablations; Section 3.3.3 names their settings.
"""

from __future__ import annotations

from dataclasses import replace

from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.rsam.conv_trunk import ConvTrunkConfig
from geophrase.training.baselines.early_fusion import EarlyFusionConfig
from geophrase.training.baselines.models import ModelConfig
from geophrase.training.config import (
    AuxiliaryConfig,
    Budget,
    DataConfig,
    GroupConfig,
    OptimizerConfig,
    TrainConfig,
    ValidationConfig,
)
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.objective.losses import LossConfig

# The choice among objects is learned apart and would help all alike; prompts are none but phrases.
_BOTH = replace(PRESETS["rsam_small"], name="small_both", chooser=None, refiner=None)


def small_baseline() -> TrainConfig:
    """Table 11 in small, neither module: the text is one sparse token."""
    return _small_run(replace(_BOTH, name="small_baseline", guidance=None, is_text_added_to_mask_token=False))


def small_mmmd() -> TrainConfig:
    """Table 11 in small, the multimodal mask decoder alone."""
    return _small_run(replace(_BOTH, name="small_mmmd", guidance=None))


def small_twgm() -> TrainConfig:
    """Table 11 in small, the two-way guidance module alone."""
    return _small_run(replace(_BOTH, name="small_twgm", is_text_added_to_mask_token=False))


def small_both() -> TrainConfig:
    """Table 11 in small, both modules: ``rsam_small`` trained as the others are."""
    return _small_run(_BOTH)


def small_early_fusion() -> TrainConfig:
    """A LAVT-like model on the same trunk, as large as ``small_both``."""
    trunk, text = PRESETS["rsam_small"].trunk, PRESETS["rsam_small"].text
    assert isinstance(trunk, ConvTrunkConfig)
    assert text is not None
    return _small_run(EarlyFusionConfig("small_early_fusion", _BOTH.image_px, trunk, text))


def _small_run(model: ModelConfig) -> TrainConfig:
    return TrainConfig(
        model=model,
        data=DataConfig(batch_size=16, queries_per_image=4, image_px=(256, 320)),
        loss=LossConfig(loss_stride=2),
        clicks=ClickConfig(batch_probability=0.0),
        optimizer=OptimizerConfig(learning_rate=1e-3, trunk=GroupConfig(rate_factor=0.5), ema_decay=0.998),
        auxiliary=AuxiliaryConfig(weight=0.0),
        validation=ValidationConfig(num_rounds=2, max_images=48, image_px=512),
        budget=Budget(minutes=30),
    )
