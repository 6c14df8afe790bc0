"""From a checked weights file to a model: ours by the configuration it carries, SAM 2.1's by its name."""

from __future__ import annotations

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.sam2_checkpoint import load_sam2_state_dict
from geophrase.engine.model.weights.load import WeightsFile, read_metadata, read_state_dict
from geophrase.protocol.errors import ErrorCode

_NO_CONFIGURATION = "{}"


def load_model(weights: WeightsFile) -> Rsam:
    """Builds the model that a weights file belongs to and fills it.

    Raises:
        EngineError: WEIGHTS_INVALID where the file is damaged or does not fit.
    """
    config = read_config(weights)
    if weights.entry is not None and weights.entry.family == "click":
        return _load_click_model(weights, config)
    rsam = Rsam(config)
    try:
        rsam.load_own_state_dict(read_state_dict(weights))
    except ValueError as error:
        raise _unfit(weights, str(error)) from error
    return rsam


def _load_click_model(weights: WeightsFile, config: RsamConfig) -> Rsam:
    rsam = Rsam(config)
    report = load_sam2_state_dict(rsam, read_state_dict(weights))
    if report.missing:
        raise _unfit(weights, f"it lacks {len(report.missing)} tensors, {report.missing[0]} among them")
    return rsam


def read_config(weights: WeightsFile) -> RsamConfig:
    """Tells which model a weights file belongs to, without reading its tensors.

    Raises:
        EngineError: WEIGHTS_INVALID where it is no model of this version.
    """
    if weights.entry is not None and weights.entry.family == "click":
        return PRESETS[weights.entry.name]
    metadata = read_metadata(weights)
    if metadata is None:
        raise _unfit(weights, "it does not say which model it belongs to")
    if metadata.config_json != _NO_CONFIGURATION:
        try:
            return RsamConfig.from_json(metadata.config_json)
        except ValueError as error:
            raise _unfit(weights, str(error)) from error
    if metadata.model not in PRESETS:
        raise _unfit(weights, f"its model {metadata.model} is not one of this version")
    return PRESETS[metadata.model]


def _unfit(weights: WeightsFile, reason: str) -> EngineError:
    return EngineError(
        ErrorCode.WEIGHTS_INVALID,
        f"The weights in {weights.path} cannot be used: {reason}. Use a file made by this version of "
        "GeoPhrase, or an official SAM 2.1 checkpoint under its own name.",
    )
