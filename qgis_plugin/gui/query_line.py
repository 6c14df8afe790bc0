"""The line that the phrases are typed into."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgsFilterLineEdit
from qgis.PyQt.QtCore import QStringListModel, Qt, pyqtSignal
from qgis.PyQt.QtGui import QFocusEvent, QKeyEvent
from qgis.PyQt.QtWidgets import QCompleter, QWidget

from ..core.segment.history import completions
from ..core.segment.queries import SEPARATOR
from ..core.translation import tr


class QueryLine(QgsFilterLineEdit):
    """Offers earlier queries and suggestions; with several phrases, for the one that is being typed.

    Enter asks for a run; the Down key in an empty line shows what was asked before.
    """

    run_requested = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(tr("e.g. storage tanks; ships"))
        self.setToolTip(
            tr(
                "What to look for, in English. Several phrases separated by semicolons are found in one pass "
                "and make one category each."
            )
        )
        self.setAccessibleName(tr("What to look for"))
        self.setShowSearchIcon(True)
        self._model = QStringListModel(self)
        self._completer = _PhraseCompleter(self._model, self)
        self.setCompleter(self._completer)
        self.returnPressed.connect(self._on_return)
        self.refresh()

    def refresh(self) -> None:
        """Reads the history again."""
        self._model.setStringList(completions())

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """The history may have grown."""
        self.refresh()
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Down shows all there is to choose."""
        if event.key() == Qt.Key.Key_Down and not self.text().strip():
            self._completer.setCompletionPrefix("")
            self._completer.complete()
            return
        super().keyPressEvent(event)

    def _on_return(self) -> None:
        popup = self._completer.popup()
        if popup.isVisible() and popup.currentIndex().isValid():
            return  # Enter takes the highlighted suggestion
        popup.hide()
        self.run_requested.emit()


class _PhraseCompleter(QCompleter):
    """Completes the last of the phrases and leaves those before it alone."""

    def __init__(self, model: QStringListModel, line: QueryLine) -> None:
        super().__init__(model, line)
        self._line = line
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        self.setMaxVisibleItems(12)

    def splitPath(self, path: str) -> list[str]:  # noqa: N802 - Qt's name
        """What is looked for in the model."""
        return [path.rpartition(SEPARATOR)[2].strip()]

    def pathFromIndex(self, index: object) -> str:  # noqa: N802 - Qt's name
        """What the line says once a completion is chosen."""
        chosen = str(super().pathFromIndex(index))
        before, separator, _ = self._line.text().rpartition(SEPARATOR)
        return f"{before}{separator} {chosen}" if separator else chosen
