"""One run of the dock: its task, and the layer that it fills."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import Callable, Optional

from qgis.core import QgsApplication, QgsGeometry, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from geophrase.protocol.jobs import JobResult, JobStarted

from ..engine.service import EngineService
from ..raster.layer_raster import LayerRaster, layer_raster
from ..translation import tr
from .job import OnEvent, SegmentRequest, run_segment_job
from .layer import ResultLayer
from .queries import short_title
from .result_file import ResultError
from .task import JobTask


class Outcome(Enum):
    """How a run ended."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SegmentRun(QObject):
    """Searches a layer and streams what it finds into a new layer of the project. Lives in the main thread.

    Args:
        service: The engine.
        layer: The raster; it may be removed from the project while the run goes on.
        request: What to look for.
        clip_map: Polygons that don't touch this area are left out; None keeps all.
        parent: Qt's; the run deletes itself when it has ended.

    Raises:
        LayerError: The layer can't be read.
    """

    advanced = pyqtSignal(object)
    """JobProgress or Sending."""
    result_made = pyqtSignal(object)
    """The ResultLayer, with the first event of the engine."""
    noticed = pyqtSignal(str)
    """A sentence for the user; the run goes on."""
    ended = pyqtSignal(object, str)
    """An Outcome and a sentence for the user."""

    def __init__(
        self,
        service: EngineService,
        layer: QgsRasterLayer,
        request: SegmentRequest,
        *,
        clip_map: Optional[QgsGeometry] = None,
        parent: QObject,
    ) -> None:
        raster = layer_raster(layer)
        super().__init__(parent)
        self._raster = raster
        self.result: Optional[ResultLayer] = None
        self.request = request
        self._layer = layer
        self._clip_map = clip_map
        self._file_problem = ""
        self._is_unwanted = False
        title = tr("GeoPhrase: {queries}").format(queries=short_title(request.queries))
        self._task: Optional[JobTask] = JobTask(
            title, partial(_work, service, raster, request), clip_map=clip_map
        )
        self._task.began.connect(self._on_began)
        self._task.advanced.connect(self.advanced)
        self._task.found.connect(self._on_found)
        self._task.noticed.connect(self.noticed)
        self._task.succeeded.connect(self._on_succeeded)
        self._task.failed.connect(self._on_failed)
        self._task.was_cancelled.connect(self._on_cancelled)

    def start(self) -> None:
        """Puts the run into QGIS's list of tasks."""
        QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Asks it to stop; `ended` tells when it has."""
        if self._task is not None:
            self._task.cancel()

    def wait(self, timeout_ms: int) -> None:
        """Blocks until it has stopped, for use when QGIS takes the plugin away."""
        if self._task is not None:
            self._task.waitForFinished(timeout_ms)

    def _on_began(self, started: JobStarted) -> None:
        if self._is_unwanted:
            return
        if self.result is not None:  # the engine died and begins again
            self.result.begin_revision(started)
            return
        try:
            self.result = ResultLayer(started, self._layer, clip_map=self._clip_map, parent=self)
        except ResultError as error:
            self._give_up(str(error))
            return
        self.result.begin_revision()
        self.result.gone.connect(self._on_gone)
        self.result.failed.connect(self._give_up)
        self.result_made.emit(self.result)

    def _on_found(self, found: object) -> None:
        if self.result is not None:
            self.result.add(found)  # type: ignore[arg-type]

    def _on_succeeded(self, result: JobResult) -> None:
        if self.result is None or self._file_problem:  # the end overtook the cancellation
            self._on_cancelled()
            return
        self.result.end_revision()
        self._end(Outcome.DONE, _summary(self.result, result))

    def _on_failed(self, _code: str, message: str) -> None:
        self._end(Outcome.FAILED, message)

    def _on_cancelled(self) -> None:
        if self._file_problem:
            self._end(Outcome.FAILED, self._file_problem)
        elif self._is_unwanted:
            self._end(Outcome.CANCELLED, tr("Cancelled: the layer of its polygons was removed."))
        elif self.result is not None and self.result.num_polygons:
            text = tr("Cancelled: the {count} polygons found so far are kept.")
            self._end(Outcome.CANCELLED, text.format(count=self.result.num_polygons))
        else:
            self._end(Outcome.CANCELLED, tr("Cancelled: nothing was found until then."))

    def _on_gone(self) -> None:
        """The user removed the layer; its keeper deletes the result soon."""
        self.result = None
        self._is_unwanted = True
        self.cancel()

    def _give_up(self, problem: str) -> None:
        self._file_problem = problem
        self.cancel()

    def _end(self, outcome: Outcome, message: str) -> None:
        self._task = None
        self._raster.close()
        if outcome is not Outcome.DONE and self.result is not None:
            self.result.stop()
            if not self.result.num_polygons:
                self.result.discard()
                self.result = None
        self.ended.emit(outcome, message)
        self.deleteLater()


def _work(
    service: EngineService,
    raster: LayerRaster,
    request: SegmentRequest,
    on_event: OnEvent,
    is_cancelled: Callable[[], bool],
) -> JobResult:
    return run_segment_job(service, raster, request, on_event=on_event, is_cancelled=is_cancelled)


def _summary(layer: ResultLayer, result: JobResult) -> str:
    if not layer.num_polygons:
        text = tr("Nothing was found for {queries}. Lower the threshold, or use other words.")
        return text.format(queries=short_title(layer.started.queries))
    text = tr("Found {count} polygons for {queries} in {seconds} s.")
    if layer.num_polygons == 1:
        text = tr("Found 1 polygon for {queries} in {seconds} s.")
    return text.format(
        count=layer.num_polygons,
        queries=short_title(layer.started.queries),
        seconds=f"{result.wall_s:.1f}" if result.wall_s < 10 else f"{result.wall_s:.0f}",
    )
