"""Accepted objects go into a segments layer, as edits that QGIS's own undo takes back."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Dict, Mapping, Optional

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QDateTime

from ..translation import tr
from ..vector.boxes import BOX_FIELD, box_text
from ..vector.clicks import CLICKS_FIELD, clicks_text
from ..vector.features import known_number
from ..vector.reproject import NoPlaceError, moved_box, moved_clicks, reprojected
from .outlined import RefinedFeature

_NO_OTHERS: Mapping[str, object] = MappingProxyType({})


class RefinedError(Exception):
    """An object could not be put into the layer; the text says why and what to do."""


def write_refined(
    layer: QgsVectorLayer,
    refined: RefinedFeature,
    *,
    crs: QgsCoordinateReferenceSystem,
    source: str,
    others: Mapping[str, object] = _NO_OTHERS,
) -> int:
    """Replaces the refined polygon, or adds a new one, as one edit command; nothing is saved yet.

    Args:
        layer: Has the output schema, or some of it; editing is started if it isn't on.
        refined: The object.
        crs: Of its geometry.
        source: The raster, for the attributes.
        others: Further attributes by their columns.

    Returns:
        The feature's id, which is negative for a new one until the edits are saved.

    Raises:
        RefinedError: The layer can't be edited.
    """
    placed = _in_layer(refined, crs, layer)
    if not layer.isEditable() and not layer.startEditing():
        text = tr("The layer {name} can't be edited. Make it writable, or export it and refine the copy.")
        raise RefinedError(text.format(name=layer.name()))
    is_new = refined.feature_id is None or not layer.getFeature(refined.feature_id).isValid()
    layer.beginEditCommand(tr("GeoPhrase: new polygon") if is_new else tr("GeoPhrase: refined polygon"))
    values = _values(placed, layer, named={"source": source, **others}, is_new=is_new)
    feature_id = _add(layer, placed.geometry, values) if is_new else _replace(layer, placed, values)
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


def _replace(layer: QgsVectorLayer, placed: RefinedFeature, values: Dict[int, object]) -> Optional[int]:
    feature_id = placed.feature_id
    assert feature_id is not None
    is_done = layer.changeGeometry(feature_id, placed.geometry)
    is_done = is_done and layer.changeAttributeValues(feature_id, values)
    return feature_id if is_done else None


def _values(
    placed: RefinedFeature, layer: QgsVectorLayer, *, named: Mapping[str, object], is_new: bool
) -> Dict[int, object]:
    """The attributes by the layer's own columns; a refined polygon without a text keeps its query."""
    outlined = placed.outlined
    named = {
        **named,
        "score": known_number(outlined.score),
        "iou_pred": known_number(outlined.iou_pred),
        "objectness": known_number(outlined.objectness),
        "area_m2": known_number(outlined.area_m2),
        "perimeter_m": known_number(outlined.perimeter_m),
        "model": outlined.model,
        "weights": outlined.weights,
        "created": QDateTime.currentDateTimeUtc(),
        CLICKS_FIELD: clicks_text(placed.clicks) or NULL,
        BOX_FIELD: box_text(placed.box_map) or NULL,
    }
    if placed.text or is_new:
        named["query"] = placed.text or NULL
    fields = layer.fields()
    return {fields.lookupField(name): value for name, value in named.items() if fields.lookupField(name) >= 0}


def _in_layer(
    refined: RefinedFeature, crs: QgsCoordinateReferenceSystem, layer: QgsVectorLayer
) -> RefinedFeature:
    """The same with outline, clicks and box in the layer's CRS."""
    context = QgsProject.instance().transformContext()
    try:
        moved = reprojected(refined.geometry, crs, layer.crs(), context)
        clicks = moved_clicks(refined.clicks, crs, layer.crs(), context)
        box = moved_box(refined.box_map, crs, layer.crs(), context)
    except NoPlaceError as error:
        text = tr("The polygon has no place in the coordinates of {name}. Choose a layer of another CRS.")
        raise RefinedError(text.format(name=layer.name())) from error
    suited = moved.coerceToType(layer.wkbType())
    if len(suited) != 1:
        text = tr("The object has several parts and {name} takes one. Export to a multi-polygon layer.")
        raise RefinedError(text.format(name=layer.name()))
    return replace(refined, geometry=suited[0], clicks=clicks, box_map=box)
