"""The algorithm that finds what phrases name in a raster."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterString,
)

from ..core.segment.job import SegmentRequest, run_segment_job
from ..core.segment.queries import QueryError, split_queries
from ..core.translation import tr
from .found_features import FoundFeatures
from .job_algorithm import JobAlgorithm
from .parameters import (
    Parameters,
    advanced,
    bands_problem,
    extent_choice,
    extent_parameter,
    image_choice,
    image_parameters,
    outline_choice,
    outline_parameters,
    output_parameter,
    raster_parameter,
    with_bands,
    with_help,
)
from .resolution import resolution_map

QUERIES = "QUERIES"
ONE_IMAGE = "ONE_IMAGE"


class SegmentByText(JobAlgorithm):
    """Phrases and a raster become polygons of the output schema."""

    def name(self) -> str:
        """The stable id."""
        return "segmentbytext"

    def displayName(self) -> str:  # noqa: N802 - QGIS's name
        """What the toolbox shows."""
        return tr("Segment by text")

    def shortDescription(self) -> str:  # noqa: N802 - QGIS's name
        """One sentence."""
        return tr("Finds what phrases name in a raster and outlines it with polygons.")

    def remarks(self) -> List[str]:
        """What comes out."""
        return [
            tr(
                "Every polygon carries its phrase, the mean probability inside it (score), its area and "
                "perimeter on the ground, and the model and raster that it comes from. A cancelled run keeps "
                "the polygons found so far."
            )
        ]

    def tags(self) -> List[str]:
        """Words that find it."""
        return tr("segment,text,phrase,query,prompt,sam,detect,extract,objects,ai,deep learning").split(",")

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:  # noqa: N802 - QGIS's name
        """Declares the parameters."""
        queries = QgsProcessingParameterString(QUERIES, tr("What to look for"), multiLine=True)
        one_image = QgsProcessingParameterBoolean(ONE_IMAGE, tr("Show the extent as one image"), False)
        for parameter in (
            raster_parameter(
                tr("Raster"), explained=tr("Any raster layer: a file, or tiles and maps from the web.")
            ),
            with_help(
                queries,
                tr(
                    'One phrase per line, or several between semicolons, such as "storage tanks; the large '
                    'white building". Each becomes a category; all are found in one pass.'
                ),
            ),
            extent_parameter(),
            *image_parameters(),
            *outline_parameters(),
            advanced(
                with_help(
                    one_image,
                    tr(
                        'The model then sees the extent as a whole, so that "the leftmost" or "the largest" '
                        "mean what you see; small objects are lost in a large extent."
                    ),
                )
            ),
            output_parameter(),
        ):
            self.addParameter(parameter)

    def problem(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """Queries and bands."""
        try:
            self._queries(parameters, context)
        except QueryError as error:
            return str(error)
        return bands_problem(image_choice(self, parameters, context).bands)

    def prepareAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Cuts the raster loose from its layer."""
        self._image = image_choice(self, parameters, context)
        self._raster = with_bands(self.prepared_raster(parameters, context), self._image, feedback)
        self._extent_map = extent_choice(self, parameters, context, self._raster.crs)
        return True

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """Runs the job and writes what it finds, whichever way it ends."""
        raster, resolution = self._raster, self._image.resolution_m
        queries = self._queries(parameters, context)
        outline = outline_choice(self, parameters, context)
        is_one_image = self.parameterAsBoolean(parameters, ONE_IMAGE, context)

        def work(found: FoundFeatures) -> None:
            request = SegmentRequest(
                queries=queries,
                extent_map=self._extent_map,
                resolution=resolution if raster.is_file else self._drawn_resolution_map(),
                model=self._image.model or "",
                is_one_window=is_one_image,
                outline=outline,
            )
            run_segment_job(
                self.service,
                raster,
                request,
                on_event=found.on_event,
                is_cancelled=feedback.isCanceled,
            )
            for problem in raster.problems:
                feedback.pushWarning(problem)

        return self.written(parameters, context, feedback, crs=raster.crs, work=work)

    def _drawn_resolution_map(self) -> float:
        place_map = self._extent_map or self._raster.extent_map
        return resolution_map(self._raster, self._image.resolution_m, place_map)

    def _queries(self, parameters: Parameters, context: QgsProcessingContext) -> Tuple[str, ...]:
        lines = self.parameterAsString(parameters, QUERIES, context).splitlines()
        return split_queries(";".join(lines))
