"""Features made ready for export: outlines as asked for, measured anew, with their provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Sequence, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsFeature,
    QgsFields,
    QgsGeometry,
)

from ..ground import area_m2, ground_measure, perimeter_m
from ..translation import tr
from ..vector.boxes import BOX_FIELD, box_of, box_text
from ..vector.clicks import CLICKS_FIELD, clicks_of, clicks_text
from ..vector.fields import values_by_name
from ..vector.reproject import NoPlaceError, moved_box, moved_clicks, reprojected
from .errors import ExportCancelledError, ExportError
from .outline import OutlineOptions, outlined

MEASURES = ("area_m2", "perimeter_m")
"""The attributes that follow from the outline."""


@dataclass(frozen=True)
class PreparedFeatures:
    """What goes into an export.

    Attributes:
        features: With `fields`; their geometries are valid polygons in `crs`.
        fields: The attributes.
        crs: Of the geometries.
        context: How QGIS transforms between systems in this project.
        num_dropped: Features that were too small or had no area.
    """

    features: Tuple[QgsFeature, ...]
    fields: QgsFields
    crs: QgsCoordinateReferenceSystem
    context: QgsCoordinateTransformContext
    num_dropped: int

    @property
    def measure(self) -> QgsDistanceArea:
        """Measures outlines on the ground."""
        return ground_measure(self.crs, self.context)


def prepared_features(
    features: Sequence[QgsFeature],
    options: OutlineOptions,
    *,
    fields: QgsFields,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
    progress: Callable[[float], object] = lambda fraction: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> PreparedFeatures:
    """The features with new outlines and measures; may run in any thread.

    Args:
        features: Polygons of one layer, copies that no other thread uses.
        options: What to do with the outlines.
        fields: The fields of the answer, see `export_fields`; values are taken by name.
        crs: Of the features' layer.
        context: The project's.
        progress: Told the fraction that is done, 0 to 1.
        is_cancelled: Asked before each feature.

    Raises:
        ExportCancelledError: `is_cancelled` said so.
    """
    measure = ground_measure(crs, context)
    answer: List[QgsFeature] = []
    for number, feature in enumerate(features):
        if is_cancelled():
            raise ExportCancelledError(tr("The export was cancelled; nothing was written."))
        geometry = outlined(feature.geometry(), options, measure)
        if not geometry.isNull():
            answer.append(measured(_with_fields(feature, fields), geometry, measure))
        progress((number + 1) / len(features))
    return PreparedFeatures(tuple(answer), fields, crs, context, len(features) - len(answer))


def measured(feature: QgsFeature, geometry: QgsGeometry, measure: QgsDistanceArea) -> QgsFeature:
    """A copy of the feature with this outline and what it measures on the ground."""
    answer = QgsFeature(feature)
    answer.setGeometry(geometry)
    for name, value in zip(MEASURES, (area_m2(geometry, measure), perimeter_m(geometry, measure))):
        index = answer.fields().lookupField(name)
        if index >= 0:
            answer.setAttribute(index, value)
    return answer


def relocated(
    feature: QgsFeature,
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsFeature:
    """A copy of the feature in another CRS: its outline, and the clicks and the box among its attributes.

    Raises:
        ExportError: It cannot be expressed there.
    """
    try:
        return _relocated(feature, source, target, context)
    except NoPlaceError as error:
        raise ExportError(str(error)) from error


def _relocated(
    feature: QgsFeature,
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsFeature:
    answer = QgsFeature(feature)
    answer.setGeometry(reprojected(feature.geometry(), source, target, context))
    index = feature.fields().lookupField(CLICKS_FIELD)
    clicks = clicks_of(feature.attribute(index)) if index >= 0 else ()
    if clicks:
        answer.setAttribute(index, clicks_text(moved_clicks(clicks, source, target, context)))
    index = feature.fields().lookupField(BOX_FIELD)
    box = moved_box(box_of(feature.attribute(index)), source, target, context) if index >= 0 else None
    if box is not None:
        answer.setAttribute(index, box_text(box))
    return answer


def _with_fields(feature: QgsFeature, fields: QgsFields) -> QgsFeature:
    answer = QgsFeature(fields)
    for name, value in values_by_name(feature, fields.names()).items():
        answer.setAttribute(name, value)
    return answer
