"""An export in the background."""

from __future__ import annotations

import traceback
from typing import Callable, Optional

from qgis.core import QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from ..core.export.errors import ExportCancelledError, ExportError
from ..core.log import log_details
from ..core.translation import tr

_PERCENT = 100.0

Work = Callable[[Callable[[float], object], Callable[[], bool]], object]
"""Does the export: given whom to tell the fraction that is done, and whether it is cancelled."""


class ExportTask(QgsTask):
    """Runs an export in a worker thread; ends in exactly one of its signals, in the main thread.

    Args:
        title: What QGIS's list of tasks shows.
        work: The export; touches no layer of the project and no widget.
    """

    succeeded = pyqtSignal(object)
    """What the work returned."""
    failed = pyqtSignal(str)
    """A sentence for the user."""
    was_cancelled = pyqtSignal(str)
    """A sentence for the user."""

    def __init__(self, title: str, work: Work) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._work = work
        self._answer: object = None
        self._failure: Optional[str] = None

    def run(self) -> bool:
        """Does the work, in a thread of QGIS's pool."""
        try:
            self._answer = self._work(lambda fraction: self.setProgress(_PERCENT * fraction), self.isCanceled)
        except ExportCancelledError as error:
            self.cancel()
            self._failure = str(error)
        except ExportError as error:
            self._failure = str(error)
        except Exception as error:  # the boundary of the thread: QGIS would only print it
            log_details(traceback.format_exc())
            text = tr("The export failed unexpectedly ({error}). The log panel has the details; try again.")
            self._failure = text.format(error=error)
        return self._failure is None

    def finished(self, result: bool) -> None:
        """Tells how it ended, in the main thread."""
        if result:
            self.succeeded.emit(self._answer)
        elif self.isCanceled():
            self.was_cancelled.emit(self._failure or tr("The export was cancelled; nothing was written."))
        else:
            self.failed.emit(self._failure or "")
