"""A layer's pixels to the engine, window by window."""

from __future__ import annotations

import math
from typing import Callable, List, Optional

from geophrase.protocol.grid import RasterGrid, WindowPx

from ..engine.client import EngineClient
from ..engine.errors import EngineFailure
from ..translation import tr
from .errors import LayerError, ReadCancelledError
from .layer_raster import LayerRaster

MAX_GRID_SIDE_PX = 2**18
"""What the engine takes; an online map of the world has a hundred times as many."""
_MAX_SIDE_PX = 2048
_SIDE_STEP_PX = 256
_BYTES_PER_PIXEL = 4  # three colours and a bool
_HEADER_BYTES = 1 << 16


def upload_layer(
    client: EngineClient,
    raster: LayerRaster,
    grid: RasterGrid,
    *,
    progress: Callable[[int, int], None],
    is_cancelled: Callable[[], bool],
) -> Optional[str]:
    """Send what QGIS draws of a layer; windows without data aren't sent. Call it in a worker thread.

    Args:
        client: Of a running engine.
        raster: The layer; `raster.problems` tells afterwards what didn't arrive.
        grid: North up, in the layer's CRS; see `LayerRaster.grid_for`.
        progress: Told how many windows of how many are done.
        is_cancelled: Asked all the time.

    Returns:
        The upload's id; None when cancelled, and then, as after an error, the engine forgets what it has.

    Raises:
        EngineFailure: The engine refused or is gone.
        LayerError: The grid is larger than anybody would want to wait for.
    """
    _refuse_too_large(grid, raster.name)
    windows = windows_of(grid, max_body_bytes=client.hello().limits.max_body_bytes)
    upload_id = client.begin_upload(grid, name=raster.name)
    is_sent = False
    try:
        for num_done, window in enumerate(windows):
            progress(num_done, len(windows))
            image_HWC, valid_HW = raster.read(grid.subgrid(window), is_cancelled=is_cancelled)
            if valid_HW.any():
                client.put_upload(upload_id, window, image_HWC, valid_HW)
        progress(len(windows), len(windows))
        is_sent = True
    except ReadCancelledError:
        return None
    finally:
        if not is_sent:
            _forget(client, upload_id)
    return upload_id


def _refuse_too_large(grid: RasterGrid, name: str) -> None:
    if max(grid.width_px, grid.height_px) > MAX_GRID_SIDE_PX:
        text = tr(
            "{name} would be drawn as {width:,} × {height:,} pixels, which is too much. Search a smaller "
            "area, such as the map view, or choose larger pixels."
        )
        raise LayerError(text.format(name=name, width=grid.width_px, height=grid.height_px))


def _forget(client: EngineClient, upload_id: str) -> None:
    try:
        client.close_upload(upload_id)
    except EngineFailure:  # what ended the upload is told instead; the engine drops it when it ends
        pass


def windows_of(grid: RasterGrid, *, max_body_bytes: int) -> List[WindowPx]:
    """Windows that cover the grid row by row, each small enough for one request."""
    room_px = math.isqrt(max(1, (max_body_bytes - _HEADER_BYTES) // _BYTES_PER_PIXEL))
    side_px = min(_MAX_SIDE_PX, room_px)
    side_px = side_px - side_px % _SIDE_STEP_PX if side_px > _SIDE_STEP_PX else side_px
    return [
        WindowPx(col, row, side_px, side_px).intersection(grid.window)
        for row in range(0, grid.height_px, side_px)
        for col in range(0, grid.width_px, side_px)
    ]
