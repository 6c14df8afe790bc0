from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid
from geophrase.protocol.jobs import JobEvent, JobNotice, JobProgress, JobResult, JobStarted, SegmentJob
from geophrase.protocol.messages import FileSource, PixelSource, PointsQuery, TextQuery
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.qgis_plugin.core.engine import job_run
from geophrase.qgis_plugin.core.engine.client import QUICK_TIMEOUT_S, EngineClient, PredictAnswer
from geophrase.qgis_plugin.core.engine.errors import EngineFailure, EngineGone, JobCancelled
from geophrase.qgis_plugin.core.engine.job_stream import PartialFeatures
from geophrase.qgis_plugin.core.engine.service import EngineService
from geophrase.tests.fakes.scripted_command import ScriptedCommand

JOB = SegmentJob("job-1", FileSource("a.tif"), (TextQuery("tank"),))
GRID = RasterGrid(64, 48, (0.5, 0.0, 1000.0, 0.0, -0.5, 2000.0))
HANG = {"on": "run_job", "after_events": 2, "hang": True}


@pytest.fixture
def service(scripted_engine: ScriptedCommand) -> Iterator[EngineService]:
    service = EngineService(lambda: scripted_engine.serve_argv)
    yield service
    service.stop()


def test_only_an_engine_whose_files_change_is_ended(scripted_engine: ScriptedCommand, tmp_path: Path) -> None:
    program = Path(scripted_engine.executable)
    service = EngineService(lambda: [str(program), "serve"])
    assert service.command == ()
    service.client()
    assert service.command == (str(program), "serve")
    service.stop_if_in(tmp_path / "another engine")
    assert service.is_running
    service.stop_if_in(program.parents[1])
    assert not service.is_running
    assert service.command == ()


def wait_until(is_true: Callable[[], bool], *, within_s: float = 5.0) -> bool:
    end_s = time.monotonic() + within_s
    while not is_true() and time.monotonic() < end_s:
        time.sleep(0.01)
    return is_true()


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Starts the work; its result or its exception is appended."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except (EngineFailure, JobCancelled) as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def kinds(events: list[JobEvent]) -> list[str]:
    return [event.TYPE for event in events if not isinstance(event, (JobProgress, PartialFeatures))]


def click(client: EngineClient) -> PredictAnswer:
    pixels = np.zeros((48, 64, 3), np.uint8)
    session = client.open_session(OpenSession(PixelSource(GRID)), pixels, np.ones((48, 64), bool))
    return client.predict(session.session_id, PredictRequest((PointsQuery(((9.0, 9.0),), (1,)),)))


# --- starting ---------------------------------------------------------------------------------------------


def test_many_threads_that_want_an_engine_start_one(service: EngineService, scripted_engine: ScriptedCommand):
    assert not service.is_running
    assert scripted_engine.num_starts == 0
    started = [in_thread(service.client) for _ in range(8)]
    for thread, _ in started:
        thread.join()
    assert len({id(results[0]) for _, results in started}) == 1
    assert scripted_engine.num_starts == 1
    assert service.is_running


def test_an_engine_that_died_in_between_is_started_again(
    service: EngineService, scripted_engine: ScriptedCommand
):
    service.client().hello()
    os.kill(scripted_engine.requests("start")[0]["pid"], signal.SIGKILL)
    assert wait_until(lambda: not service.is_running)
    assert service.client().hello()
    assert scripted_engine.num_starts == 2


def test_a_failed_start_is_told_to_all_and_tried_again_later(
    service: EngineService, scripted_engine: ScriptedCommand
):
    scripted_engine.script(start={"exit": 1, "stderr": "no such model"})
    waiting = [in_thread(service.client) for _ in range(3)]
    for thread, results in waiting:
        thread.join()
        assert isinstance(results[0], EngineFailure)
        assert "no such model" in results[0].message
    scripted_engine.script()
    assert service.client().hello()


