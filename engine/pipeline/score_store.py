"""A bounded store of runs' probabilities, from which a run continues or is outlined anew."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from geophrase.engine.atomic_file import write_atomically
from geophrase.engine.embedding_cache import cache_key
from geophrase.engine.pipeline.run_description import StoredRun
from geophrase.engine.pipeline.stored_strip import StoredStrip

_log = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 4 * 1024**3
_RUN_FILE = "run.json"
_STRIP_NAME = re.compile(r"(?P<group>\d+)_(?P<row>\d+)_(?P<height>\d+)\.strip")
_RUN_KEY = re.compile(r"[0-9a-f]{32}")
# Evicting a little more than needed keeps the scan of the folder off the path of most writes.
_EVICT_DOWN_TO = 0.9


class ScoreStore:
    """Keeps a folder per run under a size limit, dropping whole runs, those that were used longest ago first.

    Runs that are open in this object are never dropped; a run that is larger than the limit alone keeps its
    first strips. Threads may share the object. Processes may share the folder: files appear whole by a
    rename, and what another process dropped counts as not there.

    Args:
        folder: Made when the first run is opened.
        limit_bytes: The most that all runs may take together.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._num_open: Counter[str] = Counter()
        self._total_bytes: int | None = None

    def open(self, identity: Mapping[str, Any], run: StoredRun) -> RunScores:
        """Open the run of this identity, with the strips that it has from before, for more of them.

        Args:
            identity: Everything that the probabilities depend on, as JSON values.
            run: Replaces what was stored of the run: another path to the same raster, a later date.
        """
        scores = self._opened(cache_key(identity), run)
        scores.write_description()
        return scores

    def find(self, run_key: str) -> RunScores | None:
        """Open a run by its key; None where there is none that can be read."""
        if _RUN_KEY.fullmatch(run_key) is None:
            return None
        try:
            text = (self._folder / run_key / _RUN_FILE).read_text(encoding="utf-8")
            run = StoredRun.from_json(json.loads(text))
            os.utime(self._folder / run_key)
        except (OSError, KeyError, TypeError, ValueError):
            return None
        return self._opened(run_key, run)

    def _opened(self, run_key: str, run: StoredRun) -> RunScores:
        with self._lock:
            self._num_open[run_key] += 1
        return RunScores(self, self._folder / run_key, run)

    def released(self, run_key: str) -> None:
        """Take note that a run is no longer used; from then on it may be dropped."""
        with self._lock:
            self._num_open[run_key] -= 1

    def make_room(self, num_bytes: int) -> bool:
        """Count bytes that are about to be written; False when only open runs are left and they don't fit."""
        with self._lock:
            if self._total_bytes is None or self._total_bytes + num_bytes > self._limit_bytes:
                self._total_bytes = self._trimmed_to(self._limit_bytes - num_bytes)
            if self._total_bytes + num_bytes > self._limit_bytes:
                return False
            self._total_bytes += num_bytes
            return True

    def _trimmed_to(self, most_bytes: int) -> int:
        """Drop the runs used longest ago, if they take more than this; give what the rest takes."""
        runs = sorted(self._scan())
        total_bytes = sum(size_bytes for _, size_bytes, _ in runs)
        if total_bytes <= most_bytes:
            return total_bytes
        for _, size_bytes, folder in runs:
            if total_bytes <= most_bytes * _EVICT_DOWN_TO:
                break
            if not self._num_open[folder.name]:
                _drop(folder)
                total_bytes -= size_bytes
        return total_bytes

    def _scan(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, folder) of every run."""
        for folder in self._folder.glob("*"):
            try:
                if _RUN_KEY.fullmatch(folder.name):
                    size_bytes = sum(path.stat().st_size for path in folder.iterdir())
                    yield folder.stat().st_mtime, size_bytes, folder
            except OSError:  # dropped by another process
                continue


class RunScores:
    """The strips of one run, open until `close`; the store makes them.

    Attributes:
        run: What the strips belong to.
    """

    def __init__(self, store: ScoreStore, folder: Path, run: StoredRun) -> None:
        self.run = run
        self._store = store
        self._folder = folder
        self._accepts_strips = True
        self._is_open = True

    def __enter__(self) -> RunScores:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def key(self) -> str:
        """Names the run in its store."""
        return self._folder.name

    @property
    def is_complete(self) -> bool:
        """Whether all strips are there, as far as their names say."""
        return all(
            sum(height for _, height in self._rows_stored(group)) == self.run.region.height
            for group in range(len(self.run.group_sizes))
        )

    def strips(self, group: int) -> Iterator[StoredStrip]:
        """The strips of one pass from the region's first row on, up to the first that is not there whole.

        A damaged or foreign file is removed.
        """
        for row, height in self._rows_stored(group):
            path = self._path(group, row, height)
            try:
                strip = StoredStrip.from_bytes(path.read_bytes(), self.key)
            except OSError:
                return
            if strip is None or not self._belongs(strip, group, row, height):
                _log.info("dropping a damaged strip: %s", path)
                path.unlink(missing_ok=True)
                return
            yield strip

    def put(self, group: int, strip: StoredStrip) -> None:
        """Keep the next strip of a pass; when the disk refuses, warn and keep no more of this run."""
        window = strip.pixels.window
        self._write(self._path(group, window.row, window.height), strip.to_bytes(self.key))

    def write_description(self) -> None:
        """Keep what the strips belong to."""
        blob = json.dumps(self.run.as_json(), ensure_ascii=False).encode()
        self._write(self._folder / _RUN_FILE, blob)

    def close(self) -> None:
        """Let the run be dropped when room is needed."""
        if self._is_open:
            self._is_open = False
            self._store.released(self.key)

    def delete(self) -> None:
        """Close the run and remove what is kept of it."""
        self.close()
        _drop(self._folder)

    def _write(self, path: Path, blob: bytes) -> None:
        if not self._accepts_strips:
            return
        try:
            if self._store.make_room(len(blob)):
                write_atomically(path, lambda part: part.write_bytes(blob))
                return
            reason = "they take more than the limit of the folder"
        except OSError as error:
            reason = error.strerror or str(error)
        self._accepts_strips = False
        _log.warning("Going on without keeping this run's probabilities in %s: %s.", path.parent, reason)

    def _path(self, group: int, row: int, height: int) -> Path:
        return self._folder / f"{group:03d}_{row:08d}_{height}.strip"

    def _rows_stored(self, group: int) -> Iterator[tuple[int, int]]:
        """(first row, rows) of the strips of a pass that follow each other from the region's first row on."""
        try:
            names = [match for match in map(_STRIP_NAME.fullmatch, os.listdir(self._folder)) if match]
        except OSError:
            return
        heights = {int(name["row"]): int(name["height"]) for name in names if int(name["group"]) == group}
        row = self.run.region.row
        while (height := heights.get(row, 0)) > 0:
            yield row, height
            row += height

    def _belongs(self, strip: StoredStrip, group: int, row: int, height: int) -> bool:
        region, pixels = self.run.region, strip.pixels
        window = pixels.window
        return (
            (window.col, window.row, window.width, window.height) == (region.col, row, region.width, height)
            and len(pixels.levels_QHW) == self.run.group_sizes[group]
            and window.row_end <= region.row_end
        )


def _drop(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
