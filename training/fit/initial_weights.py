"""Where a run starts: another run's weights, a distilled trunk, or what SAM 2.1's authors released."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.sam2_checkpoint import load_sam2_state_dict
from geophrase.engine.model.weights.load import locate_weights, read_state_dict
from geophrase.protocol.errors import ErrorCode
from geophrase.training.baselines.models import Model
from geophrase.training.fit.checkpoint import load_checkpoint
from geophrase.training.fit.model_setup import merged_weights

_TRUNK_POSITIONS = "position_1CHW"  # a teacher has none to distil
_REFINER_PREFIX = "refiner."
_SAM2_DECODER_PREFIX = "sam_mask_decoder."


def load_initial_weights(rsam: Model, source: str | Path) -> str:
    """Fills a model, or the parts of it that the source has; everything else stays at random.

    SAM 2.1's checkpoint gives the image encoder and the prompt encoder. The mask decoder is left at random in
    a model with text, as the two-way guidance is, so that all ablations start alike.

    Args:
        rsam: The model.
        source: ``trunk.pt`` of a distillation, ``*.safetensors``, ``checkpoint.pt`` of a run (whose averaged
            weights are taken), an official ``sam2.1_hiera_*.pt``, or a name that ``geophrase models list``
            shows, such as ``sam2.1_hiera_base_plus``.

    Returns:
        What was loaded, in words.

    Raises:
        EngineError: The file is none of these or for another model, or the named weights aren't here yet.

    Source: RSAM Section 3.3 (image encoder from sam2.1-hiera-base-plus, TWGM and MMMD random).
    """
    weights = _read_weights(source)
    if isinstance(rsam, Rsam) and any(name.startswith(_SAM2_DECODER_PREFIX) for name in weights):
        report = load_sam2_state_dict(rsam, weights, with_decoder=not rsam.config.has_text)
        return f"{len(report.loaded)} tensors of SAM 2.1 from {source}, {len(report.missing)} at random"
    trunk = rsam.image_encoder.trunk
    try:
        if trunk.state_dict().keys() - {_TRUNK_POSITIONS} <= weights.keys() <= trunk.state_dict().keys():
            trunk.load_state_dict(weights, strict=False)
            return f"the image encoder's trunk from {source}"
        rsam.load_own_state_dict(_with_new_refiner(rsam, weights))
    except (ValueError, RuntimeError) as error:
        message = f"{source} does not fit {rsam.config.name}: give weights that were trained for it."
        raise EngineError(ErrorCode.WEIGHTS_INVALID, message) from error
    return f"all weights from {source}"


def _with_new_refiner(rsam: Model, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Adds the model's own prompt refiner to the weights of a model that had none."""
    if any(name.startswith(_REFINER_PREFIX) for name in weights):
        return dict(weights)
    own = {name: value for name, value in rsam.own_state_dict().items() if name.startswith(_REFINER_PREFIX)}
    return {**weights, **own}


def _read_weights(source: str | Path) -> Mapping[str, Tensor]:
    weights = locate_weights(source)
    if weights.path.suffix == ".pt" and weights.entry is None:
        state = load_checkpoint(weights.path)
        if "trainer" in state:
            averaged: Mapping[str, Tensor] = state["trainer"]["ema"]["weights"]
            return merged_weights(averaged)
    return read_state_dict(weights)
