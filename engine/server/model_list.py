"""Which models requests may name, and what is told of them before any is loaded."""

from __future__ import annotations

from geophrase.engine.model.load_model import read_config
from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.weights.load import list_models, locate_weights
from geophrase.engine.model.weights.registry import REGISTRY, find_entry
from geophrase.protocol.messages import ModelStatus

_FILES_ADVICE = "A weights file can't be named in a request: start the engine with it as its model."


class ModelList:
    """The models of the registry, and the one that the engine was started with, which may be a file.

    Args:
        default: What requests mean that name no model.

    Raises:
        EngineError: MODEL_UNKNOWN; for a file WEIGHTS_MISSING or WEIGHTS_INVALID.
    """

    def __init__(self, default: str) -> None:
        self.default = default
        self._own: tuple[ModelStatus, ...] = ()
        if default not in REGISTRY:
            self._own = (_status_of_file(default),)

    def key_of(self, name: str | None) -> str:
        """The model that a request means; files are for who starts the engine, not for requests.

        Raises:
            EngineError: MODEL_UNKNOWN.
        """
        if name is None or name == self.default:
            return self.default
        return find_entry(name, files_advice=_FILES_ADVICE).name

    def statuses(self) -> tuple[ModelStatus, ...]:
        """All of them."""
        listed = tuple(
            ModelStatus(
                name=row.entry.name,
                has_text=PRESETS[row.entry.name].has_text,
                is_here=row.path is not None,
                image_px=PRESETS[row.entry.name].image_px,
                size_bytes=row.entry.size_bytes or 0,
                licence=row.entry.licence,
                title=row.entry.summary,
            )
            for row in list_models()
        )
        return (*self._own, *listed)


def _status_of_file(name: str) -> ModelStatus:
    weights = locate_weights(name)
    config = read_config(weights)
    return ModelStatus(
        name=name,
        has_text=config.has_text,
        is_here=True,
        image_px=config.image_px,
        size_bytes=weights.path.stat().st_size,
        licence=weights.entry.licence if weights.entry else "",
        title=f"{config.name} from {weights.path.name}",
    )
