"""Which polygons of a result layer the user has made their own."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Set

from qgis.core import QgsFeature, QgsFeatureRequest, QgsSpatialIndex, QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject

SAME_OBJECT_OVERLAP = 0.5
"""Two polygons that share more than this part of the smaller one outline the same object."""


class TouchedPolygons(QObject):
    """Knows the polygons that were changed, made or deleted in the layer, saved or not.

    What a program writes through the data provider is not counted.

    Args:
        layer: Watched from now on.
        parent: Qt's.
    """

    def __init__(self, layer: QgsVectorLayer, *, parent: QObject) -> None:
        super().__init__(parent)
        self._layer: Optional[QgsVectorLayer] = layer
        self._saved: Set[int] = set()
        self._kept: Dict[int, QgsFeature] = {}
        self._index = QgsSpatialIndex()
        self._unsaved: Set[int] = set()
        layer.committedFeaturesAdded.connect(self._on_added)
        layer.committedGeometriesChanges.connect(self._on_changed)
        layer.committedAttributeValuesChanges.connect(self._on_changed)
        layer.committedFeaturesRemoved.connect(self._on_removed)

    def refresh(self) -> None:
        """Looks at the layer as it is now; `holds` and `has_same_object` then answer for this state."""
        assert self._layer is not None
        edits = self._layer.editBuffer()
        self._unsaved = set()
        if edits is not None:
            self._unsaved.update(edits.changedGeometries(), edits.changedAttributeValues())
            self._unsaved.update(edits.deletedFeatureIds(), edits.addedFeatures())
        self._kept = {feature.id(): feature for feature in self._read(self._saved | self._unsaved)}
        self._index = QgsSpatialIndex()
        for feature in self._kept.values():
            self._index.addFeature(feature)

    def holds(self, feature_id: int) -> bool:
        """Whether this polygon is the user's."""
        return feature_id in self._saved or feature_id in self._unsaved

    def has_same_object(self, feature: QgsFeature) -> bool:
        """Whether one of the user's polygons outlines what this one does, for the same query."""
        if not self._kept:
            return False
        geometry = feature.geometry()
        for feature_id in self._index.intersects(geometry.boundingBox()):
            kept = self._kept[feature_id]
            if kept["query"] != feature["query"]:
                continue
            shared = geometry.intersection(kept.geometry()).area()
            if shared > SAME_OBJECT_OVERLAP * min(geometry.area(), kept.geometry().area()):
                return True
        return False

    def forget(self) -> None:
        """Watches the layer no more."""
        if self._layer is not None and not sip.isdeleted(self._layer):
            self._layer.committedFeaturesAdded.disconnect(self._on_added)
            self._layer.committedGeometriesChanges.disconnect(self._on_changed)
            self._layer.committedAttributeValuesChanges.disconnect(self._on_changed)
            self._layer.committedFeaturesRemoved.disconnect(self._on_removed)
        self._layer = None

    def _read(self, feature_ids: Iterable[int]) -> List[QgsFeature]:
        assert self._layer is not None
        ids = list(feature_ids)
        return list(self._layer.getFeatures(QgsFeatureRequest().setFilterFids(ids))) if ids else []

    def _on_added(self, _layer_id: str, features: List[QgsFeature]) -> None:
        self._saved.update(feature.id() for feature in features)

    def _on_changed(self, _layer_id: str, changes: Dict[int, Any]) -> None:
        self._saved.update(changes)

    def _on_removed(self, _layer_id: str, feature_ids: Iterable[int]) -> None:
        self._saved.update(feature_ids)
