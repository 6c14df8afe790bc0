"""A sink that is closed in time."""

from __future__ import annotations

from types import TracebackType
from typing import List, Optional, Type

from qgis.core import QgsFeature, QgsFeatureSink, QgsProcessingException


class OpenSink:
    """An algorithm's sink, as a context manager.

    QGIS closes a file when its sink is forgotten, which an exception's traceback prevents: so it is forgotten
    here, and what was written is in the file whichever way the algorithm ends.

    Args:
        sink: From `parameterAsSink`; nothing else may refer to it.
        destination: Likewise.
        error: What to tell the user if it can't be written.

    Attributes:
        destination: The result of the algorithm.
    """

    def __init__(self, sink: QgsFeatureSink, *, destination: str, error: str) -> None:
        self._sink: Optional[QgsFeatureSink] = sink
        self._error = error
        self.destination = destination

    def __enter__(self) -> OpenSink:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._sink = None

    def write(self, features: List[QgsFeature]) -> None:
        """Writes features with the sink's fields.

        Raises:
            QgsProcessingException: They can't be written, for example when the disk is full.
        """
        assert self._sink is not None, "the sink is closed"
        if not self._sink.addFeatures(features, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(self._error)

    def flush(self) -> None:
        """Makes the destination take what was written.

        Raises:
            QgsProcessingException: It can't.
        """
        assert self._sink is not None, "the sink is closed"
        if not self._sink.flushBuffer():
            raise QgsProcessingException(self._error)
