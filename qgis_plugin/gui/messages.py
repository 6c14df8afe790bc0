"""What the user is told in QGIS's message bar: one sentence on what happened, one on what to do."""

from __future__ import annotations

from qgis.core import Qgis
from qgis.gui import QgisInterface

from ..core.log import log_details

TITLE = "GeoPhrase"
_GOOD_NEWS_S = 6


class Messages:
    """GeoPhrase's messages; each is also in the log panel.

    Args:
        iface: QGIS's interface.
    """

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface

    def succeeded(self, text: str) -> None:
        """Something was done; goes away by itself."""
        self._push(text, Qgis.MessageLevel.Success, _GOOD_NEWS_S)

    def told(self, text: str) -> None:
        """Something that is good to know; goes away by itself."""
        self._push(text, Qgis.MessageLevel.Info, _GOOD_NEWS_S)

    def warned(self, text: str) -> None:
        """Something did not work; stays until it is closed."""
        self._push(text, Qgis.MessageLevel.Warning, 0)

    def _push(self, text: str, level: Qgis.MessageLevel, duration_s: int) -> None:
        self._iface.messageBar().pushMessage(TITLE, text, level, duration_s)
        log_details(text, level)
