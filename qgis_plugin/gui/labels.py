"""Labels that are as narrow as the panel and as high as their text then needs."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy


def wrapped_label(text: str = "", *, text_format: Qt.TextFormat = Qt.TextFormat.PlainText) -> QLabel:
    """A label that wraps its text and asks for no width."""
    label = QLabel(text)
    label.setTextFormat(text_format)
    label.setWordWrap(True)
    policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    return label
