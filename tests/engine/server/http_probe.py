"""Raw sockets against the HTTP server: what a browser, a broken client or an attacker might send."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

from geophrase.engine.server.http_server import EngineHttpServer
from geophrase.protocol.messages import Failure
from geophrase.protocol.wire import CONTENT_TYPE, Frame, pack, unpack

TOKEN = "0123456789abcdef-secret"
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def frame(self) -> Frame:
        return unpack(self.body)

    @property
    def code(self) -> str:
        return self.frame.read_as(Failure).code.value


def connect(server: EngineHttpServer) -> socket.socket:
    return socket.create_connection(server.server_address, timeout=TIMEOUT_S)


def request(
    server: EngineHttpServer,
    method: str = "GET",
    path: str = "/v1/hello",
    body: bytes | None = None,
    *,
    without: tuple[str, ...] = (),
    **headers: str,
) -> bytes:
    """A right request, but for the headers that are replaced (`_` stands for `-`) or left out."""
    lines = {
        "Host": f"127.0.0.1:{server.server_port}",
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(body or b"")),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items() if k not in without), "", ""]
    return "\r\n".join(head).encode("latin-1") + (body or b"")


def framed(message: Any, arrays: Any = None) -> bytes:
    return b"".join(pack(Frame.of(message, arrays)))


def framed_json(header: Any, data: bytes = b"") -> bytes:
    blob = json.dumps(header).encode()
    return struct.pack("<I", len(blob)) + blob + data


def read_reply(stream: Any) -> Reply:
    """One answer from a file made of a socket; chunks are put together."""
    status_line = stream.readline()
    assert status_line.startswith(b"HTTP/1.1 "), status_line
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            assert stream.readline() == b"\r\n"
        assert stream.readline() == b"\r\n"
    else:
        length = int(headers["content-length"])
        body = stream.read(length)
        assert len(body) == length
    return Reply(int(status_line.split()[1]), headers, body)


def exchange(server: EngineHttpServer, data: bytes) -> Reply:
    """Sends on a new connection; one answer must come whole, whatever became of the connection."""
    with connect(server) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may have had enough; its answer must be there all the same
        return read_reply(connection.makefile("rb"))


def everything_after(server: EngineHttpServer, data: bytes, *, is_ending: bool = True) -> bytes:
    """All that the server says until it ends the connection; a reset counts as an end."""
    answer = b""
    with connect(server) as connection:
        try:
            connection.sendall(data)
            if is_ending:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(2**16):
                answer += part
        except (BrokenPipeError, ConnectionResetError):
            pass
    return answer
