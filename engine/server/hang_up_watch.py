"""Noticing that a client has gone while it is being kept waiting."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

_POLL_S = 0.2
_log = logging.getLogger(__name__)


class HangUpWatch:
    """While entered, calls `on_gone` once from a thread of its own when the other side has closed.

    Args:
        connection: On which the other side sends nothing in the meantime.
        on_gone: What is to be done then.
    """

    def __init__(self, connection: socket.socket, on_gone: Callable[[], None]) -> None:
        self._connection = connection
        self._on_gone = on_gone
        self._lock = threading.Lock()
        self._is_over = False
        self.is_gone = False

    def __enter__(self) -> HangUpWatch:
        threading.Thread(target=self._watch, name="hang-up watch", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:  # from here on, nothing is called; the thread is not waited for
            self._is_over = True

    def _watch(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, selectors.EVENT_READ)
                while not self._is_over:
                    if selector.select(_POLL_S) and self._has_ended():
                        self._tell()
                        return
        except (OSError, ValueError):  # closed on this side
            self.is_gone = True
        except Exception:  # the boundary of the thread
            _log.exception("a job whose client has gone could not be cancelled")

    def _tell(self) -> None:
        with self._lock:
            if not self._is_over:
                self.is_gone = True
                self._on_gone()

    def _has_ended(self) -> bool:
        try:
            if not self._connection.recv(1, socket.MSG_PEEK):
                return True
        except OSError:
            return True
        time.sleep(_POLL_S)  # a byte that nobody asked for hides the end: look at it again later
        return False
