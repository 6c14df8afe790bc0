"""The algorithm that outlines a raster of probabilities."""

from __future__ import annotations

import uuid
from typing import Any, Dict, List, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsRasterLayer,
)

from geophrase.protocol.jobs import JobStarted, PolygoniseJob

from ..core.raster.local_file import absolute_source, placed_file
from ..core.segment.job import known_as
from ..core.translation import tr
from .found_features import FoundFeatures
from .job_algorithm import JobAlgorithm
from .parameters import (
    INPUT,
    Parameters,
    advanced,
    extent_choice,
    extent_parameter,
    outline_choice,
    outline_parameters,
    output_parameter,
    positive_or_none,
    raster_parameter,
    with_help,
)

BAND = "BAND"
LABEL = "LABEL"
SCALE = "SCALE"


class PolygoniseProbabilities(JobAlgorithm):
    """A raster of probabilities becomes polygons of the output schema, without a model."""

    def name(self) -> str:
        """The stable id."""
        return "polygonise"

    def displayName(self) -> str:  # noqa: N802 - QGIS's name
        """What the toolbox shows."""
        return tr("Polygonise probabilities")

    def shortDescription(self) -> str:  # noqa: N802 - QGIS's name
        """One sentence."""
        return tr("Outlines the places of a raster where a probability reaches a threshold.")

    def remarks(self) -> List[str]:
        """Where such rasters come from, and what comes out."""
        return [
            tr(
                "For the output of any model that writes probabilities as a raster. Every polygon carries "
                "the mean probability inside it (score) and its area and perimeter on the ground."
            )
        ]

    def tags(self) -> List[str]:
        """Words that find it."""
        return tr("polygonize,polygonise,vectorize,vectorise,probability,mask,raster,threshold").split(",")

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:  # noqa: N802 - QGIS's name
        """Declares the parameters."""
        scale = QgsProcessingParameterNumber(
            SCALE,
            tr("Value that stands for certainty"),
            QgsProcessingParameterNumber.Type.Double,
            optional=True,
            minValue=0.0,
        )
        for parameter in (
            raster_parameter(
                tr("Probabilities"), explained=tr("A raster file with a band of probabilities.")
            ),
            with_help(
                QgsProcessingParameterBand(BAND, tr("Band"), 1, INPUT, optional=True),
                tr("The band of probabilities. Empty: the first."),
            ),
            with_help(
                QgsProcessingParameterString(LABEL, tr("Label"), optional=True),
                tr("What the polygons are; it is written into their field query."),
            ),
            extent_parameter(),
            *outline_parameters(),
            advanced(
                with_help(
                    scale,
                    tr(
                        "The raster's value for a probability of 1, such as 100 for per cent. Empty: 1 for "
                        "decimal numbers, else the largest number of the raster's type."
                    ),
                )
            ),
            output_parameter(),
        ):
            self.addParameter(parameter)

    def prepareAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Reads from the layer where the file is and what its coordinates are."""
        layer = self.parameterAsRasterLayer(parameters, INPUT, context)
        if not isinstance(layer, QgsRasterLayer) or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, INPUT))
        if layer.providerType() != "gdal":
            text = tr("The layer {name} is no raster file. Save it as one, then polygonise that.")
            raise QgsProcessingException(text.format(name=layer.name()))
        band = self.parameterAsInt(parameters, BAND, context)
        self._crs, self._source = layer.crs(), absolute_source(layer)
        self._file = placed_file(layer, (band,))
        self._job = PolygoniseJob(
            job_id=uuid.uuid4().hex,
            path=self._file.path if self._file else self._source,
            band=band,
            query=self.parameterAsString(parameters, LABEL, context).strip(),
            scale=positive_or_none(self, parameters, SCALE, context),
            outline=outline_choice(self, parameters, context),
            extent_map=extent_choice(self, parameters, context, self._crs),
        )
        return True

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """Runs the job and writes what it finds."""

        def work(found: FoundFeatures) -> None:
            for event in self.service.run_job(self._job, is_cancelled=feedback.isCanceled):
                if isinstance(event, JobStarted):
                    event = known_as(event, self._file, self._source)
                found.on_event(event)

        return self.written(parameters, context, feedback, crs=self._crs, work=work)
