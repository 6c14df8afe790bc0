"""What the HTTP server does for those who may not ask, or who ask for trouble."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geophrase.engine.server.guard import MAX_BODY_BYTES
from geophrase.engine.server.http_server import EngineHttpServer, ServerConfig
from geophrase.protocol.grid import RasterGrid
from geophrase.protocol.jobs import SegmentJob
from geophrase.protocol.messages import IMAGE, FileSource, Hello, PixelSource, TextQuery
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.tests.engine.server.http_probe import (
    TOKEN,
    connect,
    everything_after,
    exchange,
    framed,
    framed_json,
    read_reply,
    request,
)
from geophrase.tests.fakes.scripted_application import ScriptedApplication

JOB = framed(SegmentJob("job-1", FileSource("a.tif"), (TextQuery("tank"),)))
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def server() -> Iterator[EngineHttpServer]:
    config = ServerConfig(head_s=0.4, body_s=0.4, idle_s=2.0, body_bytes_per_s=4 * 2**20)
    server = EngineHttpServer(ScriptedApplication(), token=TOKEN, config=config)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _still_well(server: EngineHttpServer) -> Iterator[None]:
    yield
    assert exchange(server, request(server)).frame.read_as(Hello)


# --- who may ask ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"bearer {TOKEN}",
        f"Bearer  {TOKEN}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xff\xfe",
    ],
)
def test_another_token_is_refused(server: EngineHttpServer, authorization: str):
    reply = exchange(server, request(server, Authorization=authorization))
    assert (reply.status, reply.code) == (401, "unauthorized")
    assert TOKEN.encode() not in reply.body


def test_no_token_and_two_tokens_are_refused(server: EngineHttpServer):
    assert exchange(server, request(server, without=("Authorization",))).code == "unauthorized"
    twice = request(server, Authorization=f"Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}")
    assert exchange(server, twice).code == "unauthorized"


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "localhost", "evil.example", "127.0.0.1:1", "[::1]:{port}", "evil.example:{port}"],
)
def test_another_host_is_refused(server: EngineHttpServer, host: str):
    reply = exchange(server, request(server, Host=host.format(port=server.server_port)))
    assert (reply.status, reply.code) == (403, "forbidden")


def test_no_host_and_two_hosts_are_refused(server: EngineHttpServer):
    assert exchange(server, request(server, without=("Host",))).code == "forbidden"
    host = f"127.0.0.1:{server.server_port}"
    assert exchange(server, request(server, Host=f"{host}\r\nHost: {host}")).code == "forbidden"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:{port}"])
def test_web_pages_are_refused_with_any_token(server: EngineHttpServer, origin: str):
    data = request(server, Origin=origin.format(port=server.server_port))
    if not origin:
        data = data.replace(b"Origin: \r\n", b"Origin:\r\n")
    reply = exchange(server, data)
    assert (reply.status, reply.code) == (403, "forbidden")
    assert not [name for name in reply.headers if name.startswith("access-control")]


# --- what there is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//v1/hello",
        "/v1//hello",
        "/v1/hello/",
        "/v1/hello?x=1",
        "/v1/hello#x",
        "/v1/../v1/hello",
        "/v1/./hello",
        "/v1/%68ello",
        "/v1/sessions/%2e%2e/predict",
        "/v1/sessions/../predict",
        "/v1/sessions/a%2fb/predict",
        "/v1/sessions/a.b/predict",
        "/v1/sessions/a\\b/predict",
        "/v1/sessions//predict",
        f"/v1/sessions/{'x' * 65}/predict",
        "/v1/sessions/\xe4/predict",
        "/v1/jobs/x/cancel/more",
        "/V1/hello",
        "/hello",
        "/v/hello",
        "/v01/hello",
        "v1/hello",
        "*",
        "http://127.0.0.1/v1/hello",
        "/v1/etc",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_other_path_leads_anywhere(server: EngineHttpServer, path: str, method: str):
    reply = exchange(server, request(server, method, path))
    assert reply.code in ("not_found", "version_mismatch")
    assert reply.status in (400, 404)


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "X" * 99])
def test_no_other_method_does_anything(server: EngineHttpServer, method: str):
    assert exchange(server, request(server, method)).code == "not_found"


@pytest.mark.parametrize(
    ("path", "side"), [("/v2/hello", "engine"), ("/v0/jobs", "plugin"), ("/v2/x", "engine")]
)
def test_another_major_version_is_told_which_side_to_update(server: EngineHttpServer, path: str, side: str):
    reply = exchange(server, request(server, path=path))
    assert reply.code == "version_mismatch"
    assert reply.frame.message["message"].endswith(f"update the GeoPhrase {side}.")


# --- how much may be sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "code"),
    [
        ("-1", "bad_request"),
        ("+5", "bad_request"),
        ("0x10", "bad_request"),
        ("5, 5", "bad_request"),
        ("5\r\nContent-Length: 5", "bad_request"),
        ("1e3", "bad_request"),
        ("\xb2", "bad_request"),
        ("", "bad_request"),
        ("9" * 15, "too_large"),
        ("9" * 400, "bad_request"),
        (str(MAX_BODY_BYTES + 1), "too_large"),
    ],
)
def test_a_length_that_is_none_or_too_large_is_refused_unread(
    server: EngineHttpServer, length: str, code: str
):
    reply = exchange(server, request(server, "POST", "/v1/jobs", Content_Length=length))
    assert reply.code == code
    assert reply.headers["connection"] == "close"


def test_no_length_and_chunks_are_refused(server: EngineHttpServer):
    data = request(server, "POST", "/v1/jobs", without=("Content-Length",))
    assert exchange(server, data).code == "bad_request"
    for coding in ("chunked", "identity", "gzip, chunked"):
        data = request(server, "POST", "/v1/jobs", b"5\r\nhello\r\n0\r\n\r\n", Transfer_Encoding=coding)
        assert exchange(server, data).code == "bad_request"


def test_a_body_where_none_belongs_is_refused(server: EngineHttpServer):
    assert exchange(server, request(server, "GET", "/v1/hello", b"x" * 10)).code == "bad_request"
    assert exchange(server, request(server, "POST", "/v1/jobs/a/cancel", b"x" * 10)).code == "bad_request"


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "multipart/form-data"])
def test_other_content_is_refused(server: EngineHttpServer, content_type: str):
    data = request(server, "POST", "/v1/jobs", JOB, Content_Type=content_type)
    assert exchange(server, data).code == "bad_request"


@pytest.mark.parametrize("num_mib", [1, 16])
def test_a_refusal_arrives_though_its_body_was_being_sent(server: EngineHttpServer, num_mib: int):
    """Closing with unread bytes would reset the connection, which on some systems destroys the answer."""
    data = request(server, "POST", "/v1/jobs", b"x" * (num_mib * 2**20), Authorization="Bearer wrong")
    for _ in range(5):
        with connect(server) as connection:
            connection.sendall(data)
            stream = connection.makefile("rb")
            assert read_reply(stream).code == "unauthorized"
            assert stream.read() == b""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        framed_json({"message": {}}),
        framed_json({"message": {"type": "segment"}}),
        JOB + b"x",
        JOB[:-1],
        JOB.replace(b"0.5", b"NaN"),
        JOB.replace(b"0.5", b"1e999"),
        framed_json({"message": {"type": "outline"}, "buffers": [{"name": "a", "dtype": "O", "shape": [1]}]}),
        framed_json(
            {"message": {}, "buffers": [{"name": "a", "dtype": "uint8", "shape": [0, 2**31 - 1, 2**31 - 1]}]}
        ),
        framed_json({"message": {}, "buffers": [{"name": "a", "dtype": "uint8", "shape": [2**62]}]}),
    ],
)
def test_a_body_that_is_no_job_is_refused(server: EngineHttpServer, body: bytes):
    reply = exchange(server, request(server, "POST", "/v1/jobs", body))
    assert (reply.status, reply.code) == (400, "bad_request")


# --- how it is sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/hello\r\n\r\n",
        b"GET /v1/hello HTTP/1.0\r\n\r\n",
        b"GET /v1/hello HTTP/2.0\r\n\r\n",
        b"GET /v1/hello HTTP/1.1 HTTP/1.1\r\n\r\n",
        b"GET /v1/hello HTTP/one\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /v1/hello HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v1/hello HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /v1/hello HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % index for index in range(500)) + b"\r\n",
        b"GET /v1/hello HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=range(15),
)
def test_what_is_no_http_is_refused_in_words(server: EngineHttpServer, data: bytes):
    assert exchange(server, data).code in ("bad_request", "forbidden")


def test_a_sender_of_half_a_head_is_told_and_hung_up_on(server: EngineHttpServer):
    start_s = time.monotonic()
    answer = everything_after(server, request(server)[:-10], is_ending=False)
    assert b'"code":"bad_request"' in answer
    assert time.monotonic() - start_s < 8


def test_a_sender_of_half_a_body_is_told(server: EngineHttpServer):
    data = request(server, "POST", "/v1/jobs", JOB)
    assert exchange(server, data[:-5]).code == "bad_request"


def test_a_sender_that_goes_in_its_body_leaves_nothing(server: EngineHttpServer):
    assert everything_after(server, request(server, "POST", "/v1/jobs", JOB)[:-5]) == b""


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_trickle_does_not_hold_a_thread(server: EngineHttpServer, part: str):
    """A byte now and then, each in time for a timeout of the socket, does not add up to more time."""
    data = request(server, "POST", "/v1/jobs", JOB)
    num_sent = 10 if part == "head" else len(data) - len(JOB)
    start_s = time.monotonic()
    with connect(server) as connection:
        connection.sendall(data[:num_sent])
        stream = connection.makefile("rb")
        connection.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - start_s < 5:
            connection.sendall(data[num_sent : num_sent + 1])
            num_sent += 1
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(1, socket.MSG_PEEK)
        assert time.monotonic() - start_s < 1.5
        connection.settimeout(5)
        assert read_reply(connection.makefile("rb")).code == "bad_request"
        stream.close()


def test_a_long_body_may_take_its_time(server: EngineHttpServer):
    """4 MiB are given 0.4 s and a second: sent over 0.9 s they are answered."""
    body = framed_json(
        {"message": {"type": "x"}, "buffers": [{"name": "a", "dtype": "uint8", "shape": [4 * 2**20]}]}
    ) + bytes(4 * 2**20)
    data = request(server, "POST", "/v1/jobs", body)
    step = len(data) // 9
    with connect(server) as connection:
        for start in range(0, len(data), step):
            connection.sendall(data[start : start + step])
            time.sleep(0.1)
        reply = read_reply(connection.makefile("rb"))
    assert "message.type must be one of" in reply.frame.message["message"]


@pytest.mark.parametrize(("head_s", "idle_s"), [(0.3, 300.0), (300.0, 0.3)], ids=["stranger", "known"])
def test_an_idle_connection_is_closed(head_s: float, idle_s: float):
    """One that has not asked yet after the time for a head, one that has after a longer one."""
    config = ServerConfig(head_s=head_s, idle_s=idle_s)
    server = EngineHttpServer(ScriptedApplication(), token=TOKEN, config=config)
    server.start()
    with connect(server) as stranger, connect(server) as known:
        known.sendall(request(server))
        stream = known.makefile("rb")
        read_reply(stream)
        closed, kept = (stranger, known) if head_s < idle_s else (known, stranger)
        assert closed.recv(1) == b""
        kept.sendall(request(server))
        assert read_reply(stream if kept is known else kept.makefile("rb")).status == 200
    server.stop()


def test_a_client_that_does_not_take_its_answers_is_given_up():
    config = ServerConfig(answer_s=0.3, body_bytes_per_s=2**40)
    server = EngineHttpServer(ScriptedApplication(), token=TOKEN, config=config)
    server.start()
    pixels = {IMAGE: np.zeros((8, 8, 3), np.uint8)}
    opening = framed(OpenSession(PixelSource(RasterGrid(8, 8, (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)))), pixels)
    session_id = exchange(server, request(server, "POST", "/v1/sessions", opening)).frame.message[
        "session_id"
    ]
    click = framed(PredictRequest((TextQuery("tank"),)))
    with connect(server) as connection:
        for _ in range(100):  # their answers are 25 MB, which no socket buffers
            connection.sendall(request(server, "POST", f"/v1/sessions/{session_id}/predict", click))
        time.sleep(1.5)
        num_bytes = 0
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(2**20):
                num_bytes += len(part)
        assert 0 < num_bytes < 100 * 2**18
    server.stop()


# --- how many ---------------------------------------------------------------------------------------------


def test_too_many_connections_are_told_so_and_the_first_ones_keep_working():
    server = EngineHttpServer(
        ScriptedApplication(), token=TOKEN, config=ServerConfig(max_connections=3, head_s=5.0)
    )
    server.start()
    with contextlib.ExitStack() as stack:
        first = [stack.enter_context(connect(server)) for _ in range(3)]
        for connection in first:
            connection.sendall(request(server))
            assert read_reply(connection.makefile("rb")).status == 200
        assert exchange(server, request(server)).code == "busy"
        more = [stack.enter_context(connect(server)) for _ in range(100)]
        more[-1].settimeout(2)
        assert more[-1].recv(1) == b""
        assert threading.active_count() < 40
        for connection in first:
            connection.sendall(request(server))
            assert read_reply(connection.makefile("rb")).status == 200
    time.sleep(0.2)
    assert exchange(server, request(server)).status == 200
    server.stop()


# --- anything at all --------------------------------------------------------------------------------------


def check_answers(answer: bytes) -> None:
    """Every answer begins as HTTP and none shows the engine's inside."""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b"Traceback" not in answer
    assert b'"code":"internal"' not in answer
    assert TOKEN.encode() not in answer


