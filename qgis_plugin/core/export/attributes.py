"""The attributes of exported features: the output schema first, then what else the layer has."""

from __future__ import annotations

from typing import Iterable, List

from qgis.core import NULL, QgsField, QgsFields
from qgis.PyQt.QtCore import QDateTime, Qt

from ..vector.features import SEGMENT_FIELDS
from ..vector.fields import is_null

SHAPEFILE_NAMES = {"perimeter_m": "perim_m"}
"""What the engine too calls the fields whose names are longer than a shapefile's ten characters."""
SHAPEFILE_DRIVER = "ESRI Shapefile"
_ROW_IDS = ("fid", "ogc_fid")
"""Fields in which formats keep a row's number: it means nothing in another file."""


def export_fields(source: QgsFields) -> QgsFields:
    """The fields of an export of features with the given ones: all of the output schema, then the others."""
    fields = SEGMENT_FIELDS()
    for field in source:
        if field.name().lower() not in _ROW_IDS and fields.lookupField(field.name()) < 0:
            fields.append(QgsField(field))
    return fields


def with_names(fields: QgsFields, driver: str) -> QgsFields:
    """The same fields under names that a format can hold."""
    answer = QgsFields()
    taken: List[str] = []
    for field in fields:
        named = QgsField(field)
        named.setName(name_in(field.name(), driver, taken))
        taken.append(named.name().lower())
        answer.append(named)
    return answer


def name_in(name: str, driver: str, taken: Iterable[str] = ()) -> str:
    """A field's name in a format: for shapefiles of at most ten characters, and none that is taken."""
    if driver != SHAPEFILE_DRIVER:
        return name
    short = SHAPEFILE_NAMES.get(name, name)[:10]
    occupied = set(taken)
    number = 1
    while short.lower() in occupied:
        number += 1
        short = f"{name[: 9 - len(str(number))]}_{number}"
    return short


def fitted(value: object, field: QgsField) -> object:
    """The value as a field of that type and length holds it.

    Raises:
        ValueError: The field cannot hold it.
    """
    if is_null(value):
        return NULL
    if isinstance(value, QDateTime) and not field.isDateOrTime():
        value = value.toString(Qt.DateFormat.ISODateWithMs)
    if isinstance(value, str) and 0 < field.length() < len(value):
        value = value[: field.length()]
    return field.convertCompatible(value)
