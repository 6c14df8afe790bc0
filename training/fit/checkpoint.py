"""Checkpoints: what a run continues from."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from geophrase.engine.atomic_file import write_atomically
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode


def save_checkpoint(state: Mapping[str, Any], path: Path) -> None:
    """Writes a checkpoint in one step: a run killed meanwhile keeps the one before.

    Raises:
        EngineError: It can't be written, and the one before is still there.
    """
    try:
        write_atomically(path, lambda part: torch.save(dict(state), part))
    except (OSError, RuntimeError) as error:  # torch's own archive says RuntimeError of a full disk
        why = str(error.strerror or error) if isinstance(error, OSError) else "the disk may be full"
        message = f"{path} can't be written ({why}): free some space, then continue from the one before."
        raise EngineError(ErrorCode.OUTPUT_NOT_WRITABLE, message) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU, without running any code that it might hold.

    Raises:
        EngineError: The file is missing or damaged.
    """
    if not path.is_file():
        raise EngineError(
            ErrorCode.WEIGHTS_MISSING, f"{path} is not there: check the path, or start a new run."
        )
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError) as error:
        message = f"{path} is no checkpoint of ours or is damaged: start again from another file."
        raise EngineError(ErrorCode.WEIGHTS_INVALID, message) from error
    return state


def data_fingerprint(roots: Sequence[Path]) -> str:
    """Returns a hash of the split lists and annotations of RISORS folders, wherever they lie.

    A resumed run compares it, because other data would no longer be the same run.
    """
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted([*root.glob("splits/*.txt"), *root.glob("annotations/*.json")]):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
