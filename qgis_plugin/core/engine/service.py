"""The plugin's engine: started when it is first needed, once more when it dies, and ended with the plugin."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Sequence, Tuple, TypeVar

from geophrase.protocol.jobs import JobEvent, JobNotice, JobRequest

from ..translation import tr
from .client import EngineClient
from .errors import EngineFailure, EngineGone, JobCancelled, stopped, with_last_words
from .job_run import JobRun
from .process import START_TIMEOUT_S, EngineProcess

ResultT = TypeVar("ResultT")
_POLL_S = 0.05
_DEATH_S = 2.0


def _never() -> bool:
    return False


@dataclass(frozen=True)
class _Engine:
    """One engine that answers; without a process when somebody else started it."""

    client: EngineClient
    process: Optional[EngineProcess] = None
    command: Tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        return self.process is None or self.process.is_alive

    def has_died(self) -> bool:
        return self.process is not None and self.process.has_ended(within_s=_DEATH_S)

    @property
    def last_words(self) -> str:
        return "" if self.process is None else self.process.last_words


class _Start:
    """An engine on its way; any number of threads wait for it."""

    def __init__(self) -> None:
        self.command: Tuple[str, ...] = ()
        self.is_over = threading.Event()
        self.is_abandoned = threading.Event()
        self.engine: Optional[_Engine] = None
        self.error: Optional[BaseException] = None

    def wait(self, is_cancelled: Callable[[], bool]) -> _Engine:
        while not self.is_over.wait(_POLL_S):
            if is_cancelled():
                raise JobCancelled(tr("The job was cancelled."))
        if self.error is not None:
            raise self.error
        assert self.engine is not None
        return self.engine


class EngineService:
    """Gives any number of worker threads one engine; every method but `cancel_job` and `stop` may block.

    Args:
        argv_of: Gives the command, `serve` and its options included; called from a worker thread before every
            start. What it raises is raised where the engine was wanted.
        on_log: Called with every line that the engine logs, from a thread of its own.
        start_timeout_s: How long a start may take.
    """

    def __init__(
        self,
        argv_of: Callable[[], Sequence[str]],
        *,
        on_log: Optional[Callable[[str], None]] = None,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self._argv_of: Callable[[], Sequence[str]] = argv_of
        self._on_log = on_log
        self._start_timeout_s = start_timeout_s
        self._lock = threading.Lock()
        self._engine: Optional[_Engine] = None
        self._start: Optional[_Start] = None
        self._jobs: Dict[str, JobRun] = {}
        self._num_stops = 0
        self._is_shared = False

    @classmethod
    def of_running_engine(cls, url: str, token: str) -> EngineService:
        """A service of an engine that somebody else started and ends; it is never restarted.

        Raises:
            ValueError: The URL is not of this machine.
        """
        service = cls(lambda: ())
        service._engine = _Engine(EngineClient(url, token))
        service._is_shared = True
        return service

    @property
    def is_running(self) -> bool:
        """Whether there is an engine that answers."""
        with self._lock:
            return self._engine is not None and self._engine.is_usable

    @property
    def command(self) -> Tuple[str, ...]:
        """What started the engine that runs, or starts one now; empty where there is none of this service."""
        with self._lock:
            if self._start is not None:
                return self._start.command
            return self._engine.command if self._engine is not None and self._engine.is_usable else ()

    def client(self, *, is_cancelled: Callable[[], bool] = _never) -> EngineClient:
        """A client of the running engine, which is started if there is none.

        Raises:
            EngineFailure: It could not be started.
            JobCancelled: `is_cancelled` said so while it was starting.
        """
        return self._acquire(is_cancelled, self._num_stops).client

    def call(
        self, work: Callable[[EngineClient], ResultT], *, is_cancelled: Callable[[], bool] = _never
    ) -> ResultT:
        """What `work` returns; it is done once more, from its beginning, if the engine dies in it.

        Sessions and uploads of the dead engine are gone, so `work` has to open those that it needs.

        Args:
            work: Is given a client.
            is_cancelled: Asked while the engine is starting.

        Raises:
            EngineFailure: From `work`; EngineGone says what the engine said last.
            JobCancelled: `is_cancelled` said so.
        """
        num_stops = self._num_stops
        engine = self._acquire(is_cancelled, num_stops)
        try:
            return work(engine.client)
        except EngineGone as error:
            self._check_restart(engine, num_stops, error)
        engine = self._acquire(is_cancelled, num_stops)
        try:
            return work(engine.client)
        except EngineGone as error:
            raise self._explained(engine, error) from error

    def run_job(
        self, request: JobRequest, *, is_cancelled: Callable[[], bool] = _never
    ) -> Iterator[JobEvent]:
        """The job's events, the last one a JobResult.

        If the engine dies it is started once more and the same job runs again, from what it had finished: a
        JobNotice says so, and the next JobStarted voids what came before it. Closing the iterator cancels the
        job.

        Args:
            request: With a job_id that no running job has.
            is_cancelled: Asked several times a second, from another thread; `cancel_job` does the same.

        Raises:
            EngineFailure: The job failed; EngineGone says what the engine said last.
            JobCancelled: It was cancelled, at whatever time.
        """
        num_stops = self._num_stops
        with JobRun(request.job_id, is_cancelled) as run:
            self._jobs.setdefault(request.job_id, run)
            try:
                engine = self._acquire(run.is_cancelled, num_stops)
                try:
                    yield from run.events(engine.client, request)
                    return
                except EngineGone as error:
                    self._check_restart(engine, num_stops, error)
                yield JobNotice(
                    tr("The engine stopped and is started again; the job goes on from what was finished.")
                )
                engine = self._acquire(run.is_cancelled, num_stops)
                try:
                    yield from run.events(engine.client, request)
                except EngineGone as error:
                    raise self._explained(engine, error) from error
            finally:
                if self._jobs.get(request.job_id) is run:
                    del self._jobs[request.job_id]

    def cancel_job(self, job_id: str) -> None:
        """Cancels a job of this service, also while the engine is starting; returns at once.

        A job runs from the first `next` of its events on.
        """
        run = self._jobs.get(job_id)
        if run is not None:
            run.cancel()

    def stop(self, *, is_waiting: bool = True) -> None:
        """Ends the engine; whoever waits for it gets an EngineFailure, and the next use starts it anew.

        Args:
            is_waiting: Whether to return only once the process has ended. Without it, it is told to end and
                the rest happens in a thread.
        """
        with self._lock:
            self._num_stops += 1
            engine, start = self._engine, self._start
            self._start = None
            if not self._is_shared:
                self._engine = None
        if start is not None:
            start.is_abandoned.set()
            if is_waiting:
                start.is_over.wait()
        if self._is_shared:
            for run in list(self._jobs.values()):
                run.cancel()
        if engine is None or engine.process is None:
            return
        engine.process.release()
        engine.client.close()
        if is_waiting:
            engine.process.stop()
        else:
            threading.Thread(target=engine.process.stop, name="engine end", daemon=True).start()

    def stop_if_in(self, folder: Path) -> None:
        """Ends the engine and waits for that, if its program lies in a folder that is about to change."""
        program = self.command[:1]
        if program and folder in Path(program[0]).parents:
            self.stop()

    def _acquire(self, is_cancelled: Callable[[], bool], num_stops: int) -> _Engine:
        """The running engine, started if need be, unless it was stopped since `num_stops` was read."""
        with self._lock:
            if num_stops != self._num_stops:
                raise stopped()
            if self._engine is not None and self._engine.is_usable:
                return self._engine
            if self._start is None:
                self._start = _Start()
                threading.Thread(
                    target=self._run_start, args=(self._start,), name="engine start", daemon=True
                ).start()
            start = self._start
        return start.wait(is_cancelled)

    def _run_start(self, start: _Start) -> None:
        try:
            start.engine = self._started(start)
        except BaseException as error:  # the boundary of the thread: raised where it is waited for
            start.error = error
        with self._lock:
            is_wanted = self._start is start
            if is_wanted:
                self._start, self._engine = None, start.engine
        if not is_wanted and start.engine is not None and start.engine.process is not None:
            start.engine.process.stop()
            start.error = stopped()
        start.is_over.set()

    def _started(self, start: _Start) -> _Engine:
        start.command = tuple(self._argv_of())
        process = EngineProcess(self._on_log)
        url, token = process.start(
            start.command, timeout_s=self._start_timeout_s, is_cancelled=start.is_abandoned.is_set
        )
        try:
            client = EngineClient(url, token)
            client.hello()
        except BaseException:
            process.stop()
            raise
        return _Engine(client, process, start.command)

    def _check_restart(self, engine: _Engine, num_stops: int, error: EngineGone) -> None:
        """Passes if the engine may be started once more, else raises what is to be told."""
        if num_stops != self._num_stops:
            raise stopped() from error
        if not engine.has_died():
            raise error

    @staticmethod
    def _explained(engine: _Engine, error: EngineGone) -> EngineFailure:
        if not engine.has_died():
            return error
        text = tr("The engine stopped twice at this work. Try a smaller area or another model.")
        return EngineGone(with_last_words(text, engine.last_words))
