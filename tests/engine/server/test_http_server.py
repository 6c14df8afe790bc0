"""What the HTTP server does for those who may ask."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geophrase.engine.server.http_server import EngineHttpServer, ServerConfig
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.jobs import (
    JobCancelled,
    JobEvent,
    JobFailed,
    JobPartial,
    JobProgress,
    JobResult,
    JobStarted,
    SegmentJob,
)
from geophrase.protocol.messages import (
    IMAGE,
    VALID,
    BeginUpload,
    DoctorReport,
    Done,
    FileSource,
    Health,
    Hello,
    PixelSource,
    PointsQuery,
    TextQuery,
    UploadBegun,
    UploadWindow,
)
from geophrase.protocol.sessions import OpenSession, Predicted, PredictRequest, SessionOpened
from geophrase.protocol.wire import CONTENT_TYPE, read_frames
from geophrase.tests.engine.server.http_probe import (
    TOKEN,
    Reply,
    connect,
    exchange,
    framed,
    framed_json,
    read_reply,
    request,
)
from geophrase.tests.fakes.engine_script import EngineScript
from geophrase.tests.fakes.scripted_application import ScriptedApplication

GRID = RasterGrid(8, 6, (1.0, 0.0, 500.0, 0.0, -1.0, 900.0))
PIXELS = {IMAGE: np.zeros((6, 8, 3), np.uint8), VALID: np.ones((6, 8), bool)}
JOB = SegmentJob("job-1", FileSource("a.tif"), (TextQuery("tank"),))
CLICK = PredictRequest((PointsQuery(((4.0, 3.0),), (1,)),))


@pytest.fixture
def script() -> dict[str, Any]:
    return {"rules": []}


@pytest.fixture
def application(script: dict[str, Any]) -> ScriptedApplication:
    return ScriptedApplication(EngineScript(script))


@pytest.fixture
def server(application: ScriptedApplication) -> Iterator[EngineHttpServer]:
    server = EngineHttpServer(application, token=TOKEN)
    server.start()
    yield server
    server.stop()


def post(server: EngineHttpServer, path: str, message: Any, arrays: Any = None) -> Reply:
    return exchange(server, request(server, "POST", path, framed(message, arrays)))


def wait_until(is_true: Any, *, within_s: float = 3.0) -> bool:
    end_s = time.monotonic() + within_s
    while not is_true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return bool(is_true())


def test_every_request_of_the_table_is_answered(server: EngineHttpServer):
    assert exchange(server, request(server)).frame.read_as(Hello).default_model == "scripted"
    assert exchange(server, request(server, path="/v1/health")).frame.read_as(Health).state == "idle"
    assert exchange(server, request(server, path="/v1/doctor")).frame.read_as(DoctorReport).text
    opened = post(server, "/v1/sessions", OpenSession(PixelSource(GRID)), PIXELS).frame.read_as(SessionOpened)
    assert opened.grid == GRID
    predicted = post(server, f"/v1/sessions/{opened.session_id}/predict", CLICK)
    assert predicted.frame.read_as(Predicted).iou_pred == pytest.approx(0.9)
    assert predicted.frame.arrays["query_index"].tolist() == [0]
    upload_id = post(server, "/v1/uploads", BeginUpload(GRID, "layer")).frame.read_as(UploadBegun).upload_id
    for path, message, arrays in (
        (f"/v1/uploads/{upload_id}/windows", UploadWindow(WindowPx(0, 0, 8, 6)), PIXELS),
        ("/v1/jobs/job-1/cancel", None, None),
    ):
        body = b"" if message is None else framed(message, arrays)
        exchange(server, request(server, "POST", path, body)).frame.read_as(Done)
    for path in (f"/v1/uploads/{upload_id}", f"/v1/sessions/{opened.session_id}"):
        exchange(server, request(server, "DELETE", path)).frame.read_as(Done)
    assert post(server, f"/v1/sessions/{opened.session_id}/predict", CLICK).code == "not_found"


def test_a_job_is_a_stream_of_events(server: EngineHttpServer):
    import io

    reply = post(server, "/v1/jobs", JOB)
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.headers["content-type"] == CONTENT_TYPE
    events = [f.read_as(JobEvent) for f in read_frames(io.BytesIO(reply.body), max_frame_bytes=2**20)]
    assert isinstance(events[0], JobStarted)
    assert isinstance(events[-1], JobResult)
    assert {type(event) for event in events[1:-1]} == {JobProgress, JobPartial}


def test_one_connection_serves_many_requests_of_all_kinds(server: EngineHttpServer):
    bad_frame = b"\x05\x00\x00\x00hello"
    with connect(server) as connection:
        stream = connection.makefile("rb")
        for _ in range(20):
            for data, status in (
                (request(server), 200),
                (request(server, "POST", "/v1/jobs", framed(JOB)), 200),
                (request(server, "POST", "/v1/jobs", bad_frame), 400),
                (request(server, "POST", "/v1/sessions/none/predict", framed(CLICK)), 404),
                (request(server, "DELETE", "/v1/sessions/none"), 200),
            ):
                connection.sendall(data)
                reply = read_reply(stream)
                assert reply.status == status
                assert "connection" not in reply.headers


def test_pipelined_requests_are_answered_in_order(server: EngineHttpServer):
    with connect(server) as connection:
        connection.sendall(request(server) + request(server, path="/v1/health") + request(server))
        stream = connection.makefile("rb")
        kinds = [set(read_reply(stream).frame.message) for _ in range(3)]
    assert kinds[0] == kinds[2] != kinds[1]


def test_localhost_is_a_name_of_the_server(server: EngineHttpServer):
    assert exchange(server, request(server, Host=f"localhost:{server.server_port}")).status == 200


def test_a_client_that_asks_first_is_told_to_send_its_body(server: EngineHttpServer):
    body = framed(JOB)
    data = request(server, "POST", "/v1/jobs", body, Expect="100-continue")
    with connect(server) as connection:
        connection.sendall(data[: -len(body)])
        stream = connection.makefile("rb")
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert stream.readline() == b"\r\n"
        connection.sendall(body)
        assert read_reply(stream).status == 200


@pytest.mark.parametrize("num_events", [1, 2, 5])
def test_events_are_sent_as_they_come(
    server: EngineHttpServer, application: ScriptedApplication, script: dict[str, Any], num_events: int
):
    """They are here while the job, which makes no more of them, is still running."""
    script["rules"] = [{"on": "run_job", "after_events": num_events, "hang": True}]
    with connect(server) as connection:
        connection.sendall(request(server, "POST", "/v1/jobs", framed(JOB)))
        received = b""
        while received.count(b'{"message":{"type":') < num_events:
            received += connection.recv(2**16)
        assert application.health().num_jobs == 1


def test_a_job_whose_client_has_gone_is_cancelled(
    server: EngineHttpServer, application: ScriptedApplication, script: dict[str, Any]
):
    script["rules"] = [{"on": "run_job", "after_events": 2, "hang": True}]
    with connect(server) as connection:
        connection.sendall(request(server, "POST", "/v1/jobs", framed(JOB)))
        received = b""
        while b"progress" not in received:
            received += connection.recv(2**16)
        time.sleep(0.2)  # from here on the job is silent: nothing is written that could fail
        assert application.health().num_jobs == 1
    assert wait_until(lambda: application.health().num_jobs == 0)


def test_a_job_is_cancelled_from_a_second_connection(server: EngineHttpServer, script: dict[str, Any]):
    script["rules"] = [{"on": "run_job", "after_events": 1, "hang": True}]
    with connect(server) as connection:
        connection.sendall(request(server, "POST", "/v1/jobs", framed(JOB)))
        assert connection.recv(2**16, socket.MSG_PEEK)
        exchange(server, request(server, "POST", "/v1/jobs/job-1/cancel", b""))
        reply = read_reply(connection.makefile("rb"))
    assert reply.body.endswith(framed(JobCancelled()))


def test_what_fails_before_the_first_event_is_a_refusal_and_later_an_event(
    server: EngineHttpServer, script: dict[str, Any]
):
    rule = {"on": "run_job", "fail": {"code": "out_of_memory", "message": "Too large; choose less."}}
    script["rules"] = [rule]
    reply = post(server, "/v1/jobs", JOB)
    assert (reply.status, reply.code) == (507, "out_of_memory")
    script["rules"] = [{**rule, "after_events": 3}]
    reply = post(server, "/v1/jobs", JOB)
    assert reply.status == 200
    assert reply.body.endswith(framed(JobFailed(ErrorCode.OUT_OF_MEMORY, "Too large; choose less.")))


def test_a_newer_click_of_the_stream_supersedes_one_that_waits(
    server: EngineHttpServer, application: ScriptedApplication, script: dict[str, Any]
):
    opened = post(server, "/v1/sessions", OpenSession(PixelSource(GRID)), PIXELS).frame.read_as(SessionOpened)
    script["rules"] = [{"on": "predict", "delay_s": 30, "times": 1}]
    path, click = f"/v1/sessions/{opened.session_id}/predict", PredictRequest(CLICK.prompts, stream="view")
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(post(server, path, click)))
    thread.start()
    assert wait_until(lambda: "view" in application._streams.newest)
    assert post(server, path, click).status == 200
    thread.join(10)
    assert [(reply.status, reply.code) for reply in replies] == [(409, "superseded")]


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_status_and_comes_with_its_sentence(
    server: EngineHttpServer, script: dict[str, Any], code: ErrorCode
):
    script["rules"] = [
        {"on": "health", "fail": {"code": code.value, "message": "What happened; what to do."}}
    ]
    reply = exchange(server, request(server, path="/v1/health"))
    assert 400 <= reply.status < 600
    assert reply.frame.message == {"code": code.value, "message": "What happened; what to do."}


class BrokenApplication(ScriptedApplication):
    """Has defects of every kind."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def health(self) -> Health:
        raise self.error

    def doctor(self) -> DoctorReport:
        return DoctorReport("text", {"value": float("nan")})

    def run_job(self, request: Any) -> Iterator[tuple[Any, Any]]:
        if request.job_id == "at-once":
            raise self.error
        if request.job_id == "empty":
            return
        yield JobProgress(0, 1), {}
        if request.job_id == "later":
            raise self.error
        if request.job_id == "unsendable":
            yield JobPartial(), {"x": np.array(["text"])}


