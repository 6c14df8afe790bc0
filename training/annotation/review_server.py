"""The review page: a small web server on this computer alone, for the person who decides.

Whoever doesn't know the token, which is the first part of every path, learns nothing; a web page elsewhere
whose name was pointed at this computer gives itself away by its Host, and one that sends by its Origin.
Paths name numbers and five fixed files, never a file of the disk.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
import socketserver
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from geophrase.training.annotation.candidates import Guidance
from geophrase.training.annotation.encodings import read_project_image
from geophrase.training.annotation.project import AnnotationError
from geophrase.training.annotation.review_views import instance_view, progress_view, project_view
from geophrase.training.annotation.session import AnnotationSession
from geophrase.training.errors import TrainingError

HOST = "127.0.0.1"
_PAGE_FOLDER = Path(__file__).resolve().parent / "page"
_PAGE_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "review.js": ("review.js", "text/javascript; charset=utf-8"),
    "drawing.js": ("drawing.js", "text/javascript; charset=utf-8"),
    "review.css": ("review.css", "text/css; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
_MAX_BODY_BYTES = 2**16
_WAIT_S = 30.0
_JPEG_OPTIONS = (
    *(cv2.IMWRITE_JPEG_QUALITY, 95),
    *(
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ),  # small objects keep their colour
)
_NUMBER = re.compile(r"[0-9]{1,9}")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_log = logging.getLogger(__name__)


class _Refusal(Exception):  # noqa: N818 - an answer, not a defect
    """A request that gets nothing but a status and a sentence."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class ReviewServer(ThreadingHTTPServer):
    """Serves the page of a session on 127.0.0.1.

    Args:
        session: What is reviewed.
        port: 0 for any free one.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # on Windows another program could take the port over

    def __init__(self, session: AnnotationSession, *, port: int = 0) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(24)
        super().__init__((HOST, port), _Connection)
        self.hosts = (f"{HOST}:{self.server_port}", f"localhost:{self.server_port}")
        self.image_bytes = lru_cache(maxsize=4)(self._image_bytes)

    @property
    def url(self) -> str:
        """The page, its secret included."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def start(self) -> None:
        """Serves in a daemon thread until `stop`."""
        threading.Thread(target=self.serve_forever, args=(0.05,), name="review page", daemon=True).start()

    def stop(self) -> None:
        """Ends serving; decisions are on the disk already."""
        self.shutdown()
        self.server_close()

    def server_bind(self) -> None:
        """Binds without asking the DNS for this computer's name, as the base class would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs what a connection did not expect; a browser that went away is nothing to tell."""
        if not isinstance(sys.exc_info()[1], OSError):
            _log.exception("a connection of the review page ended by a defect")

    def _image_bytes(self, image_index: int) -> bytes:
        images = self.session.project.images
        if image_index >= len(images):
            raise _Refusal(HTTPStatus.NOT_FOUND, "There is no such image.")
        image_HWC = read_project_image(images[image_index])
        return cv2.imencode(".jpg", np.ascontiguousarray(image_HWC[..., ::-1]), _JPEG_OPTIONS)[1].tobytes()


class _Connection(BaseHTTPRequestHandler):
    """Answers the page's requests."""

    protocol_version = "HTTP/1.1"
    timeout = _WAIT_S
    disable_nagle_algorithm = True
    server: ReviewServer

    def do_GET(self) -> None:
        """Files of the page, images, and the state of things."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """Decisions."""
        self._serve(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps the terminal free; the token is in every line."""

    def _serve(self, answer: Callable[[list[str]], tuple[bytes, str]]) -> None:
        try:
            parts = self._checked_path()
            status, (body, content_type) = HTTPStatus.OK, answer(parts)
        except _Refusal as refusal:
            status, (body, content_type) = refusal.status, _as_json({"error": str(refusal)})
            self.close_connection = True
        except TrainingError as error:
            status, (body, content_type) = HTTPStatus.CONFLICT, _as_json({"error": str(error)})
        except OSError as error:
            if isinstance(error, (ConnectionError, TimeoutError)):
                raise
            message = (
                f"The decision could not be written ({error.strerror or error}); make room and try again."
            )
            status, (body, content_type) = HTTPStatus.INSUFFICIENT_STORAGE, _as_json({"error": message})
        self._send(status, body, content_type)

    def _checked_path(self) -> list[str]:
        """The path's parts behind the token."""
        if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            raise _Refusal(HTTPStatus.FORBIDDEN, "The page answers only under its own address.")
        origins = self.headers.get_all("Origin", [])
        if any(origin not in [f"http://{host}" for host in self.server.hosts] for origin in origins):
            raise _Refusal(HTTPStatus.FORBIDDEN, "No other web page may ask.")
        _, token, *parts = [*self.requestline.split()[1].split("/"), ""]
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refusal(HTTPStatus.FORBIDDEN, "Open the address that the command printed last.")
        return parts[:-1]

    def _get(self, parts: list[str]) -> tuple[bytes, str]:
        session = self.server.session
        match parts:
            case [name] if name in _PAGE_FILES:
                file_name, content_type = _PAGE_FILES[name]
                return (_PAGE_FOLDER / file_name).read_bytes(), content_type
            case ["project"]:
                return _as_json(project_view(session))
            case ["images", number]:
                return self.server.image_bytes(_number(number)), "image/jpeg"
            case ["instances", number]:
                view = instance_view(session, _number(number))
                session.look_ahead(_number(number))
                return _as_json(view)
        raise _Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _post(self, parts: list[str]) -> tuple[bytes, str]:
        session, asked = self.server.session, self._body()
        match parts:
            case ["undo"]:
                number = session.undo()
                return _as_json({"number": number, **progress_view(session)})
            case ["instances", text, action]:
                number = _number(text)
                _decide(session, number, action, asked)
                return _as_json(
                    {"number": number, "next": session.next_pending(number + 1), **progress_view(session)}
                )
        raise _Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if (
            not _NUMBER.fullmatch(length)
            or int(length) > _MAX_BODY_BYTES
            or "Transfer-Encoding" in self.headers
        ):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "The request needs a short body.")
        try:
            return dict(json.loads(self.rfile.read(int(length)) or b"{}"))
        except (ValueError, TypeError, RecursionError):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "The request was not understood.") from None

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header(
            "Cache-Control", "private, max-age=600" if content_type == "image/jpeg" else "no-store"
        )
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Names no versions."""
        return "geophrase"


def _decide(session: AnnotationSession, number: int, action: str, asked: dict[str, Any]) -> None:
    try:
        match action:
            case "accept":
                session.accept(number, int(asked["mask"]))
            case "drop":
                session.drop(number)
            case "retry":
                points = tuple((float(x), float(y)) for x, y in asked["points"])
                labels = tuple(int(label) for label in asked["labels"])
                session.retry(number, Guidance(int(asked["base"]), points, labels))
            case _:
                raise _Refusal(HTTPStatus.NOT_FOUND, "There is no such decision.")
    except (KeyError, TypeError, ValueError) as error:
        raise AnnotationError(f"The decision was not understood: {error}.") from error


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
    return int(text)


def _as_json(document: Any) -> tuple[bytes, str]:
    return json.dumps(document).encode(), "application/json"
