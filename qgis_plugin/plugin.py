"""Wires GeoPhrase into QGIS and takes every trace of it out again."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import Qgis, QgsRasterLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QGuiApplication
from qgis.PyQt.QtWidgets import QAction

from .core.command_line import segment_command

_MENU = "GeoPhrase"


def _tr(text: str) -> str:
    return str(QCoreApplication.translate("GeoPhrase", text))


class GeoPhrasePlugin:
    """One action in the Raster menu: copy the engine's command for the current raster layer.

    Args:
        iface: QGIS's interface.
    """

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface
        self._action: Optional[QAction] = None

    def initGui(self) -> None:  # noqa: N802 - QGIS's name
        """Adds the action."""
        self._action = QAction(_tr("Copy command for this layer"), self._iface.mainWindow())
        self._action.triggered.connect(self.copy_command)
        self._iface.addPluginToRasterMenu(_MENU, self._action)

    def unload(self) -> None:
        """Removes the action."""
        if self._action is not None:
            self._iface.removePluginRasterMenu(_MENU, self._action)
            self._action.deleteLater()
            self._action = None

    def copy_command(self) -> None:
        """Puts the command on the clipboard, or says which layer it needs."""
        layer = self._iface.activeLayer()
        path = layer.source() if isinstance(layer, QgsRasterLayer) else ""
        if not Path(path).is_file():
            text = _tr("Select a raster layer that is a local file, then copy its command.")
            self._iface.messageBar().pushMessage(_MENU, text, Qgis.MessageLevel.Warning)
            return
        command = segment_command(path)
        QGuiApplication.clipboard().setText(command)
        text = _tr("Copied: {command}").format(command=command)
        self._iface.messageBar().pushMessage(_MENU, text, Qgis.MessageLevel.Info)
