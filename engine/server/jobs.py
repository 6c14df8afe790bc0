"""The jobs that run, and what each kind of job opens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from geophrase.engine.embedding_cache import EmbeddingCache
from geophrase.engine.errors import EngineError
from geophrase.engine.outline import outlined
from geophrase.engine.pipeline.run_config import SegmentConfig, distinct_queries
from geophrase.engine.pipeline.score_store import ScoreStore
from geophrase.engine.polygonise_raster import opened_probabilities
from geophrase.engine.raster.source import KnownRaster
from geophrase.engine.segment import SegmentJob as RasterSegmentation
from geophrase.engine.server.clicks import NO_CLASSES
from geophrase.engine.server.device_worker import DeviceWorker, shutting_down
from geophrase.engine.server.job_model import JobModel
from geophrase.engine.server.model_host import ModelHost
from geophrase.engine.server.running_job import OpenedRun, RunningJob
from geophrase.engine.server.sessions import CacheFactory
from geophrase.engine.server.uploads import UploadStore
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import JobRequest, OutlineJob, PolygoniseJob, SegmentJob
from geophrase.protocol.messages import MAX_QUERIES, FileSource, TextQuery

MAX_JOBS = 8


@dataclass(frozen=True)
class JobTools:
    """What jobs work with.

    Attributes:
        host: The models.
        worker: The device.
        cache: Makes the cache of encodings.
        scores: Keeps probabilities.
        uploads: Rasters that were sent.
    """

    host: ModelHost
    worker: DeviceWorker
    cache: CacheFactory
    scores: ScoreStore
    uploads: UploadStore


class Jobs:
    """Runs jobs, each in a thread of its own; they take turns at the device."""

    def __init__(self, tools: JobTools) -> None:
        self._tools = tools
        self._lock = threading.Lock()
        self._running: dict[str, RunningJob] = {}
        self._is_stopping = False

    def __len__(self) -> int:
        return len(self._running)

    def start(self, request: JobRequest, *, model: str) -> RunningJob:
        """Begin a job; give the iterator of its events.

        Args:
            request: What to do.
            model: The model that it is to be done with, where it needs one.

        Raises:
            EngineError: BAD_REQUEST for the id of a job that runs, BUSY, SHUTTING_DOWN.
        """
        opener = partial(_opened, request, model, self._tools)
        job = RunningJob(request.job_id, opener, on_end=self._forget)
        with self._lock:
            if self._is_stopping:
                raise shutting_down()
            if request.job_id in self._running:
                raise EngineError(ErrorCode.BAD_REQUEST, f"A job called {request.job_id} is running already.")
            if len(self._running) >= MAX_JOBS:
                raise EngineError(
                    ErrorCode.BUSY, f"The engine is at {MAX_JOBS} jobs already. Wait until one is done."
                )
            self._running[request.job_id] = job
        job.start()
        return job

    def cancel(self, job_id: str) -> None:
        """Cancel a job; nothing happens if it isn't known."""
        with self._lock:
            job = self._running.get(job_id)
        if job is not None:
            job.cancel()

    def stop(self, timeout_s: float) -> None:
        """Cancel all jobs and wait for them, but no longer than this."""
        with self._lock:
            self._is_stopping = True
            jobs = list(self._running.values())
        for job in jobs:
            job.cancel()
        deadline_s = time.monotonic() + timeout_s
        for job in jobs:
            job.join(max(0.0, deadline_s - time.monotonic()))

    def _forget(self, job: RunningJob) -> None:
        with self._lock:
            if self._running.get(job.job_id) is job:
                del self._running[job.job_id]


@contextmanager
def _opened(request: JobRequest, model: str, tools: JobTools, job: RunningJob) -> Iterator[OpenedRun]:
    """What the job does, ready to begin; opened in the job's thread."""
    if isinstance(request, SegmentJob):
        with _opened_segmentation(request, model, tools, job) as opened:
            yield opened
    elif isinstance(request, OutlineJob):
        with _opened_outline(request, tools, job) as opened:
            yield opened
    else:
        with _opened_raster(request, job) as opened:
            yield opened


@contextmanager
def _opened_segmentation(
    request: SegmentJob, model: str, tools: JobTools, job: RunningJob
) -> Iterator[OpenedRun]:
    config = _config_of(request)
    with ExitStack() as stack:
        path, known = _raster_of(request, tools, stack)
        stack.enter_context(tools.host.listening(job.tell))
        cache: EmbeddingCache | None = tools.cache()
        segmentation = RasterSegmentation(
            path,
            config,
            model=JobModel(model, host=tools.host, worker=tools.worker, wait_for=job.wait_for),
            cache=cache,
            store=tools.scores,
            progress=job.report,
            cancel=job.is_cancelled,
            known=known,
        )
        features = stack.enter_context(segmentation.opened())
        device = tools.host.device
        if device.is_fallback:
            job.tell(device.reason)
        scores = features.run.scores
        yield OpenedRun(features, "" if scores is None else scores.key, lambda: tools.host.device.name)


@contextmanager
def _opened_outline(request: OutlineJob, tools: JobTools, job: RunningJob) -> Iterator[OpenedRun]:
    scores = tools.scores.find(request.result_id)
    if scores is None:
        raise EngineError(
            ErrorCode.NOT_FOUND, "The probabilities of this run are no longer kept. Run the query again."
        )
    with scores:
        features = outlined(
            scores,
            request.outline,
            extent_map=request.extent_map,
            progress=job.report,
            cancel=job.is_cancelled,
        )
        yield OpenedRun(features, scores.key)


@contextmanager
def _opened_raster(request: PolygoniseJob, job: RunningJob) -> Iterator[OpenedRun]:
    with opened_probabilities(
        _path_of(request.path),
        request.outline,
        band=request.band,
        query=request.query,
        scale=request.scale,
        extent_map=request.extent_map,
        progress=job.report,
        cancel=job.is_cancelled,
    ) as features:
        yield OpenedRun(features)


def _raster_of(
    request: SegmentJob, tools: JobTools, stack: ExitStack
) -> tuple[str | Path, KnownRaster | None]:
    if isinstance(request.source, FileSource):
        return _path_of(request.source.path), None
    uploaded = stack.enter_context(tools.uploads.reading(request.source.upload_id))
    return uploaded.path, uploaded.known


def _path_of(path: str) -> str:
    if not path or "\0" in path:
        raise EngineError(ErrorCode.BAD_REQUEST, "The raster's path is empty or no path.")
    return path


def _config_of(request: SegmentJob) -> SegmentConfig:
    texts = [query.text for query in request.queries if isinstance(query, TextQuery)]
    if len(texts) < len(request.queries):
        raise NO_CLASSES
    if len(texts) > MAX_QUERIES:
        raise EngineError(
            ErrorCode.BAD_REQUEST, f"At most {MAX_QUERIES} queries go in one run, not {len(texts)}."
        )
    outline = request.outline
    file = request.source if isinstance(request.source, FileSource) else None
    return SegmentConfig(
        queries=distinct_queries(texts),
        extent_map=request.extent_map,
        resolution_m=file.resolution_m if file else None,
        bands=file.bands if file else None,
        tile_px=request.tile_px,
        overlap_px=request.overlap_px,
        one_window=request.is_one_window,
        threshold=outline.threshold,
        min_area_m2=outline.min_area_m2,
        simplify_m=outline.simplify_m,
    )
