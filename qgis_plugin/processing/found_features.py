"""What a job finds, from its events to the sink."""

from __future__ import annotations

from typing import Optional, Union

from qgis.core import QgsFields, QgsProcessingFeedback

from geophrase.protocol.jobs import JobEvent, JobNotice, JobProgress, JobResult, JobStarted

from ..core.engine.job_stream import PartialFeatures
from ..core.segment.job import Sending
from ..core.translation import tr
from ..core.vector.features import features_of
from .feature_spool import FeatureSpool
from .open_sink import OpenSink


class FoundFeatures:
    """Follows a job: tells the user how it goes and keeps its polygons until they are written.

    Args:
        spool: Where they are kept.
        feedback: Where the user looks.

    Attributes:
        started: The job's latest first event; None before it.
    """

    def __init__(self, spool: FeatureSpool, feedback: QgsProcessingFeedback) -> None:
        self._spool = spool
        self._feedback = feedback
        self._stage = ""
        self.started: Optional[JobStarted] = None

    def __len__(self) -> int:
        """How many polygons there are."""
        return len(self._spool)

    def on_event(self, event: Union[JobEvent, Sending]) -> None:
        """Takes the next event."""
        if isinstance(event, JobStarted):
            self.started = event
            self._spool.clear()  # what was told before a restart is told again
            self._tell_stage(tr("Searching"))
        elif isinstance(event, PartialFeatures):
            self._spool.add(event.features)
        elif isinstance(event, JobNotice):
            self._feedback.pushWarning(event.message)
        elif isinstance(event, JobResult):
            self._tell_result(event)
        elif isinstance(event, (JobProgress, Sending)):
            if isinstance(event, Sending):
                self._tell_stage(tr("Sending the layer to the engine"))
            self._feedback.setProgress(100.0 * event.num_done / max(1, event.num_total))

    def write(self, sink: OpenSink, fields: QgsFields) -> None:
        """Writes what was found.

        Raises:
            QgsProcessingException: It can't be written.
        """
        if self.started is not None:
            for batch in self._spool.batches():
                sink.write(features_of(batch, self.started, fields))
            sink.flush()

    def _tell_stage(self, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(stage)

    def _tell_result(self, result: JobResult) -> None:
        assert self.started is not None, "the job ended before it began"
        for query, count in zip(self.started.queries, result.num_polygons):
            self._feedback.pushInfo(tr("Polygons of {query}: {count}").format(query=query, count=count))
        text = tr("{seconds:.1f} s on {device}") if result.device else tr("{seconds:.1f} s")
        self._feedback.pushInfo(text.format(seconds=result.wall_s, device=result.device))
