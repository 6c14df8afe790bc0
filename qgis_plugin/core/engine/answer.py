"""What the client and a job's stream share: opening a connection and reading an answer."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPResponse
from typing import Any, Mapping
from urllib.parse import urlsplit

import numpy as np

from geophrase.protocol.codec import InvalidMessageError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.wire import CONTENT_TYPE, Frame, unpack

from ..translation import tr
from .errors import EngineFailure

CONNECT_TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 2**30
_LOOPBACK = ("127.0.0.1", "localhost")


def address_of(url: str) -> str:
    """host:port of an engine's URL.

    Raises:
        ValueError: It is not http on this machine, so the token is not for it.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.port is None:
        raise ValueError(f"not the address of an engine on this machine: {url}")
    return f"{parts.hostname}:{parts.port}"


def open_connection(address: str) -> HTTPConnection:
    """A connection that connects with its first request."""
    return HTTPConnection(address, timeout=CONNECT_TIMEOUT_S)


def read_answer(response: HTTPResponse) -> Frame:
    """The frame of a whole answer.

    Raises:
        InvalidMessageError: It is none.
        OSError: The connection broke.
    """
    num_bytes = response.length
    if response.getheader("Content-Type") != CONTENT_TYPE or num_bytes is None:
        raise InvalidMessageError("another program answers at the engine's address")
    if num_bytes > MAX_ANSWER_BYTES:
        raise InvalidMessageError(f"an answer of {num_bytes} bytes is too long")
    body = np.empty(num_bytes, np.uint8).data
    if response.readinto(body) < num_bytes:
        raise ConnectionResetError("the answer ended early")
    return unpack(body)


def failure_of(message: Mapping[str, Any]) -> EngineFailure:
    """The exception for a Failure or a JobFailed; a code of a newer engine counts as `internal`."""
    try:
        code = ErrorCode(message.get("code"))
    except ValueError:
        code = ErrorCode.INTERNAL
    text = message.get("message")
    return EngineFailure(code, text if isinstance(text, str) else tr("The engine failed without saying why."))
