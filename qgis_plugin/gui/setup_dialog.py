"""The set-up page in a window of its own."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from ..core.environment.background_installation import EngineInstallation
from ..core.translation import tr
from .icons import own_icon
from .setup_page import SetupPage


class SetupDialog(QDialog):
    """Closing it leaves an installation running.

    Args:
        installation: The plugin's one installation.
        parent: QGIS's window.
    """

    def __init__(self, installation: EngineInstallation, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("GeoPhrase: set up the engine"))
        self.setWindowIcon(own_icon())
        self.resize(720, 560)
        self.page = SetupPage(installation, self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.page)
        column.addWidget(buttons)
