"""Many items, few at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from geophrase.training.data.sources.streaming import converted


def test_results_come_in_order_and_items_are_drawn_as_they_are_needed() -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for number in range(200):
            drawn += 1
            yield number

    def slowest_first(number: int) -> int:
        time.sleep(0.002 * (number % 5 == 0))
        return number * number

    results = converted(items(), slowest_first, total=200)
    assert next(results) == 0
    assert drawn < 30
    assert list(results) == [number * number for number in range(1, 200)]


def test_after_a_failure_nothing_new_is_begun() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def convert(number: int) -> int:
        with lock:
            begun.append(number)
        if number == 5:
            raise ValueError("the sixth")
        return number

    with pytest.raises(ValueError, match="the sixth"):
        list(converted(range(1000), convert, total=1000))
    num_begun = len(begun)
    assert num_begun < 60
    time.sleep(0.05)
    assert len(begun) == num_begun
