"""What the dock's export button does."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsApplication, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, Qt

from ..core.segment.results import Results
from ..core.translation import tr
from .export_dialog import ExportDialog
from .export_task import ExportTask
from .messages import Messages
from .segment_page import SegmentPage
from .segments_target import segments_target


class ExportController(QObject):
    """Opens the export dialog beside the map, one at a time. Lives in the main thread.

    Args:
        page: The widgets.
        iface: QGIS's interface.
        results: What is exported when no segments layer is active.
        messages: Where the user is told.
    """

    def __init__(
        self, page: SegmentPage, iface: QgisInterface, *, results: Results, messages: Messages
    ) -> None:
        super().__init__(page)
        self.dialog: Optional[ExportDialog] = None
        self._page, self._iface, self._results, self._messages = page, iface, results, messages
        page.result_box.export_requested.connect(self.open)
        results.current_changed.connect(self._show_readiness)
        results.progressed.connect(self._show_readiness)
        iface.currentLayerChanged.connect(self._show_readiness)
        self._show_readiness()

    def open(self) -> None:
        """Opens the dialog for the layer that is meant, or says that there is none."""
        layer = segments_target(self._iface, self._results)
        if layer is None:
            self._messages.warned(
                tr("There are no polygons to export. Run a query, or choose a segments layer.")
            )
            return
        self._close()
        raster = self._page.layer_box.currentLayer()
        self.dialog = ExportDialog(
            layer,
            self._iface.mapCanvas(),
            raster=raster if isinstance(raster, QgsRasterLayer) else None,
            parent=self._iface.mainWindow(),
        )
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.exported.connect(self._on_exported)
        self.dialog.show()

    def stop(self) -> None:
        """Closes the dialog; an export that is under way is cancelled."""
        self._iface.currentLayerChanged.disconnect(self._show_readiness)
        self._close()

    def wait(self, timeout_ms: int) -> None:
        """After `stop`: blocks until exports have ended, also those of dialogs that were closed before."""
        for task in QgsApplication.taskManager().activeTasks():
            if isinstance(task, ExportTask):
                task.waitForFinished(timeout_ms)

    def _close(self) -> None:
        if self.dialog is not None and not sip.isdeleted(self.dialog):
            self.dialog.close()
        self.dialog = None

    def _on_exported(self, what: object) -> None:
        if isinstance(what, QgsVectorLayer):
            self._messages.succeeded(tr("Exported into {layer}.").format(layer=what.name()))

    def _show_readiness(self) -> None:
        self._page.result_box.export.setEnabled(segments_target(self._iface, self._results) is not None)
