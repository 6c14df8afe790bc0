"""The events of one job, as they arrive."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from http.client import HTTPException
from typing import Dict, Iterator, List, Optional, Union, cast

from geophrase.protocol import jobs
from geophrase.protocol.codec import TYPE_FIELD, InvalidMessageError
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.jobs import JobEvent, JobPartial, JobResult
from geophrase.protocol.wire import Frame, joined, read_frames

from ..translation import tr
from .answer import failure_of, open_connection, read_answer
from .errors import JobCancelled, gone

MAX_EVENT_BYTES = 2**30
_KNOWN_TYPES = {
    kind.TYPE
    for kind in (
        jobs.JobStarted,
        jobs.JobProgress,
        jobs.JobPartial,
        jobs.JobNotice,
        jobs.JobResult,
        jobs.JobFailed,
        jobs.JobCancelled,
    )
}
_FINAL_TYPES = {kind.TYPE for kind in jobs.FINAL_EVENTS}
_END_S = 1.0


@dataclass(frozen=True)
class PartialFeatures(JobPartial):
    """A JobPartial with what it brought."""

    features: FeatureBatch


class JobStream(Iterator[JobEvent]):
    """Sends a job with the first `next` and gives its events; the last one is a JobResult.

    It is iterated by one thread; `abort` may be called by any. A stream that is closed before its end, or
    forgotten, cancels its job.

    Args:
        address: Host and port of the engine.
        headers: Of the request.
        parts: Its body.

    Raises (while iterating):
        EngineFailure: The engine refused the job, or the job failed.
        JobCancelled: It was cancelled, or the stream aborted.
        EngineGone: The engine is no longer there.
    """

    def __init__(
        self, address: str, *, path: str, headers: Dict[str, str], parts: List[Union[bytes, memoryview]]
    ) -> None:
        self._path, self._headers, self._parts = path, headers, parts
        self._connection = open_connection(address)
        self._frames: Optional[Iterator[Frame]] = None
        self._lock = threading.Lock()
        self._is_aborted = False
        self._is_over = False

    def __next__(self) -> JobEvent:
        if self._is_over:
            raise StopIteration
        try:
            event = self._next_event()
        except BaseException:
            self.close()
            raise
        if isinstance(event, JobResult):
            self.close()
        return event

    def abort(self) -> None:
        """Makes a waiting `next` raise JobCancelled now; the engine notices and cancels the job."""
        with self._lock:
            self._is_aborted = True
            if self._connection.sock is not None:
                _shut(self._connection.sock)

    def close(self) -> None:
        """Ends the stream; nothing happens if it has ended."""
        self._is_over = True
        self._connection.close()

    def _next_event(self) -> JobEvent:
        try:
            if self._frames is None:
                self._frames = self._open()
            for frame in self._frames:
                kind = frame.message.get(TYPE_FIELD)
                if kind in _FINAL_TYPES:
                    self._read_out()
                if kind in _KNOWN_TYPES:  # a newer engine may tell more
                    return _event_of(frame)
        except (OSError, HTTPException, InvalidMessageError) as error:
            self._raise_if_aborted()
            raise gone() from error
        self._raise_if_aborted()
        raise gone()

    def _open(self) -> Iterator[Frame]:
        self._connection.connect()
        with self._lock:
            self._connection.sock.settimeout(None)  # a job may be silent for as long as it takes
        self._raise_if_aborted()
        self._connection.request("POST", self._path, body=joined(self._parts), headers=self._headers)
        self._parts = []
        response = self._connection.getresponse()
        if response.status != 200:
            raise failure_of(read_answer(response).message)
        return read_frames(response, max_frame_bytes=MAX_EVENT_BYTES)  # type: ignore[arg-type]

    def _read_out(self) -> None:
        """Takes the stream's end after the last event, so that the engine sees nobody go before it."""
        assert self._frames is not None
        try:
            if self._connection.sock is not None:
                self._connection.sock.settimeout(_END_S)
            for _ in self._frames:
                pass
        except (OSError, HTTPException, InvalidMessageError):
            pass  # the last event is here; nothing else matters

    def _raise_if_aborted(self) -> None:
        if self._is_aborted:
            raise JobCancelled(tr("The job was cancelled."))


def _event_of(frame: Frame) -> JobEvent:
    if frame.message[TYPE_FIELD] == jobs.JobFailed.TYPE:
        raise failure_of(frame.message)
    event = cast(JobEvent, frame.read_as(JobEvent))
    if isinstance(event, jobs.JobCancelled):
        raise JobCancelled(tr("The job was cancelled."))
    if isinstance(event, JobPartial):
        return PartialFeatures(FeatureBatch.from_arrays(frame.arrays))
    return event


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended already
        pass
