"""An Application without a model: deterministic answers, and whatever else its script says."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import Bounds, RasterGrid
from geophrase.protocol.jobs import (
    JobCancelled,
    JobEvent,
    JobNotice,
    JobPartial,
    JobProgress,
    JobRequest,
    JobResult,
    JobStarted,
    OutlineJob,
    PolygoniseJob,
    SegmentJob,
)
from geophrase.protocol.messages import (
    ALTERNATIVE_LOGITS,
    IMAGE,
    LOW_RES_LOGITS,
    VALID,
    BeginUpload,
    BoxQuery,
    ClassesQuery,
    DeviceStatus,
    DoctorReport,
    FileSource,
    Health,
    Hello,
    Limits,
    ModelStatus,
    PixelSource,
    PointsQuery,
    UploadBegun,
    UploadSource,
    UploadWindow,
)
from geophrase.protocol.sessions import OpenSession, Predicted, PredictRequest, SessionOpened
from geophrase.protocol.version import PROTOCOL_VERSION
from geophrase.protocol.wire import Arrays

from .engine_script import EngineScript, Rule, act
from .scripted_shapes import GRID_SIDE, Shape, batch_of, circle_with_holes, rectangle, squares

LOW_RES_SIDE = 256
MODEL, WEIGHTS = "scripted", "5c817ed0"
CLASSES = ("building", "road", "water")
DEVICE = DeviceStatus("CPU", "cpu", "A scripted engine computes nothing.")
MAX_SESSIONS = 8


@dataclass
class _Upload:
    request: BeginUpload
    num_windows: int = 0


@dataclass
class _Streams:
    """The newest request of every stream."""

    newest: dict[str, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def enter(self, stream: str) -> Callable[[], None]:
        """What to call while waiting: it raises once a newer request has entered."""
        number = next(self.numbers)
        self.newest[stream] = number

        def check() -> None:
            if stream and self.newest[stream] != number:
                raise EngineError(ErrorCode.SUPERSEDED, "A newer click took this one's place.")

        return check


class ScriptedApplication:
    """Answers at once and always alike, except where the script says otherwise.

    * predict: a circle around the positive points with holes at the negative ones, larger with a lower
      threshold; a box gives the box, text the middle of the image. Logits are the distance to the outline.
      Of several masks the second reaches half as far from the middle as the first, the third a third, and
      so do their estimates fall: 0.9, 0.8, 0.7.
    * jobs: a grid of rectangles in the extent (scripted_shapes.squares), row by row, without those that score
      below the threshold or are smaller than the least area.
    """

    def __init__(self, script: EngineScript | None = None) -> None:
        self._script = script or EngineScript()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._sessions: dict[str, RasterGrid] = {}
        self._session_ids: dict[str, str] = {}
        self._uploads: dict[str, _Upload] = {}
        self._jobs: dict[str, threading.Event] = {}
        self._results: dict[str, SegmentJob | PolygoniseJob] = {}
        self._streams = _Streams()

    def hello(self) -> Hello:
        self._obey(self._script.record("hello"))
        settings = self._script.settings
        limits = Limits(
            max_body_bytes=settings.get("max_body_bytes", 65 * 2**20),
            max_queries=16,
            max_query_chars=256,
            max_sessions=MAX_SESSIONS,
            max_image_px=4096,
        )
        models = (
            ModelStatus(MODEL, True, True, 1024, 12_000_000, "CC0", "Scripted"),
            ModelStatus("scripted-classes", False, True, 1024, 12_000_000, "CC0", "Scripted, classes only"),
            ModelStatus("scripted-absent", True, False, 1024, 320_000_000, "CC0", "Not downloaded"),
        )
        models += tuple(
            ModelStatus(name, True, True, 1024, 12_000_000, "CC0", "Added")
            for name in settings.get("models", ())
        )
        return Hello(settings.get("protocol", PROTOCOL_VERSION), "0.1.0", DEVICE, models, MODEL, limits)

    def health(self) -> Health:
        self._obey(self._script.record("health"))
        state = "busy" if self._jobs else "idle"
        return Health(state, DEVICE, MODEL, len(self._sessions), len(self._jobs), 0, 0)

    def doctor(self) -> DoctorReport:
        self._obey(self._script.record("doctor"))
        return DoctorReport("Everything is scripted.", {"device": "cpu"})

    def open_session(self, request: OpenSession, arrays: Arrays) -> SessionOpened:
        self._obey(self._script.record("open_session", message=request, arrays=arrays))
        grid = self._session_grid(request, arrays)
        digest = hashlib.sha256(repr(request).encode() + b"".join(a.tobytes() for a in arrays.values()))
        with self._lock:
            known = self._session_ids.get(digest.hexdigest(), "")
            is_cached = known in self._sessions
            session_id = known if is_cached else f"session-{next(self._numbers)}"
            self._session_ids[digest.hexdigest()] = session_id
            self._sessions[session_id] = grid
            while len(self._sessions) > MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        self._script.record("session_opened", item_id=session_id, message=request)
        return SessionOpened(session_id, grid, request.model or MODEL, WEIGHTS, is_cached, 0.0)

    def close_session(self, session_id: str) -> None:
        self._obey(self._script.record("close_session", item_id=session_id))
        self._sessions.pop(session_id, None)

    def predict(self, session_id: str, request: PredictRequest, arrays: Arrays) -> tuple[Predicted, Arrays]:
        rules = self._script.record("predict", item_id=session_id, message=request, arrays=arrays)
        self._obey(rules, self._streams.enter(request.stream))
        grid = self._sessions.get(session_id)
        if grid is None:
            raise EngineError(ErrorCode.NOT_FOUND, "The engine has no such session; open it again.")
        num_masks = self._script.settings.get("num_masks", 1) if request.is_multimask else 1
        masks = [self._outline(grid, request, shrunk=index + 1) for index in range(num_masks)]
        ious = tuple(round(0.9 - 0.1 * index, 1) for index in range(num_masks))
        shapes = [
            Shape([grid.to_map(ring) for ring in rings_pix], index, ious[index])
            for index, (rings_pix, _) in enumerate(masks)
        ]
        answer = dict(batch_of([s for s in shapes if s.area >= (request.min_area_m2 or 0)]).to_arrays())
        if request.has_logits:
            logits_MHW = np.stack([logits_HW for _, logits_HW in masks])
            answer |= (
                {ALTERNATIVE_LOGITS: logits_MHW} if request.is_multimask else {LOW_RES_LOGITS: logits_MHW[0]}
            )
        return Predicted(0.9, 0.95, 0.0, 0.0, 0.0, ious if request.is_multimask else ()), answer

    def begin_upload(self, request: BeginUpload) -> UploadBegun:
        self._obey(self._script.record("begin_upload", message=request))
        upload_id = f"upload-{next(self._numbers)}"
        self._uploads[upload_id] = _Upload(request)
        return UploadBegun(upload_id)

    def put_upload(self, upload_id: str, request: UploadWindow, arrays: Arrays) -> None:
        self._obey(self._script.record("put_upload", item_id=upload_id, message=request, arrays=arrays))
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise EngineError(ErrorCode.NOT_FOUND, "The engine has no such upload; begin it again.")
        _check_pixels(arrays, request.window.shape_yx)
        upload.num_windows += 1

    def close_upload(self, upload_id: str) -> None:
        self._obey(self._script.record("close_upload", item_id=upload_id))
        self._uploads.pop(upload_id, None)

    def cancel_job(self, job_id: str) -> None:
        self._obey(self._script.record("cancel_job", item_id=job_id))
        if job_id in self._jobs:
            self._jobs[job_id].set()

    def run_job(self, request: JobRequest) -> Iterator[tuple[JobEvent, Arrays]]:
        rules = self._script.record("run_job", item_id=request.job_id, message=request)
        with self._lock:
            if request.job_id in self._jobs:
                raise EngineError(ErrorCode.BUSY, "A job of this name is running; wait for its end.")
            self._jobs[request.job_id] = threading.Event()
        try:
            yield from self._events(request, rules)
        except _CancelledError:
            yield JobCancelled(), {}
        finally:
            del self._jobs[request.job_id]

    def _events(self, request: JobRequest, rules: list[Rule]) -> Iterator[tuple[JobEvent, Arrays]]:
        is_cancelled = self._jobs[request.job_id].is_set

        def check() -> None:
            if is_cancelled():
                raise _CancelledError

        num_sent = 0
        for event, arrays in self._planned_events(request):
            for rule in rules:
                if rule.get("after_events", num_sent) == num_sent:
                    if "notice" in rule:
                        yield JobNotice(rule["notice"]), {}
                    act(rule, check)
            check()
            yield event, arrays
            num_sent += 1

    def _planned_events(self, request: JobRequest) -> Iterator[tuple[JobEvent, Arrays]]:
        source, queries, extent_map, crs_wkt = self._resolve(request)
        result_id = hashlib.sha256(repr(source).encode()).hexdigest()[:16]
        self._results[result_id] = source
        parameters = {"queries": list(queries), "threshold": request.outline.threshold}
        yield (
            JobStarted(
                result_id, queries, crs_wkt, MODEL, WEIGHTS, "scripted", "2026-01-01T00:00:00Z", parameters
            ),
            {},
        )
        counts = [0] * len(queries)
        for row in range(GRID_SIDE):
            shapes = [
                shape
                for index in range(len(queries))
                for shape in squares(extent_map, index, row=row)
                if _is_kept(shape, request)
            ]
            for shape in shapes:
                counts[shape.query_index] += 1
            yield JobProgress(row + 1, GRID_SIDE, row + 1, 0, sum(counts), float(GRID_SIDE - row - 1)), {}
            if shapes:
                yield JobPartial(), batch_of(shapes).to_arrays()
        yield JobResult(tuple(counts), {"encode": 0.0}, 0.0, DEVICE.name), {}

    def _resolve(
        self, request: JobRequest
    ) -> tuple[SegmentJob | PolygoniseJob, tuple[str, ...], Bounds, str]:
        """The job whose probabilities are outlined, what it asks for, where, and in which CRS."""
        source = request
        if isinstance(request, OutlineJob):
            if request.result_id not in self._results:
                raise EngineError(ErrorCode.NOT_FOUND, "The engine has no such result; run the job again.")
            source = self._results[request.result_id]
        assert not isinstance(source, OutlineJob)
        if isinstance(source, PolygoniseJob):
            queries, (bounds_map, crs_wkt) = (source.query,), self._footprint(FileSource(source.path))
        else:
            queries, (bounds_map, crs_wkt) = _queries(source), self._footprint(source.source)
        return source, queries, source.extent_map or bounds_map, crs_wkt

    def _footprint(self, source: FileSource | UploadSource) -> tuple[Bounds, str]:
        if isinstance(source, UploadSource):
            upload = self._uploads.get(source.upload_id)
            if upload is None:
                raise EngineError(ErrorCode.NOT_FOUND, "The engine has no such upload; begin it again.")
            return upload.request.grid.bounds_map, upload.request.grid.crs_wkt
        grid = self._file_grid(source.path)
        return grid.bounds_map, grid.crs_wkt

    def _file_grid(self, path: str) -> RasterGrid:
        """Of the file where this Python can open it, else what the script says."""
        settings = self._script.settings
        grid = None if "extent_map" in settings else _gdal_grid(path)
        if grid is not None:
            return grid
        xmin, ymin, xmax, ymax = settings.get("extent_map", (0.0, 0.0, 100.0, 100.0))
        side = 100
        transform = ((xmax - xmin) / side, 0.0, xmin, 0.0, (ymin - ymax) / side, ymax)
        return RasterGrid(side, side, transform, settings.get("crs_wkt", ""))

    def _session_grid(self, request: OpenSession, arrays: Arrays) -> RasterGrid:
        if isinstance(request.source, PixelSource):
            grid = request.source.grid
            _check_pixels(arrays, grid.window.shape_yx)
        else:
            grid = self._file_grid(request.source.path)
            grid = grid if request.window is None else grid.subgrid(request.window)
        if request.shape_yx is not None:
            grid = grid.resized(request.shape_yx[1], request.shape_yx[0])
        return grid

    def _outline(
        self, grid: RasterGrid, request: PredictRequest, *, shrunk: int = 1
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Rings in pixels, and logits that are the distance to the outer one; shrunk by a factor."""
        prompts = {type(prompt): prompt for prompt in request.prompts}
        width, height = grid.width_px, grid.height_px
        step_x, step_y = width / LOW_RES_SIDE, height / LOW_RES_SIDE
        x_W = (np.arange(LOW_RES_SIDE) + 0.5) * step_x
        y_H1 = (np.arange(LOW_RES_SIDE)[:, None] + 0.5) * step_y
        points = prompts.get(PointsQuery)
        if points is not None and 1 in points.labels and BoxQuery not in prompts:
            xy, labels = np.array(points.points_pix), np.array(points.labels)
            radius = self._script.settings.get("radius_px", 24) * (1.5 - request.threshold) / shrunk
            outer_radius, rings = circle_with_holes(xy[labels == 1], xy[labels == 0], radius)
            centre_x, centre_y = xy[labels == 1].mean(axis=0)
            logits_HW = outer_radius - np.hypot(x_W - centre_x, y_H1 - centre_y)
        else:
            middle = (width / 4, height / 4, width * 3 / 4, height * 3 / 4)
            box = prompts[BoxQuery].box_pix if BoxQuery in prompts else middle
            box = _shrunk(box, shrunk)
            rings = [rectangle(*box)]
            inside_x_W = np.minimum(x_W - box[0], box[2] - x_W)
            logits_HW = np.minimum(inside_x_W, np.minimum(y_H1 - box[1], box[3] - y_H1))
        return rings, logits_HW.astype(np.float32)

    @staticmethod
    def _obey(rules: list[Rule], check: Callable[[], None] = lambda: None) -> None:
        for rule in rules:
            act(rule, check)


