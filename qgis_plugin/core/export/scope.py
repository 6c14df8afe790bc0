"""Which features of a segments layer an export is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

from qgis.core import (
    QgsExpression,
    QgsFeature,
    QgsFeatureRequest,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from ..vector.features import QUERY_FIELD
from ..vector.fields import is_null

_MAX_QUERIES = 100


@dataclass(frozen=True)
class Scope:
    """A choice of features; the default is all of them.

    Attributes:
        selected_only: Those that are selected.
        query: Those that answer this query; "" for any.
    """

    selected_only: bool = False
    query: str = ""

    def request(self, layer: QgsVectorLayer) -> QgsFeatureRequest:
        """What to ask the layer for; the selection is the one of this moment."""
        request = QgsFeatureRequest()
        if self.selected_only:
            request.setFilterFids(layer.selectedFeatureIds())
        elif self.query:
            request.setFilterExpression(QgsExpression.createFieldEqualityExpression(QUERY_FIELD, self.query))
        return request


@dataclass(frozen=True)
class LayerFeatures:
    """A layer's features at one moment, to be read in another thread.

    Attributes:
        source: The layer's content, unsaved edits included.
        request: Which of them are meant.
    """

    source: QgsVectorLayerFeatureSource
    request: QgsFeatureRequest

    @classmethod
    def of(cls, layer: QgsVectorLayer, scope: Scope) -> LayerFeatures:
        """Call it in the main thread."""
        return cls(QgsVectorLayerFeatureSource(layer), scope.request(layer))

    def read(self) -> List[QgsFeature]:
        """The features that are meant."""
        return list(self.source.getFeatures(self.request))

    def others(self, accepted: List[QgsFeature]) -> List[QgsFeature]:
        """The features that are not meant, of the same queries as those that are."""
        ids = {feature.id() for feature in accepted}
        queries = {_query_of(feature) for feature in accepted}
        return [
            feature
            for feature in self.source.getFeatures(QgsFeatureRequest())
            if feature.id() not in ids and _query_of(feature) in queries
        ]


def queries_in(layer: QgsVectorLayer) -> List[str]:
    """The queries that the layer's features answer, in order of the alphabet."""
    index = layer.fields().lookupField(QUERY_FIELD)
    values = layer.uniqueValues(index, _MAX_QUERIES) if index >= 0 else ()
    return sorted(str(value) for value in values if not is_null(value) and str(value).strip())


def _query_of(feature: QgsFeature) -> object:
    index = feature.fields().lookupField(QUERY_FIELD)
    value = feature.attribute(index) if index >= 0 else None
    return None if is_null(value) else value
