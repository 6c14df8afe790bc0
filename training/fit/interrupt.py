"""Ctrl-C and SIGTERM as a wish to stop after the present update."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """True once Ctrl-C was pressed or the process was asked to end; a second Ctrl-C ends it at once.

    SIGTERM may come more than once: from a cluster to all processes of a job, and from their launcher too.
    """

    def __init__(self) -> None:
        self._is_set = False

    def __bool__(self) -> bool:
        return self._is_set

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Handles a signal."""
        if self._is_set and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._is_set = True


@contextmanager
def deferred_interrupt() -> Iterator[Interrupt]:
    """Lets a first Ctrl-C or SIGTERM wait for the end of an update, so that the checkpoint is whole."""
    interrupt = Interrupt()
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
