"""A QGIS interface made of real widgets: what plugins add to it can be seen, used and found gone again."""

from __future__ import annotations

from qgis.core import QgsProject
from qgis.gui import QgsLayerTreeMapCanvasBridge, QgsMapCanvas, QgsMessageBar
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QMainWindow, QToolBar


class TestInterface(QObject):
    """Has the methods of QgisInterface that the plugin uses, under the same names."""

    __test__ = False  # no test class, whatever its name says

    currentLayerChanged = pyqtSignal(object)

    def __init__(self):
        super().__init__()
        self.window = QMainWindow()
        self.window.resize(1200, 800)
        self.canvas = QgsMapCanvas(self.window)
        self.canvas.resize(800, 600)
        self.window.setCentralWidget(self.canvas)
        self.message_bar = QgsMessageBar(self.window)
        self.toolbar = QToolBar(self.window)
        self.window.addToolBar(self.toolbar)
        self.bridge = QgsLayerTreeMapCanvasBridge(QgsProject.instance().layerTreeRoot(), self.canvas)
        self.docks, self.menu_actions, self.toolbar_actions, self.option_factories = [], [], [], []
        self.active_layer = None

    def mainWindow(self):
        return self.window

    def mapCanvas(self):
        return self.canvas

    def messageBar(self):
        return self.message_bar

    def activeLayer(self):
        """None once the layer is gone, as in QGIS."""
        is_gone = self.active_layer is not None and sip.isdeleted(self.active_layer)
        return None if is_gone else self.active_layer

    def setActiveLayer(self, layer):
        self.active_layer = layer
        self.currentLayerChanged.emit(layer)
        return True

    def addDockWidget(self, area, dock):
        self.window.addDockWidget(area, dock)
        self.docks.append(dock)

    def removeDockWidget(self, dock):
        self.window.removeDockWidget(dock)
        self.docks.remove(dock)

    def addPluginToRasterMenu(self, name, action):
        self.menu_actions.append((name, action))

    def removePluginRasterMenu(self, name, action):
        self.menu_actions.remove((name, action))

    def addRasterToolBarIcon(self, action):
        self.toolbar_actions.append(action)
        self.toolbar.addAction(action)
        return len(self.toolbar_actions)

    def removeRasterToolBarIcon(self, action):
        self.toolbar_actions.remove(action)
        self.toolbar.removeAction(action)

    def registerOptionsWidgetFactory(self, factory):
        self.option_factories.append(factory)

    def unregisterOptionsWidgetFactory(self, factory):
        self.option_factories.remove(factory)

    def showOptionsDialog(self, parent=None, currentPage=""):
        self.option_page_shown = currentPage

    def close(self):
        sip.delete(self.bridge)  # now: it follows the project's layers, and the canvas is about to go
        self.window.close()
        self.window.deleteLater()
