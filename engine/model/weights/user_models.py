"""Models that a user made, by fine-tuning: a folder of weights files, each with its model card beside it.

A model is there once its weights file is: the card comes before it and goes after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import filelock
import platformdirs

from geophrase.engine.atomic_file import write_atomically
from geophrase.engine.errors import EngineError
from geophrase.engine.model.weights.card import ModelCard, card_path, read_card, write_card
from geophrase.engine.model.weights.hashing import file_sha256
from geophrase.engine.model.weights.registry import REGISTRY, ModelEntry
from geophrase.protocol.errors import ErrorCode

_SUFFIX = ".safetensors"
_LOCK_NAME = ".models.lock"  # of two programs that install under one name, one comes first
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_WEIGHTS_SUFFIXES = (_SUFFIX, ".pt", ".pth")  # a name that ends so would be taken for a file


@dataclass(frozen=True)
class UserModel:
    """A model of the user's own.

    Attributes:
        entry: What a listing shows; its summary says what is wrong where the card can't be read.
        path: The weights file.
        is_damaged: Whether it can't be used: its card is missing or unreadable, or its name can't be.
    """

    entry: ModelEntry
    path: Path
    is_damaged: bool = False


def models_folder() -> Path:
    """Name the folder of the user's own models."""
    return platformdirs.user_data_path("geophrase", appauthor=False) / "models"


def list_user_models() -> list[UserModel]:
    """Find the user's models by name; nothing is hashed for this."""
    paths = [path for path in models_folder().glob(f"[!.]*{_SUFFIX}") if path.is_file()]
    return [_read(path) for path in sorted(paths, key=lambda path: path.stem)]


def find_user_model(name: str) -> UserModel | None:
    """Find one of the user's models; None where there is none of that name."""
    if _NAME.fullmatch(name) is None:
        return None
    path = _path_of(name)
    return _read(path) if path.is_file() else None


def free_name(wanted: str) -> str:
    """Give the name, or the first of NAME-2, NAME-3 … that no model has; other characters become hyphens."""
    stem = re.sub(r"[^a-z0-9._]+", "-", wanted.lower()).strip("-._")[:56] or "model"
    number, name = 1, stem
    while name in REGISTRY or _path_of(name).exists() or name.endswith(_WEIGHTS_SUFFIXES):
        number += 1
        name = f"{stem}-{number}"
    return name


def check_name(name: str) -> None:
    """Make sure that a new model can have a name.

    Raises:
        EngineError: `BAD_REQUEST` where it is taken or can't be a name.
    """
    if not _is_name(name):
        message = (
            f"“{name}” can't be a model's name: use lower-case letters, digits, dots, hyphens and "
            "underscores, such as my_town."
        )
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if name in REGISTRY or _path_of(name).exists():
        message = f"There is a model called {name} already: choose another name, such as {free_name(name)}."
        raise EngineError(ErrorCode.BAD_REQUEST, message)


def install_model(name: str, weights: Path, card: ModelCard) -> Path:
    """Add a weights file to the user's models: it is there whole, with its card, or not at all.

    Args:
        name: What the model is called from now on; no model has it yet.
        weights: The file, which is copied.
        card: What it says of itself; its hash is that of the file.

    Returns:
        The installed file.

    Raises:
        EngineError: `BAD_REQUEST` for a name that is taken, `OUTPUT_NOT_WRITABLE` where the folder can't be
            written or the disk is full; the models that were there are as they were.
    """
    path = _path_of(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.parent.with_name(_LOCK_NAME)):
            check_name(name)
            _copy_in(weights, path, card)
    except OSError as error:
        raise EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The model can't be written to {path.parent} ({error.strerror or error}): free some space, or "
            f"allow writing there. It is kept as {weights}.",
        ) from error
    return path


def remove_model(name: str) -> Path:
    """Delete one of the user's models; gives the path that its weights had.

    Raises:
        EngineError: `BAD_REQUEST` for a model that came with the program or is downloaded, `MODEL_UNKNOWN`,
            `OUTPUT_NOT_WRITABLE`.
    """
    if name in REGISTRY:
        message = f"{name} belongs to GeoPhrase: only models of your own can be removed."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    models = {each.entry.name: each for each in list_user_models()}
    model = models.get(name)
    if model is None:
        own = ", ".join(models)
        message = f"There is no model of your own called “{name}”" + (f"; there are {own}." if own else ".")
        raise EngineError(ErrorCode.MODEL_UNKNOWN, message)
    try:
        model.path.unlink()
        card_path(model.path).unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"{model.path} can't be deleted ({error.strerror or error}): end the programs that use it.",
        ) from error
    return model.path


def _path_of(name: str) -> Path:
    return models_folder() / f"{name}{_SUFFIX}"


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.endswith(_WEIGHTS_SUFFIXES)


def _copy_in(weights: Path, path: Path, card: ModelCard) -> None:
    try:
        write_card(path, card)
        write_atomically(path, lambda part: _copy_checked(weights, part, card.sha256))
    except OSError:
        card_path(path).unlink(missing_ok=True)
        raise


def _copy_checked(source: Path, target: Path, sha256: str) -> None:
    copyfile(source, target)
    if file_sha256(target) != sha256:
        raise OSError(f"{source} changed while it was copied")


def _read(path: Path) -> UserModel:
    if not _is_name(path.stem) or path.stem in REGISTRY:
        summary = f"No model of your own can have this name: rename it, such as to {free_name(path.stem)}."
        return UserModel(_entry(path, None, summary), path, is_damaged=True)
    try:
        card = read_card(path)
    except EngineError as error:
        return UserModel(_entry(path, None, error.message), path, is_damaged=True)
    if card is None:
        summary = f"Its model card {card_path(path).name} is missing: copy it here, too."
        return UserModel(_entry(path, None, summary), path, is_damaged=True)
    return UserModel(_entry(path, card, card.summary), path)


def _entry(path: Path, card: ModelCard | None, summary: str) -> ModelEntry:
    sources = "" if card is None else "; ".join(source.name for source in card.training_data)
    return ModelEntry(
        name=path.stem,
        family="rsam",
        url=None,
        file_name=path.name,
        sha256=None if card is None else card.sha256,
        size_bytes=None if card is None else card.size_bytes,
        licence="" if card is None else card.licence,
        training_data=sources,
        paper=REGISTRY["rsam_small"].paper,
        summary=summary,
    )
