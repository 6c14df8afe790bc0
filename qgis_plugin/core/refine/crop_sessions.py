"""Which crops of a raster the engine has encoded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import Callable, Iterator, Optional, Set

from geophrase.protocol.messages import PixelSource
from geophrase.protocol.sessions import OpenSession, SessionOpened

from ..engine.client import EngineClient
from ..engine.errors import EngineFailure
from ..raster.crops import Crop
from ..raster.errors import LayerError, ReadCancelledError
from ..raster.layer_raster import LayerRaster
from ..translation import tr

_MAX_OPEN = 32
"""Crops that stay open, if the engine takes that many; it keeps the encodings of closed ones on the disk."""
_POLL_S = 0.05


class CropSessions:
    """The sessions of one raster's crops with one model; threads may share them.

    Args:
        model: Its name; None for the engine's default.
        is_cancelled: Asked while pixels are read.

    Attributes:
        max_open: How many stay open.
    """

    def __init__(self, *, model: Optional[str], is_cancelled: Callable[[], bool]) -> None:
        self._model = model
        self._is_cancelled = is_cancelled
        self._opened: OrderedDict[Crop, SessionOpened] = OrderedDict()
        self._client: Optional[EngineClient] = None
        self.max_open = _MAX_OPEN
        self._lock = threading.Lock()
        self._landing = threading.Condition(self._lock)
        self._in_flight: Set[Crop] = set()

    def of(self, crop: Crop) -> Optional[SessionOpened]:
        """The session of a crop, if it is open."""
        with self._lock:
            return self._opened.get(crop)

    def limit(self, max_sessions: int) -> None:
        """Keeps no more open than the engine takes, another window's among them."""
        self.max_open = max(2, min(_MAX_OPEN, max_sessions // 2))

    def forget(self) -> None:
        """Takes none for open any more."""
        with self._lock:
            self._opened.clear()

    def open(
        self, client: EngineClient, raster: LayerRaster, crop: Crop, *, is_background: bool
    ) -> SessionOpened:
        """Has a crop encoded, unless it is; waits where another thread is having that done.

        Args:
            client: Of a running engine; sessions of another one ended with it.
            raster: This thread's own of the raster.
            crop: What to encode.
            is_background: Whether it may wait for everything else.

        Raises:
            EngineFailure: The engine refused or is gone.
            LayerError: Nothing of the crop could be drawn.
            ReadCancelledError: `is_cancelled` said so.
        """
        with self._lock:
            if client is not self._client:
                self._opened.clear()
                self._client = client
        with self._alone_with(crop):
            session = self.of(crop) or open_crop(
                client,
                raster,
                crop,
                model=self._model,
                is_cancelled=self._is_cancelled,
                is_background=is_background,
            )
            self._keep(client, crop, session)
        return session

    @contextmanager
    def _alone_with(self, crop: Crop) -> Iterator[None]:
        """Within it no other thread opens this crop."""
        with self._landing:
            while crop in self._in_flight:
                if self._is_cancelled():
                    raise ReadCancelledError
                self._landing.wait(_POLL_S)
            self._in_flight.add(crop)
        try:
            yield
        finally:
            with self._landing:
                self._in_flight.remove(crop)
                self._landing.notify_all()

    def _keep(self, client: EngineClient, crop: Crop, session: SessionOpened) -> None:
        """Takes a session for open, and closes the least recently used one if there are too many."""
        with self._lock:
            if client is not self._client:
                return
            self._opened[crop] = session
            self._opened.move_to_end(crop)
            oldest = self._opened.popitem(last=False)[1] if len(self._opened) > self.max_open else None
        if oldest is not None:
            _close(client, oldest)


def open_crop(
    client: EngineClient,
    raster: LayerRaster,
    crop: Crop,
    *,
    model: Optional[str],
    is_cancelled: Callable[[], bool],
    is_background: bool = False,
) -> SessionOpened:
    """Has a crop encoded, as a window of the raster's file or as QGIS draws it.

    Args:
        client: Of a running engine.
        raster: This thread's own.
        crop: What to encode.
        model: Its name; None for the engine's default.
        is_cancelled: Asked while pixels are read.
        is_background: Whether it may wait for everything else.

    Raises:
        EngineFailure: The engine refused, such as a file's window without data, or is gone.
        LayerError: Nothing of the crop could be drawn.
        ReadCancelledError: `is_cancelled` said so.
    """
    shape_yx = (crop.image_px, crop.image_px)
    if raster.is_file:
        request = OpenSession(raster.file_source(), crop.window, shape_yx, model, is_background)
        return client.open_session(request)
    grid = crop.grid_on(raster.pixel_grid)
    image_HWC, valid_HW = raster.read(grid, is_cancelled=is_cancelled)
    if not valid_HW.any():
        text = tr("No picture of this place arrived from {name}; check the connection, then click again.")
        raise LayerError(text.format(name=raster.name))
    request = OpenSession(PixelSource(grid), model=model, is_background=is_background)
    return client.open_session(request, image_HWC, valid_HW)


def _close(client: EngineClient, session: SessionOpened) -> None:
    try:
        client.close_session(session.session_id)
    except EngineFailure:  # it is gone already, or the engine is; whoever needs the engine next hears of it
        pass
