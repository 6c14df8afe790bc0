"""Accepted features into a layer of the project, so that they can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, List, Tuple

from qgis.core import (
    QgsFeature,
    QgsField,
    QgsVectorDataProvider,
    QgsVectorLayer,
    QgsVectorLayerUtils,
    QgsWkbTypes,
)

from ..translation import tr
from ..vector.fields import is_null, text_field
from .attributes import fitted, name_in
from .errors import ExportError
from .prepare import PreparedFeatures, measured, relocated


@dataclass(frozen=True)
class AddReport:
    """What became of features in an existing layer.

    Attributes:
        num_added: Features that the layer has got.
        fields_added: Fields that the layer has got with them.
        fields_left_out: Attributes that the layer could not take, all or some of their values.
    """

    num_added: int
    fields_added: Tuple[str, ...]
    fields_left_out: Tuple[str, ...]


def add_to_layer(layer: QgsVectorLayer, prepared: PreparedFeatures, *, add_fields: bool = True) -> AddReport:
    """Adds the features in one step that can be undone; call it in the main thread.

    The layer is in edit mode afterwards and nothing is saved yet: saving is the analyst's decision. What the
    layer cannot take is left out and named in the answer.

    Args:
        layer: Any editable layer of polygons or multi-polygons.
        prepared: The features.
        add_fields: Whether attributes that the layer has no field for get one, where its format allows it.

    Raises:
        ExportError: The layer cannot be edited or took nothing; it is as it was before.
    """
    check_can_take_polygons(layer)
    was_editable = layer.isEditable()
    if not was_editable and not layer.startEditing():
        raise ExportError(_not_editable(layer))
    layer.beginEditCommand(tr("Accept polygons"))
    report = None
    try:
        report = _added(layer, prepared, add_fields=add_fields)
    finally:
        if report is not None:
            layer.endEditCommand()
        else:
            layer.destroyEditCommand()
        if report is None and not was_editable:
            layer.rollBack()
    layer.triggerRepaint()
    return report


def check_can_take_polygons(layer: QgsVectorLayer) -> None:
    """Returns where features can be added to the layer.

    Raises:
        ExportError: It is no layer of polygons, or is read-only.
    """
    is_polygonal = layer.isValid() and (layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry)
    if not is_polygonal:
        text = tr("The layer {name} does not hold polygons; choose a layer of polygons.")
        raise ExportError(text.format(name=layer.name()))
    can_add = layer.dataProvider().capabilities() & QgsVectorDataProvider.Capability.AddFeatures
    if layer.readOnly() or not can_add:
        raise ExportError(_not_editable(layer))


def _not_editable(layer: QgsVectorLayer) -> str:
    text = tr("The layer {name} is read-only; choose another layer or write a new file.")
    return str(text.format(name=layer.name()))


def _added(layer: QgsVectorLayer, prepared: PreparedFeatures, *, add_fields: bool) -> AddReport:
    wanted = _fields_with_values(prepared)
    fields_added = _add_missing_fields(layer, wanted) if add_fields else ()
    columns = _columns(layer, wanted)
    left_out = {field.name(): None for field in wanted if field.name() not in columns}
    features = []
    for feature in _as_the_layer_holds_them(layer, prepared):
        values, misfits = _values_in(layer, feature, columns)
        left_out.update(dict.fromkeys(misfits))
        features.append(QgsVectorLayerUtils.createFeature(layer, feature.geometry(), values))
    if not layer.addFeatures(features):
        reason = "; ".join(layer.dataProvider().errors()) or tr("no reason given")
        text = tr("The layer {name} did not take the polygons ({reason}); write a new file instead.")
        raise ExportError(text.format(name=layer.name(), reason=reason))
    return AddReport(len(features), fields_added, tuple(left_out))


def _fields_with_values(prepared: PreparedFeatures) -> List[QgsField]:
    """The fields of which some feature has a value."""
    return [
        prepared.fields.at(index)
        for index in range(prepared.fields.count())
        if any(not is_null(feature.attribute(index)) for feature in prepared.features)
    ]


def _add_missing_fields(layer: QgsVectorLayer, wanted: List[QgsField]) -> Tuple[str, ...]:
    """Adds a field for each attribute without one, as text where the format lacks the type; their names."""
    provider = layer.dataProvider()
    if not provider.capabilities() & QgsVectorDataProvider.Capability.AddAttributes:
        return ()
    added = []
    for field in wanted:
        if _index_in(layer, field.name()) >= 0:
            continue
        named = QgsField(field) if provider.supportedType(field) else text_field(field.name())
        named.setName(_name_in(layer, field.name()))
        if layer.addAttribute(named):
            added.append(named.name())
    layer.updateFields()
    return tuple(added)


def _columns(layer: QgsVectorLayer, wanted: List[QgsField]) -> Dict[str, int]:
    """Which of the layer's fields takes each attribute; those without one are missing."""
    indices = {field.name(): _index_in(layer, field.name()) for field in wanted}
    return {name: index for name, index in indices.items() if index >= 0}


def _index_in(layer: QgsVectorLayer, name: str) -> int:
    """The layer's field of that name, -1 where it has none; never the one that numbers its rows."""
    index = int(layer.fields().lookupField(_name_in(layer, name)))
    return -1 if index in layer.primaryKeyAttributes() else index


def _name_in(layer: QgsVectorLayer, name: str) -> str:
    return name_in(name, layer.dataProvider().storageType())


def _as_the_layer_holds_them(layer: QgsVectorLayer, prepared: PreparedFeatures) -> Iterator[QgsFeature]:
    """The features in the layer's CRS, one per part where it holds single polygons only."""
    is_multi = QgsWkbTypes.isMultiType(layer.wkbType())
    for feature in prepared.features:
        parts = [feature.geometry()] if is_multi else feature.geometry().asGeometryCollection()
        for part in parts:
            piece = QgsFeature(feature) if len(parts) == 1 else measured(feature, part, prepared.measure)
            piece.setGeometry(part)
            answer = relocated(piece, prepared.crs, layer.crs(), prepared.context)
            geometry = answer.geometry()
            if is_multi:
                geometry.convertToMultiType()
            answer.setGeometry(geometry)
            yield answer


def _values_in(
    layer: QgsVectorLayer, feature: QgsFeature, columns: Dict[str, int]
) -> Tuple[Dict[int, object], List[str]]:
    """The feature's values by the layer's fields, and the names of those that don't fit."""
    values: Dict[int, object] = {}
    misfits = []
    for name, index in columns.items():
        try:
            values[index] = fitted(feature.attribute(name), layer.fields().at(index))
        except ValueError:
            misfits.append(name)
    return values, misfits
