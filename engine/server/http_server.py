"""The engine's HTTP server: loopback only, a token, and nothing of what arrives is believed.

It serves any Application and knows nothing of models, so it imports only the standard library, numpy and the
protocol.
"""

from __future__ import annotations

import logging
import os
import socket
import socketserver
import sys
import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any

from geophrase.protocol.messages import MIN_TOKEN_CHARS

from .application import Application
from .guard import MAX_BODY_BYTES
from .http_connection import Connection

HOST = "127.0.0.1"
_POLL_S = 0.05
_MAX_SURPLUS = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerConfig:
    """How much the server takes and how long it waits.

    Attributes:
        max_body_bytes: Of one request.
        max_connections: At once; more are told that the engine is busy, and many more are hung up on.
        idle_s: A connection without a request is closed after this long.
        head_s: A request's head must have arrived in this time, from its first byte on.
        body_s: So must its body, to which `body_bytes_per_s` adds.
        body_bytes_per_s: The slowest honest sender: a long body is given its length over this.
        answer_s: An answer that the client doesn't take for this long is given up.
        event_s: The same for an event of a job; a client may well pause while its user reads a dialog.
    """

    max_body_bytes: int = MAX_BODY_BYTES
    max_connections: int = 64
    idle_s: float = 300.0
    head_s: float = 10.0
    body_s: float = 10.0
    body_bytes_per_s: float = 2**20
    answer_s: float = 60.0
    event_s: float = 900.0


class EngineHttpServer(ThreadingHTTPServer):
    """Serves an application on 127.0.0.1, each connection in a daemon thread of its own.

    Args:
        application: What answers.
        token: What every request must bring as its bearer token.
        port: 0 for any free one.
        config: Limits.

    Raises:
        OSError: The port is taken.
        ValueError: A token that is too short to be secret.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # On Windows the option would let another program take over the port.
    allow_reuse_address = os.name == "posix"

    def __init__(
        self,
        application: Application,
        *,
        token: str,
        port: int = 0,
        config: ServerConfig | None = None,
    ) -> None:
        if len(token) < MIN_TOKEN_CHARS:
            raise ValueError(f"the token must have at least {MIN_TOKEN_CHARS} characters")
        self.application = application
        self.token = token
        self.config = config or ServerConfig()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._surplus: set[socket.socket] = set()
        super().__init__((HOST, port), Connection)
        self.hosts = (f"{HOST}:{self.server_port}", f"localhost:{self.server_port}")

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.server_port}"

    def start(self) -> None:
        """Serves in a daemon thread until `stop`."""
        threading.Thread(target=self.serve_forever, args=(_POLL_S,), name="http server", daemon=True).start()

    def stop(self) -> None:
        """Hangs up on everybody, which cancels their jobs; call it once, after `start`."""
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            hang_up(connection)

    def is_surplus(self, connection: socket.socket) -> bool:
        """Whether this connection came when there were too many, and there still are."""
        with self._lock:
            if len(self._open) <= self.config.max_connections:
                self._surplus.discard(connection)
            return connection in self._surplus

    def server_bind(self) -> None:
        """Binds without asking the DNS for this machine's name, as the base class would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more connection, if only to be told that there is none."""
        with self._lock:
            self._open.add(request)
            num_surplus = len(self._open) - self.config.max_connections
            if num_surplus > 0:
                self._surplus.add(request)
        return num_surplus <= _MAX_SURPLUS

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection that has ended."""
        with self._lock:
            self._open.discard(request)
            self._surplus.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs what a connection's thread did not expect; the server goes on."""
        if isinstance(sys.exc_info()[1], OSError):
            _log.debug("a connection ended early", exc_info=True)
        else:
            _log.exception("a connection ended by a defect of the engine")


def hang_up(connection: socket.socket) -> None:
    """Ends a connection whose thread may be waiting in it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended already
        pass
