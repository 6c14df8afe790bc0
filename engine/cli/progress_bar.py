"""A bar with rate and time left on a terminal, and nothing anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import NoReturn

from tqdm import tqdm

from geophrase.engine.pipeline.progress import Progress


class ProgressBar:
    """A context manager whose `update` is the callback of a long run.

    Args:
        label: What stands before the bar.
        is_quiet: Show nothing even on a terminal.
    """

    def __init__(self, label: str, *, is_quiet: bool = False) -> None:
        self._label = label
        self._is_hidden = is_quiet or not sys.stderr.isatty()
        self._bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, progress: Progress) -> None:
        """Show how far the run is; the first call sets the total."""
        if self._is_hidden:
            return
        if self._bar is None:
            self._bar = tqdm(total=progress.num_total, desc=self._label, unit="tile", file=sys.stderr)
        self._bar.set_postfix(polygons=progress.num_polygons, cached=progress.num_cached, refresh=False)
        self._bar.update(progress.num_done - self._bar.n)
