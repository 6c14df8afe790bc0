"""From a model's name to its tensors: finding, checking, downloading and reading weights files.

No code that a file may bring along is ever run.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from geophrase.engine.errors import EngineError
from geophrase.engine.model.weights.card import read_card
from geophrase.engine.model.weights.download import DownloadOptions, download
from geophrase.engine.model.weights.hashing import (
    checksum_path,
    record_checksum,
    recorded_checksum,
    remembered_sha256,
    short_hash,
)
from geophrase.engine.model.weights.registry import REGISTRY, ModelEntry, find_entry
from geophrase.engine.model.weights.save import HEADER_PREFIX, WeightsMetadata
from geophrase.engine.model.weights.user_models import find_user_model, list_user_models
from geophrase.protocol.errors import ErrorCode

FOLDER_VARIABLE = "GEOPHRASE_WEIGHTS"
BUNDLED_FOLDER = Path(__file__).resolve().parent

_MAX_HEADER_BYTES = 100_000_000  # Source: the safetensors format's own limit
_ZIP_OPENING = b"PK\x03\x04"

ModelState = Literal["bundled", "downloaded", "available", "no weights", "your own", "damaged"]


@dataclass(frozen=True)
class WeightsFile:
    """A weights file that is there and whose hash is known.

    Attributes:
        path: The file.
        sha256: Lower-case hex digest of its bytes.
        entry: What the registry, or the card of a user's own model, knows of it; None for a file that belongs
            to no entry.
    """

    path: Path
    sha256: str
    entry: ModelEntry | None

    @property
    def short_hash(self) -> str:
        """The first 12 hex digits, as outputs record them."""
        return short_hash(self.sha256)


@dataclass(frozen=True)
class ModelRow:
    """One line of `geophrase models list`: an entry, its state here, and its file where there is one."""

    entry: ModelEntry
    state: ModelState
    path: Path | None


def user_folder() -> Path:
    """Name the folder that downloads go to: `GEOPHRASE_WEIGHTS`, else the user's data folder."""
    return _chosen_folder() or _data_folder()


def search_folders(folder: Path | None = None) -> tuple[Path, ...]:
    """Name the folders that are searched, in order; `folder` comes first where it is given."""
    places = (folder, _chosen_folder(), BUNDLED_FOLDER, _data_folder())
    return tuple(place for place in places if place is not None)


def find_model(name: str, *, files_advice: str = "") -> ModelEntry:
    """Give the entry of a model that a name means: one of the registry, or one of the user's own.

    Args:
        name: What `--model` takes.
        files_advice: What the error adds about weights files, where those can be used, too.

    Raises:
        EngineError: `MODEL_UNKNOWN`, with the nearest names; `WEIGHTS_INVALID` for a model of the user's own
            that can't be checked.
    """
    own = None if name in REGISTRY else find_user_model(name)
    if own is None:
        others = [] if name in REGISTRY else list_user_models()
        own_names = [model.entry.name for model in others if not model.is_damaged]
        return find_entry(name, files_advice=files_advice, other_names=own_names)
    if own.is_damaged:
        message = f"{own.path} can't be checked. {own.entry.summary}"
        raise EngineError(ErrorCode.WEIGHTS_INVALID, message)
    return own.entry


def locate_weights(name_or_path: str | Path, *, folder: Path | None = None) -> WeightsFile:
    """Find the weights of a model and make sure that they are the right bytes.

    A path is taken as it is; a name is looked for in `folder`, the folder that GEOPHRASE_WEIGHTS names, the
    bundled weights and the user's data folder, or it is that of one of the user's own models. The file is
    checked against the registry's hash, else against the model card or the record of its first download
    beside it.

    Args:
        name_or_path: A name of the registry or of a user's own model, or the path of a weights file.
        folder: A folder to look in before all others.

    Raises:
        EngineError: `MODEL_UNKNOWN`, `WEIGHTS_MISSING`, or `WEIGHTS_INVALID` for other bytes than expected.
    """
    if _is_path(name_or_path):
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise EngineError(
                ErrorCode.WEIGHTS_MISSING,
                f"There is no weights file {path}: check the path, or give one of the models that "
                "`geophrase models list` shows.",
            )
        return _checked(path, _entry_of_file(path))
    entry = find_model(str(name_or_path), files_advice="The path of a weights file works too.")
    found = _find(entry, folder)
    if found is None:
        raise _missing(entry)
    return _checked(found, entry)


