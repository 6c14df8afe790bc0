"""Loading a model for a command, with a word where it runs elsewhere than asked."""

from __future__ import annotations

import logging

from geophrase.engine.allocator import keep_freed_memory
from geophrase.engine.device import select_device
from geophrase.engine.predictor import Predictor

_log = logging.getLogger(__name__)


def load_predictor(name: str, *, device: str = "auto") -> Predictor:
    """Give the model, having warned why it isn't on the device asked for.

    Raises:
        EngineError: Unknown model, missing or wrong weights, unknown device.
    """
    choice = select_device(device)
    if choice.is_fallback:
        _log.warning(choice.reason)
    if choice.device.type == "cpu":
        keep_freed_memory()
    return Predictor.load(name, device=device)
