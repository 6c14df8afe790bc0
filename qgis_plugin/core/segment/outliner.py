"""Threshold and minimum area, applied to a result that is there already."""

from __future__ import annotations

from functools import partial
from typing import Callable, Optional

from qgis.core import QgsApplication, QgsRectangle
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import JobResult, Outline

from ..engine.service import EngineService
from ..translation import tr
from .job import OnEvent, run_outline_job
from .layer import ResultLayer
from .task import JobTask

DEBOUNCE_MS = 120
"""A slider that is dragged asks at most this often."""
LARGE_RESULT = 3000
"""From so many polygons on, those in view come first."""


class Outliner(QObject):
    """Asks the engine to outline a result's probabilities anew whenever the sliders move; the newest wins.

    Args:
        service: The engine.
        result: The layer that is revised.
        visible_extent: What the map shows, in the layer's CRS; None when it isn't known.
        parent: Qt's.
    """

    finished = pyqtSignal()
    """The layer shows what the sliders say."""
    failed = pyqtSignal(str)
    """A sentence for the user."""

    def __init__(
        self,
        service: EngineService,
        result: ResultLayer,
        visible_extent: Callable[[], Optional[QgsRectangle]],
        *,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._service = service
        self._result = result
        self._visible_extent = visible_extent
        self._wanted: Optional[Outline] = None
        self._outline = Outline()
        self._task: Optional[JobTask] = None
        self._within: Optional[QgsRectangle] = None
        self._has_begun = False
        result.failed.connect(self._on_file_failed)
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.setInterval(DEBOUNCE_MS)
        self._debounce.timeout.connect(self._start)

    @property
    def is_busy(self) -> bool:
        """Whether something is asked or about to be."""
        return self._task is not None or self._debounce.isActive()

    def request(self, outline: Outline) -> None:
        """Shows this outline soon; what was asked before and isn't there yet is given up.

        Nothing happens where the result has no probabilities, as objects made by clicks alone.
        """
        if not self._result.started.result_id:
            return
        self._wanted = outline
        if not self._debounce.isActive():
            self._debounce.start()

    def stop(self) -> None:
        """Gives up what is asked."""
        self._wanted = None
        self._debounce.stop()
        if self._task is not None:
            self._task.cancel()

    def wait(self, timeout_ms: int) -> None:
        """Blocks until what is asked has ended, for use when QGIS takes the plugin away."""
        if self._task is not None:
            self._task.waitForFinished(timeout_ms)

    def _start(self) -> None:
        if self._wanted is None or self._result.layer is None:
            return
        if self._task is not None:
            self._task.cancel()  # its end starts the next
            return
        self._within = None
        if self._result.num_polygons >= LARGE_RESULT:
            self._within = self._visible_extent()
        self._run(self._wanted)

    def _run(self, outline: Outline) -> None:
        self._wanted = None
        self._outline = outline
        self._has_begun = True
        task = JobTask(
            tr("GeoPhrase: new outlines"),
            partial(self._work, outline, self._within),
            clip_map=self._result.clip_map,
        )
        task.began.connect(self._on_began)
        task.found.connect(self._on_found)
        task.succeeded.connect(self._on_succeeded)
        task.failed.connect(self._on_failed)
        task.was_cancelled.connect(self._on_ended)
        self._task = task
        QgsApplication.taskManager().addTask(task)

    def _work(
        self,
        outline: Outline,
        within: Optional[QgsRectangle],
        on_event: OnEvent,
        is_cancelled: Callable[[], bool],
    ) -> JobResult:
        extent_map = None
        if within is not None:
            extent_map = within.xMinimum(), within.yMinimum(), within.xMaximum(), within.yMaximum()
        return run_outline_job(
            self._service,
            self._result.started,
            outline,
            extent_map=extent_map,
            on_event=on_event,
            is_cancelled=is_cancelled,
        )

    def _on_began(self, _started: object) -> None:
        self._result.begin_revision(within=self._within)

    def _on_found(self, found: object) -> None:
        self._result.add(found)  # type: ignore[arg-type]

    def _on_succeeded(self, _result: object) -> None:
        self._result.end_revision()
        self._task = None
        if self._wanted is not None:
            self._start()
        elif self._within is not None:
            self._within = None
            self._run(self._outline)
        else:
            self._result.set_outline(self._outline)
            self.finished.emit()

    def _on_failed(self, code: str, message: str) -> None:
        self._task = None
        if code == ErrorCode.NOT_FOUND.value:
            message = tr(
                "The engine no longer has this result. Run the query again to use the sliders on it."
            )
        self.failed.emit(message)

    def _on_file_failed(self, message: str) -> None:
        """Of the run that made the result, it is the run that tells."""
        if self._has_begun:
            self.stop()
            self.failed.emit(message)

    def _on_ended(self) -> None:
        self._task = None
        if self._wanted is not None:
            self._start()
