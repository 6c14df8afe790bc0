"""How the engine is, asked again and again from a thread of its own."""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Optional

from qgis.PyQt.QtCore import QObject, pyqtSignal

from geophrase.protocol.messages import Health, Hello

from .engine.errors import EngineFailure
from .engine.service import EngineService
from .log import log_details

POLL_S = 2.0
JOIN_S = 5.0


class EngineState(Enum):
    """What the dock shows of the engine."""

    MISSING = "missing"
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class EngineStatus:
    """The engine at one moment.

    Attributes:
        state: In short.
        hello: Its versions, models and limits; None unless READY.
        health: What it is doing; None unless READY.
        problem: Why it is FAILED, for people.
    """

    state: EngineState
    hello: Optional[Hello] = None
    health: Optional[Health] = None
    problem: str = ""


class EngineMonitor(QObject):
    """Starts the engine when it is watched for the first time and then asks how it is.

    The main thread is never blocked. An engine that can't be started is not tried again before `wake`.

    Args:
        service: The engine.
        is_installed: Whether there is one to start; cheap, asked in the monitor's thread.
        parent: Qt's.
    """

    changed = pyqtSignal(object)
    """An EngineStatus that differs from the one before; arrives in the main thread."""

    def __init__(self, service: EngineService, is_installed: Callable[[], bool], *, parent: QObject) -> None:
        super().__init__(parent)
        self.status = EngineStatus(EngineState.STOPPED)
        self._service = service
        self._is_installed = is_installed
        self._is_watched = False
        self._is_over = False
        self._bell = threading.Condition()
        self._is_rung = False
        self._is_same_engine = False
        self._thread: Optional[threading.Thread] = None

    def watch(self, is_watched: bool) -> None:
        """Whether anybody looks at the status; while nobody does, nothing is asked."""
        with self._bell:
            self._is_watched = is_watched
        if is_watched:
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="geophrase-status", daemon=True)
                self._thread.start()
            self.wake()

    def wake(self) -> None:
        """Asks at once, and tries again to start an engine that failed."""
        with self._bell:
            self._is_rung = True
            self._bell.notify_all()

    def stop(self) -> None:
        """Asks nothing more; the thread ends soon."""
        with self._bell:
            self._is_over = True
            self._bell.notify_all()

    def wait(self) -> None:
        """After `stop`: blocks until the thread has ended, which is soon if the service was stopped."""
        if self._thread is not None:
            self._thread.join(JOIN_S)
            self._thread = None

    def _follow(self) -> None:
        while self._wait():
            if not self._is_installed():
                self._tell(EngineStatus(EngineState.MISSING))
                continue
            if self.status.state is not EngineState.READY:
                self._tell(EngineStatus(EngineState.STARTING))
            try:
                self._tell(self._ask())
            except EngineFailure as failure:
                self._tell(EngineStatus(EngineState.FAILED, problem=str(failure)))
            except Exception as error:  # the boundary of the thread
                log_details(traceback.format_exc())
                self._tell(EngineStatus(EngineState.FAILED, problem=str(error)))

    def _ask(self) -> EngineStatus:
        client = self._service.client()
        hello = self.status.hello if self._is_same_engine else None
        self._is_same_engine = True
        return EngineStatus(EngineState.READY, hello or client.hello(), client.health())

    def _wait(self) -> bool:
        """Until the next question is due; False when it is over."""
        with self._bell:
            while not (self._is_over or self._is_rung):
                is_polling = self._is_watched and self.status.state is EngineState.READY
                if not self._bell.wait(POLL_S if is_polling else None) and is_polling:
                    break
            self._is_same_engine = self._is_same_engine and not self._is_rung
            self._is_rung = False
            return not self._is_over

    def _tell(self, status: EngineStatus) -> None:
        if status != self.status and not self._is_over:
            self.status = status
            self.changed.emit(status)
