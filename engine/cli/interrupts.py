"""Ctrl-C and a polite kill end a command between two steps, with everything tidied."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = threading.Event()
"""Set from the first signal on: libraries may swallow the exception, never this."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def listen_for_interrupts() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into KeyboardInterrupt; ignore later ones, so that tidying up ends.

    Outside the main thread, where Python takes no signals, this does nothing.
    """
    INTERRUPTED.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    if not INTERRUPTED.is_set():
        INTERRUPTED.set()
        raise KeyboardInterrupt
