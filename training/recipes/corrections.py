"""The recipe for an analyst's corrections: minutes on a CPU, the image encoder as it was."""

from __future__ import annotations

from geophrase.engine.model.rsam.config import PRESETS
from geophrase.training.config import (
    Budget,
    DataConfig,
    OptimizerConfig,
    TrainableConfig,
    TrainConfig,
    ValidationConfig,
)
from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.phrases import SamplerConfig
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.objective.losses import LossConfig


def corrections() -> TrainConfig:
    """Some five minutes on four cores, from the model that was corrected.

    Colours stay natural, for phrases may name them. Crops are of the tiles' own scale or near it. In so few
    updates the paper's loss, which weighs background three times as much as foreground, makes masks shrink;
    here both weigh the same, and the overlap counts for more.
    """
    return TrainConfig(
        model=PRESETS["rsam_small"],
        data=DataConfig(
            batch_size=4,
            queries_per_image=4,
            image_px=(512,),
            augment=AugmentConfig(
                whole_image=0.4,
                crop_scale=(0.6, 1.4),
                gray=0.0,
                swap_infrared=0.0,
                paste=0.0,
                black_boxes=0.0,
            ),
            phrases=SamplerConfig(class_weight=4.0, synonym_weight=2.0, absent_weight=2.5),
        ),
        loss=LossConfig(focal_weight=5.0, focal_alpha=0.5, dice_weight=2.0, loss_stride=2),
        clicks=ClickConfig(batch_probability=0.0),
        optimizer=OptimizerConfig(learning_rate=2.5e-4, warmup_fraction=0.05, ema_decay=0.98),
        trainable=TrainableConfig(is_image_encoder_frozen=True),
        validation=ValidationConfig(num_rounds=1),
        budget=Budget(steps=400, minutes=8),
    )
