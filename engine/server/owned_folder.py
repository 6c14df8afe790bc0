"""Folders that belong to one process and go with it, even if it is killed."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import filelock

_LOCK_SUFFIX = ".lock"


class OwnedFolder:
    """A folder inside one that processes share; what killed processes left there is removed first.

    Args:
        shared: Made when the folder is claimed.

    Attributes:
        path: The folder, which is there from `claim` to `remove`.
    """

    def __init__(self, shared: Path) -> None:
        self.path = shared / uuid.uuid4().hex
        self._lock = filelock.FileLock(_lock_of(self.path), thread_local=False)
        for other in shared.glob(f"*{_LOCK_SUFFIX}"):
            _remove_if_abandoned(other)

    def claim(self) -> None:
        """Make the folder, if that wasn't done.

        Raises:
            OSError: It can't be made.
        """
        if not self._lock.is_locked:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)  # before the folder is there, so that nobody takes it for abandoned
            self.path.mkdir()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        if self._lock.is_locked:
            shutil.rmtree(self.path, ignore_errors=True)
            self._lock.release()
            _lock_of(self.path).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK_SUFFIX)


def _remove_if_abandoned(lock_file: Path) -> None:
    """Remove the folder of a process that no longer lives: its lock is free."""
    lock = filelock.FileLock(lock_file)
    try:
        with lock.acquire(timeout=0):
            shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
        lock_file.unlink(missing_ok=True)
    except (filelock.Timeout, OSError):
        return
