"""GeoPhrase: the QGIS plugin package and, under the same name, its engine and training packages."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:  # noqa: N802 - QGIS's name
    """Gives QGIS the plugin; nothing is imported before QGIS asks."""
    from .qgis_plugin.plugin import GeoPhrasePlugin

    return GeoPhrasePlugin(iface)
