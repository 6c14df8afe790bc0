"""The parameters of a run, kept with its output so that it can be repeated from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProviderRegistry,
    QgsVectorLayer,
)
from qgis.PyQt import sip

from geophrase.protocol.jobs import JobStarted

from ..core.segment.layer import RUN_PROPERTY
from ..core.segment.queries import short_title
from ..core.segment.result_file import store_run
from ..core.segment.result_style import style_by_query
from .parameters import output_title


def record_in_file(destination: str, run: Mapping[str, Any]) -> None:
    """Keeps the run in an output that is a GeoPackage, as the engine does; other formats hold no metadata.

    Args:
        destination: What `parameterAsSink` returned; its sink must be closed.
        run: JSON-able values.
    """
    parts = QgsProviderRegistry.instance().decodeUri("ogr", destination)
    path = str(parts.get("path") or "")
    if path.lower().endswith(".gpkg"):
        store_run(Path(path), run, table=str(parts.get("layerName") or ""))


class SegmentsStyle(QgsProcessingLayerPostProcessorInterface):
    """Makes the loaded output look like a result of the dock: a colour per query, the run in its properties.

    Args:
        started: The job that made it.
    """

    def __init__(self, started: JobStarted) -> None:
        super().__init__()
        self._started = started

    def postProcessLayer(  # noqa: N802 - QGIS's name
        self, layer: QgsVectorLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """QGIS calls it in the main thread."""
        style_by_query(layer, self._started.queries)
        layer.setCustomProperty(RUN_PROPERTY, json.dumps(self._started.parameters, ensure_ascii=False))
        layer.triggerRepaint()


def style_when_loaded(destination: str, started: JobStarted, context: QgsProcessingContext) -> None:
    """Styles the output if QGIS will load it into the project, and names it after its queries.

    A name that the user gave it, in a model or a batch, stays.
    """
    if not context.willLoadLayerOnCompletion(destination):
        return
    details = context.layerToLoadOnCompletionDetails(destination)
    if details.name == output_title():
        details.name = short_title(started.queries) or details.name
    style = SegmentsStyle(started)
    details.setPostProcessor(style)
    sip.transferto(style, context)  # else Python forgets it with `details`, which is but a view
