"""Checkpoints that every process writes its part of, and that any number of processes reads.

The folder holds what ``torch.distributed.checkpoint`` writes for the tensors, and ``run.json`` with the rest.
Reading runs no code that the files might hold: tensors are read with ``weights_only``, nothing else is stored
with them, and the table of contents, a pickle, may name the classes of such tables only.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import warnings
from collections.abc import Mapping
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from geophrase.engine.atomic_file import PART_SUFFIX, write_text_atomically
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.fit.parallel import Ranks

_FACTS_FILE = "run.json"
_TENSOR, _PAIRS = "__tensor__", "__pairs__"

_DAMAGES = (OSError, ValueError, LookupError, EOFError, RuntimeError, pickle.UnpicklingError)

_HARMLESS = {
    "torch": {"Size", "float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool"},
    "torch.serialization": {"_get_layout"},
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.distributed.checkpoint.metadata": {
        "ChunkStorageMetadata",
        "Metadata",
        "MetadataIndex",
        "StorageMeta",
        "TensorProperties",
        "TensorStorageMetadata",
        "_MEM_FORMAT_ENCODING",
    },
}


def save_sharded(state: Mapping[str, Any], folder: Path, ranks: Ranks, *, step: int) -> None:
    """Writes a state whose tensors may be sharded; all processes must take part.

    The state becomes a folder of its own inside ``folder``, which appears there when all have written, and
    only then the one before is removed: a run killed meanwhile keeps one of them.

    Args:
        state: Nested mappings of tensors and plain values, whose plain values are those of the first process.
        folder: Where the checkpoints of the run are, on a disk that all processes share.
        ranks: The connected processes.
        step: The update after which this is.

    Raises:
        EngineError: A process can't write its part; the checkpoint before is still there.
        OSError: The folder can't be written.
    """
    finished = folder / f"step_{step:09d}"
    part = folder / f".{finished.name}{PART_SUFFIX}"
    if ranks.is_first:
        for left_behind in folder.glob(f".step_*{PART_SUFFIX}"):  # by a run that was killed
            shutil.rmtree(left_behind)
        part.mkdir(parents=True)
    ranks.wait()
    tensors: dict[str, Tensor] = {}
    facts = _without_tensors(state, tensors, "")
    writer = FileSystemWriter(str(part), single_file_per_rank=True, sync_files=True)
    try:
        save(tensors, storage_writer=writer, process_group=ranks.control)
    except CheckpointException as error:  # every process has it when one can't write
        message = (
            f"{part} can't be written (the disk may be full): free space, then continue from the one before."
        )
        raise EngineError(ErrorCode.OUTPUT_NOT_WRITABLE, message) from error
    if ranks.is_first:
        write_text_atomically(part / _FACTS_FILE, json.dumps(facts))
        shutil.rmtree(finished, ignore_errors=True)
        os.replace(part, finished)
        for older in _finished(folder)[:-1]:
            shutil.rmtree(older)
    ranks.wait()


def latest_sharded(folder: Path) -> Path | None:
    """The last whole checkpoint in a folder, or None."""
    return next(reversed(_finished(folder)), None)


def _finished(folder: Path) -> list[Path]:
    return sorted(folder.glob("step_*"))


def load_sharded(path: Path, ranks: Ranks, layout: Mapping[str, Any]) -> dict[str, Any]:
    """Reads a state; of what is sharded, each process reads its own part.

    Args:
        path: What :func:`latest_sharded` gave.
        ranks: The connected processes, as many as there are now; with a sharded layout all must take part.
        layout: Nested mappings with tensors that are laid out as those at the same places of the state are
            to be. Other tensors are read whole.

    Raises:
        EngineError: The folder is no checkpoint or is damaged.
    """
    reader = _HarmlessReader(str(path))
    try:
        facts = json.loads((path / _FACTS_FILE).read_text(encoding="utf-8"))
        contents = reader.read_metadata().state_dict_metadata
        like: dict[str, Tensor] = {}
        _without_tensors(layout, like, "")
        tensors = {key: _empty(like.get(key), entry) for key, entry in contents.items()}
        with warnings.catch_warnings():  # it warns a process alone that it is alone
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            load(tensors, storage_reader=reader, process_group=ranks.control, no_dist=ranks.control is None)
        state: dict[str, Any] = _with_tensors(facts, tensors)
    except (CheckpointException, *_DAMAGES) as error:
        message = f"{path} is no checkpoint of ours or is damaged: start again from another one."
        raise EngineError(ErrorCode.WEIGHTS_INVALID, message) from error
    return state


def _empty(like: Tensor | None, entry: object) -> Tensor:
    """Room for a tensor of the checkpoint.

    Raises:
        ValueError: The entry is no tensor, which would have to be unpickled.
    """
    if not isinstance(entry, TensorStorageMetadata):
        raise ValueError("a checkpoint holds nothing but tensors")
    if like is not None and like.shape == entry.size:
        return torch.empty_like(like.detach(), dtype=entry.properties.dtype)
    return torch.empty(entry.size, dtype=entry.properties.dtype)


class _HarmlessReader(FileSystemReader):
    """Reads the table of contents without running what it might hold."""

    def read_metadata(self, *_args: Any, **_kwargs: Any) -> Metadata:
        """Returns the table of contents.

        Raises:
            UnpicklingError: It names anything that does not belong into one.
        """
        with (Path(self.path) / ".metadata").open("rb") as stream:
            metadata: Metadata = _HarmlessUnpickler(stream).load()
        metadata.storage_meta = StorageMeta(load_id=self.load_id)
        return metadata


class _HarmlessUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "pathlib" and name.endswith("Path"):
            return PurePath  # where it was written, on whatever system
        if (module, name) == ("builtins", "getattr"):
            return _enum_member  # Python 3.11 before 3.11.4 writes members of enumerations so
        if name not in _HARMLESS.get(module, ()):
            raise pickle.UnpicklingError(f"{module}.{name} does not belong into a checkpoint")
        return super().find_class(module, name)


def _enum_member(enumeration: Any, name: str) -> Any:
    if not (isinstance(enumeration, type) and issubclass(enumeration, Enum)):
        raise pickle.UnpicklingError(f"{enumeration!r}.{name} does not belong into a checkpoint")
    return enumeration[name]


def _without_tensors(value: Any, tensors: dict[str, Tensor], key: str) -> Any:
    """A value as JSON can hold it; its tensors are put aside under names that say where they were."""
    if isinstance(value, Tensor):
        tensors[key] = value
        return {_TENSOR: key}
    if isinstance(value, Mapping):
        items = [[name, _without_tensors(inner, tensors, f"{key}/{name}")] for name, inner in value.items()]
        return {_PAIRS: items} if any(not isinstance(name, str) for name in value) else dict(items)
    return value


def _with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, Mapping):
        return value
    if _TENSOR in value:
        return tensors[value[_TENSOR]]
    items = value[_PAIRS] if _PAIRS in value else value.items()
    return {name: _with_tensors(inner, tensors) for name, inner in items}
