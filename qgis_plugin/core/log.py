"""GeoPhrase's tab in QGIS's log panel."""

from __future__ import annotations

from qgis.core import Qgis, QgsMessageLog

LOG_TAB = "GeoPhrase"


def log_details(text: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Warning) -> None:
    """Writes what is too long for the message bar; may be called in any thread."""
    QgsMessageLog.logMessage(text, LOG_TAB, level, notifyUser=False)
