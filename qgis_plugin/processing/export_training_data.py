"""The algorithm that makes training data of a raster and polygons on it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional

from qgis.core import (
    QgsFeature,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..core.export.errors import ExportCancelledError
from ..core.export.labelled import labelled_objects
from ..core.export.sample_folder import ImageSource
from ..core.export.training_sample import (
    DEFAULT_SIDE_PX,
    LabelledObject,
    SampleOptions,
    SampleReport,
    write_training_sample,
)
from ..core.raster.local_file import absolute_source
from ..core.translation import tr
from ..core.vector.features import QUERY_FIELD
from ..core.vector.fields import is_null
from .algorithm import GeoPhraseAlgorithm
from .failure import PreparationError, failures_told
from .parameters import (
    INPUT,
    RESOLUTION,
    Parameters,
    advanced,
    chosen_field,
    distance_parameter,
    positive_or_none,
    raster_parameter,
    with_help,
)
from .resolution import resolution_map
from .training_splits import SHARES, PlaceSplitter

POLYGONS = "POLYGONS"
PHRASE_FIELD = "PHRASE_FIELD"
PHRASE = "PHRASE"
SPLIT = "SPLIT"
SIDE = "SIDE"
FOLDER = "FOLDER"
NUM_IMAGES = "NUM_IMAGES"
NUM_OBJECTS = "NUM_OBJECTS"

_SPLITS = tuple(split for split, _ in SHARES)
_BY_PLACE = len(_SPLITS)


class ExportTrainingData(GeoPhraseAlgorithm):
    """Polygons with phrases on a raster become images, phrases and masks in the RISORS format."""

    def name(self) -> str:
        """The stable id."""
        return "exporttrainingdata"

    def displayName(self) -> str:  # noqa: N802 - QGIS's name
        """What the toolbox shows."""
        return tr("Export training data")

    def group(self) -> str:
        """The heading in the toolbox."""
        return tr("Training")

    def groupId(self) -> str:  # noqa: N802 - QGIS's name
        """Its stable name."""
        return "training"

    def shortDescription(self) -> str:  # noqa: N802 - QGIS's name
        """One sentence."""
        return tr("Saves polygons and the raster below them as training data for GeoPhrase's models.")

    def remarks(self) -> List[str]:
        """What is written."""
        return [
            tr(
                "Images are cut from the raster around the polygons; each has the phrases that occur in it "
                "and the mask of everything that a phrase names there, in the RISORS format. A folder that "
                "has training data already is added to. Mark all the objects of a phrase: what is not marked "
                "in an image counts as something else."
            )
        ]

    def tags(self) -> List[str]:
        """Words that find it."""
        return tr("training,fine-tune,samples,labels,chips,masks,risors,dataset,deep learning").split(",")

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:  # noqa: N802 - QGIS's name
        """Declares the parameters."""
        integer = QgsProcessingParameterNumber.Type.Integer
        splits = [*_SPLITS, tr("shared out by place: 80 % train, 10 % val, 10 % test")]
        for parameter in (
            raster_parameter(tr("Raster"), explained=tr("What the images are cut from, as QGIS shows it.")),
            with_help(
                QgsProcessingParameterFeatureSource(
                    POLYGONS, tr("Polygons"), [QgsProcessing.SourceType.TypeVectorPolygon]
                ),
                tr("The objects, checked by a person, in any coordinate system."),
            ),
            with_help(
                QgsProcessingParameterField(
                    PHRASE_FIELD, tr("Field with the phrase"), None, POLYGONS, optional=True
                ),
                tr("What each polygon is. Empty: the field query, which GeoPhrase's own polygons have."),
            ),
            with_help(
                QgsProcessingParameterString(PHRASE, tr("Phrase for all"), optional=True),
                tr("What all the polygons are, instead of a field."),
            ),
            with_help(
                QgsProcessingParameterEnum(SPLIT, tr("Split"), splits, False, 0),
                tr(
                    "What the images are for: training, choosing the best model (val) or testing it. By "
                    "place, blocks of neighbouring images go to one split, and the same place always to the "
                    "same."
                ),
            ),
            advanced(
                with_help(
                    distance_parameter(RESOLUTION, tr("Resolution (metres per pixel)")),
                    tr("Ground size of the images' pixels. Empty: the raster's own."),
                )
            ),
            advanced(
                with_help(
                    QgsProcessingParameterNumber(
                        SIDE, tr("Side of the images (pixels)"), integer, DEFAULT_SIDE_PX, minValue=64
                    ),
                    tr("All images of a training must have the same; RISORS has 800."),
                )
            ),
            with_help(
                QgsProcessingParameterFolderDestination(FOLDER, tr("Folder of training data")),
                tr("New, or one that has training data already."),
            ),
        ):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputNumber(NUM_IMAGES, tr("Number of images")))
        self.addOutput(QgsProcessingOutputNumber(NUM_OBJECTS, tr("Number of polygons in them")))

    def problem(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """A phrase, from somewhere."""
        source = self.parameterAsSource(parameters, POLYGONS, context)
        has_phrase = bool(self.parameterAsString(parameters, PHRASE, context).strip())
        has_phrase = has_phrase or bool(self.parameterAsFields(parameters, PHRASE_FIELD, context))
        if has_phrase or source is None or source.fields().lookupField(QUERY_FIELD) >= 0:
            return ""
        return tr("The polygons have no phrase. Choose the field that has it, or type one for all.")

    def prepareAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Cuts the raster loose from its layer."""
        self._raster = self.prepared_raster(parameters, context)
        layer = self.parameterAsRasterLayer(parameters, INPUT, context)
        self._image_source = ImageSource(name=str(layer.name()), key=absolute_source(layer))
        return True

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """Writes image after image; those that are finished stay, whichever way it ends."""
        folder = self.parameterAsString(parameters, FOLDER, context)
        with failures_told():
            objects = self._labelled(parameters, context, feedback)
            options = self._options(parameters, context, Path(folder))
            tally = _Tally()
            for split, shared in self._shared_out(parameters, context, objects, options).items():
                try:
                    report = write_training_sample(
                        self._raster,
                        shared,
                        self._image_source,
                        replace(options, split=split),
                        progress=lambda fraction: feedback.setProgress(100.0 * fraction),
                        is_cancelled=feedback.isCanceled,
                    )
                except ExportCancelledError as outcome:
                    feedback.pushInfo(str(outcome))
                    return {FOLDER: folder}
                tally = tally.with_report(report)
                _tell(split, report, feedback)
        return {FOLDER: folder, NUM_IMAGES: tally.num_images, NUM_OBJECTS: tally.num_objects}

    def _labelled(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> List[LabelledObject]:
        """The polygons with their phrases, in the raster's CRS.

        Raises:
            PreparationError: There is none.
            ExportError: One can't be shown in the raster's CRS.
        """
        source = self.parameterAsSource(parameters, POLYGONS, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, POLYGONS))
        phrase = self.parameterAsString(parameters, PHRASE, context).strip()
        field = chosen_field(self.parameterAsFields(parameters, PHRASE_FIELD, context), source.fields())
        features_of = _by_phrase(source, "" if phrase else field or QUERY_FIELD, phrase)
        num_without = len(features_of.pop("", ()))
        if num_without:
            text = tr("Polygons left out because they have no phrase: {count}.")
            feedback.pushWarning(text.format(count=num_without))
        if not features_of:
            raise PreparationError(tr("There is no polygon with a phrase. Draw some, or run a query first."))
        objects: List[LabelledObject] = []
        for text, features in features_of.items():
            objects += labelled_objects(
                features,
                crs=source.sourceCrs(),
                raster_crs=self._raster.crs,
                context=context.transformContext(),
                phrase=text,
            )
        return objects

    def _options(self, parameters: Parameters, context: QgsProcessingContext, folder: Path) -> SampleOptions:
        resolution_m = positive_or_none(self, parameters, RESOLUTION, context)
        return SampleOptions(
            folder=folder,
            side_px=self.parameterAsInt(parameters, SIDE, context),
            resolution_map=None
            if resolution_m is None
            else resolution_map(self._raster, resolution_m, self._raster.extent_map),
        )

    def _shared_out(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        objects: List[LabelledObject],
        options: SampleOptions,
    ) -> Dict[str, List[LabelledObject]]:
        """The objects of each split."""
        choice = self.parameterAsEnum(parameters, SPLIT, context)
        if choice != _BY_PLACE:
            return {_SPLITS[choice]: objects}
        grid = self._raster.pixel_grid
        scale = (options.resolution_map or 0) / math.sqrt(grid.pixel_area_map) or 1.0
        return PlaceSplitter(grid, options.side_px * scale, self._image_source.key).shared_out(objects)


