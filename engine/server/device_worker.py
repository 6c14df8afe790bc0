"""The one thread that computes on the device, in the order of urgency."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Generic, TypeVar

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

ResultT = TypeVar("ResultT")


class Priority(IntEnum):
    """What goes first; equals are served in the order of their asking, so that several jobs take turns."""

    CLICK = 0
    BACKGROUND = 1
    JOB = 2


class DeviceCall(Generic[ResultT]):
    """One computation that was handed to the worker, and its outcome once there is one.

    Attributes:
        wait_s: How long it stood in the queue.
        run_s: How long it took.
    """

    def __init__(self, compute: Callable[[], ResultT]) -> None:
        self.wait_s = 0.0
        self.run_s = 0.0
        self._compute = compute
        self._asked_s = time.perf_counter()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._result: ResultT | None = None
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is an outcome; a call that is given up has one."""
        return self._done.is_set()

    def result(self) -> ResultT:
        """Wait for the outcome.

        Raises:
            CancelledError, EngineError: The call was given up; and whatever the computation raised.
        """
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # None only where ResultT allows it

    def give_up(self, error: BaseException) -> None:
        """Let it end in this error; if it is being computed, nobody waits for the result any longer."""
        self._settle(None, error)

    def run(self) -> None:
        """Compute it, in the worker's thread; nothing happens if it has been given up."""
        if self.is_done:
            return
        started_s = time.perf_counter()
        self.wait_s = started_s - self._asked_s
        try:
            result = self._compute()
        except Exception as error:  # the caller's thread is where it belongs
            self._settle(None, error)
            return
        self.run_s = time.perf_counter() - started_s
        self._settle(result, None)

    def _settle(self, result: ResultT | None, error: BaseException | None) -> None:
        with self._lock:
            if not self._done.is_set():
                self._result, self._error = result, error
                self._done.set()


class DeviceWorker:
    """Runs calls one after the other in a thread of its own.

    Args:
        idle_s: After how long without a call `on_idle` is called, once; None for never.
        on_idle: Called in the worker's thread.
    """

    def __init__(self, *, idle_s: float | None = None, on_idle: Callable[[], object] | None = None) -> None:
        self._idle_s = idle_s if on_idle else None
        self._on_idle = on_idle
        self._changed = threading.Condition()
        self._queue: list[tuple[int, int, DeviceCall[Any]]] = []
        self._newest: dict[str, DeviceCall[Any]] = {}
        self._running: DeviceCall[Any] | None = None
        self._num_asked = 0
        self._is_rested = True  # until the first call
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)
        self._thread.start()

    @property
    def num_queued(self) -> int:
        """Calls that wait."""
        with self._changed:
            return sum(not call.is_done for _, _, call in self._queue)

    @property
    def is_busy(self) -> bool:
        """Whether a call is being computed."""
        return self._running is not None

    def submit(
        self, compute: Callable[[], ResultT], *, priority: Priority, stream: str = ""
    ) -> DeviceCall[ResultT]:
        """Hand over a call and return at once.

        Args:
            compute: What to run in the worker's thread.
            priority: What goes before what.
            stream: A call of the same stream that still waits is given up with SUPERSEDED; "" for none.

        Raises:
            EngineError: SHUTTING_DOWN.
        """
        call = DeviceCall(compute)
        with self._changed:
            if self._is_stopping:
                raise shutting_down()
            if stream:
                self._supersede(stream, call)
            self._num_asked += 1
            heapq.heappush(self._queue, (priority, self._num_asked, call))
            self._changed.notify()
        return call

    def stop(self, timeout_s: float) -> bool:
        """End the thread after the call that it is at; give up all that wait.

        Returns:
            Whether it has ended in time; the thread never keeps the process alive.
        """
        with self._changed:
            self._is_stopping = True
            waiting = [call for _, _, call in self._queue]
            self._queue.clear()
            self._newest.clear()
            self._changed.notify()
        for call in waiting:
            call.give_up(shutting_down())
        running = self._running
        self._thread.join(timeout_s)
        if running is not None:
            running.give_up(shutting_down())
        return not self._thread.is_alive()

    def _supersede(self, stream: str, call: DeviceCall[ResultT]) -> None:
        older = self._newest.get(stream)
        if older is not None and older is not self._running:
            older.give_up(EngineError(ErrorCode.SUPERSEDED, "A newer request took the place of this one."))
        self._newest[stream] = call

    def _work(self) -> None:
        while True:
            call = self._next_call()
            if call is None:
                return
            call.run()
            with self._changed:
                self._running = None
                self._newest = {name: one for name, one in self._newest.items() if not one.is_done}

    def _next_call(self) -> DeviceCall[Any] | None:
        """Wait for the most urgent call that still matters; None at the end."""
        with self._changed:
            while not self._is_stopping:
                while self._queue:
                    call = heapq.heappop(self._queue)[2]
                    if not call.is_done:
                        self._running, self._is_rested = call, False
                        return call
                was_asked = self._changed.wait(None if self._is_rested else self._idle_s)
                if not was_asked and not self._queue and self._on_idle is not None:
                    self._is_rested = True
                    return DeviceCall(self._on_idle)
        return None


def shutting_down() -> EngineError:
    """The error of everything that the engine's end leaves unanswered."""
    return EngineError(ErrorCode.SHUTTING_DOWN, "The engine is shutting down; start it again.")
