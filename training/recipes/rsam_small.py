"""The recipe of the bundled model: RSAM with a small convolutional trunk, trained on a CPU."""

from __future__ import annotations

from geophrase.engine.model.rsam.config import PRESETS
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


def rsam_small() -> TrainConfig:
    """About an hour on four cores, from a distilled trunk.

    The mask terms are computed on cells of 2 x 2 pixels, a quarter of the cost of full resolution, and
    corrections are fewer than the paper's, since each is a pass through the decoder.
    """
    return TrainConfig(
        model=PRESETS["rsam_small"],
        data=DataConfig(batch_size=12, queries_per_image=5, image_px=(352, 384, 416)),
        loss=LossConfig(loss_stride=2),
        clicks=ClickConfig(batch_probability=0.3, sample_fraction=0.3, max_rounds=2),
        optimizer=OptimizerConfig(learning_rate=1e-3, trunk=GroupConfig(rate_factor=0.5), ema_decay=0.998),
        auxiliary=AuxiliaryConfig(weight=0.5, until_fraction=0.4),
        validation=ValidationConfig(num_rounds=6, max_images=48, image_px=384),
        budget=Budget(minutes=70),
    )
