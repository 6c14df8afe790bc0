"""What all experiments of the RSAM paper share, and where each number comes from."""

from __future__ import annotations

from dataclasses import replace

from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.training.config import (
    AuxiliaryConfig,
    Budget,
    DataConfig,
    ExecutionConfig,
    GroupConfig,
    OptimizerConfig,
    TrainConfig,
    ValidationConfig,
)
from geophrase.training.data.augment import AugmentConfig
from geophrase.training.objective.clicks import ClickConfig

NUM_GPUS = 4
"""Processes of a run. Source: Section 3.3."""

UNTOUCHED = AugmentConfig(
    whole_image=1.0,
    turn=0.0,
    photometric=0.0,
    gray=0.0,
    swap_infrared=0.0,
    blur=0.0,
    haze=0.0,
    noise=0.0,
    jpeg=0.0,
    paste=0.0,
    mosaic=0.0,
    black_boxes=0.0,
)
"""The whole image squashed to the square: the paper names no other augmentation than black rectangles."""

BLACK_BOXES = replace(UNTOUCHED, black_boxes=0.2, are_black_boxes_fixed=True)
"""Black rectangles on a fixed fifth of the pairs. Source: Section 3.3.2; share and form: RMSIN's loader."""

_CLICKS = ClickConfig(
    batch_probability=1.0,
    sample_fraction=0.5,
    max_rounds=7,
    box_probability=0.5,
    object_probability=0.0,
)
"""Half of the pairs get corrections where prediction and reference differ, half of those begin with the box.

Source: Section 3.3 ("a subset of samples"); shares and number of rounds: SAM 2's fine-tuning configuration,
``sam2.1_hiera_b+_MOSE_finetune.yaml``.
"""


def initial_weights(config: TrainConfig) -> str:
    """Names the SAM 2.1 model whose image encoder a run starts from. Source: Section 3.3."""
    return next(
        name for name, preset in PRESETS.items() if not preset.has_text and preset.trunk == config.model.trunk
    )


def paper_run(
    model: RsamConfig,
    *,
    epochs: int,
    pairs_per_gpu: int,
    learning_rate: float,
    augment: AugmentConfig,
) -> TrainConfig:
    """Returns the settings of one of the paper's runs, for four processes.

    From the paper: AdamW, the loss weights, the epochs and the pairs per GPU, a 1024 px input, a frozen BERT
    base, corrections for a random subset, an epoch that passes over every pair of image and phrase once.

    Not given there, and taken from what the compared methods and SAM 2 publish: weight decay 0.01 on
    everything, no warm-up and no moving average (LAVT, RMSIN, FIANet: ``args.py`` and ``train.py``); the
    trunk at 0.6 of the rate, a cosine to a tenth of the peak, gradients clipped at 0.1 and bfloat16 (SAM 2's
    fine-tuning configuration); betas .9 and .999 (PyTorch's, which all of them leave alone). The best epoch
    is chosen by mIoU on the validation split.

    Args:
        model: RSAM in one of its sizes or an ablation of it.
        epochs: Passes over the pairs.
        pairs_per_gpu: Pairs of image and phrase per process and update.
        learning_rate: Peak rate, which the paper doesn't give.
        augment: Changes to the images.
    """
    group = GroupConfig(weight_decay=0.01)
    return TrainConfig(
        model=model,
        data=DataConfig(
            batch_size=pairs_per_gpu,
            queries_per_image=1,
            is_phrase_per_sample=True,
            image_px=(model.image_px,),
            augment=augment,
        ),
        clicks=_CLICKS,
        optimizer=OptimizerConfig(
            learning_rate=learning_rate,
            trunk=replace(group, rate_factor=0.6),
            text_encoder=group,
            rest=group,
            betas=(0.9, 0.999),
            warmup_fraction=0.0,
            final_rate_fraction=0.1,
            max_gradient_norm=0.1,
            ema_decay=0.0,
        ),
        execution=ExecutionConfig(parallel="ddp"),
        auxiliary=AuxiliaryConfig(weight=0.0),
        validation=ValidationConfig(num_rounds=epochs, image_px=model.image_px),
        budget=Budget(epochs=epochs),
        checkpoint_minutes=15.0,
        log_steps=50,
    )
