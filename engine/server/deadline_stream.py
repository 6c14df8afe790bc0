"""Reading from a socket that may be slow, silent or malicious: every read ends by a deadline."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class DeadlineStream(io.RawIOBase):
    """The bytes that arrive at a socket; reading raises TimeoutError once the time allowed is over.

    A socket's own timeout starts anew with every byte, so that a trickle would hold a thread for ever.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline_s = 0.0

    def allow(self, seconds: float) -> None:
        """From now on everything must have arrived within so many seconds."""
        self._deadline_s = time.monotonic() + seconds

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Waits for bytes; 0 when the sender has ended.

        Raises:
            TimeoutError: They didn't come in time.
        """
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the time to send this is over")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)
