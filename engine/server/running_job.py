"""A job in a thread of its own, and the events that it gives to whoever iterates it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.pipeline.feature_run import FeatureRun
from geophrase.engine.pipeline.progress import Progress
from geophrase.engine.server.clicks import batch_of
from geophrase.engine.server.device_worker import DeviceCall
from geophrase.engine.server.time_left import TimeLeft
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import (
    JobCancelled,
    JobEvent,
    JobFailed,
    JobNotice,
    JobPartial,
    JobProgress,
    JobResult,
    JobStarted,
)
from geophrase.protocol.wire import Arrays

_log = logging.getLogger(__name__)

# Events that wait for a slow client before the job waits, too.
_MAX_WAITING = 32
_PROGRESS_EVERY_S = 0.1
_PARTIAL_EVERY_S = 0.5
_ENGINE_LOGGER = "geophrase.engine"


@dataclass(frozen=True)
class OpenedRun:
    """What a job does once its raster is open and its model loaded.

    Attributes:
        features: Gives the features.
        result_id: Names the probabilities that are kept; "" where none are.
        device: Says where the model runs; "" without a model.
    """

    features: FeatureRun
    result_id: str = ""
    device: Callable[[], str] = str


RunOpener = Callable[["RunningJob"], AbstractContextManager[OpenedRun]]


class RunningJob:
    """An iterator of a job's events, of which the last is final; closing it cancels the job.

    Args:
        job_id: As its sender calls it.
        opener: Opens the run, in the job's thread.
        on_end: Called before the final event is given.
    """

    def __init__(self, job_id: str, opener: RunOpener, *, on_end: Callable[[RunningJob], object]) -> None:
        self.job_id = job_id
        self._opener = opener
        self._on_end = on_end
        self._cancelled = threading.Event()
        self._changed = threading.Condition()
        self._waiting: deque[tuple[JobEvent, Arrays]] = deque()
        self._early: list[JobNotice] | None = []  # notices from before the first event; None from then on
        self._told: set[str] = set()
        self._call: DeviceCall[Any] | None = None
        self._is_over = False
        self._num_given = 0
        self._progress = _ProgressEvents()  # made anew when the work itself begins
        self._thread = threading.Thread(target=self._run, name=f"job {job_id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until the thread has ended, but no longer than this."""
        self._thread.join(timeout_s)

    def cancel(self) -> None:
        """Ask the job to stop: at once where it waits for the device, else before its next step."""
        self._cancelled.set()
        call = self._call
        if call is not None:
            call.give_up(CancelledError())
        with self._changed:
            self._changed.notify_all()

    def is_cancelled(self) -> bool:
        """Whether the job shall stop."""
        return self._cancelled.is_set()

    def wait_for(self, call: DeviceCall[Any]) -> Any:
        """The result of a call to the device, which cancelling the job gives up.

        Raises:
            CancelledError: The job was cancelled; and whatever the call raises.
        """
        self._call = call
        if self.is_cancelled():
            call.give_up(CancelledError())
        return call.result()

    def tell(self, message: str) -> None:
        """Tell the user something, once; from any thread, which never waits."""
        with self._changed:
            if message in self._told or self._is_over:
                return
            self._told.add(message)
            if self._early is not None:
                self._early.append(JobNotice(message))
                return
            self._waiting.append((JobNotice(message), {}))
            self._changed.notify_all()

    def report(self, progress: Progress) -> None:
        """Take note of how far the job is; in its own thread.

        Raises:
            CancelledError: The job was cancelled while its client took no events.
        """
        event = self._progress.event(progress)
        if event is not None:
            self._put(event)

    def __iter__(self) -> Iterator[tuple[JobEvent, Arrays]]:
        return self

    def __next__(self) -> tuple[JobEvent, Arrays]:
        """The next event, when there is one.

        Raises:
            EngineError: The job failed before it began.
        """
        with self._changed:
            while not self._waiting:
                if self._is_over:
                    raise StopIteration
                self._changed.wait()
            event, arrays = self._waiting.popleft()
            self._num_given += 1
            self._changed.notify_all()
        if isinstance(event, JobFailed) and self._num_given == 1:
            raise EngineError(event.code, event.message)
        return event, arrays

    def close(self) -> None:
        """Cancel the job; nobody takes its events any more."""
        self.cancel()

    def _run(self) -> None:
        try:
            with self._warnings_told():
                final: JobEvent = self._result()
        except CancelledError:
            final = JobCancelled()
        except EngineError as error:
            final = JobCancelled() if self.is_cancelled() else JobFailed(error.code, error.message)
        except Exception as error:  # the boundary of the thread
            _log.exception("job %s failed", self.job_id)
            reason = f"{type(error).__name__}: {error}".rstrip(".")
            final = JobFailed(ErrorCode.INTERNAL, f"The engine failed ({reason}). Please report it.")
        self._on_end(self)
        with self._changed:
            self._waiting.append((final, {}))
            self._is_over = True
            self._changed.notify_all()

    def _result(self) -> JobResult:
        started_s = time.perf_counter()
        with self._opener(self) as opened:
            features = opened.features
            queries = features.description.queries
            self._begin(opened)
            num_polygons = [0] * len(queries)
            for frame in features.frames(max_wait_s=_PARTIAL_EVERY_S):
                batch = batch_of(frame, queries.index)
                for index in batch.query_index.tolist():
                    num_polygons[index] += 1
                if len(batch):
                    self._put(JobPartial(), batch.to_arrays())
            last = self._progress.last()
            if last is not None:
                self._put(last)
            device = opened.device()
        return JobResult(
            num_polygons=tuple(num_polygons),
            seconds=dict(features.times.seconds),
            wall_s=time.perf_counter() - started_s,
            device=device,
        )

    def _begin(self, opened: OpenedRun) -> None:
        """Give the first event, and then the notices from before it."""
        features, description = opened.features, opened.features.description
        event = JobStarted(
            result_id=opened.result_id,
            queries=description.queries,
            crs_wkt=description.grid.crs_wkt,
            model=description.provenance.model,
            weights=description.provenance.weights,
            source=description.provenance.source,
            created=description.provenance.created.isoformat(),
            parameters=features.parameters(),
            is_geodesic=features.table.is_geodesic,
        )
        with self._changed:
            self._waiting.append((event, {}))
            self._waiting.extend((notice, {}) for notice in self._early or [])
            self._early = None
            self._progress = _ProgressEvents()
            self._changed.notify_all()

    def _put(self, event: JobEvent, arrays: Arrays | None = None) -> None:
        """Give an event, waiting while the client is far behind."""
        with self._changed:
            while len(self._waiting) >= _MAX_WAITING and not self.is_cancelled():
                self._changed.wait()
            if self.is_cancelled():
                raise CancelledError
            self._waiting.append((event, arrays or {}))
            self._changed.notify_all()

    @contextmanager
    def _warnings_told(self) -> Iterator[None]:
        """What this thread logs as a warning is for the user, too."""
        handler = _ThreadWarnings(self.tell)
        logger = logging.getLogger(_ENGINE_LOGGER)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _ProgressEvents:
    """Makes events of progress, not more often than a progress bar can show."""

    def __init__(self) -> None:
        self._time_left = TimeLeft(time.monotonic())
        self._given_s = 0.0
        self._held: JobProgress | None = None

    def event(self, progress: Progress) -> JobProgress | None:
        """The event of this progress, or None where the last was given just now."""
        now_s = time.monotonic()
        self._held = JobProgress(
            num_done=progress.num_done,
            num_total=progress.num_total,
            num_encoded=progress.num_encoded,
            num_cached=progress.num_cached,
            num_polygons=progress.num_polygons,
            seconds_left=self._time_left.after(progress, now_s),
        )
        if now_s - self._given_s < _PROGRESS_EVERY_S:
            return None
        self._given_s = now_s
        return self.last()

    def last(self) -> JobProgress | None:
        """The newest event, if it was not given yet."""
        held, self._held = self._held, None
        return held


class _ThreadWarnings(logging.Handler):
    """Hands the warnings of the thread that makes it to a listener."""

    def __init__(self, listener: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one on."""
        if record.thread == self._thread and record.levelno < logging.ERROR:
            self._listener(record.getMessage())