def download_weights(
    name: str, *, folder: Path | None = None, options: DownloadOptions | None = None
) -> WeightsFile:
    """Download a model's weights, unless they are there already, and give the checked file.

    Where the registry pins no hash, the hash of the first download is recorded beside the file and every
    later use is held to it.

    Raises:
        EngineError: `MODEL_UNKNOWN`, `WEIGHTS_MISSING` where there is nothing to download, and what
            `download` raises.
        CancelledError: The callback in `options` said so.
    """
    entry = find_model(name)
    if entry.url is None:
        found = _find(entry, folder)
        if found is None:
            raise _missing(entry)
        return _checked(found, entry)
    target = (folder or user_folder()) / entry.file_name
    if entry.sha256 is None and target.is_file():
        return _checked(target, entry)
    sha256 = download(entry.url, target, sha256=entry.sha256, size_bytes=entry.size_bytes, options=options)
    if entry.sha256 is None:
        record_checksum(target, sha256)
    return WeightsFile(target, sha256, entry)


def list_models(*, folder: Path | None = None) -> list[ModelRow]:
    """Tell for every model of the registry whether its weights are here, and list the user's own models.

    Files are not hashed for this.
    """
    rows = []
    for entry in REGISTRY.values():
        path = _find(entry, folder)
        if path is not None:
            state: ModelState = "bundled" if path.parent == BUNDLED_FOLDER else "downloaded"
        else:
            state = "available" if entry.url else "no weights"
        rows.append(ModelRow(_listed(entry, path), state, path))
    own = list_user_models()
    return rows + [
        ModelRow(each.entry, "damaged" if each.is_damaged else "your own", each.path) for each in own
    ]


def read_metadata(weights: WeightsFile) -> WeightsMetadata | None:
    """Read what a file of ours says about itself; None for any other file.

    Raises:
        EngineError: `WEIGHTS_INVALID` for a file that is damaged or no model.
    """
    if not _is_safetensors(_opening(weights)):
        return None
    try:
        with safetensors.safe_open(weights.path, framework="pt") as stream:
            header = stream.metadata() or {}
    except (safetensors.SafetensorError, OSError) as error:
        raise _damaged(weights, error) from error
    fields = dataclasses.fields(WeightsMetadata)
    given = {
        item.name: header[HEADER_PREFIX + item.name] for item in fields if HEADER_PREFIX + item.name in header
    }
    if any(item.name not in given for item in fields if item.default is dataclasses.MISSING):
        return None
    return WeightsMetadata(**given)


