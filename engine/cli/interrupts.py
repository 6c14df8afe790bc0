"""Ctrl-C, a polite kill and a closed terminal end a command between two steps, with everything tidied."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = threading.Event()
"""Set from the first signal on: libraries may swallow the exception, never this."""

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def listen_for_interrupts() -> Iterator[None]:
    """Turn the first signal into KeyboardInterrupt; ignore later ones, so that tidying up ends.

    A hang-up that the caller ignores, as `nohup` does, stays ignored.

    Outside the main thread, where Python takes no signals, this does nothing.
    """
    INTERRUPTED.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS if not _is_nohup(number)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_nohup(number: int) -> bool:
    return number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) is signal.SIG_IGN


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    if not INTERRUPTED.is_set():
        INTERRUPTED.set()
        raise KeyboardInterrupt
