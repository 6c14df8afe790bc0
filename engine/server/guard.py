"""Who may ask, and how much they may send: checked before a body is read."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from email.message import Message

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.wire import CONTENT_TYPE

MAX_BODY_BYTES = 65 * 2**20
"""Room for an image of 4096 x 4096 pixels with its mask (64 MiB) and their header."""

_LENGTH = re.compile(r"[0-9]{1,15}")


def check_caller(headers: Message, *, hosts: Collection[str], token: str) -> None:
    """Let pass only a program that was given the token, and no web page.

    Args:
        headers: Of the request.
        hosts: What Host may say. A page whose name was pointed at this machine says something else.
        token: Compared in constant time.

    Raises:
        EngineError: FORBIDDEN or UNAUTHORIZED.
    """
    if headers.get_all("Origin"):
        raise EngineError(ErrorCode.FORBIDDEN, "The engine answers no web pages.")
    if headers.get_all("Host", []) not in [[host] for host in hosts]:
        raise EngineError(ErrorCode.FORBIDDEN, "The engine answers only under its own address.")
    given = headers.get_all("Authorization", [])
    wanted = f"Bearer {token}".encode()
    if len(given) != 1 or not hmac.compare_digest(given[0].encode("utf-8", "replace"), wanted):
        raise EngineError(
            ErrorCode.UNAUTHORIZED, "The engine wants the token that it was started with; start it anew."
        )


def body_bytes(headers: Message, *, has_body: bool, max_bytes: int) -> int:
    """How long the body is.

    Raises:
        EngineError: The length is missing, not a number or too large, there should be no body, or it is no
            frame.
    """
    if headers.get_all("Transfer-Encoding"):
        raise EngineError(ErrorCode.BAD_REQUEST, "Send a Content-Length instead of a transfer encoding.")
    lengths = headers.get_all("Content-Length", [] if has_body else ["0"])
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0].strip(" \t")):
        raise EngineError(ErrorCode.BAD_REQUEST, "The request needs one Content-Length, a whole number.")
    num_bytes = int(lengths[0])
    if num_bytes and not has_body:
        raise EngineError(ErrorCode.BAD_REQUEST, "This request takes no body.")
    if num_bytes > max_bytes:
        raise EngineError(
            ErrorCode.TOO_LARGE,
            f"The request is {num_bytes} bytes long and the engine takes {max_bytes}; send smaller parts.",
        )
    if has_body and headers.get_all("Content-Type") != [CONTENT_TYPE]:
        raise EngineError(ErrorCode.BAD_REQUEST, f"The body must be of the type {CONTENT_TYPE}.")
    return num_bytes
