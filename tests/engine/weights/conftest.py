"""A real HTTP server on the loopback interface whose misbehaviour each test chooses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Shelf:
    """The one file that the server offers, how it behaves, and what it has seen."""

    content: bytes = b""
    etag: str | None = '"v1"'
    supports_range: bool = True
    honours_if_range: bool = True
    content_type: str = "application/octet-stream"
    status: int = 200
    announced_bytes: int | None = None  # a lie about Content-Length
    announces_length: bool = True
    drop_after_bytes: list[int] = field(default_factory=list)  # one entry per answer, then none is dropped
    stall: threading.Event | None = None  # wait for it after half of the body
    redirect_from: str = "/model.pt"
    redirect_to: str | None = None
    url: str = ""
    ranges: list[str | None] = field(default_factory=list)
    sent_bytes: int = 0


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        shelf: Shelf = self.server.shelf  # type: ignore[attr-defined]
        asked = self.headers.get("Range")
        shelf.ranges.append(asked)
        if shelf.redirect_to and self.path == shelf.redirect_from:
            self.send_response(302)
            self.send_header("Location", shelf.redirect_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and shelf.supports_range else 0
        if start and shelf.honours_if_range and self.headers.get("If-Range") not in (None, shelf.etag):
            start = 0
        if start > len(shelf.content) or (start and start == len(shelf.content)):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._head(shelf, start)
        self._body(shelf, shelf.content[start:])

    def _head(self, shelf: Shelf, start: int) -> None:
        total = len(shelf.content)
        self.send_response(206 if start else shelf.status)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if shelf.announces_length:
            self.send_header("Content-Length", str(shelf.announced_bytes or total - start))
        if shelf.etag:
            self.send_header("ETag", shelf.etag)
        self.send_header("Content-Type", shelf.content_type)
        self.end_headers()

    def _body(self, shelf: Shelf, body: bytes) -> None:
        if shelf.drop_after_bytes:
            body = body[: shelf.drop_after_bytes.pop(0)]
        halves = (body[: len(body) // 2], body[len(body) // 2 :])
        try:
            for half in halves:
                self.wfile.write(half)
                shelf.sent_bytes += len(half)
                if shelf.stall:
                    self.wfile.flush()
                    shelf.stall.wait(timeout=30)
        except OSError:
            pass  # the client went away, as a killed one does
        self.close_connection = True


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    offered = Shelf(url=f"http://127.0.0.1:{server.server_address[1]}/model.pt")
    server.shelf = offered  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield offered
    if offered.stall:
        offered.stall.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def content() -> bytes:
    """Three megabytes in which every four-byte word tells its own place."""
    return b"".join(n.to_bytes(4, "big") for n in range(786_432))
