"""Asking a running engine: one blocking method for every request, for worker threads."""

from __future__ import annotations

import socket
import threading
import weakref
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from typing import Any, Dict, List, Optional, Tuple, Union, cast
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from geophrase.protocol.codec import InvalidMessageError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.jobs import JobRequest
from geophrase.protocol.messages import (
    ALTERNATIVE_LOGITS,
    IMAGE,
    LOW_RES_LOGITS,
    VALID,
    BeginUpload,
    DoctorReport,
    Done,
    Health,
    Hello,
    UploadBegun,
    UploadWindow,
)
from geophrase.protocol.sessions import OpenSession, Predicted, PredictRequest, SessionOpened
from geophrase.protocol.version import PATH_PREFIX, is_compatible
from geophrase.protocol.wire import CONTENT_TYPE, Frame, joined, pack, packed_bytes

from ..translation import tr
from .answer import address_of, failure_of, open_connection, read_answer
from .errors import EngineFailure, gone, mismatch
from .job_stream import JobStream

QUICK_TIMEOUT_S = 10.0
"""Of what the engine answers whatever the device is doing."""
WORK_TIMEOUT_S = 900.0
"""Of what waits for the device, which may have to load a model first."""
UPLOAD_TIMEOUT_S = 120.0

Parts = List[Union[bytes, memoryview]]


@dataclass(frozen=True)
class PredictAnswer:
    """One object's outline.

    Attributes:
        reply: What the model said.
        features: Its polygons.
        low_res_logits_HW: The mask prompt for the next click; None if it wasn't asked for.
        others: The other masks that the prompts may mean, the better ones first, where they were asked for.
    """

    reply: Predicted
    features: FeatureBatch
    low_res_logits_HW: Optional[npt.NDArray[np.float32]]
    others: Tuple[PredictAnswer, ...] = ()


