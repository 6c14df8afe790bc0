"""The results of this session, and the one that the sliders act on."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, Optional, Tuple

from qgis.core import QgsCoordinateReferenceSystem, QgsRectangle
from qgis.PyQt.QtCore import QObject, pyqtSignal

from geophrase.protocol.jobs import Outline

from ..engine.service import EngineService
from .layer import ResultLayer
from .outliner import Outliner

VisibleExtent = Callable[[QgsCoordinateReferenceSystem], Optional[QgsRectangle]]


class Results(QObject):
    """Keeps every result whose probabilities the engine may still have. Lives in the main thread.

    Args:
        service: The engine.
        visible_extent: What the map shows, in a given CRS.
        parent: Qt's. Here as in all of core, objects belong to Qt: Python's collector may run in any thread.
    """

    current_changed = pyqtSignal()
    """Another result is the current one, or there is none any more."""
    progressed = pyqtSignal()
    """The current result has more or fewer polygons."""
    failed = pyqtSignal(str)
    """New outlines could not be made; a sentence for the user."""

    def __init__(self, service: EngineService, visible_extent: VisibleExtent, *, parent: QObject) -> None:
        super().__init__(parent)
        self._service = service
        self._visible_extent = visible_extent
        self._results: Dict[str, Tuple[ResultLayer, Outliner]] = {}
        self._current_id = ""

    @property
    def current(self) -> Optional[ResultLayer]:
        """The result that the sliders act on."""
        return self._results[self._current_id][0] if self._current_id in self._results else None

    @property
    def is_outlining(self) -> bool:
        """Whether new outlines are on their way."""
        return any(outliner.is_busy for _, outliner in self._results.values())

    def add(self, result: ResultLayer) -> None:
        """A result came into being; it becomes the current one."""
        assert result.layer is not None
        result.setParent(self)
        layer_id = result.layer.id()
        visible_extent = partial(self._visible_extent, result.layer.crs())
        outliner = Outliner(self._service, result, visible_extent, parent=result)
        outliner.failed.connect(self.failed)
        result.progressed.connect(self.progressed)
        result.settled.connect(self.progressed)
        result.gone.connect(self._drop_gone)
        self._results[layer_id] = result, outliner
        self._choose(layer_id)

    def choose_layer(self, layer_id: str) -> None:
        """Makes the result in this layer the current one; another layer changes nothing."""
        if layer_id in self._results and layer_id != self._current_id:
            self._choose(layer_id)

    def outline_current(self, outline: Outline) -> None:
        """Shows the current result with this outline soon."""
        if self._current_id in self._results:
            self._results[self._current_id][1].request(outline)

    def stop(self) -> None:
        """Gives up all outlines that are on their way."""
        for _, outliner in self._results.values():
            outliner.stop()

    def wait(self, timeout_ms: int) -> None:
        """After `stop`: blocks until they have ended, each for so long at most, then releases all layers."""
        for result, outliner in self._results.values():
            outliner.wait(timeout_ms)
            result.release()
        self._results.clear()

    def _choose(self, layer_id: str) -> None:
        self._current_id = layer_id
        self.current_changed.emit()

    def _drop_gone(self) -> None:
        gone = [layer_id for layer_id, (result, _) in self._results.items() if result.layer is None]
        for layer_id in gone:
            result, outliner = self._results.pop(layer_id)
            outliner.stop()
            result.deleteLater()
        if self._current_id in gone:
            self._choose(next(reversed(self._results), ""))
