"""How long a run will still take, judged by its last stretch."""

from __future__ import annotations

from collections import deque

from geophrase.engine.pipeline.progress import Progress

# Cached tiles go by many times faster than others, so what was long ago says little.
_STRETCH_S = 20.0
_MIN_STRETCH_S = 1.0


class TimeLeft:
    """Estimates from the steps done in the last seconds.

    Args:
        now_s: When work begins, on a clock that never goes back.
    """

    def __init__(self, now_s: float) -> None:
        self._reports: deque[tuple[float, int]] = deque([(now_s, 0)])

    def after(self, progress: Progress, now_s: float) -> float | None:
        """The seconds left after a report at this time; None while there is nothing to judge by."""
        num_worked = progress.num_done - progress.num_resumed
        self._reports.append((now_s, num_worked))
        while len(self._reports) > 2 and self._reports[1][0] < now_s - _STRETCH_S:
            self._reports.popleft()
        first_s, first_worked = self._reports[0]
        if progress.num_done >= progress.num_total:
            return 0.0
        if now_s - first_s < _MIN_STRETCH_S or num_worked <= first_worked:
            return None
        return (now_s - first_s) / (num_worked - first_worked) * (progress.num_total - progress.num_done)
