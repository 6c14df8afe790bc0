"""Puts polygons into a layer in slices, so that QGIS stays responsive however many there are."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Deque, Dict, Optional, Sequence, Set

from qgis.core import QgsFeature, QgsFeatureRequest, QgsRectangle, QgsVectorDataProvider, QgsVectorLayer
from qgis.PyQt.QtCore import QElapsedTimer, QObject, QTimer, pyqtSignal

from ..translation import tr
from .touched import TouchedPolygons

SLICE_FEATURES = 400
"""Written in one transaction, which takes 20 to 50 ms."""
PAUSE_MS = 15
"""Between two slices QGIS handles its own events."""
REPAINT_MS = 700
"""The map is drawn anew at most this often while polygons arrive."""


@dataclass(frozen=True)
class Found:
    """A polygon of a result.

    Attributes:
        key: The same for the same shape and query (see vector.features.keys_of).
        feature: With the output schema.
    """

    key: bytes
    feature: QgsFeature


class LayerWriter(QObject):
    """Writes through the layer's data provider, beside any edits that the user has open.

    The provider stays open for writing as long as the layer lives. Left and entered again for every slice it
    would change the file's journal each time, and whoever opens the file in that moment, the map being drawn
    or the provider itself, finds no tables in it: the result would look empty.

    A polygon that the user has changed, made or deleted in the layer is theirs: it is neither removed nor
    brought back, and what is found anew in its place is left out (see TouchedPolygons).

    Args:
        layer: Of the output schema.
        parent: Qt's.
    """

    wrote = pyqtSignal()
    """A slice is in the layer."""
    settled = pyqtSignal()
    """All of a finished revision is in the layer."""
    failed = pyqtSignal(str)
    """The file can't be written; what to tell the user."""

    def __init__(self, layer: QgsVectorLayer, *, parent: QObject) -> None:
        super().__init__(parent)
        self._layer: Optional[QgsVectorLayer] = layer
        layer.dataProvider().enterUpdateMode()
        self._touched = TouchedPolygons(layer, parent=self)
        self._id_of: Dict[bytes, int] = {}
        self._named: Set[bytes] = set()
        self._within: Optional[QgsRectangle] = None
        self._additions: Deque[Found] = deque()
        self._removals: Deque[bytes] = deque()
        self._is_ending = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._write_slice)
        self._since_repaint = QElapsedTimer()
        self._since_repaint.start()

    @property
    def num_found(self) -> int:
        """Polygons in the layer and on their way into it, without those that wait to be removed."""
        if self._layer is None:
            return 0
        return max(0, int(self._layer.featureCount())) + len(self._additions) - len(self._removals)

    def begin_revision(self, within: Optional[QgsRectangle]) -> None:
        """Forgets what waits; what is in the layer stays until the revision ends."""
        self._additions.clear()
        self._removals.clear()
        self._named = set()
        self._within = within
        self._is_ending = False

    def add(self, found: Sequence[Found]) -> None:
        """Queues polygons of this revision; those that are in the layer already stay as they are."""
        for each in found:
            if each.key not in self._named:
                self._named.add(each.key)
                if each.key not in self._id_of:
                    self._additions.append(each)
        self._wake()

    def end_revision(self) -> None:
        """Queues the removal of what the revision did not name."""
        unnamed = [key for key in self._id_of if key not in self._named]
        if self._within is not None and unnamed:
            inside = self._ids_within(self._within)
            unnamed = [key for key in unnamed if self._id_of[key] in inside]
        self._removals.extend(unnamed)
        self._is_ending = True
        self._wake()

    def flush(self) -> None:
        """Writes what waits at once and removes nothing."""
        self._removals.clear()
        while self._additions and self._layer is not None:
            self._add_slice()
        self._timer.stop()
        self._finish()

    def forget(self) -> None:
        """The layer goes, or another takes care of it: it is not touched any more."""
        self._layer = None
        self._touched.forget()
        self._timer.stop()
        self._additions.clear()
        self._removals.clear()

    def _wake(self) -> None:
        if self._layer is not None and not self._timer.isActive():
            self._timer.start(0)

    def _write_slice(self) -> None:
        if self._layer is None:
            return
        # New ones first: an outline that changes is never missing in between.
        if self._additions:
            self._add_slice()
        elif self._removals:
            self._remove_slice()
        self.wrote.emit()
        if self._additions or self._removals:
            self._repaint_now_and_then()
            self._timer.start(PAUSE_MS)
        else:
            self._finish()

    def _finish(self) -> None:
        if self._layer is None:
            return
        # Open attribute tables and counts look again; to reload the layer would open its file anew.
        self._layer.dataProvider().dataChanged.emit()
        self._layer.updateExtents()
        self._layer.triggerRepaint()
        if self._is_ending:
            self._is_ending = False
            self.settled.emit()

    def _add_slice(self) -> None:
        assert self._layer is not None
        batch = [self._additions.popleft() for _ in range(min(SLICE_FEATURES, len(self._additions)))]
        self._touched.refresh()
        wanted = [each for each in batch if not self._touched.has_same_object(each.feature)]
        provider = self._layer.dataProvider()
        is_written, written = provider.addFeatures([_with_fid(each.feature) for each in wanted])
        if is_written:
            self._id_of.update((each.key, feature.id()) for each, feature in zip(wanted, written))
        else:
            self._give_up(provider)

    def _remove_slice(self) -> None:
        assert self._layer is not None
        keys = [self._removals.popleft() for _ in range(min(SLICE_FEATURES, len(self._removals)))]
        self._touched.refresh()
        own = [key for key in keys if not self._touched.holds(self._id_of[key])]
        provider = self._layer.dataProvider()
        if provider.deleteFeatures([self._id_of[key] for key in own]):
            for key in own:
                del self._id_of[key]
        else:
            self._give_up(provider)

    def _give_up(self, provider: QgsVectorDataProvider) -> None:
        self._additions.clear()
        self._removals.clear()
        why = (provider.errors() or [tr("the system doesn't say why")])[-1]
        provider.clearErrors()
        text = tr("The polygons can't be written ({why}). Free space on the disk and run the query again.")
        self.failed.emit(text.format(why=why))

    def _ids_within(self, extent: QgsRectangle) -> Set[int]:
        assert self._layer is not None
        request = QgsFeatureRequest(extent).setNoAttributes()
        return {feature.id() for feature in self._layer.dataProvider().getFeatures(request)}

    def _repaint_now_and_then(self) -> None:
        if self._layer is not None and self._since_repaint.elapsed() >= REPAINT_MS:
            self._since_repaint.restart()
            self._layer.triggerRepaint()


def _with_fid(feature: QgsFeature) -> QgsFeature:
    """A copy for a GeoPackage, whose first column is the identifier."""
    copy = QgsFeature(feature)
    copy.setAttributes([None, *feature.attributes()])
    return copy
