"""The algorithm that outlines what points and boxes mark."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Dict, List, Optional

from qgis.core import (
    NULL,
    QgsFeature,
    QgsFeatureIterator,
    QgsFeatureRequest,
    QgsFields,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterString,
)

from ..core.engine.errors import JobCancelled
from ..core.raster.crops import CropLattice
from ..core.raster.errors import ReadCancelledError
from ..core.translation import tr
from ..core.vector.features import SEGMENT_FIELDS, features_of
from ..core.vector.fields import text_field, whole_number_field
from .algorithm import GeoPhraseAlgorithm
from .failure import PreparationError, failures_told
from .open_sink import OpenSink
from .parameters import (
    OUTPUT,
    Parameters,
    advanced,
    bands_problem,
    chosen_field,
    image_choice,
    image_parameters,
    outline_choice,
    outline_parameters,
    output_parameter,
    raster_parameter,
    with_bands,
    with_help,
)
from .prompt_crops import ObjectsOfCrop, crops_of
from .prompt_run import Outlined, PromptRun, image_px_of
from .prompted_objects import PromptedObject, PromptedObjects, PromptFields, bounds_of
from .resolution import resolution_map

POINTS = "POINTS"
POINT_LABEL = "POINT_LABEL"
POINT_OBJECT = "POINT_OBJECT"
POINT_QUERY = "POINT_QUERY"
BOXES = "BOXES"
BOX_OBJECT = "BOX_OBJECT"
BOX_QUERY = "BOX_QUERY"
QUERY = "QUERY"


class SegmentByPrompts(GeoPhraseAlgorithm):
    """Points and boxes on a raster become the outlines of the objects that they mark."""

    def name(self) -> str:
        """The stable id."""
        return "segmentbyprompts"

    def displayName(self) -> str:  # noqa: N802 - QGIS's name
        """What the toolbox shows."""
        return tr("Segment by points and boxes")

    def shortDescription(self) -> str:  # noqa: N802 - QGIS's name
        """One sentence."""
        return tr("Outlines the objects that points or boxes of vector layers mark on a raster.")

    def remarks(self) -> List[str]:
        """What is an object, and what comes out."""
        return [
            tr(
                "Without fields that say otherwise, every point and every box is an object of its own. The "
                "outline of an object depends on its own points and box alone. Besides the usual attributes, "
                "the polygons carry the object's name and the feature that marks it."
            )
        ]

    def tags(self) -> List[str]:
        """Words that find it."""
        return tr("segment,points,boxes,clicks,prompts,sam,refine,outline,digitise,digitize,ai").split(",")

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:  # noqa: N802 - QGIS's name
        """Declares the parameters."""
        query = QgsProcessingParameterString(QUERY, tr("What the objects are"), optional=True)
        for parameter in (
            raster_parameter(
                tr("Raster"), explained=tr("Any raster layer: a file, or tiles and maps from the web.")
            ),
            *_point_parameters(),
            *_box_parameters(),
            with_help(
                query,
                tr('A phrase that helps the model, such as "building". A field that has one goes before it.'),
            ),
            *image_parameters(),
            *outline_parameters(),
            output_parameter(),
        ):
            self.addParameter(parameter)

    def problem(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """At least one layer, and bands."""
        if not any(parameters.get(name) for name in (POINTS, BOXES)):
            return tr(
                "Nothing is marked. Choose a layer of points, or a layer of polygons whose boxes are used."
            )
        return bands_problem(image_choice(self, parameters, context).bands)

    def prepareAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Cuts the raster loose from its layer."""
        self._image = image_choice(self, parameters, context)
        self._raster = with_bands(self.prepared_raster(parameters, context), self._image, feedback)
        return True

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """Outlines crop by crop; what was outlined is in the sink, whichever way it ends."""
        crops: ObjectsOfCrop = []
        with failures_told():
            marked = self._marked_objects(parameters, context, feedback)
            try:
                crops = self._crops(marked, feedback)
            except JobCancelled:
                feedback.pushInfo(tr("Cancelled before the engine had started; the output is empty."))
        run = PromptRun(
            service=self.service,
            raster=self._raster,
            model=self._image.model,
            outline=outline_choice(self, parameters, context),
            is_cancelled=feedback.isCanceled,
        )
        sink = self.opened_sink(parameters, context, fields=_fields(), crs=self._raster.crs)
        with sink, failures_told():
            _outline_all(run, crops, sink, feedback)
            sink.flush()
        return {OUTPUT: sink.destination}

    def _marked_objects(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> List[PromptedObject]:
        """The objects of both layers, in the raster's coordinates."""
        objects = PromptedObjects()
        points = self.parameterAsSource(parameters, POINTS, context)
        if points is not None:
            fields = PromptFields(
                group=self._field(parameters, POINT_OBJECT, context, points),
                label=self._field(parameters, POINT_LABEL, context, points),
                query=self._field(parameters, POINT_QUERY, context, points),
            )
            objects.add_points(self._features(points, context), fields)
        boxes = self.parameterAsSource(parameters, BOXES, context)
        if boxes is not None:
            fields = PromptFields(
                group=self._field(parameters, BOX_OBJECT, context, boxes),
                query=self._field(parameters, BOX_QUERY, context, boxes),
            )
            objects.add_boxes(self._features(boxes, context), fields)
        if objects.num_without_geometry:
            text = tr("Features left out because they have no geometry in the raster's coordinates: {count}.")
            feedback.pushWarning(text.format(count=objects.num_without_geometry))
        if objects.num_unmarked:
            text = tr("Objects left out because they have only points beside them: {count}.")
            feedback.pushWarning(text.format(count=objects.num_unmarked))
        query = " ".join(self.parameterAsString(parameters, QUERY, context).split())
        return [replace(marked, query=marked.query or query) for marked in objects]

    def _features(
        self, source: QgsProcessingFeatureSource, context: QgsProcessingContext
    ) -> QgsFeatureIterator:
        request = QgsFeatureRequest()
        request.setDestinationCrs(self._raster.crs, context.transformContext())
        return source.getFeatures(request)

    def _field(
        self,
        parameters: Parameters,
        name: str,
        context: QgsProcessingContext,
        source: QgsProcessingFeatureSource,
    ) -> str:
        return chosen_field(self.parameterAsFields(parameters, name, context), source.fields())

    def _crops(self, marked: List[PromptedObject], feedback: QgsProcessingFeedback) -> ObjectsOfCrop:
        """The crops to open; objects beside the raster are told and left out.

        Raises:
            PreparationError: Nothing is marked on the raster.
            JobCancelled: The user cancelled while the engine was starting.
        """
        if not marked:
            raise PreparationError(
                tr("Nothing is marked. Put a point on an object, or draw a box around it.")
            )
        client = self.service.client(is_cancelled=feedback.isCanceled)
        image_px = image_px_of(client.hello(), self._image.model)
        lattice = CropLattice(self._raster.pixel_grid, image_px=image_px)
        side_map = resolution_map(self._raster, self._image.resolution_m, bounds_of(marked))
        view_side_pix = image_px * side_map / math.sqrt(lattice.grid.pixel_area_map)
        crops, beside = crops_of(marked, lattice, view_side_pix=view_side_pix)
        if not crops:
            raise PreparationError(
                tr("All points and boxes lie beside the raster. Check the layers' coordinate systems.")
            )
        if beside:
            feedback.pushWarning(
                tr("Objects left out because they lie beside the raster: {count}.").format(count=len(beside))
            )
        return crops


def _outline_all(
    run: PromptRun,
    crops: ObjectsOfCrop,
    sink: OpenSink,
    feedback: QgsProcessingFeedback,
) -> None:
    """Runs crop by crop and tells how it goes."""
    num_objects = sum(len(marked) for _, marked in crops)
    num_found = num_done = 0
    fields = _fields()

    def on_outlined(outlined: Outlined) -> None:
        nonlocal num_found, num_done
        sink.write(_features_of(outlined, fields))
        num_found += len(outlined.batch) > 0
        num_done += 1
        feedback.setProgress(100.0 * num_done / num_objects)

    feedback.setProgressText(
        tr("Outlining objects: {objects}, images to encode: {crops}").format(
            objects=num_objects, crops=len(crops)
        )
    )
    for crop, marked in crops:
        if feedback.isCanceled():
            break
        try:
            has_data = run.outlined(crop, marked, on_outlined=on_outlined)
        except (JobCancelled, ReadCancelledError):
            break
        if not has_data:
            text = tr("Objects left out because the raster has no data around them: {count}.")
            feedback.pushWarning(text.format(count=len(marked)))
    text = tr("Objects outlined: {found} of {objects}")
    feedback.pushInfo(text.format(found=num_found, objects=num_objects))


def _point_parameters() -> List[QgsProcessingParameterDefinition]:
    points = QgsProcessingParameterFeatureSource(
        POINTS, tr("Points"), [QgsProcessing.SourceType.TypeVectorPoint], optional=True
    )
    label = _field_parameter(POINT_LABEL, tr("Field of points: on the object (1) or beside it (0)"), POINTS)
    group = _field_parameter(POINT_OBJECT, tr("Field of points: which object"), POINTS)
    query = _field_parameter(POINT_QUERY, tr("Field of points: what the object is"), POINTS)
    return [
        with_help(points, tr("Points on the objects, in any coordinate system.")),
        with_help(label, tr("Points with a 0 say what does not belong to the object. Empty: all are on it.")),
        with_help(
            group,
            tr(
                "Points with the same value mark one object, together with a box of that value. Empty: every "
                "point is an object of its own."
            ),
        ),
        advanced(with_help(query, tr("A phrase for each object."))),
    ]


def _box_parameters() -> List[QgsProcessingParameterDefinition]:
    boxes = QgsProcessingParameterFeatureSource(
        BOXES, tr("Boxes"), [QgsProcessing.SourceType.TypeVectorPolygon], optional=True
    )
    group = _field_parameter(BOX_OBJECT, tr("Field of boxes: which object"), BOXES)
    query = _field_parameter(BOX_QUERY, tr("Field of boxes: what the object is"), BOXES)
    return [
        with_help(
            boxes, tr("Polygons, each of which stands for its bounding box, in any coordinate system.")
        ),
        advanced(
            with_help(
                group, tr("A box belongs to the points whose field has the same value. Empty: to none.")
            )
        ),
        advanced(with_help(query, tr("A phrase for each object."))),
    ]


def _field_parameter(name: str, text: str, parent: str) -> QgsProcessingParameterField:
    return QgsProcessingParameterField(name, text, None, parent, optional=True)


def _fields() -> QgsFields:
    """The output schema, then the object's name, the layer that marks it, and the feature there."""
    fields = SEGMENT_FIELDS()
    for field in (text_field("object"), text_field("prompt"), whole_number_field("prompt_fid")):
        fields.append(field)
    return fields


def _features_of(outlined: Outlined, fields: QgsFields) -> List[QgsFeature]:
    marked = outlined.marked
    features = []
    for found in features_of(outlined.batch, outlined.provenance, SEGMENT_FIELDS()):
        feature = QgsFeature(fields)
        feature.setGeometry(found.geometry())
        feature.setAttributes([*found.attributes(), marked.group or NULL, marked.layer, marked.fid])
        features.append(feature)
    return features
