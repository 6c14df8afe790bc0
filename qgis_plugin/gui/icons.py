"""Icons, of QGIS's theme where it has one."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtGui import QIcon

_ICON = Path(__file__).resolve().parents[1] / "resources" / "icon.svg"


def theme_icon(name: str) -> QIcon:
    """One of QGIS's own icons, in the user's theme."""
    return QgsApplication.getThemeIcon(f"/{name}")


def own_icon() -> QIcon:
    """The plugin's."""
    return QIcon(str(_ICON))
