"""Attributes of the layers that algorithms read and write."""

from __future__ import annotations

from typing import Sequence

from qgis.core import Qgis, QgsField, QgsFields
from qgis.PyQt.QtCore import QMetaType, QVariant

from ..core.translation import tr
from .failure import PreparationError

_FIRST_WITH_METATYPE = 33800
"""QGIS 3.38 began to describe fields by QMetaType; QVariant.Type is gone with Qt 6."""


def chosen_field(names: Sequence[str], fields: QgsFields) -> str:
    """The field that the user chose; "" for none.

    Args:
        names: From `parameterAsFields`.
        fields: Of the layer; what is typed, in models and commands, need not be among them.

    Raises:
        PreparationError: The layer doesn't have it.
    """
    if not names:
        return ""
    if fields.lookupField(names[0]) < 0:
        text = tr("There is no field {name}; the layer has {fields}.")
        raise PreparationError(text.format(name=names[0], fields=", ".join(fields.names()) or tr("none")))
    return str(fields.field(fields.lookupField(names[0])).name())


def text_field(name: str) -> QgsField:
    """A text of any length."""
    has_metatype = Qgis.QGIS_VERSION_INT >= _FIRST_WITH_METATYPE
    return QgsField(name, QMetaType.Type.QString if has_metatype else QVariant.Type.String)


def whole_number_field(name: str) -> QgsField:
    """A whole number of up to 64 bits."""
    has_metatype = Qgis.QGIS_VERSION_INT >= _FIRST_WITH_METATYPE
    return QgsField(name, QMetaType.Type.LongLong if has_metatype else QVariant.Type.LongLong)