@dataclass(frozen=True)
class _Tally:
    """What all the splits together got."""

    num_images: int = 0
    num_objects: int = 0

    def with_report(self, report: SampleReport) -> _Tally:
        return _Tally(self.num_images + len(report.stems), self.num_objects + report.num_objects)


def _by_phrase(source: QgsProcessingFeatureSource, field: str, phrase: str) -> Dict[str, List[QgsFeature]]:
    """The features of each phrase, "" for those without one."""
    features_of: Dict[str, List[QgsFeature]] = {}
    for feature in source.getFeatures():
        value = feature[field] if field else phrase
        text = "" if is_null(value) else " ".join(str(value).split())
        features_of.setdefault(text, []).append(feature)
    return features_of


def _tell(split: str, report: SampleReport, feedback: QgsProcessingFeedback) -> None:
    """Says what was written, and what wasn't."""
    text = tr("{split}: images {images}, polygons {objects}")
    feedback.pushInfo(text.format(split=split, images=len(report.stems), objects=report.num_objects))
    if report.num_cut:
        text = tr("Polygons larger than an image, which shows a part of them: {count}.")
        feedback.pushWarning(text.format(count=report.num_cut))
    if report.num_beside:
        text = tr("Polygons left out because they lie beside the raster: {count}.")
        feedback.pushWarning(text.format(count=report.num_beside))
    if report.num_in_other_split:
        text = tr("Images left out because they overlap images of another split: {count}.")
        feedback.pushWarning(text.format(count=report.num_in_other_split))