class EngineClient:
    """Speaks with one engine; any number of threads may use it at once, each has a connection of its own.

    Every method raises EngineFailure when the engine refuses or fails, and EngineGone when it is no longer
    there or the connection broke.

    Args:
        url: Where the engine answers.
        token: What it was started with.

    Raises:
        ValueError: The URL is not of this machine.
    """

    def __init__(self, url: str, token: str) -> None:
        self._address = address_of(url)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": CONTENT_TYPE}
        self._max_body_bytes: Optional[int] = None
        self._own = threading.local()
        self._connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._lock = threading.Lock()

    def hello(self) -> Hello:
        """The engine's versions, device, models and limits.

        Raises:
            EngineFailure: VERSION_MISMATCH, saying which side to update.
        """
        frame = self._exchange("GET", "/hello", [], QUICK_TIMEOUT_S)
        theirs = frame.message.get("protocol")
        if not (isinstance(theirs, str) and is_compatible(theirs)):
            raise mismatch(str(theirs))
        hello = cast(Hello, _read(frame, Hello))
        self._max_body_bytes = hello.limits.max_body_bytes
        return hello

    def health(self) -> Health:
        """How the engine is, at once."""
        return cast(Health, self._ask("GET", "/health", Health, QUICK_TIMEOUT_S))

    def doctor(self) -> DoctorReport:
        """What is well with the engine and what isn't."""
        return cast(DoctorReport, self._ask("GET", "/doctor", DoctorReport, WORK_TIMEOUT_S))

    def open_session(
        self,
        request: OpenSession,
        image_HWC: Optional[npt.NDArray[np.uint8]] = None,
        valid_HW: Optional[npt.NDArray[np.bool_]] = None,
    ) -> SessionOpened:
        """Encodes an image, or finds its encoding; the pixels belong to a PixelSource."""
        frame = Frame.of(request, _pixels(image_HWC, valid_HW))
        return cast(SessionOpened, self._send("/sessions", frame, SessionOpened, WORK_TIMEOUT_S))

    def close_session(self, session_id: str) -> None:
        """Lets the engine forget an image."""
        self._ask("DELETE", f"/sessions/{quote(session_id, safe='')}", Done, QUICK_TIMEOUT_S)

    def predict(
        self,
        session_id: str,
        request: PredictRequest,
        mask_logits_HW: Optional[npt.NDArray[np.float32]] = None,
    ) -> PredictAnswer:
        """Outlines one object; the logits belong to a MaskQuery.

        Raises:
            EngineFailure: SUPERSEDED when a newer request of the same stream came first, NOT_FOUND when the
                session has to be opened again.
        """
        arrays = {} if mask_logits_HW is None else {LOW_RES_LOGITS: mask_logits_HW}
        frame = self._post(
            f"/sessions/{quote(session_id, safe='')}/predict", Frame.of(request, arrays), WORK_TIMEOUT_S
        )
        try:
            return _predict_answer(frame)
        except InvalidMessageError as error:
            raise _not_understood(error) from error

    def begin_upload(self, grid: RasterGrid, *, name: str = "", content_key: str = "") -> str:
        """Announces a raster that is sent window by window; returns the upload's id."""
        frame = Frame.of(BeginUpload(grid, name, content_key))
        return cast(UploadBegun, self._send("/uploads", frame, UploadBegun, UPLOAD_TIMEOUT_S)).upload_id

    def put_upload(
        self,
        upload_id: str,
        window: WindowPx,
        image_HWC: npt.NDArray[np.uint8],
        valid_HW: npt.NDArray[np.bool_],
    ) -> None:
        """Sends one window's pixels."""
        frame = Frame.of(UploadWindow(window), _pixels(image_HWC, valid_HW))
        self._send(f"/uploads/{quote(upload_id, safe='')}/windows", frame, Done, UPLOAD_TIMEOUT_S)

    def close_upload(self, upload_id: str) -> None:
        """Lets the engine forget an uploaded raster."""
        self._ask("DELETE", f"/uploads/{quote(upload_id, safe='')}", Done, QUICK_TIMEOUT_S)

    def run_job(self, request: JobRequest) -> JobStream:
        """The job's events, on a connection of their own; the job is sent with the first `next`."""
        parts = self._packed(Frame.of(request))
        headers = {**self._headers, "Content-Length": str(packed_bytes(parts))}
        return JobStream(self._address, path=f"{PATH_PREFIX}/jobs", headers=headers, parts=parts)

    def cancel_job(self, job_id: str) -> None:
        """Asks a job to stop, which it does after the batch that it is in; its stream says when."""
        self._ask("POST", f"/jobs/{quote(job_id, safe='')}/cancel", Done, QUICK_TIMEOUT_S)

    def close(self) -> None:
        """Ends all connections but those of jobs, also under threads that wait for an answer."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:  # it has ended already
                    pass
        own: Optional[HTTPConnection] = getattr(self._own, "connection", None)
        if own is not None:
            own.close()  # those of other threads are closed by them

    def _ask(self, method: str, path: str, kind: Any, timeout_s: float) -> Any:
        return _read(self._exchange(method, path, [], timeout_s), kind)

    def _send(self, path: str, frame: Frame, kind: Any, timeout_s: float) -> Any:
        return _read(self._post(path, frame, timeout_s), kind)

    def _post(self, path: str, frame: Frame, timeout_s: float) -> Frame:
        return self._exchange("POST", path, self._packed(frame), timeout_s)

    def _packed(self, frame: Frame) -> Parts:
        """The body, once both sides know that they understand each other and that it isn't too large."""
        if self._max_body_bytes is None:
            self.hello()
        assert self._max_body_bytes is not None
        parts = pack(frame)
        num_bytes = packed_bytes(parts)
        if num_bytes > self._max_body_bytes:
            text = tr("This would send {size} MiB to the engine, which takes {limit}. Choose a smaller area.")
            size, limit = num_bytes / 2**20, self._max_body_bytes / 2**20
            raise EngineFailure(ErrorCode.TOO_LARGE, text.format(size=f"{size:.0f}", limit=f"{limit:.0f}"))
        return parts

    def _exchange(self, method: str, path: str, parts: Parts, timeout_s: float) -> Frame:
        """One request and its answer; sent once more if the connection had been closed while it was idle."""
        connection = self._connection()
        is_reused = connection.sock is not None
        try:
            return self._exchange_on(connection, method, path, parts=parts, timeout_s=timeout_s)
        except socket.timeout as error:  # noqa: UP041 - in Python 3.9 it is no TimeoutError
            connection.close()
            text = tr(
                "The engine did not answer within {seconds} s. Wait for what it does to end, or restart it."
            )
            raise EngineFailure(ErrorCode.BUSY, text.format(seconds=f"{timeout_s:.0f}")) from error
        except InvalidMessageError as error:
            connection.close()
            raise _not_understood(error) from error
        except (OSError, HTTPException) as error:
            connection.close()
            if not is_reused:
                raise gone() from error
        return self._exchange(method, path, parts, timeout_s)

    def _exchange_on(
        self, connection: HTTPConnection, method: str, path: str, *, parts: Parts, timeout_s: float
    ) -> Frame:
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(timeout_s)
        headers: Dict[str, str] = {**self._headers, "Content-Length": str(packed_bytes(parts))}
        try:
            connection.request(method, PATH_PREFIX + path, body=joined(parts), headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent: the answer may be here already
        response = connection.getresponse()
        frame = read_answer(response)
        if response.status != 200:
            raise failure_of(frame.message)
        return frame

    def _connection(self) -> HTTPConnection:
        connection: Optional[HTTPConnection] = getattr(self._own, "connection", None)
        if connection is None:
            connection = open_connection(self._address)
            self._own.connection = connection
            self._own.closing = _Closing(connection)
            with self._lock:
                self._connections.add(connection)
        return connection


class _Closing:
    """Closes a connection with the thread whose own it is, or with the client; threads of Qt, too."""

    def __init__(self, connection: HTTPConnection) -> None:
        weakref.finalize(self, connection.close)


def _pixels(
    image_HWC: Optional[npt.NDArray[np.uint8]], valid_HW: Optional[npt.NDArray[np.bool_]]
) -> Dict[str, npt.NDArray[Any]]:
    named = {IMAGE: image_HWC, VALID: valid_HW}
    return {name: array for name, array in named.items() if array is not None}


def _predict_answer(frame: Frame) -> PredictAnswer:
    """The answer in a frame; the polygons of several masks are told apart by their `query_index`."""
    reply = cast(Predicted, frame.read_as(Predicted))
    features = FeatureBatch.from_arrays(frame.arrays)
    if not reply.alternatives:
        return PredictAnswer(reply, features, frame.arrays.get(LOW_RES_LOGITS))
    logits_MHW = frame.arrays.get(ALTERNATIVE_LOGITS, [None] * len(reply.alternatives))
    if len(logits_MHW) != len(reply.alternatives):
        raise InvalidMessageError("the masks and their estimates don't fit together")
    best, *others = (
        PredictAnswer(
            replace(reply, iou_pred=iou_pred),
            features.select(np.flatnonzero(features.query_index == index).tolist()),
            logits_MHW[index],
        )
        for index, iou_pred in enumerate(reply.alternatives)
    )
    return replace(best, others=tuple(others))


def _read(frame: Frame, kind: Any) -> Any:
    try:
        return frame.read_as(kind)
    except InvalidMessageError as error:
        raise _not_understood(error) from error


def _not_understood(error: Exception) -> EngineFailure:
    text = tr("The engine's answer was not understood ({reason}). Restart the engine, or reinstall it.")
    return EngineFailure(ErrorCode.INTERNAL, text.format(reason=error))
