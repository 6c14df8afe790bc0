"""Thousands of images, one after the other: several at a time, few in memory, with a progress bar."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_WORKERS = 8


def converted(
    items: Iterable[Item], convert: Callable[[Item], Result], *, total: int, unit: str = "image"
) -> Iterator[Result]:
    """Yield `convert(item)` in the items' order, with a progress bar on stderr.

    Threads do the work, for what takes the time (decoding, copying, run lengths) leaves the interpreter's
    lock. Only a few items are under way at once, so neither items nor results pile up. When one raises, or
    Ctrl-C comes, those not begun are never begun.

    Args:
        items: Drawn as they are needed.
        convert: Called from several threads.
        total: Number of items, for the bar.
        unit: What the bar counts.
    """
    num_workers = max(1, min(_MOST_WORKERS, os.cpu_count() or 1))
    pending: deque[Future[Result]] = deque()
    with (
        tqdm(total=total, unit=unit, file=sys.stderr, disable=None, dynamic_ncols=True) as bar,
        ThreadPoolExecutor(num_workers) as pool,
    ):
        try:
            for item in items:
                pending.append(pool.submit(convert, item))
                if len(pending) > 2 * num_workers:
                    yield pending.popleft().result()
                    bar.update()
            while pending:
                yield pending.popleft().result()
                bar.update()
        finally:
            for future in pending:
                future.cancel()


def counted(items: Iterable[Item], *, total: int | None = None, unit: str = "file") -> Iterator[Item]:
    """The items, with a progress bar on stderr that goes away at the end: for a first look at many files."""
    yield from tqdm(
        items, total=total, unit=unit, file=sys.stderr, disable=None, dynamic_ncols=True, leave=False
    )


def tell(message: str) -> None:
    """A sentence for people on stderr, beside the progress bar."""
    tqdm.write(f"geophrase-train: {message}", file=sys.stderr)
