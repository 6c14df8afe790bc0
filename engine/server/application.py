"""What the HTTP layer serves: the engine itself, or a scripted stand-in that speaks the same protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from geophrase.protocol.jobs import JobEvent, JobRequest
from geophrase.protocol.messages import BeginUpload, DoctorReport, Health, Hello, UploadBegun, UploadWindow
from geophrase.protocol.sessions import OpenSession, Predicted, PredictRequest, SessionOpened
from geophrase.protocol.wire import Arrays


class Application(Protocol):
    """Answers requests; every method may be called by any number of threads at once.

    All raise EngineError, whose code and message the client is given. `hello`, `health`, `cancel_job` and
    `close_session` never wait for the device.
    """

    def hello(self) -> Hello:
        """Versions, device, models and limits."""
        ...

    def health(self) -> Health:
        """How the engine is."""
        ...

    def doctor(self) -> DoctorReport:
        """What is well and what isn't."""
        ...

    def open_session(self, request: OpenSession, arrays: Arrays) -> SessionOpened:
        """Encode an image, or find its encoding."""
        ...

    def close_session(self, session_id: str) -> None:
        """Forget an image; nothing happens if it isn't known."""
        ...

    def predict(self, session_id: str, request: PredictRequest, arrays: Arrays) -> tuple[Predicted, Arrays]:
        """Outline one object."""
        ...

    def begin_upload(self, request: BeginUpload) -> UploadBegun:
        """Make room for a raster that comes window by window."""
        ...

    def put_upload(self, upload_id: str, request: UploadWindow, arrays: Arrays) -> None:
        """Take one window of it."""
        ...

    def close_upload(self, upload_id: str) -> None:
        """Forget it; nothing happens if it isn't known."""
        ...

    def run_job(self, request: JobRequest) -> Iterator[tuple[JobEvent, Arrays]]:
        """Run a job; yield its events, the last one final.

        What is raised before the first event refuses the request; later the job ends in JobFailed. The
        iterator is closed when the client has gone, which cancels the job.
        """
        ...

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; nothing happens if it isn't known."""
        ...
