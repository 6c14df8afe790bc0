"""Wires GeoPhrase into QGIS and takes every trace of it out again."""

from __future__ import annotations

from typing import Optional

from qgis.core import Qgis, QgsApplication
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QAction

from .core.engine.service import EngineService
from .core.log import log_details
from .core.settings import serve_argv
from .core.translation import tr, use_language
from .gui.dock import GeoPhraseDock
from .gui.icons import own_icon
from .gui.options_page import OptionsFactory
from .processing.provider import GeoPhraseProvider

MENU = "GeoPhrase"


class GeoPhrasePlugin:
    """A panel, its button, a page in the options, and the Processing provider; they share one engine.

    Attributes:
        dock: The panel; None without a GUI.

    Args:
        iface: QGIS's interface; None under `qgis_process`, which only calls `initProcessing`.
    """

    def __init__(self, iface: Optional[QgisInterface]) -> None:
        use_language(QgsApplication.locale())
        self._iface = iface
        self._service = EngineService(serve_argv, on_log=_log)
        self._is_stopped = False
        self._provider: Optional[GeoPhraseProvider] = None
        self.dock: Optional[GeoPhraseDock] = None
        self._action: Optional[QAction] = None
        self._options: Optional[OptionsFactory] = None

    def initProcessing(self) -> None:  # noqa: N802 - QGIS's name
        """Adds the algorithms; works without a GUI."""
        self._provider = GeoPhraseProvider(self._service)
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:  # noqa: N802 - QGIS's name
        """Adds everything that is seen."""
        assert self._iface is not None
        self.initProcessing()
        self.dock = GeoPhraseDock(self._iface, self._service, self._iface.mainWindow())
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()
        self._action = QAction(own_icon(), tr("GeoPhrase: find by a phrase"), self._iface.mainWindow())
        self._action.setObjectName("geophraseShowPanel")
        self._action.setToolTip(tr("Show or hide GeoPhrase: type a phrase on a raster layer, get polygons"))
        self.dock.setToggleVisibilityAction(self._action)
        self._iface.addPluginToRasterMenu(MENU, self._action)
        self._iface.addRasterToolBarIcon(self._action)
        self._options = OptionsFactory(self.dock.on_engine_changed, self.dock.show_set_up)
        self._iface.registerOptionsWidgetFactory(self._options)
        QgsApplication.instance().aboutToQuit.connect(self.stop)

    def unload(self) -> None:
        """Removes everything, ends what runs and the engine."""
        self.stop()
        if self.dock is not None:
            QgsApplication.instance().aboutToQuit.disconnect(self.stop)
            self._remove_gui(self.dock)
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
        self._service.stop()
        use_language("en")

    def stop(self) -> None:
        """Ends what runs and the engine, also when QGIS is closed without unloading its plugins."""
        if self._is_stopped:
            return
        self._is_stopped = True
        if self.dock is not None:
            self.dock.stop()
        self._service.stop(is_waiting=False)  # whoever waits for the engine comes back now
        if self.dock is not None:
            self.dock.wait()

    def _remove_gui(self, dock: GeoPhraseDock) -> None:
        assert self._iface is not None
        if self._options is not None:
            self._iface.unregisterOptionsWidgetFactory(self._options)
            self._options = None
        if self._action is not None:
            self._iface.removePluginRasterMenu(MENU, self._action)
            self._iface.removeRasterToolBarIcon(self._action)
            self._action.deleteLater()
            self._action = None
        self._iface.removeDockWidget(dock)
        dock.deleteLater()
        self.dock = None


def _log(line: str) -> None:
    log_details(line, Qgis.MessageLevel.Info)
