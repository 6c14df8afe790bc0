"""A bounded cache of image encodings on disk, so that a second query on a raster runs only the decoder."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from geophrase.engine.array_file import packed_arrays, unpacked_arrays
from geophrase.engine.atomic_file import PART_SUFFIX, write_atomically

_log = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 4 * 1024**3
_MAGIC = b"GPEC\x01"
_SUFFIX = ".emb"
# A writer that died leaves its part file; one that lives renames it within seconds.
_ABANDONED_AFTER_S = 3600.0
# Evicting a little more than needed keeps the scan of the folder off the path of most writes.
_EVICT_DOWN_TO = 0.9
_RESCAN_AFTER = 1 / 16


def default_cache_folder() -> Path:
    """The user's own cache folder for encodings, by the conventions of the operating system."""
    return Path(platformdirs.user_cache_dir("geophrase", appauthor=False)) / "embeddings"


def cache_key(parts: Mapping[str, Any]) -> str:
    """A name that two runs share exactly when every part (JSON-able values) is equal."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class EmbeddingCache:
    """Keeps named arrays on disk under a size limit, dropping those that were used longest ago.

    Entries that this object has read or written are never dropped to make room for others of the same run:
    a raster larger than the limit keeps its first tiles instead of losing each one just before it is asked
    for again. Any number of processes may share a folder: entries appear whole by a rename, and an entry
    that is damaged or was dropped by another process is a miss.

    Args:
        folder: Made when the first entry is written.
        limit_bytes: The most that entries may take together.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._own_paths: set[Path] = set()
        self._total_bytes: int | None = None
        self._written_since_scan_bytes = 0
        self._accepts_entries = True

    def get(self, run_key: str, entry: str) -> dict[str, np.ndarray] | None:
        """The arrays stored under this name, or None; a damaged entry is removed and counts as a miss."""
        path = self._path(run_key, entry)
        try:
            blob = path.read_bytes()
        except OSError:
            return None
        arrays = unpacked_arrays(_MAGIC, blob)
        if arrays is None:
            _log.info("dropping a damaged cache entry: %s", path)
            path.unlink(missing_ok=True)
            return None
        self._touch(path)
        self._own_paths.add(path)
        return arrays

    def put(self, run_key: str, entry: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Store the arrays; when the disk refuses, warn once and keep nothing from then on."""
        if not self._accepts_entries:
            return
        blob = _packed(arrays)
        try:
            if self._make_room(len(blob)):
                path = self._path(run_key, entry)
                write_atomically(path, lambda part: part.write_bytes(blob))
                self._own_paths.add(path)
                self._written_since_scan_bytes += len(blob)
        except OSError as error:
            self._accepts_entries = False
            reason = error.strerror or str(error)
            _log.warning("Going on without the embedding cache in %s: %s.", self._folder, reason)

    def _path(self, run_key: str, entry: str) -> Path:
        return self._folder / run_key / f"{entry}{_SUFFIX}"

    @staticmethod
    def _touch(path: Path) -> None:
        try:
            os.utime(path)
        except OSError:  # dropped meanwhile, or a read-only cache: the age is only a hint
            return

    def _make_room(self, num_bytes: int) -> bool:
        """Drop the entries used longest ago until `num_bytes` fit; False when only this run's are left."""
        if self._known_total_bytes() + num_bytes <= self._limit_bytes:
            return True
        entries = sorted(self._scan())
        total_bytes = sum(size_bytes for _, size_bytes, _ in entries)
        goal_bytes = self._limit_bytes * _EVICT_DOWN_TO - num_bytes
        for _, size_bytes, path in entries:
            if total_bytes <= goal_bytes:
                break
            if path not in self._own_paths:
                path.unlink(missing_ok=True)
                total_bytes -= size_bytes
        self._note_total(total_bytes)
        if total_bytes + num_bytes <= self._limit_bytes:
            return True
        self._accepts_entries = False
        _log.info("the embedding cache is full with this run's own tiles; the rest is not kept")
        return False

    def _known_total_bytes(self) -> int:
        """What all entries take; other processes' entries are counted again from time to time."""
        if self._total_bytes is None or self._written_since_scan_bytes > self._limit_bytes * _RESCAN_AFTER:
            self._note_total(sum(size_bytes for _, size_bytes, _ in self._scan()))
        return (self._total_bytes or 0) + self._written_since_scan_bytes

    def _note_total(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._written_since_scan_bytes = 0

    def _scan(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, path) of every entry; abandoned part files are removed on the way."""
        for path in self._folder.glob("*/*"):
            try:
                status = path.stat()
            except OSError:  # dropped by another process
                continue
            if path.suffix == _SUFFIX:
                yield status.st_mtime, status.st_size, path
            elif path.suffix == PART_SUFFIX and status.st_mtime < time.time() - _ABANDONED_AFTER_S:
                path.unlink(missing_ok=True)


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Float arrays are kept in half precision, all others as they are."""
    stored = {
        name: array.astype(np.float16, copy=False) if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }
    return packed_arrays(_MAGIC, stored)
