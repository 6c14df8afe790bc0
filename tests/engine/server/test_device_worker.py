"""One thread for the device: what goes first, what is given up, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.server.device_worker import DeviceWorker, Priority
from geophrase.protocol.errors import ErrorCode


@pytest.fixture
def worker() -> Iterator[DeviceWorker]:
    worker = DeviceWorker()
    yield worker
    worker.stop(5.0)


class Gate:
    """Keeps the worker in a call until it is opened."""

    def __init__(self, worker: DeviceWorker) -> None:
        self.is_in = threading.Event()
        self.opened = threading.Event()
        self.call = worker.submit(self._hold, priority=Priority.JOB)
        assert self.is_in.wait(5)

    def _hold(self) -> str:
        self.is_in.set()
        assert self.opened.wait(20)
        return "held"


def test_clicks_go_before_the_background_and_that_before_jobs(worker):
    gate = Gate(worker)
    done: list[str] = []
    names = ["job 1", "background", "job 2", "click 1", "click 2"]
    calls = [
        worker.submit(lambda name=name: done.append(name), priority=Priority[name.split()[0].upper()])
        for name in names
    ]
    assert worker.num_queued == len(names)
    gate.opened.set()
    for call in calls:
        call.result()
    assert done == ["click 1", "click 2", "background", "job 1", "job 2"]
    assert worker.num_queued == 0
    assert min(call.wait_s for call in calls) > 0


def test_the_newest_of_a_stream_supersedes_the_one_that_waits_but_not_the_one_that_runs(worker):
    gate = Gate(worker)
    older = worker.submit(lambda: "older", priority=Priority.CLICK, stream="hover")
    other = worker.submit(lambda: "other", priority=Priority.CLICK, stream="another")
    newest = worker.submit(lambda: "newest", priority=Priority.CLICK, stream="hover")
    with pytest.raises(EngineError) as refusal:
        older.result()  # at once, although the worker is held
    assert refusal.value.code is ErrorCode.SUPERSEDED
    gate.opened.set()
    assert (newest.result(), other.result(), gate.call.result()) == ("newest", "other", "held")

    started, finish = threading.Event(), threading.Event()

    def slow() -> str:
        started.set()
        assert finish.wait(5)
        return "slow"

    running = worker.submit(slow, priority=Priority.CLICK, stream="hover")
    assert started.wait(5)
    after = worker.submit(lambda: "after", priority=Priority.CLICK, stream="hover")
    finish.set()
    assert (running.result(), after.result()) == ("slow", "after")


def test_a_call_that_is_given_up_is_not_computed(worker):
    gate = Gate(worker)
    computed: list[int] = []
    call = worker.submit(lambda: computed.append(1), priority=Priority.JOB)
    call.give_up(CancelledError())
    with pytest.raises(CancelledError):
        call.result()
    assert worker.num_queued == 0
    gate.opened.set()
    worker.submit(lambda: None, priority=Priority.JOB).result()
    assert computed == []


def test_an_error_belongs_to_who_asked_and_the_worker_goes_on(worker):
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        worker.submit(fail, priority=Priority.CLICK).result()
    assert worker.submit(lambda: 7, priority=Priority.CLICK).result() == 7


def test_stopping_fails_what_waits_and_what_comes_later():
    worker = DeviceWorker()
    gate = Gate(worker)
    waiting = [worker.submit(lambda: 1, priority=priority) for priority in Priority]
    assert worker.stop(0.05) is False  # it is held
    for call in [*waiting, gate.call]:
        with pytest.raises(EngineError) as refusal:
            call.result()
        assert refusal.value.code is ErrorCode.SHUTTING_DOWN
    with pytest.raises(EngineError):
        worker.submit(lambda: 1, priority=Priority.CLICK)
    gate.opened.set()
    assert worker.stop(5.0) is True


def test_idleness_is_noticed_once_after_each_stretch_of_work():
    rested = threading.Semaphore(0)
    worker = DeviceWorker(idle_s=0.05, on_idle=rested.release)
    try:
        assert not rested.acquire(timeout=0.2)  # nothing was asked yet
        for _ in range(2):
            worker.submit(lambda: None, priority=Priority.CLICK).result()
            assert rested.acquire(timeout=5)
            assert not rested.acquire(timeout=0.2)
    finally:
        worker.stop(5.0)


def test_many_threads_get_their_own_answers(worker):
    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        answers[number] = worker.submit(lambda: number * number, priority=Priority(number % 3)).result()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
    started_s = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == {number: number * number for number in range(64)}
    assert time.monotonic() - started_s < 5
