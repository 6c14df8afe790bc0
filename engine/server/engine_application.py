"""The engine behind the wire: models, sessions, jobs and uploads joined into what the server serves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from scipy.special import expit

from geophrase.engine.device import DeviceChoice
from geophrase.engine.doctor import collect_checks, render_json, render_text
from geophrase.engine.embedding_cache import EmbeddingCache
from geophrase.engine.errors import EngineError
from geophrase.engine.model.weights.hashing import short_hash
from geophrase.engine.pipeline.run_config import refuse_bad_polygon_options
from geophrase.engine.pipeline.score_store import ScoreStore
from geophrase.engine.predictions import Prediction
from geophrase.engine.server.clicks import outlines_of, prompts_of
from geophrase.engine.server.crops import MAX_IMAGE_PX, CropReader
from geophrase.engine.server.device_worker import DeviceCall, DeviceWorker, Priority
from geophrase.engine.server.folders import ServerFolders
from geophrase.engine.server.guard import MAX_BODY_BYTES
from geophrase.engine.server.jobs import Jobs, JobTools
from geophrase.engine.server.model_host import ModelFacts, ModelHost, ModelLoader
from geophrase.engine.server.model_list import ModelList, file_state
from geophrase.engine.server.running_job import RunningJob
from geophrase.engine.server.sessions import EncodingArrays, Session, SessionStore
from geophrase.engine.server.uploads import UploadStore
from geophrase.engine.software_version import software_version
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import JobEvent, JobRequest, SegmentJob
from geophrase.protocol.messages import (
    ALTERNATIVE_LOGITS,
    LOW_RES_LOGITS,
    MAX_QUERIES,
    MAX_QUERY_CHARS,
    BeginUpload,
    DoctorReport,
    Health,
    Hello,
    Limits,
    UploadBegun,
    UploadWindow,
)
from geophrase.protocol.sessions import OpenSession, Predicted, PredictRequest, SessionOpened
from geophrase.protocol.version import PROTOCOL_VERSION
from geophrase.protocol.wire import Arrays

DEFAULT_MEMORY_BYTES = 512 * 2**20
"""Encodings of some hundred crops of a small model, or of 30 of a large one."""

_MAX_SESSIONS = 256
_WARM_UP_TEXT = "building"


@dataclass(frozen=True)
class EngineConfig:
    """How an engine is set up.

    Attributes:
        model: What requests mean that name no model.
        folders: Where things are kept.
        memory_bytes: The most that encodings in memory take.
        keep_alive_s: Without a request for so long the models leave memory; None to keep them.
    """

    model: str
    folders: ServerFolders
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    keep_alive_s: float | None = None


class EngineApplication:
    """An Application (application.py) with real models; `close` ends it.

    Args:
        config: How it is set up.
        load: Loads a model on a device.
        choice: The device.

    Raises:
        EngineError: The model is unknown, or its file is missing or wrong.
    """

    def __init__(self, config: EngineConfig, load: ModelLoader, choice: DeviceChoice) -> None:
        self._config = config
        self._models = ModelList(config.model)
        self._host = ModelHost(load, choice, file_state=file_state)
        self._worker = DeviceWorker(idle_s=config.keep_alive_s, on_idle=self._unload)
        self._crops = CropReader()
        self._sessions = SessionStore(
            memory_bytes=config.memory_bytes, max_sessions=_MAX_SESSIONS, cache=self._embedding_cache
        )
        self._uploads = UploadStore(config.folders.uploads)
        self._jobs = Jobs(
            JobTools(
                host=self._host,
                worker=self._worker,
                cache=self._embedding_cache,
                scores=ScoreStore(config.folders.scores),
                uploads=self._uploads,
            )
        )
        self._warm_models: set[str] = set()
        self._process = psutil.Process()

    def close(self, timeout_s: float) -> bool:
        """Cancel the jobs, fail what waits and tidy up.

        Returns:
            Whether all threads have ended in time; none keeps the process alive.
        """
        self._jobs.stop(timeout_s / 2)
        has_ended = self._worker.stop(timeout_s / 2)
        self._crops.close()
        self._uploads.close_all()
        self._config.folders.clean_up()
        return has_ended and not len(self._jobs)

    def hello(self) -> Hello:
        """Versions, device, models and limits."""
        return Hello(
            protocol=PROTOCOL_VERSION,
            engine=software_version(),
            device=self._host.device,
            models=self._models.statuses(),
            default_model=self._models.default,
            limits=Limits(
                max_body_bytes=MAX_BODY_BYTES,
                max_queries=MAX_QUERIES,
                max_query_chars=MAX_QUERY_CHARS,
                max_sessions=_MAX_SESSIONS,
                max_image_px=MAX_IMAGE_PX,
            ),
        )

    def health(self) -> Health:
        """How the engine is."""
        state = "busy" if self._worker.is_busy else "idle"
        return Health(
            state="loading" if self._host.is_loading else state,
            device=self._host.device,
            model=self._host.loaded_name,
            num_sessions=len(self._sessions),
            num_jobs=len(self._jobs),
            num_queued=self._worker.num_queued,
            memory_bytes=self._process.memory_info().rss,
        )

    def doctor(self) -> DoctorReport:
        """What is well and what isn't."""
        checks = collect_checks()
        return DoctorReport(text=render_text(checks), report=json.loads(render_json(checks)))

    def open_session(self, request: OpenSession, arrays: Arrays) -> SessionOpened:
        """Encode an image, or find its encoding."""
        key = self._models.key_of(request.model)
        crop = self._crops.locate(request, arrays)
        priority = Priority.BACKGROUND if request.is_background else Priority.CLICK
        model = self._facts(key, priority)
        session = self._sessions.reopened(crop, model)
        if session is not None:
            self._warm_up(session)
            return _opened(session)
        pixels = crop.read()
        if not pixels.valid_HW.any():
            raise EngineError(ErrorCode.NO_DATA, "The raster has no data here. Move the map to where it has.")
        call = self._worker.submit(lambda: self._encoded(key, pixels.image_HWC), priority=priority)
        encoding, model = call.result()
        session = self._sessions.add(crop, model, valid_HW=pixels.valid_HW, encoding=encoding)
        self._warm_up(session)
        return _opened(session, call)

    def close_session(self, session_id: str) -> None:
        """Forget an image; nothing happens if it isn't known."""
        self._sessions.close(session_id)

    def predict(self, session_id: str, request: PredictRequest, arrays: Arrays) -> tuple[Predicted, Arrays]:
        """Outline one object."""
        session, encoding = self._sessions.find(session_id)
        refuse_bad_polygon_options(request.threshold, request.min_area_m2, request.simplify_m)
        prompts = prompts_of(request, arrays, session)
        call = self._worker.submit(
            lambda: self._predicted(session, encoding, prompts, is_multimask=request.is_multimask),
            priority=Priority.CLICK,
            stream=request.stream,
        )
        masks = call.result()
        features, polygonise_s = outlines_of(masks, session, request)
        ious = tuple(float(np.nan_to_num(mask.iou)) for mask in masks)
        answer = Predicted(
            iou_pred=ious[0],
            objectness=float(np.nan_to_num(expit(masks[0].objectness))),
            wait_s=call.wait_s,
            model_s=call.run_s,
            polygonise_s=polygonise_s,
            alternatives=ious if request.is_multimask else (),
        )
        return answer, {**features.to_arrays(), **_logits_of(masks, request)}

    def begin_upload(self, request: BeginUpload) -> UploadBegun:
        """Make room for a raster that comes window by window."""
        return UploadBegun(self._uploads.begin(request))

    def put_upload(self, upload_id: str, request: UploadWindow, arrays: Arrays) -> None:
        """Take one window of it."""
        self._uploads.put(upload_id, request, arrays)

    def close_upload(self, upload_id: str) -> None:
        """Forget it; nothing happens if it isn't known."""
        self._uploads.close(upload_id)

    def run_job(self, request: JobRequest) -> Iterator[tuple[JobEvent, Arrays]]:
        """Run a job; yield its events, the last one final."""
        model = self._models.key_of(request.model if isinstance(request, SegmentJob) else None)
        job: RunningJob = self._jobs.start(request, model=model)
        return job

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; nothing happens if it isn't known."""
        self._jobs.cancel(job_id)

    def _embedding_cache(self) -> EmbeddingCache | None:
        folder = self._config.folders.encodings
        return None if folder is None else EmbeddingCache(folder)

    def _facts(self, key: str, priority: Priority) -> ModelFacts:
        """What is known of a model, which is loaded for this if it never was as its file is now."""
        facts = None if self._host.is_replaced(key) else self._host.facts(key)
        if facts is None:
            self._worker.submit(lambda: self._host.get(key), priority=priority).result()
            facts = self._host.facts(key)
        assert facts is not None, "a model that was got has facts"
        return facts

    def _encoded(self, key: str, image_HWC: np.ndarray) -> tuple[Any, ModelFacts]:
        """An encoding, and what made it: another identity than expected where memory ran out."""
        encoding = self._host.get(key).encode_batch(image_HWC[None])[0]
        facts = self._host.facts(key)
        assert facts is not None, "a model that was got has facts"
        return encoding, facts

    def _unload(self) -> None:
        self._warm_models.clear()
        self._host.unload()

    def _warm_up(self, session: Session) -> None:
        """Have a model's first answer made before anybody waits for it: it takes several times as long."""
        model = session.model
        if model.weights_sha256 in self._warm_models:
            return
        self._warm_models.add(model.weights_sha256)
        prompts: dict[str, Any] = {"points_xy": np.zeros((1, 2), np.float32), "point_labels": np.ones(1)}
        if model.has_text:
            prompts["text"] = _WARM_UP_TEXT
        self._worker.submit(
            lambda: self._predicted(*self._sessions.find(session.session_id), prompts),
            priority=Priority.BACKGROUND,
        )

    def _predicted(
        self,
        session: Session,
        encoding: EncodingArrays,
        prompts: dict[str, Any],
        *,
        is_multimask: bool = False,
    ) -> list[Prediction]:
        model = self._host.get(session.model.key, weights_sha256=session.model.weights_sha256)
        embedding = model.embedding_from_arrays(encoding)
        if is_multimask:
            return model.predict_masks(embedding, **prompts)
        return [model.predict(embedding, **prompts)]


def _logits_of(masks: Sequence[Prediction], request: PredictRequest) -> Arrays:
    """What goes back with the next click on the mask."""
    if not request.has_logits:
        return {}
    logits_MHW = np.stack([np.asarray(mask.low_res_logits_HW, np.float32) for mask in masks])
    return {ALTERNATIVE_LOGITS: logits_MHW} if request.is_multimask else {LOW_RES_LOGITS: logits_MHW[0]}


def _opened(session: Session, call: DeviceCall[Any] | None = None) -> SessionOpened:
    return SessionOpened(
        session_id=session.session_id,
        grid=session.grid,
        model=session.model.name,
        weights=short_hash(session.model.weights_sha256),
        is_cached=call is None,
        encode_s=0.0 if call is None else call.run_s,
    )
