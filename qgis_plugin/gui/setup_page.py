"""The set-up page: what is installed, where, how large and why; the installation itself, and its removal."""

from __future__ import annotations

import dataclasses
import os
import platform
from pathlib import Path
from typing import Any, List, Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QFrame, QMessageBox, QScrollArea, QVBoxLayout, QWidget

from ..core.background import BackgroundCall
from ..core.environment.background_installation import EngineInstallation
from ..core.environment.clean_environ import clean_environ
from ..core.environment.doctor import ask_doctor
from ..core.environment.install import InstallOutcome
from ..core.environment.location import (
    engine_command,
    environment_folder,
    user_cache_folder,
    user_data_folder,
)
from ..core.environment.plan import LOG_FILE
from ..core.environment.qgis_proxy import qgis_proxy
from ..core.environment.survey import Survey, make_plan, survey
from ..core.settings import PluginSettings, installed_engine, load_settings, save_settings
from ..core.translation import tr
from .doctor_dialog import DoctorDialog, show_doctor
from .setup_form import BAR_STEPS, SetupForm


class SetupPage(QWidget):
    """Installs, checks and removes the engine; stands in the panel or in a dialog.

    The work belongs to `installation` and goes on when the page is closed; a page opened meanwhile shows it.

    Args:
        installation: The plugin's one installation.
        parent: Qt's.
    """

    engine_changed = pyqtSignal()
    """From now on an engine is to be used that was installed elsewhere; `installation` tells of its own."""

    def __init__(self, installation: EngineInstallation, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.form = SetupForm()
        self._installation = installation
        self._found: Optional[Survey] = None
        self._problem = ""
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(self.form)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(area)
        self._show_settings(load_settings())
        self._connect()
        if installation.is_running:
            self.form.log.setPlainText("\n".join(installation.lines))
            self._show_progress(*installation.progress)
        self.look()

    def look(self) -> None:
        """Looks at the computer and at the folder, in the background."""
        folder = environment_folder(self._chosen_folder())
        self._found = None
        call = BackgroundCall(lambda: survey(folder), self)
        call.succeeded.connect(self._show_survey)
        call.failed.connect(self.form.status.setText)
        call.start()
        self._update()

    def install(self) -> None:
        """Begins the installation of what is chosen, and makes the private engine the one to be used."""
        found = self._found
        if found is None or self._installation.is_running:
            return
        self._keep(engine_command="", environment_folder=self._chosen_folder())
        self.form.log.clear()
        self._problem = ""
        wheels = self.form.wheels.filePath().strip()
        plan = make_plan(
            found,
            is_cuda=self.form.cuda.isChecked(),
            wheels=Path(wheels) if wheels else None,
            proxy=qgis_proxy(),
        )
        self._installation.start(plan)
        self._update()

    def use_existing(self) -> None:
        """Makes the engine at the given path the one to be used, and has its doctor look at it."""
        command = self.form.command.filePath().strip()
        if not command or engine_command(command, Path()) is None:
            text = tr("There is no engine at “{path}”: choose the program geophrase in its environment.")
            self.form.status.setText(text.format(path=command))
            return
        self._keep(engine_command=command)
        self.engine_changed.emit()
        self.ask_doctor()

    def ask_doctor(self) -> Optional[DoctorDialog]:
        """Shows what the doctor of the installed engine finds, whether or not an engine runs.

        None where none is installed.
        """
        argv = installed_engine(load_settings())
        if argv is None:
            self.form.status.setText(tr("No engine is installed yet. Press Install first."))
            return None
        environ = clean_environ()
        return show_doctor(lambda: ask_doctor(argv, environ).as_text(), self)

    def remove(self) -> None:
        """Begins to remove the private engine, without asking."""
        caches: List[Path] = []
        if self.form.caches.isChecked():
            system = platform.system()
            weights = user_data_folder(os.environ, system) / "geophrase" / "weights"
            caches = [user_cache_folder(os.environ, system), weights]
        self.form.log.clear()
        self._installation.remove(environment_folder(self._chosen_folder()), caches)
        self._update()

    def _connect(self) -> None:
        form = self.form
        form.install.clicked.connect(self.install)
        form.cancel.clicked.connect(self._installation.cancel)
        form.doctor.clicked.connect(self.ask_doctor)
        form.uninstall.clicked.connect(self._confirm_removal)
        form.use.clicked.connect(self.use_existing)
        form.is_private.toggled.connect(self._update)
        form.cuda.toggled.connect(self._update)
        form.folder.fileChanged.connect(self.look)
        # Qt takes the connections to methods of a QObject away together with the page.
        self._installation.progressed.connect(self._show_progress)
        self._installation.line_added.connect(form.log.appendPlainText)
        self._installation.ended.connect(self._show_outcome)

    def _show_settings(self, settings: PluginSettings) -> None:
        self.form.folder.setFilePath(str(environment_folder(settings.environment_folder)))
        self.form.command.setFilePath(settings.engine_command)
        choice = self.form.is_existing if settings.engine_command else self.form.is_private
        choice.setChecked(True)

    def _show_survey(self, found: Survey) -> None:
        if found.folder != environment_folder(self._chosen_folder()):
            return  # of a folder that was chosen before
        self._found = found
        has_cuda = found.choice.cuda is not None
        self.form.cuda.setEnabled(has_cuda)
        was_cpu = found.state.result("torch").get("cuda", "") == "None"
        (self.form.cuda if has_cuda and not was_cpu else self.form.cpu).setChecked(True)
        self._update()

    def _show_progress(self, fraction: float, text: str) -> None:
        self.form.step.setText(text)
        self.form.bar.setValue(round(BAR_STEPS * fraction))

    def _show_outcome(self, outcome: InstallOutcome) -> None:
        self._problem = _spoken(outcome, environment_folder(self._chosen_folder()) / LOG_FILE)
        if outcome.error is not None:
            self.form.log.appendPlainText("\n".join(outcome.error.lines))
        self.look()

    def _update(self) -> None:
        """Brings every widget into line with what is known and what is running."""
        form, found, is_running = self.form, self._found, self._installation.is_running
        form.private_box.setEnabled(form.is_private.isChecked() and not is_running)
        form.existing_box.setEnabled(form.is_existing.isChecked() and not is_running)
        form.progress_box.setVisible(is_running)
        is_ready = found is not None and not is_running
        form.install.setEnabled(is_ready and form.is_private.isChecked())
        form.cancel.setEnabled(is_running)
        form.doctor.setEnabled(not is_running)
        form.uninstall.setEnabled(is_ready and found is not None and found.has_traces)
        if is_running:
            form.status.setText(tr("The work goes on when this page is closed."))
        elif found is not None:
            self._describe(found)

    def _describe(self, found: Survey) -> None:
        form, build = self.form, found.build(self.form.cuda.isChecked())
        reason = build.reason if found.choice.cuda else f"{found.choice.cuda_obstacle} {build.reason}"
        form.reason.setText(reason)
        text = tr("Downloads about {download:.1f} GB from the Python Package Index and takes {disk:.1f} GB.")
        form.size.setText(text.format(download=build.download_mb / 1000, disk=build.disk_mb / 1000))
        form.install.setText(_install_title(found, has_failed=bool(self._problem)))
        form.status.setText(self._problem or _state_sentence(found))

    def _confirm_removal(self) -> None:
        question = tr("Remove GeoPhrase's engine and everything that was installed with it?")
        buttons = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No
        if QMessageBox.question(self, tr("Uninstall"), question, buttons) == QMessageBox.StandardButton.Yes:
            self.remove()

    def _chosen_folder(self) -> str:
        """The folder as it is kept in the settings: "" for the default one."""
        chosen = self.form.folder.filePath().strip()
        return "" if chosen == str(environment_folder("")) else chosen

    def _keep(self, **changes: Any) -> None:
        save_settings(dataclasses.replace(load_settings(), **changes))


def _spoken(outcome: InstallOutcome, log: Path) -> str:
    if outcome.is_cancelled:
        return tr("Cancelled. What is finished is kept: press Retry to go on.")
    if outcome.error is None:
        return ""
    text = tr("“{step}” failed: {message} {advice} The whole log is in {log}.")
    error = outcome.error
    return text.format(step=outcome.step, message=error.message, advice=error.advice, log=log)


def _install_title(found: Survey, *, has_failed: bool) -> str:
    if has_failed or (found.has_traces and not found.is_installed):
        return tr("Retry")
    return tr("Update") if found.is_installed else tr("Install")


def _state_sentence(found: Survey) -> str:
    if not found.is_installed and load_settings().engine_command:
        return tr("You use an engine of your own. Nothing is downloaded before you press Install.")
    if not found.is_installed:
        return tr("No engine is installed yet. Nothing is downloaded before you press Install.")
    if found.due:
        text = tr("The engine {version} is installed; an update is due: {steps}.")
        return text.format(version=found.engine, steps=", ".join(found.due))
    device = found.state.result("check").get("device", "")
    return tr("The engine {version} is installed and up to date. {device}").format(
        version=found.engine, device=device
    )
