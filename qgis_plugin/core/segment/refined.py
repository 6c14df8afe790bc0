"""Accepted objects go into a segments layer, as edits that QGIS's own undo takes back."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QDateTime

from ..export.clicks import CLICKS_FIELD, Click, clicks_text
from ..export.errors import ExportError
from ..export.prepare import moved_clicks, reprojected
from ..refine.outlined import RefinedFeature
from ..translation import tr
from .features import known_number


class RefinedError(Exception):
    """An object could not be put into the layer; the text says why and what to do."""


def write_refined(
    layer: QgsVectorLayer, refined: RefinedFeature, *, crs: QgsCoordinateReferenceSystem, source: str
) -> int:
    """Replaces the refined polygon, or adds a new one, as one edit command; nothing is saved yet.

    Args:
        layer: Has the output schema, or some of it; editing is started if it isn't on.
        refined: The object.
        crs: Of its geometry.
        source: The raster, for the attributes.

    Returns:
        The feature's id, which is negative for a new one until the edits are saved.

    Raises:
        RefinedError: The layer can't be edited.
    """
    geometry, clicks = _in_layer(refined, crs, layer)
    if not layer.isEditable() and not layer.startEditing():
        text = tr("The layer {name} can't be edited. Make it writable, or export it and refine the copy.")
        raise RefinedError(text.format(name=layer.name()))
    is_new = refined.feature_id is None or not layer.getFeature(refined.feature_id).isValid()
    layer.beginEditCommand(tr("GeoPhrase: new polygon") if is_new else tr("GeoPhrase: refined polygon"))
    values = _values(refined, layer, clicks=clicks, source=source, is_new=is_new)
    feature_id = _add(layer, geometry, values) if is_new else _replace(layer, refined, geometry, values)
    if feature_id is None:
        layer.destroyEditCommand()
        text = tr(
            "The polygon could not be put into the layer {name}. Look at the layer's message in the log."
        )
        raise RefinedError(text.format(name=layer.name()))
    layer.endEditCommand()
    layer.triggerRepaint()
    return feature_id


def _add(layer: QgsVectorLayer, geometry: QgsGeometry, values: Dict[int, object]) -> Optional[int]:
    feature = QgsVectorLayerUtils.createFeature(layer, geometry, values)
    return int(feature.id()) if layer.addFeature(feature) else None


def _replace(
    layer: QgsVectorLayer, refined: RefinedFeature, geometry: QgsGeometry, values: Dict[int, object]
) -> Optional[int]:
    feature_id = refined.feature_id
    assert feature_id is not None
    is_done = layer.changeGeometry(feature_id, geometry) and layer.changeAttributeValues(feature_id, values)
    return feature_id if is_done else None


def _values(
    refined: RefinedFeature, layer: QgsVectorLayer, *, clicks: Tuple[Click, ...], source: str, is_new: bool
) -> Dict[int, object]:
    """The attributes by the layer's own columns; a refined polygon without a text keeps its query."""
    outlined = refined.outlined
    named: Dict[str, object] = {
        "score": known_number(outlined.score),
        "iou_pred": known_number(outlined.iou_pred),
        "objectness": known_number(outlined.objectness),
        "area_m2": known_number(outlined.area_m2),
        "perimeter_m": known_number(outlined.perimeter_m),
        "model": outlined.model,
        "weights": outlined.weights,
        "source": source,
        "created": QDateTime.currentDateTimeUtc(),
        CLICKS_FIELD: clicks_text(clicks) or NULL,
    }
    if refined.text or is_new:
        named["query"] = refined.text or NULL
    fields = layer.fields()
    return {fields.lookupField(name): value for name, value in named.items() if fields.lookupField(name) >= 0}


def _in_layer(
    refined: RefinedFeature, crs: QgsCoordinateReferenceSystem, layer: QgsVectorLayer
) -> Tuple[QgsGeometry, Tuple[Click, ...]]:
    """The outline and the clicks in the layer's CRS."""
    context = QgsProject.instance().transformContext()
    try:
        moved = reprojected(refined.geometry, crs, layer.crs(), context)
        clicks = moved_clicks(refined.clicks, crs, layer.crs(), context)
    except ExportError as error:
        text = tr("The polygon has no place in the coordinates of {name}. Choose a layer of another CRS.")
        raise RefinedError(text.format(name=layer.name())) from error
    suited = moved.coerceToType(layer.wkbType())
    if len(suited) != 1:
        text = tr("The object has several parts and {name} takes one. Export to a multi-polygon layer.")
        raise RefinedError(text.format(name=layer.name()))
    return suited[0], clicks
