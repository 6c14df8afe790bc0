"""RSAM on RRSIS-D: 12,181 training pairs, one per image."""

from __future__ import annotations

from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.training.config import TrainConfig
from geophrase.training.recipes.paper import BLACK_BOXES, paper_run

LEARNING_RATE = 3e-5
"""Not in the paper. Source: FIANet's ``README.md``, whose epochs the paper follows; RMSIN has 5e-5."""


def rrsis_d_base_plus() -> TrainConfig:
    """Table 6, and the first column of Table 13."""
    return _run(PRESETS["rsam_base_plus"])


def rrsis_d_large() -> TrainConfig:
    """Table 13, the second column, with Hiera L."""
    return _run(PRESETS["rsam_large"])


def _run(model: RsamConfig) -> TrainConfig:
    """40 epochs, 4 pairs per GPU, black boxes. Source: Section 3.3.2."""
    return paper_run(model, epochs=40, pairs_per_gpu=4, learning_rate=LEARNING_RATE, augment=BLACK_BOXES)
