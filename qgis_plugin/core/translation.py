"""User text in the user's language."""

from __future__ import annotations

CONTEXT = "GeoPhrase"
"""The one translation context of the plugin."""


def tr(text: str) -> str:
    """The text in QGIS's language, or as it is where there is no translation.

    Numbers and names go in afterwards: ``tr("{count} polygons").format(count=3)``.
    """
    try:
        from qgis.PyQt.QtCore import QCoreApplication
    except ImportError:  # outside QGIS, where the parts that need no Qt are tested
        return text
    return str(QCoreApplication.translate(CONTEXT, text))
