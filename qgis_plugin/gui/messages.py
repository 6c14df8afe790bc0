"""What the user is told in QGIS's message bar: one sentence on what happened, one on what to do."""

from __future__ import annotations

from typing import Callable, Optional

from qgis.core import Qgis
from qgis.gui import QgisInterface
from qgis.PyQt.QtWidgets import QPushButton

from ..core.log import log_details

TITLE = "GeoPhrase"
_GOOD_NEWS_S = 6


class Messages:
    """GeoPhrase's messages; each is also in the log panel.

    Args:
        iface: QGIS's interface.
    """

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface

    def succeeded(self, text: str) -> None:
        """Something was done; goes away by itself."""
        self._push(text, Qgis.MessageLevel.Success, _GOOD_NEWS_S)

    def told(self, text: str) -> None:
        """Something that is good to know; goes away by itself."""
        self._push(text, Qgis.MessageLevel.Info, _GOOD_NEWS_S)

    def warned(self, text: str, *, action: str = "", on_action: Optional[Callable[[], None]] = None) -> None:
        """Something did not work; stays until it is closed.

        Args:
            text: What happened, then what to do.
            action: Label of a button that does it.
            on_action: What the button does.
        """
        if on_action is None:
            self._push(text, Qgis.MessageLevel.Warning, 0)
            return
        bar = self._iface.messageBar()
        item = bar.createMessage(TITLE, text)
        button = QPushButton(action, item)
        button.clicked.connect(on_action)
        button.clicked.connect(lambda _checked: bar.popWidget(item))
        item.layout().addWidget(button)
        bar.pushWidget(item, Qgis.MessageLevel.Warning)
        log_details(text)

    def _push(self, text: str, level: Qgis.MessageLevel, duration_s: int) -> None:
        self._iface.messageBar().pushMessage(TITLE, text, level, duration_s)
        log_details(text, level)
