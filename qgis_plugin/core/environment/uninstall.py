"""Removes an installed engine without a trace, and nothing that isn't ours."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, Sequence

from .failure import explain
from .lock import LOCK_FILE, installation_lock
from .plan import DOWNLOADS, LOG_FILE, PYTHONS, VENV
from .state import STATE_FILE, InstallState, write_state


def uninstall(
    folder: Path, *, caches: Sequence[Path] = (), engine_withdrawn: Callable[[], None] = lambda: None
) -> None:
    """Removes the environment, its state, log and downloads, and the folder itself where it is empty then.

    Does nothing to a folder that no installation was begun in. Takes some seconds: call it from a worker.

    Args:
        folder: The environment's folder.
        caches: Further folders to remove whole.
        engine_withdrawn: See InstallListener.

    Raises:
        InstallError: A file is in use or can't be removed.
    """
    try:
        if (folder / STATE_FILE).exists():
            with installation_lock(folder):
                write_state(folder, InstallState())
                engine_withdrawn()
                _remove_all([folder / VENV, folder / DOWNLOADS, folder / PYTHONS])
            for name in (LOG_FILE, LOCK_FILE, STATE_FILE):
                (folder / name).unlink(missing_ok=True)
            ours = [folder, folder.parent] if folder.parent.name == "geophrase" else [folder]
            _remove_empty(ours)
        _remove_all(caches)
    except OSError as error:
        raise explain([f"{type(error).__name__}: {error}"]) from error


def _remove_all(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if any(folder.iterdir()):
            return
        folder.rmdir()
