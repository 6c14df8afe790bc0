"""Attributes that Processing's outputs have beside those of the output schema."""

from __future__ import annotations

from qgis.core import Qgis, QgsField
from qgis.PyQt.QtCore import QMetaType, QVariant

_FIRST_WITH_METATYPE = 33800
"""QGIS 3.38 began to describe fields by QMetaType; QVariant.Type is gone with Qt 6."""


def text_field(name: str) -> QgsField:
    """A text of any length."""
    has_metatype = Qgis.QGIS_VERSION_INT >= _FIRST_WITH_METATYPE
    return QgsField(name, QMetaType.Type.QString if has_metatype else QVariant.Type.String)


def whole_number_field(name: str) -> QgsField:
    """A whole number of up to 64 bits."""
    has_metatype = Qgis.QGIS_VERSION_INT >= _FIRST_WITH_METATYPE
    return QgsField(name, QMetaType.Type.LongLong if has_metatype else QVariant.Type.LongLong)
