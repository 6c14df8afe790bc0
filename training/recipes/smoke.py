"""A recipe that runs every part of training in seconds: for tests, and to see that a machine is set up."""

from __future__ import annotations

from dataclasses import replace

from geophrase.engine.model.rsam.config import PRESETS, DecoderConfig, GuidanceConfig, RefinerConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunkConfig
from geophrase.training.config import (
    Budget,
    DataConfig,
    ExecutionConfig,
    OptimizerConfig,
    TrainConfig,
    ValidationConfig,
)
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.objective.losses import LossConfig


def smoke() -> TrainConfig:
    """Thirty updates of a model of a few hundred thousand parameters on small images."""
    model = replace(
        PRESETS["rsam_small"],
        name="smoke",
        image_px=64,
        width=32,
        trunk=ConvTrunkConfig(stem_channels=8, channels=(8, 16, 32, 32), depths=(1, 1, 1, 1), gate_ratio=4),
        guidance=GuidanceConfig(num_layers=1, num_heads=2, mlp_dim=64, position_pairs_per_layer=1),
        decoder=DecoderConfig(num_heads=2, mlp_dim=64, iou_hidden_dim=32),
        refiner=RefinerConfig(channels=(8, 8, 8), deep_channels=8),
    )
    return TrainConfig(
        model=model,
        data=DataConfig(batch_size=2, queries_per_image=3, image_px=(64,)),
        loss=LossConfig(loss_stride=2),
        clicks=ClickConfig(max_rounds=2),
        optimizer=OptimizerConfig(learning_rate=2e-3, ema_decay=0.9),
        validation=ValidationConfig(num_rounds=2, max_images=4, image_px=64, num_panels=3),
        budget=Budget(steps=30),
        execution=ExecutionConfig(is_bfloat16=False),
        log_steps=5,
    )