def test_what_the_command_raises_is_raised_where_the_engine_is_wanted():
    class NotInstalledError(Exception):
        pass

    def argv_of() -> list[str]:
        raise NotInstalledError

    service = EngineService(argv_of)
    with pytest.raises(NotInstalledError):
        service.client()
    with pytest.raises(NotInstalledError):
        list(service.run_job(JOB))
    service.stop()


def test_another_version_is_refused_and_ended(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script(protocol="2.0")
    with pytest.raises(EngineFailure, match="Update the plugin"):
        service.client()
    assert not service.is_running


def test_the_engines_log_is_heard(scripted_engine: ScriptedCommand):
    heard: list[str] = []
    service = EngineService(lambda: scripted_engine.serve_argv, on_log=heard.append)
    service.client()
    assert wait_until(lambda: heard == ["scripted engine"])
    service.stop()


# --- a death in the middle --------------------------------------------------------------------------------


def test_a_job_goes_on_in_a_second_engine(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script({"on": "run_job", "life": 1, "after_events": 4, "exit": 9})
    events = list(service.run_job(JOB))
    assert kinds(events) == ["started", "notice", "started", "result"]
    after = events[[isinstance(event, JobNotice) for event in events].index(True) + 1 :]
    assert isinstance(after[0], JobStarted)
    num_features = sum(len(event.features) for event in after if isinstance(event, PartialFeatures))
    assert isinstance(after[-1], JobResult)
    assert num_features == sum(after[-1].num_polygons)
    first, second = scripted_engine.requests("run_job")
    assert (first["life"], second["life"]) == (1, 2)
    assert first["message"] == second["message"]  # the same name too, so that it resumes


def test_a_job_survives_a_kill_from_outside(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script({**HANG, "life": 1})
    events = []
    for event in service.run_job(JOB):
        events.append(event)
        if len(events) == 2:
            os.kill(scripted_engine.requests("start")[0]["pid"], signal.SIGKILL)
    assert kinds(events) == ["started", "notice", "started", "result"]


def test_a_second_death_ends_the_job_and_not_the_service(
    service: EngineService, scripted_engine: ScriptedCommand
):
    scripted_engine.script(
        {"on": "run_job", "life": 1, "after_events": 2, "exit": 9},
        {"on": "run_job", "life": 2, "after_events": 5, "exit": 9},
        {"on": "run_job", "life": 3, "after_events": 3, "exit": 9},
        start={"stderr": "CUDA error: device-side assert"},
    )
    events = []
    with pytest.raises(EngineGone, match=r"stopped twice.*last words: CUDA error: device-side assert"):
        events.extend(service.run_job(JOB))
    assert scripted_engine.num_starts == 2
    # Another job may restart once again.
    assert kinds(list(service.run_job(JOB))) == ["started", "notice", "started", "result"]
    assert scripted_engine.num_starts == 4


def test_a_click_is_made_again_in_a_second_engine(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script({"on": "predict", "life": 1, "exit": 9})
    assert len(service.call(click).features) == 1
    assert scripted_engine.num_starts == 2
    scripted_engine.script({"on": "predict", "exit": 9})
    with pytest.raises(EngineGone, match="stopped twice"):
        service.call(click)
    assert scripted_engine.num_starts == 3


def test_a_failure_is_not_a_death(service: EngineService, scripted_engine: ScriptedCommand):
    fail = {"code": "out_of_memory", "message": "Too large."}
    scripted_engine.script(
        {"on": "run_job", "after_events": 2, "fail": fail}, {"on": "predict", "fail": fail}
    )
    for work in (lambda: list(service.run_job(JOB)), lambda: service.call(click)):
        with pytest.raises(EngineFailure, match="Too large") as caught:
            work()
        assert caught.value.code is ErrorCode.OUT_OF_MEMORY
    assert scripted_engine.num_starts == 1


def test_two_jobs_that_lose_their_engine_share_the_next(
    service: EngineService, scripted_engine: ScriptedCommand
):
    scripted_engine.script({**HANG, "life": 1})
    jobs = [SegmentJob(f"job-{index}", JOB.source, JOB.queries) for index in range(4)]
    running = [in_thread(lambda job=job: list(service.run_job(job))) for job in jobs]
    assert wait_until(lambda: len(scripted_engine.requests("run_job")) == 4)
    os.kill(scripted_engine.requests("start")[0]["pid"], signal.SIGKILL)
    for thread, results in running:
        thread.join(10)
        assert kinds(results[0])[-2:] == ["started", "result"]
    assert scripted_engine.num_starts == 2


# --- cancelling -------------------------------------------------------------------------------------------


def _cancel_without_waiting(service: EngineService, *, pid: int) -> None:
    """It is called from the thread that draws, whether the engine answers or not."""
    os.kill(pid, signal.SIGSTOP)
    start_s = time.monotonic()
    service.cancel_job(JOB.job_id)
    seconds = time.monotonic() - start_s
    os.kill(pid, signal.SIGCONT)
    assert seconds < QUICK_TIMEOUT_S / 2


@pytest.mark.parametrize("way", ["asked", "told"])
@pytest.mark.parametrize("when", ["starting", "before the first event", "running"])
def test_a_job_is_cancelled_at_any_time(
    service: EngineService, scripted_engine: ScriptedCommand, way: str, when: str
):
    if when == "starting":
        scripted_engine.script(start={"delay_s": 60})
    else:
        scripted_engine.script({**HANG, "after_events": 0 if when == "before the first event" else 2})
        service.client()
    is_cancelled = threading.Event()
    asked = is_cancelled.is_set if way == "asked" else lambda: False
    events: list[JobEvent] = []
    thread, results = in_thread(lambda: events.extend(service.run_job(JOB, is_cancelled=asked)))
    assert wait_until(lambda: scripted_engine.num_starts == 1)
    if when != "starting":
        assert wait_until(lambda: len(scripted_engine.requests("run_job")) == 1)
    if when == "running":
        assert wait_until(lambda: len(events) == 2)
    is_cancelled.set()
    if way == "told":
        _cancel_without_waiting(service, pid=scripted_engine.requests("start")[0]["pid"])
    thread.join(10)
    assert [type(result) for result in results] == [JobCancelled]
    if when != "starting":
        assert scripted_engine.num_starts == 1
        assert wait_until(lambda: service.client().health().num_jobs == 0)  # the engine may learn of it last


def test_a_job_of_an_engine_that_hangs_is_cancelled(
    service: EngineService, scripted_engine: ScriptedCommand, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(job_run, "_GRACE_S", 0.5)
    monkeypatch.setattr("geophrase.qgis_plugin.core.engine.client.QUICK_TIMEOUT_S", 0.3)
    scripted_engine.script(HANG)
    thread, results = in_thread(lambda: list(service.run_job(JOB)))
    assert wait_until(lambda: len(scripted_engine.requests("run_job")) == 1)
    pid = scripted_engine.requests("start")[0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    service.cancel_job(JOB.job_id)
    thread.join(5)
    os.kill(pid, signal.SIGCONT)
    assert [type(result) for result in results] == [JobCancelled]


def test_a_job_that_was_cancelled_is_not_restarted(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script({"on": "cancel_job", "exit": 9}, HANG)
    thread, results = in_thread(lambda: list(service.run_job(JOB)))
    assert wait_until(lambda: len(scripted_engine.requests("run_job")) == 1)
    service.cancel_job(JOB.job_id)
    thread.join(5)
    assert [type(result) for result in results] == [JobCancelled]
    assert scripted_engine.num_starts == 1


def test_leaving_the_iterator_cancels_the_job(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script(HANG)
    events = service.run_job(JOB)
    next(events)
    assert service.client().health().num_jobs == 1
    events.close()  # type: ignore[attr-defined]
    assert wait_until(lambda: service.client().health().num_jobs == 0)


def test_cancelling_what_does_not_run_does_nothing(service: EngineService, scripted_engine: ScriptedCommand):
    service.cancel_job("never-heard-of")
    list(service.run_job(JOB))
    service.cancel_job(JOB.job_id)
    assert isinstance(list(service.run_job(JOB))[-1], JobResult)
    assert scripted_engine.requests("cancel_job") == []


# --- stopping ---------------------------------------------------------------------------------------------


def test_stopping_twice_and_starting_again(service: EngineService, scripted_engine: ScriptedCommand):
    service.stop()
    service.client()
    service.stop()
    service.stop()
    assert not service.is_running
    assert isinstance(list(service.run_job(JOB))[-1], JobResult)
    assert scripted_engine.num_starts == 2


def test_stopping_ends_a_job_and_starts_nothing(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script(HANG)
    thread, results = in_thread(lambda: list(service.run_job(JOB)))
    assert wait_until(lambda: len(scripted_engine.requests("run_job")) == 1)
    service.stop()
    thread.join(5)
    assert isinstance(results[0], EngineFailure)
    assert results[0].code is ErrorCode.SHUTTING_DOWN
    time.sleep(0.3)
    assert scripted_engine.num_starts == 1
    assert not service.is_running


def test_stopping_while_starting_ends_both(service: EngineService, scripted_engine: ScriptedCommand):
    scripted_engine.script(start={"delay_s": 10})
    waiting = [in_thread(service.client), in_thread(lambda: list(service.run_job(JOB)))]
    assert wait_until(lambda: scripted_engine.num_starts == 1)
    start_s = time.monotonic()
    service.stop()
    for thread, results in waiting:
        thread.join(10)
        assert results[0].code is ErrorCode.SHUTTING_DOWN
    assert time.monotonic() - start_s < 5
    pid = scripted_engine.requests("start")[0]["pid"]
    assert not os.path.exists(f"/proc/{pid}")


def test_stopping_without_waiting_returns_at_once(service: EngineService, scripted_engine: ScriptedCommand):
    service.client()
    start_s = time.monotonic()
    service.stop(is_waiting=False)
    assert time.monotonic() - start_s < 0.1
    pid = scripted_engine.requests("start")[0]["pid"]
    assert wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


# --- side by side -----------------------------------------------------------------------------------------


def test_two_services_have_an_engine_each(service: EngineService, scripted_engine: ScriptedCommand):
    other = EngineService(lambda: scripted_engine.serve_argv)
    assert service.client().hello() == other.client().hello()
    assert scripted_engine.num_starts == 2
    other.stop()
    assert service.client().hello()
    assert scripted_engine.num_starts == 2


def test_a_running_engine_is_shared_and_left_alone(service: EngineService, scripted_engine: ScriptedCommand):
    client = service.client()
    url, token = f"http://{client._address}", client._headers["Authorization"].split()[1]
    shared = EngineService.of_running_engine(url, token)
    assert isinstance(list(shared.run_job(JOB))[-1], JobResult)
    shared.stop()
    assert service.is_running
    assert shared.client().hello()
    service.stop()
    with pytest.raises(EngineGone):
        list(shared.run_job(JOB))
    with pytest.raises(EngineGone):
        shared.call(click)
    assert scripted_engine.num_starts == 1


def test_stopping_a_shared_engines_service_cancels_its_jobs(
    service: EngineService, scripted_engine: ScriptedCommand
):
    scripted_engine.script(HANG)
    client = service.client()
    token = client._headers["Authorization"].split()[1]
    shared = EngineService.of_running_engine(f"http://{client._address}", token)
    thread, results = in_thread(lambda: list(shared.run_job(JOB)))
    assert wait_until(lambda: client.health().num_jobs == 1)
    shared.stop()
    thread.join(5)
    assert [type(result) for result in results] == [JobCancelled]
    assert service.is_running
