"""The widgets of the set-up page, without what they do."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from ..core.environment.background_installation import KEPT_LINES
from ..core.translation import tr
from .labels import wrapped_label

BAR_STEPS = 1000
_INDENT_PX = 20
_LOG_HEIGHT_PX = 140


class SetupForm(QWidget):
    """Narrow enough for a panel.

    Args:
        parent: Qt's.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.status = wrapped_label(tr("Looking at this computer…"))
        self.is_private = QRadioButton(tr("Install an engine of GeoPhrase's own"))
        self.is_existing = QRadioButton(tr("Use an engine that is already installed"))
        which = QButtonGroup(self)
        which.addButton(self.is_private)
        which.addButton(self.is_existing)
        self.private_box = self._private()
        self.existing_box = self._existing()
        self.progress_box = self._progress()
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(KEPT_LINES)
        self.log.setMinimumHeight(_LOG_HEIGHT_PX)
        column = QVBoxLayout(self)
        for widget in (
            self.status,
            self.is_private,
            self.private_box,
            self.is_existing,
            self.existing_box,
            self._buttons(),
            self.progress_box,
        ):
            column.addWidget(widget)
        column.addWidget(self.log, 1)
        column.addWidget(self._last_row())

    def _private(self) -> QWidget:
        box = QWidget()
        form = QFormLayout(box)
        form.setContentsMargins(_INDENT_PX, 0, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.folder = _chooser(QgsFileWidget.StorageMode.GetDirectory, tr("Folder of the engine"))
        self.cuda = QRadioButton(tr("NVIDIA GPU (CUDA)"))
        self.cpu = QRadioButton(tr("Processor (CPU)"))
        self.reason = wrapped_label("")
        self.wheels = _chooser(QgsFileWidget.StorageMode.GetDirectory, tr("Folder of wheels"))
        self.wheels.lineEdit().setPlaceholderText(tr("only without a network"))
        self.wheels.setToolTip(
            tr("A folder that holds every package as a wheel; nothing is then downloaded.")
        )
        self.size = wrapped_label("")
        builds = QButtonGroup(box)
        for button in (self.cuda, self.cpu):
            builds.addButton(button)
        form.addRow(tr("Folder"), self.folder)
        form.addRow(tr("Runs on"), self.cuda)
        form.addRow("", self.cpu)
        form.addRow(self.reason)
        form.addRow(tr("Wheels"), self.wheels)
        form.addRow(self.size)
        return box

    def _existing(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(_INDENT_PX, 0, 0, 0)
        self.command = _chooser(QgsFileWidget.StorageMode.GetFile, tr("The program geophrase of that engine"))
        self.command.setToolTip(
            tr("The program geophrase, the folder of its environment, or a command line.")
        )
        self.use = QPushButton(tr("Use"))
        row.addWidget(self.command, 1)
        row.addWidget(self.use)
        return box

    def _progress(self) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        self.step = wrapped_label("")
        self.bar = QProgressBar()
        self.bar.setRange(0, BAR_STEPS)
        column.addWidget(self.step)
        column.addWidget(self.bar)
        return box

    def _buttons(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        self.install = QPushButton(tr("Install"))
        self.cancel = QPushButton(tr("Cancel"))
        self.doctor = QPushButton(tr("Doctor"))
        self.doctor.setToolTip(tr("Checks the engine and says why a GPU is not used."))
        for button in (self.install, self.cancel, self.doctor):
            row.addWidget(button)
        row.addStretch()
        return box

    def _last_row(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        self.uninstall = QPushButton(tr("Uninstall…"))
        self.caches = QCheckBox(tr("with encodings and downloaded models"))
        for widget in (self.uninstall, self.caches):
            row.addWidget(widget)
        row.addStretch()
        return box


def _chooser(mode: QgsFileWidget.StorageMode, title: str) -> QgsFileWidget:
    widget = QgsFileWidget()
    widget.setStorageMode(mode)
    widget.setDialogTitle(title)
    return widget
