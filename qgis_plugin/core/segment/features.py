"""Polygons from the wire as QGIS features: the output schema of every segments layer."""

from __future__ import annotations

import hashlib
import math
from typing import List, Optional, Sequence

from qgis.core import NULL, Qgis, QgsFeature, QgsField, QgsFields, QgsGeometry
from qgis.PyQt.QtCore import QDateTime, QMetaType, Qt, QVariant

from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.jobs import JobStarted

TEXT_FIELDS = ("query", "model", "weights", "source")
_ORDER = (
    "query",
    "score",
    "iou_pred",
    "objectness",
    "area_m2",
    "perimeter_m",
    "model",
    "weights",
    "source",
    "created",
)
_FIRST_WITH_METATYPE = 33800
"""QGIS 3.38 began to describe fields by QMetaType; QVariant.Type is gone with Qt 6."""


def SEGMENT_FIELDS() -> QgsFields:  # noqa: N802 - a constant that needs QGIS to be made
    """The attributes of every found polygon, as the engine writes them to files too."""
    fields = QgsFields()
    for name in _ORDER:
        fields.append(_field(name))
    return fields


def features_of(batch: FeatureBatch, started: JobStarted, fields: QgsFields) -> List[QgsFeature]:
    """The batch's polygons as features with these fields (see SEGMENT_FIELDS); may run in any thread.

    Values that the model has no opinion on (NaN) are NULL.
    """
    created = parsed_time(started.created)
    features = []
    for index in range(len(batch)):
        feature = QgsFeature(fields)
        feature.setGeometry(geometry_of(batch, index))
        feature.setAttributes(
            [
                started.queries[int(batch.query_index[index])],
                *(known_number(getattr(batch, name)[index]) for name in _ORDER[1:6]),
                started.model,
                started.weights,
                started.source,
                created,
            ]
        )
        features.append(feature)
    return features


def keys_of(batch: FeatureBatch) -> List[bytes]:
    """A key per polygon that is the same whenever shape and query are the same."""
    return [
        hashlib.blake2b(
            batch.geometry_wkb(index),
            digest_size=16,
            salt=int(batch.query_index[index]).to_bytes(8, "little"),
        ).digest()
        for index in range(len(batch))
    ]


def geometry_of(batch: FeatureBatch, index: int) -> QgsGeometry:
    """One polygon of a batch."""
    geometry = QgsGeometry()
    geometry.fromWkb(batch.geometry_wkb(index))
    return geometry


def known_number(value: Optional[float]) -> object:
    """The number, or NULL for NaN and None."""
    return NULL if value is None or math.isnan(value) else float(value)


def parsed_time(iso: str) -> QDateTime:
    """A time from the wire."""
    return QDateTime.fromString(iso, Qt.DateFormat.ISODateWithMs)


def is_segments_schema(names: Sequence[str]) -> bool:
    """Whether a layer with these fields can take found polygons with their provenance."""
    return {"query", "score", "model"} <= set(names)


def _field(name: str) -> QgsField:
    kind = "String" if name in TEXT_FIELDS else "DateTime" if name == "created" else "Double"
    if Qgis.QGIS_VERSION_INT < _FIRST_WITH_METATYPE:
        return QgsField(name, getattr(QVariant.Type, kind))
    scoped = {"String": "QString", "DateTime": "QDateTime", "Double": "Double"}[kind]
    return QgsField(name, getattr(QMetaType.Type, scoped))
