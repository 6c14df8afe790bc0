"""What a long run tells its caller: how far it is, and where the time went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """How far a run is, in tiles; in rows where polygons are made of probabilities that are there already.

    Attributes:
        num_done: Tiles that need no more work, resumed ones and those without data included.
        num_total: All tiles of the run.
        num_encoded: Tiles that went through the image encoder in this run.
        num_cached: Tiles whose encoding came from the cache.
        num_resumed: Tiles whose probabilities are in the score store from before.
        num_polygons: Polygons finished so far.
    """

    num_done: int
    num_total: int
    num_encoded: int = 0
    num_cached: int = 0
    num_resumed: int = 0
    num_polygons: int = 0


ProgressCallback = Callable[[Progress], None]
CancelCheck = Callable[[], bool]


@dataclass
class StageTimes:
    """Wall time per stage, as seen by the thread that drives the run; nested stages count once, innermost."""

    seconds: dict[str, float] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list, repr=False)
    _mark_s: float = field(default=0.0, repr=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time until the block ends as this stage's, less that of stages opened inside it."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def share_outside(self, *model_stages: str) -> float:
        """The share, 0 to 1, of the counted time that was spent in other stages than these."""
        total_s = sum(self.seconds.values())
        inside_s = sum(self.seconds.get(name, 0.0) for name in model_stages)
        return 1.0 - inside_s / total_s if total_s > 0 else 0.0

    def _charge(self) -> None:
        now_s = time.perf_counter()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now_s - self._mark_s
        self._mark_s = now_s
