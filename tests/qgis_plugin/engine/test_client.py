from __future__ import annotations

import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from geophrase.engine.server.http_server import EngineHttpServer, ServerConfig
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.jobs import (
    JobCancelled as JobCancelledEvent,
)
from geophrase.protocol.jobs import (
    JobEvent,
    JobPartial,
    JobProgress,
    JobResult,
    JobStarted,
    Outline,
    OutlineJob,
    SegmentJob,
)
from geophrase.protocol.messages import (
    FileSource,
    MaskQuery,
    PixelSource,
    PointsQuery,
    TextQuery,
    UploadSource,
)
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.qgis_plugin.core.engine import client as client_module
from geophrase.qgis_plugin.core.engine.client import EngineClient
from geophrase.qgis_plugin.core.engine.errors import EngineFailure, EngineGone, JobCancelled
from geophrase.qgis_plugin.core.engine.job_stream import PartialFeatures
from geophrase.tests.fakes.engine_script import EngineScript, read_log
from geophrase.tests.fakes.scripted_application import ScriptedApplication

TOKEN = "0123456789abcdef-secret"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.geophrase.frame\r\n"
GRID = RasterGrid(64, 48, (0.5, 0.0, 1000.0, 0.0, -0.5, 2000.0))
IMAGE, VALID = np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), bool)
JOB = SegmentJob("job-1", FileSource("a.tif"), (TextQuery("tank"), TextQuery("road")))


class Served:
    """A scripted application behind the real HTTP server, and a client of it."""

    def __init__(self, folder: Path, config: ServerConfig | None = None, application: Any = None) -> None:
        self.script: dict[str, Any] = {"rules": []}
        self.log = folder / "log"
        self.application = application or ScriptedApplication(EngineScript(self.script, log=self.log))
        self.server = EngineHttpServer(self.application, token=TOKEN, config=config)
        self.server.start()
        self.client = EngineClient(self.server.url, TOKEN)

    def requests(self, on: str) -> list[dict[str, Any]]:
        return [entry for entry in read_log(self.log) if entry["on"] == on]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.server.stop()


