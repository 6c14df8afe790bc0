"""What the wire between plugin and engine costs, over the least that the same bytes can cost in that run.

Run `python benchmarks/transport.py [--rounds N] [--json]`. The plugin's own client talks to the engine's own
HTTP server in another process, whose application takes and gives arrays and does nothing with them. Up is a
window of an upload, down the answer to a click. The floors are a copy in memory (`memcpy`) and the same bytes
through a bare loopback socket to that process, answered by one byte.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

import numpy as np

from geophrase.benchmarks.timing import interleaved_s
from geophrase.engine.server.http_server import EngineHttpServer
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.messages import IMAGE, LOW_RES_LOGITS, VALID, BoxQuery, UploadWindow
from geophrase.protocol.sessions import Predicted, PredictRequest
from geophrase.protocol.wire import Arrays, Frame, pack, packed_bytes
from geophrase.qgis_plugin.core.engine.client import EngineClient
from geophrase.tests.fakes.scripted_application import ScriptedApplication

SIZES_BYTES = (1024, 4 * 2**20, 64 * 2**20)
_SMALL_ROUNDS = 20
_SMALL_BYTES = 2**20
_COUNT_BYTES = 8
_GRID = RasterGrid(1, 1, (1.0, 0.0, 0.0, 0.0, -1.0, 0.0))


@dataclass(frozen=True)
class Row:
    """One direction and size.

    Attributes:
        direction: "up" or "down", as the plugin sees it.
        payload_bytes: Of the arrays.
        frame_bytes: Of the body that carries them.
        memcpy_ms: Copying them once.
        loopback_ms: Through a bare socket.
        wire_ms: Through client and server.
    """

    direction: str
    payload_bytes: int
    frame_bytes: int
    memcpy_ms: float
    loopback_ms: float
    wire_ms: float

    @property
    def over_loopback(self) -> float:
        """How many times the floor the wire takes."""
        return self.wire_ms / self.loopback_ms


class _TakingApplication(ScriptedApplication):
    """Takes any window, and answers a click with as many bytes as the box is wide."""

    def put_upload(self, upload_id: str, request: UploadWindow, arrays: Arrays) -> None:
        """Forgets it."""

    def predict(self, session_id: str, request: PredictRequest, arrays: Arrays) -> tuple[Predicted, Arrays]:
        """Gives what was made before."""
        (box,) = request.prompts
        assert isinstance(box, BoxQuery)
        return _PREDICTED, _answer_arrays(int(box.box_pix[2]))


_PREDICTED = Predicted(1.0, 1.0, 0.0, 0.0, 0.0)


def _answer_arrays(num_bytes: int) -> dict[str, np.ndarray]:
    logits = np.zeros((1, num_bytes // 4), np.float32)
    return {**FeatureBatch.empty().to_arrays(), LOW_RES_LOGITS: logits}


def _serve(token: str, pipe: Connection) -> None:
    """The other process: the engine's server, and a bare socket beside it."""
    server = EngineHttpServer(_TakingApplication(), token=token)
    server.start()
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve_bare, args=(listener,), daemon=True).start()
    pipe.send((server.url, listener.getsockname()[1]))
    pipe.recv()  # until the benchmark is over


def _serve_bare(listener: socket.socket) -> None:
    """Reads two counts: takes so many bytes, then gives so many."""
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while counts := connection.recv(2 * _COUNT_BYTES, socket.MSG_WAITALL):
        num_taken, num_given = (int.from_bytes(part, "little") for part in (counts[:8], counts[8:]))
        _receive(connection, num_taken)
        connection.sendall(np.zeros(num_given, np.uint8).data)


def _receive(connection: socket.socket, num_bytes: int) -> None:
    view = np.empty(num_bytes, np.uint8).data
    while len(view):
        view = view[connection.recv_into(view) :]


@contextmanager
def _other_process() -> Iterator[tuple[EngineClient, socket.socket]]:
    """A client of the server, and a bare connection, to one process."""
    token = secrets.token_urlsafe(32)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(token, theirs), daemon=True)
    process.start()
    url, port = ours.recv()
    with socket.create_connection(("127.0.0.1", port)) as bare:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = EngineClient(url, token)
        client.hello()
        yield client, bare
    ours.send("over")
    process.join()


def _bare_exchange(bare: socket.socket, sent: np.ndarray, num_given: int) -> None:
    bare.sendall(len(sent).to_bytes(_COUNT_BYTES, "little") + num_given.to_bytes(_COUNT_BYTES, "little"))
    bare.sendall(sent.data)
    _receive(bare, num_given)


def _up(client: EngineClient, bare: socket.socket, num_bytes: int, num_rounds: int) -> Row:
    width = num_bytes // 4
    window = WindowPx(0, 0, width, 1)
    arrays = {IMAGE: np.zeros((1, width, 3), np.uint8), VALID: np.zeros((1, width), bool)}
    upload_id = client.begin_upload(_GRID)
    return _measured(
        "up",
        num_bytes,
        packed_bytes(pack(Frame.of(UploadWindow(window), arrays))),
        loopback=lambda payload: _bare_exchange(bare, payload, 1),
        wire=lambda: client.put_upload(upload_id, window, arrays[IMAGE], arrays[VALID]),
        num_rounds=num_rounds,
    )


def _down(client: EngineClient, bare: socket.socket, num_bytes: int, num_rounds: int) -> Row:
    request = PredictRequest((BoxQuery((0.0, 0.0, float(num_bytes), 1.0)),))
    nothing = np.empty(0, np.uint8)
    return _measured(
        "down",
        num_bytes,
        packed_bytes(pack(Frame.of(_PREDICTED, _answer_arrays(num_bytes)))),
        loopback=lambda payload: _bare_exchange(bare, nothing, len(payload)),
        wire=lambda: client.predict("session", request),
        num_rounds=num_rounds,
    )


def _measured(
    direction: str,
    num_bytes: int,
    frame_bytes: int,
    *,
    loopback: Callable[[np.ndarray], None],
    wire: Callable[[], object],
    num_rounds: int,
) -> Row:
    payload = np.zeros(num_bytes, np.uint8)
    times_s = interleaved_s(
        {"memcpy": payload.copy, "loopback": lambda: loopback(payload), "wire": wire},
        num_rounds=num_rounds * (_SMALL_ROUNDS if num_bytes <= _SMALL_BYTES else 1),
    )
    times_ms = {name: 1e3 * seconds for name, seconds in times_s.items()}
    return Row(direction, num_bytes, frame_bytes, times_ms["memcpy"], times_ms["loopback"], times_ms["wire"])


def measure(*, sizes_bytes: Sequence[int] = SIZES_BYTES, num_rounds: int = 9) -> list[Row]:
    """All sizes, up and down."""
    with _other_process() as (client, bare):
        return [run(client, bare, num_bytes, num_rounds) for num_bytes in sizes_bytes for run in (_up, _down)]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each comparison")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    rows = measure(num_rounds=arguments.rounds)
    if arguments.json:
        print(json.dumps([{**asdict(row), "over_loopback": row.over_loopback} for row in rows], indent=1))
    else:
        print(_table(rows))
    return 0


def _table(rows: Sequence[Row]) -> str:
    lines = ["       payload bytes   frame bytes   memcpy ms  loopback ms     wire ms  wire / loopback"]
    lines += [
        f"{row.direction:<6}{row.payload_bytes:>14}{row.frame_bytes:>14}{row.memcpy_ms:>12.3f}"
        f"{row.loopback_ms:>13.3f}{row.wire_ms:>12.3f}{row.over_loopback:>17.2f}"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
