"""GeoPhrase in QGIS's Processing: toolbox, model designer, batch mode and `qgis_process`."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..core.engine.service import EngineService
from ..core.translation import tr
from .export_training_data import ExportTrainingData
from .polygonise_probabilities import PolygoniseProbabilities
from .segment_by_prompts import SegmentByPrompts
from .segment_by_text import SegmentByText

ALGORITHMS = (SegmentByText, SegmentByPrompts, PolygoniseProbabilities, ExportTrainingData)
_ICON = Path(__file__).resolve().parents[1] / "resources" / "icon.svg"


class GeoPhraseProvider(QgsProcessingProvider):
    """GeoPhrase's algorithms.

    Args:
        service: The engine that they use, which is the plugin's and ends with it; nothing starts it before an
            algorithm runs.
    """

    def __init__(self, service: EngineService) -> None:
        super().__init__()
        self._service = service

    def id(self) -> str:
        """The stable name in front of every algorithm's."""
        return "geophrase"

    def name(self) -> str:
        """What the toolbox shows."""
        return tr("GeoPhrase")

    def longName(self) -> str:  # noqa: N802 - QGIS's name
        """What it is, in a line."""
        return tr("GeoPhrase: objects by phrases, points and boxes")

    def icon(self) -> QIcon:
        """The plugin's."""
        return QIcon(str(_ICON))

    def svgIconPath(self) -> str:  # noqa: N802 - QGIS's name
        """The same as a file."""
        return str(_ICON)

    def loadAlgorithms(self) -> None:  # noqa: N802 - QGIS's name
        """Adds one of each kind."""
        for kind in ALGORITHMS:
            self.addAlgorithm(kind(self._service))
