"""Fields of vector layers and their values, as each version of QGIS has them."""

from __future__ import annotations

from typing import Dict, Iterable

from qgis.core import NULL, Qgis, QgsFeature, QgsField
from qgis.PyQt.QtCore import QMetaType, QVariant

_FIRST_WITH_METATYPE = 33800
"""QGIS 3.38 began to describe fields by QMetaType; QVariant.Type is gone with Qt 6."""


def text_field(name: str) -> QgsField:
    """A text of any length."""
    return QgsField(name, QMetaType.Type.QString if _has_metatype() else QVariant.Type.String)


def real_field(name: str) -> QgsField:
    """A number of 64 bits with decimals."""
    return QgsField(name, QMetaType.Type.Double if _has_metatype() else QVariant.Type.Double)


def whole_number_field(name: str) -> QgsField:
    """A whole number of up to 64 bits."""
    return QgsField(name, QMetaType.Type.LongLong if _has_metatype() else QVariant.Type.LongLong)


def time_field(name: str) -> QgsField:
    """A date with its time."""
    return QgsField(name, QMetaType.Type.QDateTime if _has_metatype() else QVariant.Type.DateTime)


def is_null(value: object) -> bool:
    """Whether an attribute has no value, however this version of QGIS says so."""
    return value is None or bool(value == NULL)


def values_by_name(feature: QgsFeature, names: Iterable[str]) -> Dict[str, object]:
    """The feature's values of the fields that it has, null ones included."""
    fields = feature.fields()
    indices = {name: fields.lookupField(name) for name in names}
    return {name: feature.attribute(index) for name, index in indices.items() if index >= 0}


def _has_metatype() -> bool:
    return bool(Qgis.QGIS_VERSION_INT >= _FIRST_WITH_METATYPE)
