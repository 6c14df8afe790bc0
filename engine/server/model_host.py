"""The models in memory: loaded when asked for, dropped when idle, and what is told of them."""

from __future__ import annotations

import gc
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from geophrase.engine.device import DeviceChoice, select_device
from geophrase.engine.errors import EngineError
from geophrase.engine.memory_errors import is_out_of_memory, memory_errors_explained
from geophrase.engine.server.memory_fallback import MemoryFallback, ServedModel
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.messages import DeviceStatus

_log = logging.getLogger(__name__)

ModelLoader = Callable[[str, DeviceChoice], ServedModel[Any]]
FileState = Callable[[str], object]
"""Tells of a model's name what changes when its file is replaced; None where there is nothing to tell."""
NoticeListener = Callable[[str], object]

# Text for a job and clicks with another model, at the same time; a third takes the place of the one not used
# for longest.
_MAX_MODELS = 2


@dataclass(frozen=True)
class ModelFacts:
    """What is told of a loaded model.

    Attributes:
        key: What requests call it: a name of the registry, or the engine's own default.
        name: What outputs record.
        weights_sha256: Hex digest of its weights.
        identity: Two models of one identity make the same encodings; it changes where the model had to leave
            its device.
        has_text: Whether it takes text.
        image_px: Side of the square that it works in.
    """

    key: str
    name: str
    weights_sha256: str
    identity: str
    has_text: bool
    image_px: int


class ModelHost:
    """Gives models by name. `get` and `unload` are for the device's thread, everything else for any.

    Args:
        load: Loads a model on a device.
        choice: The device.
        file_state: Of the models' files; one that was replaced is loaded anew.
    """

    def __init__(self, load: ModelLoader, choice: DeviceChoice, *, file_state: FileState) -> None:
        self._load = load
        self._choice = choice
        self._file_state = file_state
        self._loaded_states: dict[str, object] = {}
        self._models: OrderedDict[str, MemoryFallback] = OrderedDict()
        self._lock = threading.Lock()
        self._listeners: list[NoticeListener] = []
        self._device = _status_of(choice)
        self._is_loading = False
        self._newest = ""
        self._facts: dict[str, ModelFacts] = {}

    def facts(self, name: str) -> ModelFacts | None:
        """What is known of a model that was loaded before, in memory or not; as it is where it runs now."""
        facts, model = self._facts.get(name), self._models.get(name)
        return facts if facts is None or model is None else replace(facts, identity=model.identity)

    def is_replaced(self, name: str) -> bool:
        """Whether the file of a model that was loaded before is another now; one that has gone is not."""
        state = self._file_state(name)
        return state is not None and state != self._loaded_states.get(name, state)

    @property
    def device(self) -> DeviceStatus:
        """Where the model runs now."""
        return self._device

    @property
    def is_loading(self) -> bool:
        """Whether a model is being loaded."""
        return self._is_loading

    @property
    def loaded_name(self) -> str:
        """The model that was used last, while it is in memory; else ""."""
        return self._newest

    @contextmanager
    def listening(self, listener: NoticeListener) -> Iterator[None]:
        """Have the listener told, in the device's thread, what users should know."""
        with self._lock:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def get(self, name: str, *, weights_sha256: str | None = None) -> MemoryFallback:
        """The model, loaded if it isn't in memory as its file is now.

        Args:
            name: The model.
            weights_sha256: The weights that were meant, where work with them has begun.

        Raises:
            EngineError: Unknown model, missing or wrong weights; NOT_FOUND for others than were meant.
        """
        model = self._current(name)
        if weights_sha256 not in (None, model.weights_sha256):
            raise EngineError(
                ErrorCode.NOT_FOUND,
                f"The model {name} was replaced while it was in use. Start again with it.",
            )
        self._models.move_to_end(name)
        self._newest = name
        return model

    def unload(self) -> None:
        """Free the memory of all models; the next request loads them again, on the device first chosen."""
        self._models.clear()
        self._newest = ""
        self._device = _status_of(self._choice)
        _free_caches()

    def _current(self, name: str) -> MemoryFallback:
        if self.is_replaced(name) and self._models.pop(name, None) is not None:
            self._newest = next(reversed(self._models), "")
            _free_caches()
        model = self._models.get(name)
        if model is None:
            if len(self._models) >= _MAX_MODELS:
                self._models.popitem(last=False)
                _free_caches()
            state = self._file_state(name)  # before it is read: a change in between shows the next time
            model = self._models[name] = self._loaded(name)
            self._loaded_states[name] = state
            self._facts[name] = ModelFacts(
                key=name,
                name=model.name,
                weights_sha256=model.weights_sha256,
                identity=model.identity,
                has_text=model.has_text,
                image_px=model.image_px,
            )
        return model

    def _loaded(self, name: str) -> MemoryFallback:
        self._is_loading = True
        try:
            with memory_errors_explained():
                model = self._on_device_or_cpu(name)
        finally:
            self._is_loading = False
        return MemoryFallback(
            model,
            on_step=lambda message: self._told(name, message),
            free_memory=lambda: self._drop_others(name),
        )

    def _on_device_or_cpu(self, name: str) -> ServedModel[Any]:
        try:
            return self._load(name, self._choice)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or self._choice.device.type == "cpu":
                raise
        self._drop_others(name)
        model = self._load(name, select_device("cpu"))
        self._fell_back(
            f"{self._device.name} has too little memory free for {name}: it runs on the CPU, which is "
            "slower. Close other programs that use the GPU."
        )
        return model

    def _told(self, name: str, message: str) -> None:
        if self._models[name].is_on_cpu and self._choice.device.type != "cpu":
            self._fell_back(message)
        else:
            self._announce(message)

    def _fell_back(self, message: str) -> None:
        self._device = DeviceStatus(name="CPU", kind="cpu", reason=message, is_fallback=True)
        self._announce(message)

    def _announce(self, message: str) -> None:
        _log.warning(message)
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(message)

    def _drop_others(self, name: str) -> None:
        for other in [other for other in self._models if other != name]:
            del self._models[other]
        _free_caches()


def _status_of(choice: DeviceChoice) -> DeviceStatus:
    kind = choice.device.type
    names = {"cpu": "CPU", "mps": "Apple GPU"}
    name = names[kind] if kind in names else torch.cuda.get_device_name(choice.device)
    return DeviceStatus(name=name, kind=kind, reason=choice.reason, is_fallback=choice.is_fallback)


def _free_caches() -> None:
    gc.collect()
    if torch.cuda.is_available():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
