"""Loading a model for a command, with a word where it runs elsewhere than asked."""

from __future__ import annotations

import logging

from geophrase.engine.allocator import keep_freed_memory
from geophrase.engine.device import DeviceChoice, select_device
from geophrase.engine.predictor import Predictor

_log = logging.getLogger(__name__)


def choose_device(request: str) -> DeviceChoice:
    """Give the device, having warned why it isn't the one asked for, and made ready for it.

    Raises:
        EngineError: BAD_REQUEST for a word that is no device.
    """
    choice = select_device(request)
    if choice.is_fallback:
        _log.warning(choice.reason)
    if choice.device.type == "cpu":
        keep_freed_memory()
    return choice


def load_predictor(name: str, *, device: str = "auto") -> Predictor:
    """Give the model, having warned why it isn't on the device asked for.

    Raises:
        EngineError: Unknown model, missing or wrong weights, unknown device.
    """
    return Predictor.load(name, choose_device(device))
