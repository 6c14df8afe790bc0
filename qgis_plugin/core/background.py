"""One call in a thread of its own, for what takes moments and belongs into no list of tasks."""

from __future__ import annotations

import threading
import traceback
from typing import Any, Callable

from qgis.PyQt.QtCore import QObject, pyqtSignal, pyqtSlot

from .engine.errors import EngineFailure
from .log import log_details


class BackgroundCall(QObject):
    """Calls a function once and tells in the main thread what came of it, unless its parent is gone by then.

    Args:
        function: May block; touches neither widgets nor layers.
        parent: Keeps the call until it has returned.
    """

    succeeded = pyqtSignal(object)
    """What the function returned."""
    failed = pyqtSignal(str)
    """A sentence for the user."""

    def __init__(self, function: Callable[[], Any], parent: QObject) -> None:
        super().__init__(parent)
        self._function = function

    def start(self) -> None:
        """Begins; connect the signals before."""
        answer = _Answer()
        answer.arrived.connect(self._tell)
        threading.Thread(
            target=_run, args=(self._function, answer), name="geophrase-call", daemon=True
        ).start()

    @pyqtSlot(object, str)
    def _tell(self, value: object, problem: str) -> None:
        if problem:
            self.failed.emit(problem)
        else:
            self.succeeded.emit(value)
        self.deleteLater()


class _Answer(QObject):
    """The thread's own end of the connection: Qt takes the call's end away with the call, at any time."""

    arrived = pyqtSignal(object, str)


def _run(function: Callable[[], Any], answer: _Answer) -> None:
    try:
        value, problem = function(), ""
    except EngineFailure as failure:
        value, problem = None, str(failure)
    except Exception as error:  # the boundary of the thread
        log_details(traceback.format_exc())
        value, problem = None, str(error) or type(error).__name__
    answer.arrived.emit(value, problem)
    answer.deleteLater()  # in the thread that made it
