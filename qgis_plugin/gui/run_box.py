"""Run, cancel, and how far it is."""

from __future__ import annotations

from typing import Optional, Union

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from geophrase.protocol.jobs import JobProgress

from ..core.segment.job import Sending
from ..core.translation import tr
from .icons import theme_icon
from .labels import wrapped_label


class RunBox(QWidget):
    """The button that runs, which while a run goes on gives way to progress and the one that cancels."""

    run_requested = pyqtSignal()
    cancel_requested = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._hint = ""
        self._run = QPushButton(theme_icon("mActionStart.svg"), tr("Find"))
        self._run.setDefault(True)
        self._run.setToolTip(tr("Find what the query names (Enter in the query line)"))
        self._cancel = QPushButton(theme_icon("mTaskCancel.svg"), tr("Cancel"))
        self._bar = QProgressBar()
        self._bar.setAccessibleName(tr("Progress"))
        self._text = wrapped_label()
        row = QHBoxLayout()
        row.addWidget(self._bar, 1)
        row.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._run)
        column.addLayout(row)
        column.addWidget(self._text)
        self._run.clicked.connect(self.run_requested)
        self._cancel.clicked.connect(self._on_cancel)
        self.show_idle()

    @property
    def is_running(self) -> bool:
        """Whether progress is shown."""
        return bool(self._run.isHidden())

    def set_ready(self, is_ready: bool, *, why_not: str = "", hint: str = "") -> None:
        """Whether there is something to run.

        Args:
            is_ready: If not, the button is off.
            why_not: Becomes the button's tool tip.
            hint: Shown under the button; "" for nothing.
        """
        self._run.setEnabled(is_ready)
        self._hint = hint
        if not self.is_running:
            self._show(is_running=False, text=hint)
        self._run.setToolTip(why_not or tr("Find what the query names (Enter in the query line)"))

    def show_running(self) -> None:
        """A run began."""
        self._bar.setRange(0, 0)
        self._cancel.setEnabled(True)
        self._show(is_running=True, text=tr("Starting…"))

    def show_progress(self, progress: Union[JobProgress, Sending]) -> None:
        """How far it is."""
        self._bar.setRange(0, max(1, progress.num_total))
        self._bar.setValue(progress.num_done)
        if self._cancel.isEnabled():
            self._text.setText(progress_text(progress))

    def show_idle(self) -> None:
        """No run goes on."""
        self._show(is_running=False, text=self._hint)

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._text.setText(tr("Cancelling…"))
        self.cancel_requested.emit()

    def _show(self, *, is_running: bool, text: str) -> None:
        self._run.setVisible(not is_running)
        for widget in (self._bar, self._cancel):
            widget.setVisible(is_running)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._bar.setAlignment(Qt.AlignmentFlag.AlignCenter)


def progress_text(progress: Union[JobProgress, Sending]) -> str:
    """One line on how far it is."""
    if isinstance(progress, Sending):
        text = tr("Drawing the layer for the engine: {done} of {total}")
        return text.format(done=progress.num_done, total=progress.num_total)
    text = tr("{count} polygons · tile {done} of {total}").format(
        count=progress.num_polygons, done=progress.num_done, total=progress.num_total
    )
    if progress.seconds_left is None:
        return text
    return tr("{text} · {time} left").format(text=text, time=duration_text(progress.seconds_left))


def duration_text(seconds: float) -> str:
    """A time that is still to come, no finer than it can be known."""
    if seconds < 60:
        return tr("{count} s").format(count=max(1, round(seconds)))
    if seconds < 3600:
        return tr("{count} min").format(count=round(seconds / 60))
    return tr("{hours} h {minutes} min").format(
        hours=int(seconds // 3600), minutes=round(seconds % 3600 / 60)
    )
