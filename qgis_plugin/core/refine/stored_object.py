"""A polygon of a segments layer as the object that it was when it was accepted."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsProject, QgsVectorLayer

from ..vector.boxes import BOX_FIELD, box_of
from ..vector.clicks import CLICKS_FIELD, clicks_of
from ..vector.features import QUERY_FIELD
from ..vector.fields import values_by_name
from ..vector.reproject import moved_box, moved_clicks, reprojected
from .refined_object import RefinedObject


def stored_object(
    feature: QgsFeature, layer: QgsVectorLayer, crs: QgsCoordinateReferenceSystem, *, text: str = ""
) -> RefinedObject:
    """The object, with the query, the clicks and the box that it was made from where the layer has them.

    Args:
        feature: With a geometry.
        layer: That it is in.
        crs: Of the raster that it is refined on.
        text: What it is where the layer doesn't say.

    Raises:
        NoPlaceError: It has no place in that CRS.
    """
    context = QgsProject.instance().transformContext()
    values = values_by_name(feature, (QUERY_FIELD, CLICKS_FIELD, BOX_FIELD))
    query = values.get(QUERY_FIELD)
    return RefinedObject(
        query if isinstance(query, str) and query else text,  # a null is no str
        feature_id=feature.id(),
        layer_id=layer.id(),
        shape=reprojected(feature.geometry(), layer.crs(), crs, context),
        clicks=moved_clicks(clicks_of(values.get(CLICKS_FIELD)), layer.crs(), crs, context),
        box_map=moved_box(box_of(values.get(BOX_FIELD)), layer.crs(), crs, context),
    )
