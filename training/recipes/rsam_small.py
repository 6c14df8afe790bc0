"""The recipes of the bundled model: RSAM with a small convolutional trunk, trained on a CPU."""

from __future__ import annotations

from dataclasses import replace

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
from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.phrases import SamplerConfig
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


def rsam_small_continued() -> TrainConfig:
    """About an hour more from the bundled weights or a run's, as versions 7 and 8 were trained.

    What sets objects of a kind apart gets a larger share than in the first hour, a quarter of the samples are
    arranged so that there is something to set apart, and what people typed is asked where somebody did.
    """
    start = rsam_small()
    return replace(
        start,
        data=DataConfig(
            batch_size=8,
            queries_per_image=5,
            image_px=(384, 448, 512),
            augment=AugmentConfig(arrangement=0.25, crop_scale=(0.5, 3.0)),
            phrases=SamplerConfig(
                synonym_weight=3.0,
                place_weight=1.5,
                relation_weight=2.0,
                attribute_weight=1.2,
                plural_weight=0.8,
                absent_weight=2.5,
            ),
            typed_share=0.4,
        ),
        loss=LossConfig(loss_stride=2, focal_alpha=0.5, referent_weight=1.5),
        clicks=ClickConfig(
            batch_probability=0.3,
            sample_fraction=0.4,
            max_rounds=3,
            box_probability=0.15,
            object_probability=0.7,
            textless_probability=0.7,
        ),
        optimizer=replace(start.optimizer, learning_rate=5e-4, ema_decay=0.997),
        auxiliary=AuxiliaryConfig(weight=0.0),
        validation=replace(start.validation, num_rounds=1),
        budget=Budget(minutes=54),
    )
