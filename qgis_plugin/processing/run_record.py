"""The parameters of a run, kept with its output so that it can be repeated from it."""

from __future__ import annotations

import json
from typing import Any, Mapping

from osgeo import gdal
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
from ..core.segment.result_file import RUN_KEY
from ..core.segment.result_style import style_by_query
from .parameters import output_title


def record_in_file(destination: str, run: Mapping[str, Any]) -> None:
    """Keeps the run in an output that is a GeoPackage, as the engine does; other formats hold no metadata.

    Args:
        destination: What `parameterAsSink` returned; its sink must be closed.
        run: JSON-able values.
    """
    parts = QgsProviderRegistry.instance().decodeUri("ogr", destination)
    path, table = str(parts.get("path") or ""), parts.get("layerName")
    if not path.lower().endswith(".gpkg"):
        return
    dataset = gdal.OpenEx(path, gdal.OF_UPDATE | gdal.OF_VECTOR)
    if dataset is None:
        return
    layer = dataset.GetLayerByName(table) if table else dataset.GetLayer(0)
    if layer is not None:
        layer.SetMetadataItem(RUN_KEY, json.dumps(run, ensure_ascii=False))
    del layer, dataset  # writes it


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
