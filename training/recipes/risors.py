"""RSAM on RISORS: 23,304 training pairs on 11,132 images."""

from __future__ import annotations

from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.training.config import TrainConfig
from geophrase.training.recipes.paper import BLACK_BOXES, paper_run

LEARNING_RATE = 3e-5
"""Not in the paper. That of RRSIS-D, whose images are DIOR's as well."""


def risors_base_plus() -> TrainConfig:
    """Table 8; "both modules" of Table 11, "base+*" of Table 12, and the model of Table 14."""
    return risors_run(PRESETS["rsam_base_plus"])


def risors_large() -> TrainConfig:
    """Table 13, the second column, with Hiera L; "large*" of Table 12."""
    return risors_run(PRESETS["rsam_large"])


def risors_run(model: RsamConfig) -> TrainConfig:
    """60 epochs, 2 pairs per GPU, black boxes. Source: Section 3.3.2."""
    return paper_run(model, epochs=60, pairs_per_gpu=2, learning_rate=LEARNING_RATE, augment=BLACK_BOXES)
