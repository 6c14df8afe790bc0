"""Encodes the crops around the view while nobody waits for them."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from functools import partial
from typing import Deque, List, Optional

from ..engine.client import EngineClient
from ..engine.errors import EngineFailure, JobCancelled
from ..engine.service import EngineService
from ..log import log_details
from ..raster.crops import Crop
from ..raster.errors import LayerError, ReadCancelledError
from ..raster.layer_raster import LayerRaster
from .crop_sessions import CropSessions


class Neighbourhood:
    """A thread that has crops encoded in the background, one after the other.

    Args:
        service: Where clients come from.
        raster: For this thread alone; closed by `join`.
        sessions: Where open sessions are kept.
    """

    def __init__(self, service: EngineService, raster: LayerRaster, sessions: CropSessions) -> None:
        self._service = service
        self._raster = raster
        self._sessions = sessions
        self._waiting: Deque[Crop] = deque()
        self._condition = threading.Condition()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="geophrase-neighbourhood", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Encodes nothing more after what is in flight."""
        with self._condition:
            self._is_stopped = True
            self._condition.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Waits for the thread after `stop`, then closes the raster; False where the thread is still busy."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._raster.close()
        return True

    def encode(self, crops: List[Crop]) -> None:
        """Encodes these, in order, instead of those that still wait."""
        with self._condition:
            self._waiting = deque(crops)
            self._condition.notify_all()

    def _run(self) -> None:
        while True:
            crop = self._take()
            if crop is None:
                return
            try:
                self._service.call(partial(self._encode, crop=crop), is_cancelled=lambda: self._is_stopped)
            except (EngineFailure, JobCancelled, LayerError, ReadCancelledError):
                self.encode([])  # nobody waits for it: whoever clicks there asks again and is told
            except Exception:  # the boundary of the thread
                log_details(traceback.format_exc())
                self.encode([])

    def _encode(self, client: EngineClient, *, crop: Crop) -> None:
        self._sessions.open(client, self._raster, crop, is_background=True)

    def _take(self) -> Optional[Crop]:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._is_stopped)
            return None if self._is_stopped else self._waiting.popleft()
