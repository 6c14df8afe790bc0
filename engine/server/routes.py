"""Which request is which method of the application."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from geophrase.engine.errors import EngineError
from geophrase.protocol.codec import InvalidMessageError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import JobRequest
from geophrase.protocol.messages import BeginUpload, Done, UploadWindow
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.protocol.version import PATH_PREFIX, PROTOCOL_VERSION
from geophrase.protocol.wire import Arrays, Frame

from .application import Application

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What sessions, uploads and jobs may be called."""

_PATH = re.compile(r"(?:/[A-Za-z0-9_-]{1,64}){1,8}")
_VERSION = re.compile(r"v([0-9]{1,9})")
_ANY_ID = "*"


@dataclass(frozen=True)
class Asked:
    """A request whose body was read.

    Attributes:
        item_id: The id in its path; "" where there is none.
        message: The body's message; None without a body.
        arrays: The body's arrays.
    """

    item_id: str
    message: Any
    arrays: Arrays


@dataclass(frozen=True)
class Route:
    """One kind of request.

    Attributes:
        method: The HTTP method.
        path: Without the version; `*` stands for an id.
        body: The message that it brings; None for none.
        answer: Asks the application; None for the one that is answered with a stream.
    """

    method: str
    path: str
    body: Any
    answer: Callable[[Application, Asked], Frame] | None


def find_route(method: str, target: str) -> tuple[Route, str]:
    """The route of a request and the id in its path.

    Args:
        method: The HTTP method.
        target: The path exactly as it was sent; nothing in it is decoded or made shorter.

    Raises:
        EngineError: NOT_FOUND, or VERSION_MISMATCH for a path of another major version.
    """
    if not _PATH.fullmatch(target):
        raise EngineError(ErrorCode.NOT_FOUND, "The engine has no such path.")
    version, *parts = target[1:].split("/")
    if f"/{version}" != PATH_PREFIX and _VERSION.fullmatch(version):
        raise EngineError(ErrorCode.VERSION_MISMATCH, _mismatch(int(version[1:])))
    for route in ROUTES:
        item_id = _match(route.path[1:].split("/"), parts)
        if f"/{version}" == PATH_PREFIX and route.method == method and item_id is not None:
            return route, item_id
    raise EngineError(ErrorCode.NOT_FOUND, f"The engine has no {method} of this path.")


def read_body(route: Route, item_id: str, frame: Frame | None) -> Asked:
    """What is asked.

    Raises:
        InvalidMessageError: The frame is not what the route takes.
    """
    if frame is None:
        return Asked(item_id, None, {})
    message = frame.read_as(route.body)
    if route.answer is None and not ID.fullmatch(message.job_id):
        raise InvalidMessageError("message.job_id must be 1 to 64 letters, digits, _ or -")
    return Asked(item_id, message, frame.arrays)


def _match(wanted: list[str], parts: list[str]) -> str | None:
    if len(wanted) != len(parts):
        return None
    item_id = ""
    for name, part in zip(wanted, parts, strict=True):
        if name == _ANY_ID:
            item_id = part
        elif name != part:
            return None
    return item_id


def _mismatch(theirs: int) -> str:
    ours = int(PROTOCOL_VERSION.partition(".")[0])
    side = "the GeoPhrase engine" if theirs > ours else "the GeoPhrase plugin"
    return (
        f"The plugin speaks version {theirs} of the protocol and this engine version {ours}; update {side}."
    )


def _open_session(application: Application, asked: Asked) -> Frame:
    return Frame.of(application.open_session(asked.message, asked.arrays))


def _close_session(application: Application, asked: Asked) -> Frame:
    application.close_session(asked.item_id)
    return Frame.of(Done())


def _predict(application: Application, asked: Asked) -> Frame:
    return Frame.of(*application.predict(asked.item_id, asked.message, asked.arrays))


def _put_upload(application: Application, asked: Asked) -> Frame:
    application.put_upload(asked.item_id, asked.message, asked.arrays)
    return Frame.of(Done())


def _close_upload(application: Application, asked: Asked) -> Frame:
    application.close_upload(asked.item_id)
    return Frame.of(Done())


def _cancel_job(application: Application, asked: Asked) -> Frame:
    application.cancel_job(asked.item_id)
    return Frame.of(Done())


ROUTES = (
    Route("GET", "/hello", None, lambda application, _: Frame.of(application.hello())),
    Route("GET", "/health", None, lambda application, _: Frame.of(application.health())),
    Route("GET", "/doctor", None, lambda application, _: Frame.of(application.doctor())),
    Route("POST", "/sessions", OpenSession, _open_session),
    Route("DELETE", "/sessions/*", None, _close_session),
    Route("POST", "/sessions/*/predict", PredictRequest, _predict),
    Route(
        "POST",
        "/uploads",
        BeginUpload,
        lambda application, asked: Frame.of(application.begin_upload(asked.message)),
    ),
    Route("POST", "/uploads/*/windows", UploadWindow, _put_upload),
    Route("DELETE", "/uploads/*", None, _close_upload),
    Route("POST", "/jobs", JobRequest, None),
    Route("POST", "/jobs/*/cancel", None, _cancel_job),
)
"""All there is; the table is in protocol/messages.py."""
