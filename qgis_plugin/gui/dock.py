"""GeoPhrase's panel."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QStackedWidget, QWidget

from ..core.engine.service import EngineService
from ..core.engine_status import EngineMonitor, EngineState, EngineStatus
from ..core.environment.background_installation import EngineInstallation
from ..core.settings import installed_engine, load_settings
from ..core.translation import tr
from .engine_controller import EngineController
from .export_controller import ExportController
from .label_controller import LabelController
from .messages import Messages
from .options_page import PAGE_NAME
from .refine_controller import RefineController
from .segment_controller import SegmentController
from .segment_page import SegmentPage
from .setup_dialog import SetupDialog
from .welcome_page import WelcomePage

STOP_MS = 5000
"""How long QGIS waits at most for a run to end when the plugin is taken away."""


class GeoPhraseDock(QgsDockWidget):
    """Shows the page that searches, or one that leads to the set-up where there is no engine.

    Args:
        iface: QGIS's interface.
        service: The engine; whoever made it stops it, between `stop` and `wait`.
        parent: QGIS's window.
    """

    def __init__(
        self, iface: QgisInterface, service: EngineService, parent: Optional[QWidget] = None
    ) -> None:
        super().__init__(tr("GeoPhrase"), parent)
        self.setObjectName("GeoPhraseDock")
        self._iface = iface
        self._set_up: Optional[SetupDialog] = None
        self._is_restart_due = False
        self.messages = Messages(iface)
        self.installation = EngineInstallation(self, stop_engine=service.stop_if_in)
        self.monitor = EngineMonitor(service, _is_installed, parent=self)
        self.page, self.welcome = SegmentPage(iface), WelcomePage()
        self.segment = SegmentController(self.page, iface, service, self.messages)
        self.refine = RefineController(
            self.page, iface, service, results=self.segment.results, messages=self.messages
        )
        self.label = LabelController(self.page, iface, self.refine, messages=self.messages)
        self.export = ExportController(self.page, iface, results=self.segment.results, messages=self.messages)
        self.engine = EngineController(self.page.engine_box, service, self.monitor)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.page)
        self._stack.addWidget(self.welcome)
        self._stack.setCurrentWidget(self.page if _is_installed() else self.welcome)
        self.setWidget(self._stack)
        self._connect()

    def show_set_up(self) -> SetupDialog:
        """Opens the window that installs the engine, or brings it to the front."""
        if self._set_up is not None and not sip.isdeleted(self._set_up):
            self._set_up.raise_()
            return self._set_up
        dialog = SetupDialog(self.installation, self._iface.mainWindow())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.page.engine_changed.connect(self.on_engine_changed)
        dialog.open()
        self._set_up = dialog
        return dialog

    def on_engine_changed(self) -> None:
        """Settings or installations changed; an engine that was started otherwise ends, after a run."""
        self.engine.show_settings()
        is_outdated = self.engine.is_outdated
        if is_outdated and self.segment.run is not None:
            self._is_restart_due = True
            self.messages.told(tr("The engine is started again as the settings say when the run has ended."))
        elif is_outdated:
            self.engine.restart()
        else:
            self.monitor.wake()

    def stop(self) -> None:
        """Asks everything that the panel began to end, and takes it off the map."""
        self._is_restart_due = False
        self.visibilityChanged.disconnect(self.monitor.watch)
        self.monitor.stop()
        if self._set_up is not None and not sip.isdeleted(self._set_up):
            self._set_up.close()
        self.export.stop()
        self.label.stop()
        self.refine.stop()
        self.segment.stop()

    def wait(self) -> None:
        """After `stop`, and after the engine was stopped: blocks until it has ended."""
        self.segment.wait(STOP_MS)
        self.export.wait(STOP_MS)
        self.refine.wait()
        self.installation.stop()
        self.monitor.wait()

    def _connect(self) -> None:
        self.monitor.changed.connect(self._on_status)
        self.segment.run_began.connect(self.monitor.wake)
        self.segment.run_ended.connect(self._on_run_ended)
        self.installation.ended.connect(self._on_installed)
        self.welcome.set_up_requested.connect(self.show_set_up)
        self.page.engine_box.set_up_requested.connect(self.show_set_up)
        self.page.doctor_button.clicked.connect(self._show_doctor)
        self.page.settings_button.clicked.connect(self._show_options)
        self.visibilityChanged.connect(self.monitor.watch)

    def _on_status(self, status: EngineStatus) -> None:
        is_missing = status.state is EngineState.MISSING
        self.welcome.show_settings()
        self._stack.setCurrentWidget(self.welcome if is_missing else self.page)

    def _on_installed(self, _outcome: object) -> None:
        self.on_engine_changed()  # the page, which may be closed by now, chose the private engine

    def _on_run_ended(self) -> None:
        if self._is_restart_due:
            self._is_restart_due = False
            self.on_engine_changed()
        else:
            self.monitor.wake()

    def _show_doctor(self) -> None:
        self.engine.show_doctor(self)

    def _show_options(self) -> None:
        self._iface.showOptionsDialog(self._iface.mainWindow(), PAGE_NAME)


def _is_installed() -> bool:
    return installed_engine(load_settings()) is not None
