"""Algorithms whose output is what one job of the engine finds."""

from __future__ import annotations

from typing import Any, Callable, Dict

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingFeedback,
)

from ..core.engine.errors import JobCancelled
from ..core.translation import tr
from ..core.vector.features import SEGMENT_FIELDS
from .algorithm import GeoPhraseAlgorithm
from .failure import failures_told
from .feature_spool import FeatureSpool
from .found_features import FoundFeatures
from .parameters import OUTPUT, Parameters
from .run_record import record_in_file, style_when_loaded


class JobAlgorithm(GeoPhraseAlgorithm):
    """An algorithm that runs a job and has a sink OUTPUT of the output schema."""

    def written(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        *,
        crs: QgsCoordinateReferenceSystem,
        work: Callable[[FoundFeatures], None],
    ) -> Dict[str, Any]:
        """Runs a job and writes what it found into the sink, whether it ended well, failed or was cancelled.

        Args:
            parameters: As QGIS gives them to `processAlgorithm`.
            context: Likewise.
            feedback: Likewise.
            crs: Of the polygons.
            work: Runs the job and passes its events on.

        Returns:
            The results of `processAlgorithm`.

        Raises:
            QgsProcessingException: Why the job failed, or why the output can't be written.
        """
        fields = SEGMENT_FIELDS()
        sink = self.opened_sink(parameters, context, fields=fields, crs=crs)
        with sink, FeatureSpool() as spool:
            found = FoundFeatures(spool, feedback)
            try:
                with failures_told():
                    work(found)
            except JobCancelled:
                text = tr("Cancelled. Polygons found so far, which are kept: {count}.")
                feedback.pushInfo(text.format(count=len(found)))
            finally:
                found.write(sink, fields)
        if found.started is not None:
            record_in_file(sink.destination, found.started.parameters)
        self._destination, self._started = sink.destination, found.started
        return {OUTPUT: sink.destination}

    def postProcessAlgorithm(  # noqa: N802 - QGIS's name
        self, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """Styles the output, if it is loaded; QGIS calls it in the main thread."""
        if self._started is not None:
            style_when_loaded(self._destination, self._started, context)
        return {}
