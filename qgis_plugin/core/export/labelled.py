"""Features of a layer as labelled objects of a raster."""

from __future__ import annotations

import math
from typing import List, Optional, Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
)

from ..translation import tr
from ..vector.boxes import BOX_FIELD, box_of
from ..vector.clicks import CLICKS_FIELD, clicks_of
from ..vector.fields import is_null, values_by_name
from ..vector.reproject import NoPlaceError, moved_box, moved_clicks, reprojected
from ..vector.rings import rings_of
from .errors import ExportError
from .outline import polygonal
from .training_sample import LabelledObject


def labelled_objects(
    features: Sequence[QgsFeature],
    *,
    crs: QgsCoordinateReferenceSystem,
    raster_crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
    phrase: str = "",
    is_accepted: bool = True,
) -> List[LabelledObject]:
    """The features that have an area, in the raster's CRS; may run in any thread.

    Args:
        features: Of a segments layer, or of any layer of polygons where a phrase is given.
        crs: Of the features.
        raster_crs: Of the raster that images will be cut from.
        context: The project's.
        phrase: What they all answer; "" takes each one's `query`.
        is_accepted: See `LabelledObject`.

    Raises:
        ExportError: A feature has no query and no phrase is given, or cannot be shown in the raster's CRS.
    """
    answer = []
    for feature in features:
        values = values_by_name(feature, ("query", "iou_pred", CLICKS_FIELD, BOX_FIELD))
        query = values.get("query")
        text = phrase.strip() or ("" if is_null(query) else str(query).strip())
        if not text:
            raise ExportError(tr("A polygon has no phrase; type the phrase that the polygons answer."))
        try:
            geometry = polygonal(reprojected(feature.geometry(), crs, raster_crs, context))
            if geometry.isNull():
                continue
            clicks = moved_clicks(clicks_of(values.get(CLICKS_FIELD)), crs, raster_crs, context)
            box_map = moved_box(box_of(values.get(BOX_FIELD)), crs, raster_crs, context)
        except NoPlaceError as error:
            raise ExportError(str(error)) from error
        anchor = geometry.pointOnSurface().asPoint()
        answer.append(
            LabelledObject(
                phrase=text,
                polygons_map=rings_of(geometry),
                anchor_map=(anchor.x(), anchor.y()),
                predicted_iou=_probability(values.get("iou_pred")),
                clicks=clicks,
                box_map=box_map,
                is_accepted=is_accepted,
            )
        )
    return answer


def _probability(value: object) -> Optional[float]:
    """The model's estimate; None where there is none."""
    if is_null(value) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return min(max(float(value), 0.0), 1.0)
