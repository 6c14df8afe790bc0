"""What the engine says of itself and of the machine, to read and to copy into a report."""

from __future__ import annotations

from typing import Callable, Optional

from qgis.PyQt.QtGui import QFontDatabase, QGuiApplication
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from ..core.background import BackgroundCall
from ..core.translation import tr


class DoctorDialog(QDialog):
    """Shows a report that is on its way or has arrived."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("GeoPhrase: doctor"))
        self.resize(640, 420)
        self._text = QPlainTextEdit(tr("The engine examines itself and this machine…"))
        self._text.setReadOnly(True)
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._copy = buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        self._copy.setEnabled(False)
        self._copy.clicked.connect(self.copy)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self._text)
        column.addWidget(buttons)

    @property
    def text(self) -> str:
        """What is shown."""
        return str(self._text.toPlainText())

    def show_text(self, text: str) -> None:
        """The report is here, or why there is none."""
        self._text.setPlainText(text)
        self._copy.setEnabled(True)

    def copy(self) -> None:
        """Puts the report on the clipboard."""
        QGuiApplication.clipboard().setText(self.text)


def show_doctor(ask: Callable[[], str], parent: QWidget) -> DoctorDialog:
    """Opens the dialog, which shows the report when it has arrived.

    Args:
        ask: Blocks until there is one; called in a thread of its own.
        parent: Qt's.
    """
    dialog = DoctorDialog(parent)
    call = BackgroundCall(ask, dialog)
    call.succeeded.connect(dialog.show_text)
    call.failed.connect(dialog.show_text)
    call.start()
    dialog.open()
    return dialog
