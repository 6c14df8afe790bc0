"""Requests of which only the newest of each kind matters."""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import Any, Dict, Optional, Tuple


class Kind(IntEnum):
    """What is asked; the lower number is served first."""

    PREDICT = 0
    VIEW = 1
    HOVER = 2


class RequestSlots:
    """One slot for each kind: a newer request replaces one that still waits."""

    def __init__(self) -> None:
        self._waiting: Dict[Kind, Any] = {}
        self._condition = threading.Condition()
        self._is_stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more will be served."""
        return self._is_stopped

    def put(self, kind: Kind, request: Any) -> None:
        """Asks, in place of what was asked before and waits."""
        with self._condition:
            self._waiting[kind] = request
            self._condition.notify()

    def drop(self, kind: Kind) -> None:
        """Takes back what waits."""
        with self._condition:
            self._waiting.pop(kind, None)

    def is_waiting(self, kind: Kind) -> bool:
        """Whether a request of the kind waits, so that an answer to an earlier one is out of date."""
        with self._condition:
            return kind in self._waiting

    def take(self) -> Optional[Tuple[Kind, Any]]:
        """Waits for the next request; None after `stop`."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._is_stopped)
            if self._is_stopped:
                return None
            kind = min(self._waiting)
            return kind, self._waiting.pop(kind)

    def stop(self) -> None:
        """Ends `take` for good."""
        with self._condition:
            self._is_stopped = True
            self._condition.notify_all()
