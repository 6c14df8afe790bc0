"""Which models requests may name, and what is told of them before any is loaded."""

from __future__ import annotations

from pathlib import Path

from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import read_config
from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.engine.model.weights.load import (
    ModelRow,
    WeightsFile,
    find_model,
    list_models,
    locate_weights,
)
from geophrase.engine.model.weights.registry import REGISTRY
from geophrase.engine.model.weights.user_models import find_user_model
from geophrase.protocol.messages import ModelStatus

_FILES_ADVICE = "A weights file can't be named in a request: start the engine with it as its model."


class ModelList:
    """The models of the registry, the user's own, and the one that the engine was started with.

    The user's own are looked for whenever somebody asks, so that a new one can be used at once.

    Args:
        default: What requests mean that name no model: a name, or the path of a file.

    Raises:
        EngineError: MODEL_UNKNOWN; for a file WEIGHTS_MISSING or WEIGHTS_INVALID.
    """

    def __init__(self, default: str) -> None:
        self.default = default
        self._file: tuple[ModelStatus, ...] = ()
        if default not in {row.entry.name for row in list_models()}:
            self._file = (_status_of_file(default),)

    def key_of(self, name: str | None) -> str:
        """The model that a request means; files are for who starts the engine, not for requests.

        Raises:
            EngineError: MODEL_UNKNOWN; WEIGHTS_INVALID for a model of the user's own that is damaged.
        """
        if name is None or name == self.default:
            return self.default
        return find_model(name, files_advice=_FILES_ADVICE).name

    def statuses(self) -> tuple[ModelStatus, ...]:
        """All of them but damaged ones."""
        listed = (_status_of_row(row) for row in list_models())
        return (*self._file, *(status for status in listed if status is not None))


def file_state(key: str) -> tuple[int, int, int] | None:
    """What changes when the file of a model, of the user's own or given by its path, is replaced.

    None where there is no such file now, and for the registry's models, whose weights are always the same.
    """
    if key in REGISTRY:
        return None
    own = find_user_model(key)
    try:
        stat = (Path(key).expanduser() if own is None else own.path).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _status_of_row(row: ModelRow) -> ModelStatus | None:
    """What is told of a model; None for one that can't be used."""
    config = _config_of(row)
    if config is None:
        return None
    return ModelStatus(
        name=row.entry.name,
        has_text=config.has_text,
        is_here=row.path is not None,
        image_px=config.image_px,
        size_bytes=row.entry.size_bytes or 0,
        licence=row.entry.licence,
        title=row.entry.summary,
    )


def _config_of(row: ModelRow) -> RsamConfig | None:
    if row.state == "damaged":
        return None
    if row.path is None or row.state != "your own":
        return PRESETS.get(row.entry.name)
    try:
        return read_config(WeightsFile(row.path, row.entry.sha256 or "", row.entry))
    except EngineError:  # a listing leaves it out; using it tells what is wrong
        return None


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