@FUZZ
@given(st.binary(max_size=400))
def test_random_bytes(server: EngineHttpServer, data: bytes):
    check_answers(everything_after(server, data))


@FUZZ
@given(st.binary(max_size=200))
def test_random_bodies(server: EngineHttpServer, body: bytes):
    assert exchange(server, request(server, "POST", "/v1/jobs", body)).code == "bad_request"


@FUZZ
@given(st.data())
def test_damaged_requests(server: EngineHttpServer, data: st.DataObject):
    sent = bytearray(data.draw(st.sampled_from([request(server), request(server, "POST", "/v1/jobs", JOB)])))
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(sent) - 1))
        sent[where : where + data.draw(st.integers(0, 4))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\r", b"\n", b"\r\n", b":", b" ", b"\x00", b"HTTP/1.1"])
        )
    check_answers(everything_after(server, bytes(sent)))


@FUZZ
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_random_paths(server: EngineHttpServer, path: str):
    answer = exchange(server, request(server, path=path or "x"))
    assert answer.status in (400, 404) or path in ("/v1/hello", "/v1/health", "/v1/doctor")


def test_many_at_once(server: EngineHttpServer):
    """Hostile and honest clients side by side: the honest ones are all answered."""
    statuses: list[int] = []
    num_threads = threading.active_count()

    def honest() -> None:
        with connect(server) as connection:
            stream = connection.makefile("rb")
            for _ in range(20):
                connection.sendall(request(server))
                statuses.append(read_reply(stream).status)

    def hostile() -> None:
        for _ in range(20):
            everything_after(server, request(server, "POST", "/v1/jobs", JOB)[:-30])
            everything_after(server, b"\x00" * 1000)

    threads = [threading.Thread(target=target) for target in (honest, hostile) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100
    end_s = time.monotonic() + 3
    while threading.active_count() > num_threads and time.monotonic() < end_s:
        time.sleep(0.05)
    assert threading.active_count() <= num_threads  # nothing is left of them
