"""One connection to the engine: requests in, one answer or one stream of events for each."""

from __future__ import annotations

import io
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import numpy as np

from geophrase.engine.errors import EngineError
from geophrase.protocol.codec import InvalidMessageError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import FINAL_EVENTS, JobEvent, JobFailed
from geophrase.protocol.messages import Failure
from geophrase.protocol.wire import CONTENT_TYPE, Arrays, Frame, joined, pack, packed_bytes, unpack

from .deadline_stream import DeadlineStream
from .guard import body_bytes, check_caller
from .hang_up_watch import HangUpWatch
from .routes import Asked, Route, find_route, read_body

if TYPE_CHECKING:
    from .http_server import EngineHttpServer

_MAX_LINE_BYTES = 2**16
_LINGER_BYTES = 2**16
_LINGER_S = 5.0
Parts = list[bytes | memoryview]
_log = logging.getLogger(__name__)

_STATUS = {
    ErrorCode.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.VERSION_MISMATCH: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.MODEL_UNKNOWN: HTTPStatus.NOT_FOUND,
    ErrorCode.SUPERSEDED: HTTPStatus.CONFLICT,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.SHUTTING_DOWN: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.DEVICE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.OUT_OF_MEMORY: HTTPStatus.INSUFFICIENT_STORAGE,
    ErrorCode.DOWNLOAD_FAILED: HTTPStatus.BAD_GATEWAY,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""All other codes are about what was asked for: 422."""


class Connection(BaseHTTPRequestHandler):
    """Reads requests one after the other; nothing that a client sends ends more than its own connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: EngineHttpServer
    connection: socket.socket
    rfile: io.BufferedReader

    def setup(self) -> None:
        """Puts the deadlines between the socket and the parser."""
        super().setup()
        self._incoming = DeadlineStream(self.connection)
        self.rfile = io.BufferedReader(self._incoming, _MAX_LINE_BYTES)
        self._is_known = False

    def handle_one_request(self) -> None:
        """Serves one request, or ends the connection."""
        self.close_connection = True
        self._has_unread_body = True
        if not self._is_request_coming():
            return
        try:
            self._serve()
        except EngineError as error:
            self._refuse(error)
        except InvalidMessageError as error:
            self._refuse(EngineError(ErrorCode.BAD_REQUEST, f"The request was not understood: {error}."))
        except TimeoutError:
            self._refuse(
                EngineError(ErrorCode.BAD_REQUEST, "The request did not arrive in time; send it again.")
            )

    def _is_request_coming(self) -> bool:
        """Waits for the first byte of a request; who hasn't shown the token yet is given less time."""
        config = self.server.config
        self._incoming.allow(config.idle_s if self._is_known else config.head_s)
        try:
            has_come = bool(self.rfile.peek(1))
        except TimeoutError:
            return False
        self._incoming.allow(config.head_s)
        return has_come

    def _serve(self) -> None:
        self._read_head()
        if self.server.is_surplus(self.connection):
            raise EngineError(
                ErrorCode.BUSY, "The engine has too many connections; close some and try again."
            )
        check_caller(self.headers, hosts=self.server.hosts, token=self.server.token)
        self._is_known = True
        target = self.requestline.split()[1]  # exactly as it came; the base class shortens its self.path
        route, item_id = find_route(self.command, target)
        asked = self._read_body(route, item_id)
        if route.answer is None:
            self._stream(asked)
            return
        with _defects_as_errors():
            answer = pack(route.answer(self.server.application, asked))
        self._answer(HTTPStatus.OK, answer)

    def _read_head(self) -> None:
        self.command, self.requestline, self.request_version = "", "", self.protocol_version
        self.raw_requestline = self.rfile.readline(_MAX_LINE_BYTES + 1)
        if len(self.raw_requestline) > _MAX_LINE_BYTES:
            raise EngineError(ErrorCode.BAD_REQUEST, "The request's first line is too long.")
        is_read = self.parse_request()
        if not is_read or self.request_version != self.protocol_version or self.headers.defects:
            raise EngineError(ErrorCode.BAD_REQUEST, "The engine takes only well-formed HTTP/1.1.")

    def _read_body(self, route: Route, item_id: str) -> Asked:
        config = self.server.config
        num_bytes = body_bytes(self.headers, has_body=route.body is not None, max_bytes=config.max_body_bytes)
        if not num_bytes and route.body is None:
            self._has_unread_body = False
            return read_body(route, item_id, None)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self._send([b"HTTP/1.1 100 Continue\r\n\r\n"])
        self._incoming.allow(config.body_s + num_bytes / config.body_bytes_per_s)
        body = np.empty(num_bytes, np.uint8).data  # unlike a bytearray, not filled with zeros first
        num_read = self.rfile.readinto(body)
        if num_read < num_bytes:
            raise ConnectionError(f"the body ended after {num_read} of {num_bytes} bytes")
        self._has_unread_body = False
        return read_body(route, item_id, unpack(body))

    def _answer(self, status: HTTPStatus, parts: Parts) -> None:
        self._send([self._head(status, f"Content-Length: {packed_bytes(parts)}"), *parts])

    def _refuse(self, error: EngineError) -> None:
        """Answers with a Failure; where the body was not read, the connection ends."""
        is_last = self._has_unread_body
        self.close_connection = self.close_connection or is_last
        status = _STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        self._answer(status, pack(Frame.of(Failure(error.code, error.message))))
        if is_last:
            self._linger()

    def _stream(self, asked: Asked) -> None:
        """Sends a job's events as they come; what fails before the first is a refusal."""
        application, job_id = self.server.application, asked.message.job_id
        with _defects_as_errors():
            events = application.run_job(asked.message)
        try:
            with HangUpWatch(self.connection, lambda: application.cancel_job(job_id)) as watch:
                with _defects_as_errors():
                    first = next(events)
                self._send([self._head(HTTPStatus.OK, "Transfer-Encoding: chunked")])
                for parts in _packed_events(first, events):
                    if watch.is_gone:
                        raise ConnectionAbortedError("the client has gone")
                    self._send_chunk(parts)
            self._send([b"0\r\n\r\n"])
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()

    def _send_chunk(self, parts: Parts) -> None:
        size = f"{packed_bytes(parts):x}\r\n".encode()
        self._send([size, *parts, b"\r\n"], patience_s=self.server.config.event_s)

    def _head(self, status: HTTPStatus, framing: str) -> bytes:
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Type: {CONTENT_TYPE}", framing]
        if self.close_connection:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _send(self, parts: Parts, *, patience_s: float | None = None) -> None:
        config = self.server.config
        patience_s = config.answer_s if patience_s is None else patience_s
        self.connection.settimeout(patience_s + packed_bytes(parts) / config.body_bytes_per_s)
        try:
            for block in joined(parts):
                self.connection.sendall(block)
        except TimeoutError as error:
            raise ConnectionAbortedError("the client does not take its answer") from error

    def _linger(self) -> None:
        """Takes what is still being sent, so that closing doesn't destroy the answer on its way."""
        self.connection.shutdown(socket.SHUT_WR)
        deadline_s = time.monotonic() + _LINGER_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            self.connection.settimeout(left_s)
            if not self.connection.recv(_LINGER_BYTES):
                return

    # What the base class would do otherwise:

    def handle_expect_100(self) -> bool:
        """Nobody is asked for a body before the request has been looked at."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses is refused as everything is."""
        raise EngineError(ErrorCode.BAD_REQUEST, f"The request is no HTTP that the engine takes: {message}.")

    def log_message(self, format: str, *args: Any) -> None:
        """Requests aren't logged; there is one for every click."""


@contextmanager
def _defects_as_errors() -> Iterator[None]:
    """What the application raises and should not, as an answer that tells nothing of the engine's inside."""
    try:
        yield
    except (EngineError, InvalidMessageError):
        raise
    except Exception:  # the boundary of the process
        _log.exception("a request failed")
        raise EngineError(
            ErrorCode.INTERNAL, "The engine failed at this request; its log says why."
        ) from None


def _packed_events(
    first: tuple[JobEvent, Arrays], events: Iterator[tuple[JobEvent, Arrays]]
) -> Iterator[Parts]:
    """The job's events up to the final one, which is made up where the job didn't come to one."""
    event, arrays = first
    try:
        with _defects_as_errors():
            while True:
                yield pack(Frame.of(event, arrays))
                if isinstance(event, FINAL_EVENTS):
                    return
                event, arrays = next(events)
    except (EngineError, InvalidMessageError) as error:
        code = error.code if isinstance(error, EngineError) else ErrorCode.INTERNAL
        yield pack(Frame.of(JobFailed(code, str(error))))
