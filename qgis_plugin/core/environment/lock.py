"""Keeps two QGIS windows from installing into one folder at once."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import IO, Iterator

from ..translation import tr
from .failure import InstallError

LOCK_FILE = "install.lock"


@contextlib.contextmanager
def installation_lock(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; the system releases it when the process ends, however it ends.

    Raises:
        InstallError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+", encoding="utf-8") as stream:
        try:
            _lock(stream)
        except OSError:
            raise InstallError(
                tr("Another QGIS window is installing or removing this engine."),
                tr("Wait until it has finished, then press Retry."),
            ) from None
        yield


def _lock(stream: IO[str]) -> None:
    if sys.platform == "win32":
        import msvcrt

        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
