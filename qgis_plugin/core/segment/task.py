"""A job of the engine as a QGIS task: it runs in a worker thread and tells the main one."""

from __future__ import annotations

import traceback
from typing import Callable, List, Optional, Union

from qgis.core import QgsFeature, QgsGeometry, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.jobs import JobEvent, JobNotice, JobProgress, JobResult, JobStarted

from ..engine.errors import EngineFailure, JobCancelled
from ..engine.job_stream import PartialFeatures
from ..log import log_details
from ..raster.errors import LayerError
from ..translation import tr
from ..vector.features import SEGMENT_FIELDS, features_of, keys_of
from .job import OnEvent, Sending
from .layer_writer import Found

Work = Callable[[OnEvent, Callable[[], bool]], JobResult]
"""Runs a job: given where its events go and whether it is cancelled."""


class JobTask(QgsTask):
    """Runs a job in the background; its signals arrive in the main thread, in order.

    After `began` come the polygons; when it comes again, those before are void. It ends in exactly one of
    `succeeded`, `failed` and `was_cancelled`.

    Args:
        title: What QGIS's list of tasks shows.
        work: The job.
        clip_map: Polygons that don't touch this area are left out; None keeps all.
    """

    began = pyqtSignal(object)
    """JobStarted."""
    advanced = pyqtSignal(object)
    """JobProgress or Sending."""
    found = pyqtSignal(object)
    """A list of Found."""
    noticed = pyqtSignal(str)
    """A sentence for the user; the job goes on."""
    succeeded = pyqtSignal(object)
    """JobResult."""
    failed = pyqtSignal(str, str)
    """An error code and a sentence for the user."""
    was_cancelled = pyqtSignal()

    def __init__(self, title: str, work: Work, *, clip_map: Optional[QgsGeometry] = None) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._work = work
        self._clip = None
        if clip_map is not None:
            self._clip_map = clip_map  # the engine refers to it
            self._clip = QgsGeometry.createGeometryEngine(clip_map.constGet())
            self._clip.prepareGeometry()
        self._fields = SEGMENT_FIELDS()
        self._started: Optional[JobStarted] = None
        self._result: Optional[JobResult] = None
        self._failure: Optional[EngineFailure] = None

    def run(self) -> bool:
        """Does the work in a thread of QGIS's pool."""
        try:
            self._result = self._work(self._tell, self.isCanceled)
        except JobCancelled:
            return False
        except EngineFailure as failure:
            self._failure = failure
        except LayerError as error:
            self._failure = EngineFailure(ErrorCode.RASTER_UNREADABLE, str(error))
        except Exception as error:  # the boundary of the thread: QGIS would only print it
            log_details(traceback.format_exc())
            text = tr("The run failed unexpectedly ({error}). The log panel has the details; run it again.")
            self._failure = EngineFailure(ErrorCode.INTERNAL, text.format(error=error))
        return self._failure is None

    def finished(self, is_done: bool) -> None:
        """QGIS calls it in the main thread when `run` has returned."""
        if self._result is not None and is_done:
            self.succeeded.emit(self._result)
        elif self._failure is not None and not self.isCanceled():
            self.failed.emit(self._failure.code.value, str(self._failure))
        else:
            self.was_cancelled.emit()

    def _tell(self, event: Union[JobEvent, Sending]) -> None:
        if isinstance(event, JobStarted):
            self._started = event
            self.began.emit(event)
        elif isinstance(event, (JobProgress, Sending)):
            if event.num_total:
                self.setProgress(100.0 * event.num_done / event.num_total)
            self.advanced.emit(event)
        elif isinstance(event, PartialFeatures):
            found = self._found_in(event.features)
            if found:
                self.found.emit(found)
        elif isinstance(event, JobNotice):
            self.noticed.emit(event.message)

    def _found_in(self, batch: FeatureBatch) -> List[Found]:
        assert self._started is not None, "polygons came before the job began"
        features = features_of(batch, self._started, self._fields)
        return [
            Found(key, feature) for key, feature in zip(keys_of(batch), features) if self._is_wanted(feature)
        ]

    def _is_wanted(self, feature: QgsFeature) -> bool:
        return self._clip is None or bool(self._clip.intersects(feature.geometry().constGet()))
