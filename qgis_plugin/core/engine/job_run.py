"""One job as its service sees it: over at most two engines, and cancelled at any time."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Callable, Iterator, Optional, Type

from geophrase.protocol.jobs import JobEvent, JobRequest

from ..translation import tr
from .client import EngineClient
from .errors import EngineFailure, JobCancelled
from .job_stream import JobStream

_POLL_S = 0.1
_GRACE_S = 10.0
_REPEAT_S = 1.0


class JobRun:
    """While entered, looks after a job's cancelling.

    Args:
        job_id: The job's.
        asks_cancel: Asked all the time, from another thread.
    """

    def __init__(self, job_id: str, asks_cancel: Callable[[], bool]) -> None:
        self._job_id = job_id
        self._asks_cancel = asks_cancel
        self._lock = threading.Lock()
        self._is_cancelled = threading.Event()
        self._is_over = threading.Event()
        self._client: Optional[EngineClient] = None
        self._stream: Optional[JobStream] = None

    def __enter__(self) -> JobRun:
        threading.Thread(target=self._watch, name="job watch", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._is_over.set()
        if self._stream is not None:
            self._stream.close()

    def is_cancelled(self) -> bool:
        """Whether the job was cancelled."""
        return self._is_cancelled.is_set()

    def cancel(self) -> None:
        """Cancels the job, whatever it is doing; returns at once."""
        self._is_cancelled.set()

    def events(self, client: EngineClient, request: JobRequest) -> Iterator[JobEvent]:
        """The job's events from this engine.

        Raises:
            JobCancelled: It was cancelled, also when the engine died over it.
            EngineFailure: It failed.
        """
        with self._lock:
            self._raise_if_cancelled()
            self._client, self._stream = client, client.run_job(request)
        try:
            yield from self._stream
        except EngineFailure:
            self._raise_if_cancelled()
            raise

    def _watch(self) -> None:
        """Asks whether to cancel; then asks the engine to, and if it doesn't, ends the stream."""
        while not self._asks_cancel() and not self._is_cancelled.wait(_POLL_S):
            if self._is_over.is_set():
                return
        self._is_cancelled.set()
        with self._lock:  # after this, no stream begins
            client, stream = self._client, self._stream
        if client is None or stream is None or self._is_over.is_set():
            return
        deadline_s = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline_s:
            try:
                client.cancel_job(self._job_id)
            except EngineFailure:
                pass  # the stream tells why, or is ended below
            if self._is_over.wait(_REPEAT_S):  # asked again, as it may come before the job
                return
        stream.abort()

    def _raise_if_cancelled(self) -> None:
        if self._is_cancelled.is_set():
            raise JobCancelled(tr("The job was cancelled."))
