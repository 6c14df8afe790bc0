"""Ctrl-C, a polite kill and a closed terminal end a command between two steps, with everything tidied."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = threading.Event()
"""Set from the first signal on: libraries may swallow the exception, never this."""

_IMPORT_RETRY_S = 0.05
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


def _interrupt(number: int, frame: FrameType | None) -> None:
    if INTERRUPTED.is_set():
        return
    if _is_importing(frame):
        # A library that is being initialised in C++ may abort the process on any exception: ask again soon.
        again = threading.Timer(_IMPORT_RETRY_S, signal.raise_signal, (number,))
        again.daemon = True
        again.start()
        return
    INTERRUPTED.set()
    raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
