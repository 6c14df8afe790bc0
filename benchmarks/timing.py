"""Timing that a busy machine can't spoil: contestants take turns, and medians and their ratios count."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def interleaved_s(contestants: Mapping[str, Callable[[], object]], *, num_rounds: int) -> dict[str, float]:
    """Median seconds of each contestant, who take turns, so that a disturbance meets all alike.

    The first round, in which kernels are compiled and memory is fetched, is run on top and not counted.
    """
    times_s: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(num_rounds + 1):
        for name, run in contestants.items():
            _finish_pending()
            started_s = time.perf_counter()
            run()
            _finish_pending()
            times_s[name].append(time.perf_counter() - started_s)
    return {name: statistics.median(seconds[1:]) for name, seconds in times_s.items()}


def matmul_gmac_per_s(device: torch.device, dtype: torch.dtype, *, side: int, num_rounds: int = 9) -> float:
    """The rate at which the device multiplies square matrices, in 10^9 multiply-accumulates a second."""
    matrix = torch.ones(side, side, device=device, dtype=dtype)
    median_s = interleaved_s({"matmul": lambda: matrix @ matrix}, num_rounds=num_rounds)["matmul"]
    return side**3 / median_s / 1e9


def _finish_pending() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
