"""RSAM on RefSegRS: 2,172 training pairs, short phrases that often mean several objects."""

from __future__ import annotations

from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.training.config import TrainConfig
from geophrase.training.recipes.paper import UNTOUCHED, paper_run

LEARNING_RATE = 5e-5
"""Not in the paper. Source: FIANet's ``README.md``, whose epochs the paper follows."""


def refsegrs_base_plus() -> TrainConfig:
    """Table 5, and the first column of Table 13."""
    return _run(PRESETS["rsam_base_plus"])


def refsegrs_large() -> TrainConfig:
    """Table 13, the second column, with Hiera L."""
    return _run(PRESETS["rsam_large"])


def _run(model: RsamConfig) -> TrainConfig:
    """60 epochs, 4 pairs per GPU, no black boxes. Source: Section 3.3.2."""
    return paper_run(model, epochs=60, pairs_per_gpu=4, learning_rate=LEARNING_RATE, augment=UNTOUCHED)