@pytest.mark.parametrize(
    "error",
    [RuntimeError("secret"), OSError("secret"), TimeoutError("secret"), StopIteration("secret"), KeyError(1)],
)
def test_a_defect_of_the_engine_tells_nothing_and_ends_nothing(
    error: Exception, caplog: pytest.LogCaptureFixture
):
    server = EngineHttpServer(BrokenApplication(error), token=TOKEN)
    server.start()
    with connect(server) as connection:
        stream = connection.makefile("rb")
        connection.sendall(request(server, path="/v1/health"))
        reply = read_reply(stream)
        assert (reply.status, reply.code) == (500, "internal")
        assert b"secret" not in reply.body
        connection.sendall(request(server))  # on the same connection
        assert read_reply(stream).status == 200
    assert any(record.levelname == "ERROR" for record in caplog.records)
    server.stop()


def test_what_cannot_be_sent_is_a_defect_too():
    server = EngineHttpServer(BrokenApplication(RuntimeError("secret")), token=TOKEN)
    server.start()
    assert exchange(server, request(server, path="/v1/doctor")).code == "internal"
    for job_id in ("at-once", "empty"):
        assert post(server, "/v1/jobs", SegmentJob(job_id, JOB.source, JOB.queries)).code == "internal"
    for job_id in ("later", "unsendable", "without-an-end"):
        reply = post(server, "/v1/jobs", SegmentJob(job_id, JOB.source, JOB.queries))
        assert reply.status == 200
        assert b'"type":"error","code":"internal"' in reply.body
        assert b"secret" not in reply.body
    server.stop()