def read_state_dict(weights: WeightsFile) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file or a PyTorch checkpoint, on the CPU, floating ones as float32.

    What a file is shows in its first bytes. Pickled code is never run (`weights_only`). The
    wrapping `{"model": …}` of sam2's checkpoints is taken off.

    Raises:
        EngineError: `WEIGHTS_INVALID` for a file that is damaged, carries code, or is no model.
    """
    if _is_safetensors(_opening(weights)):
        content: object = _read_safetensors(weights)
    else:
        content = _read_checkpoint(weights)
    if isinstance(content, Mapping):
        content = content.get("model", content.get("state_dict", content))
    if not isinstance(content, Mapping) or not content:
        raise _foreign(weights)
    tensors = {}
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise _foreign(weights)
        tensors[name] = tensor.float() if tensor.is_floating_point() else tensor
    return tensors


def _listed(entry: ModelEntry, path: Path | None) -> ModelEntry:
    try:
        return _with_card(entry, path) if path else entry
    except EngineError:  # a listing shows the model all the same; using it tells what is wrong
        return entry


def _with_card(entry: ModelEntry, path: Path) -> ModelEntry:
    """Complete an entry whose weights are described by the card beside them."""
    card = None if entry.sha256 else read_card(path)
    if card is None:
        return entry
    sources = "; ".join(f"{source.name} ({source.licence})" for source in card.training_data)
    return dataclasses.replace(
        entry,
        sha256=card.sha256,
        size_bytes=card.size_bytes,
        licence=card.licence,
        training_data=sources or entry.training_data,
    )


def _chosen_folder() -> Path | None:
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else None


def _data_folder() -> Path:
    return platformdirs.user_data_path("geophrase", appauthor=False) / "weights"


def _is_path(name_or_path: str | Path) -> bool:
    if isinstance(name_or_path, Path):
        return True
    if name_or_path in REGISTRY:
        return False
    has_separator = os.sep in name_or_path or "/" in name_or_path
    return has_separator or Path(name_or_path).suffix in (".safetensors", ".pt", ".pth")


def _entry_of_file(path: Path) -> ModelEntry | None:
    return next((entry for entry in REGISTRY.values() if entry.file_name == path.name), None)


def _find(entry: ModelEntry, folder: Path | None) -> Path | None:
    own = None if entry.name in REGISTRY else find_user_model(entry.name)
    if own is not None:
        return own.path
    candidates = (place / entry.file_name for place in search_folders(folder))
    return next((path for path in candidates if path.is_file()), None)


def _missing(entry: ModelEntry) -> EngineError:
    if entry.url:
        size = f" ({entry.size_bytes / 1e6:,.0f} MB)" if entry.size_bytes else ""
        return EngineError(
            ErrorCode.WEIGHTS_MISSING,
            f"The weights of {entry.name} are not on this computer: run `geophrase models download "
            f"{entry.name}`{size}, or copy {entry.file_name} into {user_folder()}.",
        )
    return EngineError(
        ErrorCode.WEIGHTS_MISSING,
        f"No weights for {entry.name} are published: train them with `geophrase-train fit`, or copy a "
        f"{entry.file_name} into {user_folder()}.",
    )


def _checked(path: Path, entry: ModelEntry | None) -> WeightsFile:
    expected, source = _expected_sha256(path, entry)
    try:
        sha256 = remembered_sha256(path)
    except OSError as error:
        raise EngineError(
            ErrorCode.WEIGHTS_INVALID,
            f"{path} can't be read ({error.strerror or error}): allow reading it, or download it again.",
        ) from error
    if expected is None or expected == sha256:
        return WeightsFile(path, sha256, _with_card(entry, path) if entry else None)
    raise EngineError(
        ErrorCode.WEIGHTS_INVALID,
        f"{path} is damaged or another file: its SHA-256 is {short_hash(sha256)}…, "
        f"{source} says {short_hash(expected)}…; {_remedy(entry)}.",
    )


def _remedy(entry: ModelEntry | None) -> str:
    """What to do about other bytes than expected."""
    if entry is not None and entry.name not in REGISTRY:
        return f"copy it here again, or run `geophrase models remove {entry.name}` and train it again"
    again = "restore it"
    if entry is not None and entry.url:
        again = f"delete it and run `geophrase models download {entry.name}`"
    return f"{again}, or give it another name if it is a model of your own"


def _expected_sha256(path: Path, entry: ModelEntry | None) -> tuple[str | None, str]:
    """Give the hash that a file must have, None where nothing is known, and who says so."""
    if entry is not None and entry.sha256:
        return entry.sha256, "the registry" if entry.name in REGISTRY else "the model card beside it"
    card = read_card(path)
    if card is not None:
        return card.sha256, "the model card beside it"
    return recorded_checksum(path), f"the record of its first download ({checksum_path(path).name})"


def _opening(weights: WeightsFile) -> bytes:
    try:
        with weights.path.open("rb") as stream:
            return stream.read(9)
    except OSError as error:
        raise _damaged(weights, error) from error


def _is_safetensors(opening: bytes) -> bool:
    """Recognise the format: a little-endian header length, then JSON."""
    return opening[8:] == b"{" and int.from_bytes(opening[:8], "little") <= _MAX_HEADER_BYTES


def _read_safetensors(weights: WeightsFile) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(weights.path)
    except (safetensors.SafetensorError, OSError) as error:
        raise _damaged(weights, error) from error


def _read_checkpoint(weights: WeightsFile) -> object:
    if not _opening(weights).startswith(_ZIP_OPENING):  # what torch.save writes since PyTorch 1.6
        raise _foreign(weights)
    if weights.path.suffix == ".safetensors":  # torch.load goes by the name
        raise EngineError(
            ErrorCode.WEIGHTS_INVALID,
            f"{weights.path} is not safetensors but a zip file: if it is a PyTorch checkpoint, name it .pt.",
        )
    try:
        return torch.load(weights.path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise EngineError(
            ErrorCode.WEIGHTS_INVALID,
            f"{weights.path} holds more than tensors, possibly code, and was not loaded: save only the "
            "model's state_dict, best as safetensors.",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError) as error:
        raise _damaged(weights, error) from error


def _damaged(weights: WeightsFile, error: Exception) -> EngineError:
    reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    again = "download it again" if weights.entry and weights.entry.url else "copy it again from its source"
    return EngineError(
        ErrorCode.WEIGHTS_INVALID,
        f"{weights.path} is cut off, damaged or no weights file ({reason}): {again}.",
    )


def _foreign(weights: WeightsFile) -> EngineError:
    return EngineError(
        ErrorCode.WEIGHTS_INVALID,
        f"{weights.path} is not a weights file (it holds no dictionary of tensors): give a .safetensors "
        "file of GeoPhrase or a SAM 2.1 checkpoint.",
    )
