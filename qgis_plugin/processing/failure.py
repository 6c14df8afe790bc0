"""From the failures of what is underneath to what Processing shows."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from qgis.core import QgsProcessingException

from ..core.engine.errors import EngineFailure
from ..core.export.errors import ExportError
from ..core.raster.errors import LayerError


class PreparationError(Exception):
    """What the user chose can't be done; the message is for people: what happened, then what to do."""


@contextmanager
def failures_told() -> Iterator[None]:
    """Within it a failure becomes the reason that Processing shows.

    Raises:
        QgsProcessingException: With the sentence that the failure carries.
    """
    try:
        yield
    except (EngineFailure, ExportError, LayerError, PreparationError) as error:
        raise QgsProcessingException(str(error)) from error