def test_what_an_application_finds_wrong_in_a_frame_is_a_bad_request(server: EngineHttpServer):
    small = {IMAGE: PIXELS[IMAGE][:2], VALID: PIXELS[VALID]}
    reply = post(server, "/v1/sessions", OpenSession(PixelSource(GRID)), small)
    assert (reply.status, reply.code) == (400, "bad_request")


def test_large_bodies_arrive_whole_both_ways(server: EngineHttpServer):
    grid = RasterGrid(4096, 4096, GRID.map_from_pix)
    image = np.random.default_rng(0).integers(0, 256, (4096, 4096, 3), np.uint8)
    arrays = {IMAGE: image, VALID: np.ones((4096, 4096), bool)}
    assert post(server, "/v1/sessions", OpenSession(PixelSource(grid)), arrays).status == 200


def test_stopping_is_prompt_whatever_is_going_on(script: dict[str, Any]):
    script["rules"] = [{"on": "run_job", "after_events": 1, "hang": True}]
    application = ScriptedApplication(EngineScript(script))
    server = EngineHttpServer(application, token=TOKEN)
    server.start()
    with connect(server) as idle, connect(server) as half, connect(server) as streaming:
        half.sendall(b"GET /v1/hel")
        streaming.sendall(request(server, "POST", "/v1/jobs", framed(JOB)))
        assert streaming.recv(100)
        start_s = time.monotonic()
        server.stop()
        assert time.monotonic() - start_s < 1.0
        assert idle.recv(1) == b""
    assert wait_until(lambda: application.health().num_jobs == 0)
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_a_short_token_is_refused():
    with pytest.raises(ValueError, match="16"):
        EngineHttpServer(ScriptedApplication(), token="short")


def test_only_this_machine_can_connect(server: EngineHttpServer):
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_two_servers_do_not_disturb_each_other(server: EngineHttpServer):
    other = EngineHttpServer(ScriptedApplication(), token="another-token-of-its-own")
    other.start()
    assert exchange(other, request(other)).code == "unauthorized"
    assert exchange(server, request(server)).status == 200
    other.stop()
    assert exchange(server, request(server)).status == 200


def test_the_server_needs_no_model(repository: Path):
    code = (
        "import sys; import geophrase.engine.server.http_server;"
        "heavy = {'torch', 'rasterio', 'geopandas', 'scipy', 'psutil', 'transformers'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_job_id_is_a_plain_word(server: EngineHttpServer):
    for job_id in ("", "a/b", "..", "x" * 65, "ä", "a b"):
        reply = post(server, "/v1/jobs", SegmentJob(job_id, JOB.source, JOB.queries))
        assert reply.code == "bad_request"


def test_config_bounds_are_those_that_the_server_keeps(application: ScriptedApplication):
    server = EngineHttpServer(application, token=TOKEN, config=ServerConfig(max_body_bytes=100))
    server.start()
    body = framed_json({"message": {"x": "y" * 100}})
    assert exchange(server, request(server, "POST", "/v1/jobs", body)).code == "too_large"
    server.stop()
