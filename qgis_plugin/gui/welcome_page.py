"""What the dock shows while no engine is installed."""

from __future__ import annotations

from typing import Optional

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from ..core.settings import load_settings, wrong_engine_text
from ..core.translation import tr
from .icons import own_icon
from .labels import wrapped_label

_ICON_PX = 64


class WelcomePage(QWidget):
    """Says what is missing and offers to get it."""

    set_up_requested = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        icon = QLabel()
        icon.setPixmap(own_icon().pixmap(_ICON_PX, _ICON_PX))
        icon.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        title = wrapped_label(tr("<b>Type a phrase, get polygons</b>"), text_format=Qt.TextFormat.RichText)
        title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text = wrapped_label()
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._set_up = QPushButton(tr("Set up…"))
        self._set_up.setDefault(True)
        self._set_up.clicked.connect(self.set_up_requested)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(1)
        for widget in (icon, title, self._text, self._set_up):
            column.addWidget(widget)
        column.addStretch(2)
        self.show_settings()

    def show_settings(self) -> None:
        """Says why there is no engine, as far as the settings tell."""
        not_yet = tr(
            "GeoPhrase searches raster layers with an engine that runs on this computer. It isn't "
            "installed yet: set it up once, in a folder of its own. Nothing is put into QGIS's Python, "
            "and your imagery stays here."
        )
        self._text.setText(wrong_engine_text(load_settings()) or not_yet)
