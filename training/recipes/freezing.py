"""Table 12: which encoders train on RISORS; the text encoder alone frozen is the paper's own setting."""

from __future__ import annotations

from dataclasses import replace

from geophrase.training.config import TrainableConfig, TrainConfig
from geophrase.training.recipes.risors import risors_base_plus, risors_large


def risors_base_plus_all_trained() -> TrainConfig:
    """Table 12, "base+": 194 M parameters, all of which train."""
    return _all_trained(risors_base_plus())


def risors_base_plus_both_frozen() -> TrainConfig:
    """Table 12, "base+**": 16.6 M train."""
    return _both_frozen(risors_base_plus())


def risors_large_all_trained() -> TrainConfig:
    """Table 12, "large": 338 M parameters, all of which train."""
    return _all_trained(risors_large())


def risors_large_both_frozen() -> TrainConfig:
    """Table 12, "large**": 16.6 M train."""
    return _both_frozen(risors_large())


def _all_trained(config: TrainConfig) -> TrainConfig:
    """The text encoder trains too, at the rate of everything else as in LAVT and RMSIN."""
    assert config.model.text is not None
    text = replace(config.model.text, is_frozen=False)
    return replace(config, model=replace(config.model, text=text))


def _both_frozen(config: TrainConfig) -> TrainConfig:
    return replace(config, trainable=TrainableConfig(is_image_encoder_frozen=True))