@contextmanager
def answering(answer: bytes, *, is_ending: bool = True) -> Iterator[str]:
    """A program that answers everything with these bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(2**16)
            connection.sendall(answer)
            if is_ending:
                connection.close()
            else:
                kept.append(connection)

    kept: list[socket.socket] = []
    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    for connection in kept:
        connection.close()


def wait_until(is_true: Callable[[], bool], *, within_s: float = 3.0) -> bool:
    end_s = time.monotonic() + within_s
    while not is_true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return is_true()


def test_a_click_becomes_a_polygon_and_the_next_prompt(served: Served):
    session = served.client.open_session(OpenSession(PixelSource(GRID)), IMAGE, VALID)
    points = PointsQuery(((32.0, 24.0), (36.0, 24.0)), (1, 0))
    first = served.client.predict(session.session_id, PredictRequest((points,), has_logits=True))
    assert len(first.features) == 1
    assert first.low_res_logits_HW is not None
    again = PredictRequest((points, MaskQuery()), has_logits=False)
    second = served.client.predict(session.session_id, again, first.low_res_logits_HW)
    assert second.low_res_logits_HW is None
    assert second.features.geometry_wkb(0) == first.features.geometry_wkb(0)
    assert served.requests("predict")[1]["arrays"] == {"low_res_logits_HW": [256, 256]}
    served.client.close_session(session.session_id)
    with pytest.raises(EngineFailure, match="no such session") as caught:
        served.client.predict(session.session_id, again)
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_an_upload_is_the_source_of_a_job(served: Served):
    upload_id = served.client.begin_upload(GRID, name="layer", content_key="k")
    served.client.put_upload(upload_id, WindowPx(0, 0, 64, 48), IMAGE, VALID)
    events = list(served.client.run_job(SegmentJob("j", UploadSource(upload_id), (TextQuery("a"),))))
    assert isinstance(events[-1], JobResult)
    served.client.close_upload(upload_id)
    assert served.requests("begin_upload")[0]["message"]["content_key"] == "k"
    with pytest.raises(EngineFailure):
        served.client.put_upload(upload_id, WindowPx(0, 0, 64, 48), IMAGE, VALID)


def test_a_jobs_events_bring_their_features(served: Served):
    events = list(served.client.run_job(JOB))
    assert isinstance(events[0], JobStarted)
    partials = [event for event in events if isinstance(event, JobPartial)]
    assert all(isinstance(event, PartialFeatures) for event in partials)
    assert isinstance(events[-1], JobResult)
    num_features = sum(len(event.features) for event in partials if isinstance(event, PartialFeatures))
    assert num_features == sum(events[-1].num_polygons) > 0
    outline = OutlineJob("job-2", events[0].result_id, Outline(threshold=0.9))
    assert sum(list(served.client.run_job(outline))[-1].num_polygons) < num_features


def test_health_and_doctor_are_read(served: Served):
    assert served.client.health().state == "idle"
    assert served.client.doctor().report == {"device": "cpu"}


def test_the_handshake_comes_before_the_first_body(served: Served):
    served.script["protocol"] = "2.3"
    with pytest.raises(EngineFailure, match=r"newer than this plugin .protocol 2.3.* Update the plugin"):
        served.client.open_session(OpenSession(PixelSource(GRID)), IMAGE, VALID)
    assert served.requests("open_session") == []
    served.script["protocol"] = "0.7"
    with pytest.raises(EngineFailure, match="Update the engine") as caught:
        served.client.hello()
    assert caught.value.code is ErrorCode.VERSION_MISMATCH


def test_what_is_too_large_is_not_sent(served: Served):
    served.script["max_body_bytes"] = 5000
    with pytest.raises(EngineFailure, match="smaller area") as caught:
        served.client.open_session(OpenSession(PixelSource(GRID)), IMAGE, VALID)
    assert caught.value.code is ErrorCode.TOO_LARGE
    assert served.requests("open_session") == []


def test_a_superseded_click_says_so(served: Served):
    session = served.client.open_session(OpenSession(PixelSource(GRID)), IMAGE, VALID)
    served.script["rules"] = [{"on": "predict", "delay_s": 5, "times": 1}]
    click = PredictRequest((PointsQuery(((1.0, 1.0),), (1,)),), stream="view")
    codes = []

    def first_click() -> None:
        try:
            served.client.predict(session.session_id, click)
        except EngineFailure as error:
            codes.append(error.code)

    thread = threading.Thread(target=first_click)
    thread.start()
    assert wait_until(lambda: len(served.requests("predict")) == 1)
    served.client.predict(session.session_id, click)
    thread.join(3)
    assert codes == [ErrorCode.SUPERSEDED]


def test_a_connection_closed_while_idle_is_opened_again(tmp_path: Path):
    served = Served(tmp_path, ServerConfig(idle_s=0.2))
    served.client.hello()
    time.sleep(0.5)
    served.client.hello()
    assert len(served.requests("hello")) == 2  # the first of the two was not asked twice
    served.server.stop()


def test_a_thread_keeps_its_connection_and_threads_do_not_share(served: Served):
    served.client.hello()
    own = served.client._own.connection.sock.getsockname()
    for _ in range(3):
        served.client.health()
        assert served.client._own.connection.sock.getsockname() == own
    served.script["rules"] = [{"on": "doctor", "delay_s": 0.3}]
    threads = [threading.Thread(target=served.client.doctor) for _ in range(8)]
    start_s = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start_s < 1.5


def test_connections_are_closed_with_their_threads_and_with_the_client(served: Served):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        thread = threading.Thread(target=served.client.health)
        thread.start()
        thread.join()
        assert [str(one.message) for one in caught if one.category is ResourceWarning] == []
        served.client.health()
        own = served.client._own.connection
        served.client.close()
        assert own.sock is None
        assert served.client.health()  # on a new one
        served.client = EngineClient(served.server.url, TOKEN)
        gc.collect()
    assert [str(one.message) for one in caught if one.category is ResourceWarning] == []


def test_an_engine_that_is_not_there_is_gone_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(EngineGone):
        EngineClient(f"http://127.0.0.1:{port}", TOKEN).hello()
    with pytest.raises(EngineGone):
        EngineClient(f"http://127.0.0.1:{port}", TOKEN).cancel_job("x")


def test_an_engine_that_stops_is_gone_for_a_kept_connection(served: Served):
    served.client.hello()
    served.server.stop()
    with pytest.raises(EngineGone):
        served.client.hello()
    served.server = EngineHttpServer(served.application, token=TOKEN)  # for the fixture
    served.server.start()


def test_an_answer_that_does_not_come_in_time_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client_module, "QUICK_TIMEOUT_S", 0.3)
    served.script["rules"] = [{"on": "hello", "delay_s": 1.5, "times": 1}]
    with pytest.raises(EngineFailure, match="did not answer within") as caught:
        served.client.hello()
    assert caught.value.code is ErrorCode.BUSY
    assert served.client.hello()  # the late answer is not taken for this one
    assert len(served.requests("hello")) == 2


def test_a_wrong_token_is_not_shown():
    application = ScriptedApplication()
    server = EngineHttpServer(application, token="another-token-of-its-own")
    server.start()
    client = EngineClient(server.url, TOKEN)
    with pytest.raises(EngineFailure) as caught:
        client.hello()
    assert caught.value.code is ErrorCode.UNAUTHORIZED
    assert TOKEN not in f"{caught.value} {caught.value!r} {client!r}"
    server.stop()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\n\r\nhello",
        HEAD + b"\r\nhello",
        HEAD + b"Content-Length: 9999999999\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_another_program_at_the_address_is_not_understood(answer: bytes):
    with answering(answer) as url, pytest.raises(EngineFailure, match="not understood"):
        EngineClient(url, TOKEN).hello()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        HEAD + b"Content-Length: 50\r\n\r\nhalf",
    ],
)
def test_an_answer_that_breaks_off_means_gone(answer: bytes):
    with answering(answer) as url, pytest.raises(EngineGone):
        EngineClient(url, TOKEN).hello()


@pytest.mark.parametrize(
    "url",
    ["http://example.com:80", "https://127.0.0.1:1", "http://127.0.0.1", "127.0.0.1:1", "http://[::1]:1"],
)
def test_the_token_is_for_this_machine_only(url: str):
    with pytest.raises(ValueError, match="this machine"):
        EngineClient(url, TOKEN)


def test_a_refusal_reaches_a_sender_of_much(served: Served):
    """The server answers before it has read the body, and the client hears it."""
    large = RasterGrid(2048, 2048, GRID.map_from_pix)
    served.client.hello()
    served.client._headers["Authorization"] = "Bearer of-something-else"
    with pytest.raises(EngineFailure) as caught:
        served.client.open_session(OpenSession(PixelSource(large)), np.zeros((2048, 2048, 3), np.uint8))
    assert caught.value.code is ErrorCode.UNAUTHORIZED


# --- jobs -------------------------------------------------------------------------------------------------


def test_a_job_that_is_refused_or_fails_raises_its_failure(served: Served):
    fail = {"code": "out_of_memory", "message": "Too large; choose less."}
    for rule in ({"on": "run_job", "fail": fail}, {"on": "run_job", "after_events": 2, "fail": fail}):
        served.script["rules"] = [rule]
        with pytest.raises(EngineFailure, match=r"Too large; choose less\.") as caught:
            list(served.client.run_job(JOB))
        assert caught.value.code is ErrorCode.OUT_OF_MEMORY
        assert not isinstance(caught.value, EngineGone)


def test_cancelling_ends_a_job_in_an_outcome(served: Served):
    served.script["rules"] = [{"on": "run_job", "after_events": 2, "hang": True}]
    stream = served.client.run_job(JOB)
    next(stream)
    served.client.cancel_job(JOB.job_id)
    with pytest.raises(JobCancelled):
        list(stream)
    with pytest.raises(StopIteration):
        next(stream)


@pytest.mark.parametrize("way", ["close", "forget", "abort"])
def test_a_stream_that_is_left_cancels_its_job(served: Served, way: str):
    served.script["rules"] = [{"on": "run_job", "after_events": 2, "hang": True}]
    stream = served.client.run_job(JOB)
    next(stream)
    assert served.application.health().num_jobs == 1
    if way == "forget":
        del stream
    else:
        getattr(stream, way)()
    assert wait_until(lambda: served.application.health().num_jobs == 0)


@pytest.mark.parametrize("num_events", [0, 2])
def test_aborting_frees_a_thread_that_waits(served: Served, num_events: int):
    served.script["rules"] = [{"on": "run_job", "after_events": num_events, "hang": True}]
    stream = served.client.run_job(JOB)
    threading.Timer(0.4, stream.abort).start()
    start_s = time.monotonic()
    with pytest.raises(JobCancelled):
        list(stream)
    assert time.monotonic() - start_s < 2


def test_aborting_before_the_first_event_sends_nothing(served: Served):
    stream = served.client.run_job(JOB)
    stream.abort()
    with pytest.raises(JobCancelled):
        next(stream)
    assert served.requests("run_job") == []


@dataclass(frozen=True)
class LaterEvent:
    TYPE: ClassVar[str] = "of_a_newer_engine"
    value: int = 1


class NewerApplication(ScriptedApplication):
    def run_job(self, request: Any) -> Iterator[tuple[JobEvent, Any]]:
        yield LaterEvent(), {}  # type: ignore[misc]
        yield JobProgress(1, 2), {}
        yield JobCancelledEvent(), {}


def test_events_of_a_newer_engine_are_passed_over(tmp_path: Path):
    served = Served(tmp_path, application=NewerApplication())
    stream = served.client.run_job(JOB)
    assert next(stream) == JobProgress(1, 2)
    with pytest.raises(JobCancelled):
        next(stream)
    served.server.stop()


class NewerFailures(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        from geophrase.protocol.wire import CONTENT_TYPE, Frame, pack

        body = b"".join(pack(Frame({"code": "of_a_newer_engine", "message": "Something new; do this."})))
        self.send_response(418)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_code_of_a_newer_engine_keeps_its_sentence():
    server = ThreadingHTTPServer(("127.0.0.1", 0), NewerFailures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(EngineFailure, match=r"Something new; do this\.") as caught:
        EngineClient(f"http://127.0.0.1:{server.server_port}", TOKEN).hello()
    assert caught.value.code is ErrorCode.INTERNAL
    server.shutdown()
    server.server_close()


def test_a_job_whose_engine_breaks_off_in_an_event_is_gone(served: Served):
    served.client.hello()
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    for rest in (b"", b"5\r\n", b"0\r\n\r\n", b"8\r\n\x10\x00\x00\x00half\r\n"):
        with answering(head + rest) as url:
            client = EngineClient(url, TOKEN)
            client._max_body_bytes = 10**6  # as if it had said hello
            with pytest.raises(EngineGone):
                list(client.run_job(JOB))


def test_closing_frees_threads_that_wait_for_an_answer(served: Served):
    served.script["rules"] = [{"on": "health", "delay_s": 5}]
    threading.Timer(0.3, served.client.close).start()
    start_s = time.monotonic()
    with pytest.raises(EngineGone):
        served.client.health()
    assert time.monotonic() - start_s < 2
