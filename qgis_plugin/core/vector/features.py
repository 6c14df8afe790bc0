"""Polygons from the wire as QGIS features: the output schema of every segments layer."""

from __future__ import annotations

import hashlib
import math
from typing import List, Optional, Sequence

from qgis.core import NULL, QgsFeature, QgsFields, QgsGeometry
from qgis.PyQt.QtCore import QDateTime, Qt

from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.jobs import JobStarted

from .fields import real_field, text_field, time_field

QUERY_FIELD = "query"
_NUMBERS = ("score", "iou_pred", "objectness", "area_m2", "perimeter_m")
_PROVENANCE = ("model", "weights", "source")


def SEGMENT_FIELDS() -> QgsFields:  # noqa: N802 - a constant that needs QGIS to be made
    """The attributes of every found polygon, as the engine writes them to files too."""
    fields = QgsFields()
    fields.append(text_field(QUERY_FIELD))
    for name in _NUMBERS:
        fields.append(real_field(name))
    for name in _PROVENANCE:
        fields.append(text_field(name))
    fields.append(time_field("created"))
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
                *(known_number(getattr(batch, name)[index]) for name in _NUMBERS),
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
    return {QUERY_FIELD, "score", "model"} <= set(names)