def _shrunk(box: Bounds, factor: int) -> Bounds:
    middle, half = np.add(box[:2], box[2:]) / 2, np.subtract(box[2:], box[:2]) / 2 / factor
    xmin, ymin, xmax, ymax = (float(value) for value in (*(middle - half), *(middle + half)))
    return xmin, ymin, xmax, ymax


class _CancelledError(Exception):
    pass


def _queries(job: SegmentJob) -> tuple[str, ...]:
    names: list[str] = []
    for query in job.queries:
        names += (query.names or CLASSES) if isinstance(query, ClassesQuery) else (query.text,)
    return tuple(names)


def _is_kept(shape: Shape, request: JobRequest) -> bool:
    outline = request.outline
    is_kept = shape.score >= outline.threshold and shape.area >= (outline.min_area_m2 or 0)
    if request.extent_map is None:
        return is_kept
    xmin, ymin, xmax, ymax = request.extent_map
    (left, bottom), (right, top) = shape.rings_map[0].min(axis=0), shape.rings_map[0].max(axis=0)
    return bool(is_kept and left < xmax and right > xmin and bottom < ymax and top > ymin)


def _check_pixels(arrays: Arrays, shape_yx: tuple[int, int]) -> None:
    image, valid = arrays.get(IMAGE), arrays.get(VALID)
    is_right = image is not None and image.dtype == np.uint8 and image.shape == (*shape_yx, 3)
    is_right = is_right and (valid is None or (valid.dtype == bool and valid.shape == shape_yx))
    if not is_right:
        raise EngineError(ErrorCode.BAD_REQUEST, "The pixels don't have the shape of their window.")


def _gdal_grid(path: str) -> RasterGrid | None:
    try:
        from osgeo import gdal
    except ImportError:
        return None
    gdal.UseExceptions()
    try:
        dataset = gdal.Open(path)
    except RuntimeError:
        return None
    c, a, b, f, d, e = dataset.GetGeoTransform()
    return RasterGrid(dataset.RasterXSize, dataset.RasterYSize, (a, b, c, d, e, f), dataset.GetProjection())
