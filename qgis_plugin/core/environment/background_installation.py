"""The installation as a task of QGIS: it goes on while its page is closed, and ends with the plugin."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Callable, Deque, Optional, Sequence

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..translation import tr
from .failure import InstallError
from .install import InstallOutcome, install
from .plan import InstallListener, InstallPlan
from .uninstall import uninstall

KEPT_LINES = 2000
_STOP_MS = 15_000


class InstallationTask(QgsTask):
    """Runs one installation or removal in a worker thread.

    Args:
        title: What QGIS's list of tasks shows.
        work: Does it; gets the listener, blocks.
        engine_withdrawn: See InstallListener.
    """

    progressed = pyqtSignal(float, str)
    line_added = pyqtSignal(str)
    ended = pyqtSignal(object)

    def __init__(
        self,
        title: str,
        work: Callable[[InstallListener], InstallOutcome],
        engine_withdrawn: Callable[[], None],
    ) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._work, self._engine_withdrawn = work, engine_withdrawn
        self._outcome = InstallOutcome(is_cancelled=True)  # of a task that was cancelled before it began

    def run(self) -> bool:
        """Does the work; in the worker thread."""
        listener = InstallListener(
            self._tell_progress, self.line_added.emit, self.isCanceled, self._engine_withdrawn
        )
        self._outcome = self._work(listener)
        return self._outcome.is_done

    def finished(self, result: bool) -> None:
        """Tells the outcome; in the main thread."""
        self.ended.emit(self._outcome)

    def _tell_progress(self, fraction: float, text: str) -> None:
        self.setProgress(100 * fraction)
        self.progressed.emit(fraction, text)


class EngineInstallation(QObject):
    """The one installation that a QGIS can be busy with; pages come and go and find it as it is.

    The plugin makes one in `initGui` and calls `stop` in `unload`.

    Args:
        parent: Qt's.
        stop_engine: Ends an engine that runs from the given folder and waits for that, for the files there
            are about to change; called in the worker thread.
    """

    progressed = pyqtSignal(float, str)
    """The fraction done, 0 to 1, and the step in words."""
    line_added = pyqtSignal(str)
    """A line of the log."""
    ended = pyqtSignal(object)
    """The InstallOutcome of an installation or a removal."""

    def __init__(
        self, parent: Optional[QObject] = None, *, stop_engine: Callable[[Path], None] = lambda folder: None
    ) -> None:
        super().__init__(parent)
        self._stop_engine = stop_engine
        self.lines: Deque[str] = collections.deque(maxlen=KEPT_LINES)
        self.progress = (0.0, "")
        self._task: Optional[InstallationTask] = None

    @property
    def is_running(self) -> bool:
        """Whether something is being installed or removed."""
        return self._task is not None

    def start(self, plan: InstallPlan) -> None:
        """Begins an installation, unless one is running."""
        self._begin(
            tr("Installing GeoPhrase's engine"), plan.folder, lambda listener: install(plan, listener)
        )

    def remove(self, folder: Path, caches: Sequence[Path] = ()) -> None:
        """Begins to remove the environment and further folders, unless something is running."""

        def work(listener: InstallListener) -> InstallOutcome:
            listener.progress(0.0, tr("Removing the engine"))
            try:
                uninstall(folder, caches=caches, engine_withdrawn=listener.engine_withdrawn)
            except InstallError as error:
                return InstallOutcome(error, tr("Removing the engine"))
            listener.progress(1.0, tr("The engine is removed"))
            return InstallOutcome()

        self._begin(tr("Removing GeoPhrase's engine"), folder, work)

    def cancel(self) -> None:
        """Ends what is running; `ended` tells when that has happened."""
        if self._task is not None:
            self._task.cancel()

    def stop(self) -> None:
        """Ends what is running and waits for it; nothing is told any more."""
        task, self._task = self._task, None
        if task is None:
            return
        for signal in (task.progressed, task.line_added, task.ended):
            signal.disconnect()
        task.cancel()
        task.waitForFinished(_STOP_MS)

    def _begin(self, title: str, folder: Path, work: Callable[[InstallListener], InstallOutcome]) -> None:
        if self._task is not None:
            return
        self.lines.clear()
        self._task = InstallationTask(title, work, lambda: self._stop_engine(folder))
        self._task.progressed.connect(self._progress)
        self._task.line_added.connect(self._line)
        self._task.ended.connect(self._end)
        QgsApplication.taskManager().addTask(self._task)

    def _progress(self, fraction: float, text: str) -> None:
        self.progress = (fraction, text)
        self.progressed.emit(fraction, text)

    def _line(self, line: str) -> None:
        self.lines.append(line)
        self.line_added.emit(line)

    def _end(self, outcome: InstallOutcome) -> None:
        self._task = None
        self.ended.emit(outcome)
