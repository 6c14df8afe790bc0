"""What the dock's engine box does: shows how the engine is, and restarts it where a choice asks for that."""

from __future__ import annotations

from dataclasses import replace

from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QWidget

from ..core.background import BackgroundCall
from ..core.engine.errors import EngineFailure
from ..core.engine.service import EngineService
from ..core.engine_status import EngineMonitor
from ..core.environment.clean_environ import clean_environ
from ..core.environment.doctor import ask_doctor
from ..core.environment.failure import InstallError
from ..core.settings import PluginSettings, installed_engine, load_settings, save_settings, serve_argv
from ..core.translation import tr
from .doctor_dialog import DoctorDialog, show_doctor
from .engine_box import EngineBox


class EngineController(QObject):
    """Keeps the engine box, the settings and the engine in step. Lives in the main thread.

    Args:
        box: The widgets.
        service: The engine.
        monitor: What is known of it.
    """

    def __init__(self, box: EngineBox, service: EngineService, monitor: EngineMonitor) -> None:
        super().__init__(box)
        self._box, self._service, self._monitor = box, service, monitor
        monitor.changed.connect(box.show_status)
        box.show_status(monitor.status)
        box.model_chosen.connect(self._on_model)
        box.device_chosen.connect(self._on_device)
        box.retry_requested.connect(monitor.wake)
        box.models_opened.connect(monitor.wake)  # a model that was trained meanwhile is offered at once
        self.show_settings()

    def show_settings(self) -> None:
        """Shows the choices as they are kept."""
        settings = load_settings()
        self._box.show_choice(settings.model, settings.device)

    @property
    def is_outdated(self) -> bool:
        """Whether an engine runs that would be started otherwise now."""
        command = self._service.command
        if not command:
            return False
        try:
            return command != tuple(serve_argv())
        except EngineFailure:  # none is installed any more
            return True

    def restart(self) -> None:
        """Ends the engine; it is started again with the settings as they are now."""
        call = BackgroundCall(self._service.stop, self)
        call.succeeded.connect(self._on_stopped)
        call.start()

    def show_doctor(self, parent: QWidget) -> DoctorDialog:
        """Asks the engine what is well and what isn't, and shows it when it answers."""
        settings, is_running = load_settings(), self._service.is_running
        return show_doctor(lambda: _report_of(self._service, settings, is_running=is_running), parent)

    def _on_model(self, model: str) -> None:
        save_settings(replace(load_settings(), model=model))

    def _on_device(self, device: str) -> None:
        save_settings(replace(load_settings(), device=device))
        self.restart()

    def _on_stopped(self, _nothing: object) -> None:
        self._monitor.wake()


def _report_of(service: EngineService, settings: PluginSettings, *, is_running: bool) -> str:
    """The running engine's own report, or that of a fresh process where none runs; blocks for seconds."""
    if is_running:
        try:
            return service.client().doctor().text
        except EngineFailure:  # it ended meanwhile: a fresh one says why
            pass
    command = installed_engine(settings)
    if command is None:
        return tr("No engine is installed. Open the GeoPhrase panel and press Set up.")
    try:
        return ask_doctor(command, clean_environ()).as_text()
    except InstallError as error:
        return str(error)
