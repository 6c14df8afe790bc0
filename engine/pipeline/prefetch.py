"""Work done ahead in other threads, in order and never further ahead than asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def prefetched(
    load: Callable[[ItemT], ResultT], items: Iterable[ItemT], *, num_ahead: int, num_threads: int = 1
) -> Generator[ResultT, None, None]:
    """Yield `load(item)` in the items' order while the next ones are already being loaded.

    An error in `load` is raised where its result is asked for. Closing the iterator drops what has not begun
    and waits for what has.

    Args:
        load: Called in a worker thread.
        items: Taken from in the calling thread, at most `num_ahead` beyond the last one yielded.
        num_ahead: Results that may be finished or under way; this bounds the memory.
        num_threads: Loads at the same time.
    """
    pending: deque[Future[ResultT]] = deque()
    with ThreadPoolExecutor(num_threads, thread_name_prefix="prefetch") as pool:
        try:
            for item in items:
                pending.append(pool.submit(load, item))
                if len(pending) > num_ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
