"""The images of sessions: windows of raster files, or pixels that came with the request.

Shape letters: H rows, W columns, C channels.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import pyproj
from pyproj.exceptions import CRSError

from geophrase.engine.errors import EngineError
from geophrase.engine.raster.source import RasterSource, TilePixels
from geophrase.engine.server.device_worker import shutting_down
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.messages import IMAGE, VALID, FileSource, PixelSource
from geophrase.protocol.sessions import OpenSession
from geophrase.protocol.wire import Arrays

ResultT = TypeVar("ResultT")

MAX_IMAGE_PX = 4096
"""Longest side of a session's image; a model sees at most 1024 anyway."""

_FAR_PX = 2**40
_MAX_OPEN_RASTERS = 8
_READ_THREADS = 2


@dataclass(frozen=True)
class Crop:
    """An image that can be had.

    Attributes:
        grid: Where its pixels lie.
        name: What it is a part of, for features.
        content_key: Equal for equal pixels, and known without reading them where they are a file's.
        read: Gives them; raises EngineError where the file is damaged.
    """

    grid: RasterGrid
    name: str
    content_key: str
    read: Callable[[], TilePixels]


class CropReader:
    """Makes crops; files that were read lately stay open, for opening one takes longer than reading a crop.

    Files are read in a few threads of its own: every thread that reads a file holds it open once more.
    """

    def __init__(self) -> None:
        self._rasters = _OpenRasters()
        self._is_closed = False
        self._pool = ThreadPoolExecutor(_READ_THREADS, thread_name_prefix="crops")

    def locate(self, request: OpenSession, arrays: Arrays) -> Crop:
        """The crop that a request asks for.

        Raises:
            EngineError: BAD_REQUEST, TOO_LARGE, and all that opening a raster raises.
        """
        if isinstance(request.source, PixelSource):
            return _sent_crop(request, request.source.grid, arrays)
        return self._in_pool(partial(self._file_crop, request.source, request))

    def close(self) -> None:
        """Close all files; nothing can be read afterwards. A read that hangs is not waited for."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._rasters.close()

    def _file_crop(self, file: FileSource, request: OpenSession) -> Crop:
        with self._rasters.leased(file) as source:
            window = _checked_window(request.window) or source.grid.window
            shape_yx = _checked_shape(request.shape_yx or window.shape_yx)
            if not window.intersects(source.grid.window):
                raise EngineError(
                    ErrorCode.OUTSIDE_RASTER, "There is nothing of the raster here. Move the map to it."
                )
            grid = source.grid.subgrid(window).resized(shape_yx[1], shape_yx[0])
            return Crop(
                grid=grid,
                name=source.name,
                content_key=f"file {source.fingerprint} {window} {shape_yx}",
                read=partial(self._read, file, window, shape_yx),
            )

    def _in_pool(self, work: Callable[[], ResultT]) -> ResultT:
        """Do it in one of the threads that read; when the pool is closed, in none."""
        try:
            return self._pool.submit(work).result()
        except (RuntimeError, ValueError, CancelledError):
            if self._is_closed:
                raise shutting_down() from None
            raise

    def _read(self, file: FileSource, window: WindowPx, shape_yx: tuple[int, int]) -> TilePixels:
        return self._in_pool(partial(self._read_here, file, window, shape_yx))

    def _read_here(self, file: FileSource, window: WindowPx, shape_yx: tuple[int, int]) -> TilePixels:
        with self._rasters.leased(file) as source:
            return source.read(window, shape_yx=shape_yx)


class _OpenRasters:
    """The files used last, open, as long as they stay as they are on the disk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[FileSource, _OpenRaster] = OrderedDict()

    @contextmanager
    def leased(self, file: FileSource) -> Iterator[RasterSource]:
        """The raster, which stays open until the block ends."""
        entry = self._entry(file)
        try:
            yield entry.source
        finally:
            with self._lock:
                entry.num_users -= 1
                self._close_unneeded(entry)

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            while self._entries:
                self._entries.popitem()[1].source.close()

    def _entry(self, file: FileSource) -> _OpenRaster:
        with self._lock:
            entry = self._entries.get(file)
            if entry is not None:
                entry.num_users += 1
        if entry is not None and entry.is_current():
            return entry
        source = RasterSource.open(_checked_path(file), bands=file.bands, resolution_m=file.resolution_m)
        newer = _OpenRaster(source, source.files_state(), num_users=1)
        with self._lock:
            self._entries[file] = newer
            self._entries.move_to_end(file)
            if entry is not None:
                entry.num_users -= 1
                self._close_unneeded(entry)
            while len(self._entries) > _MAX_OPEN_RASTERS:
                self._close_unneeded(self._entries.popitem(last=False)[1])
        return newer

    def _close_unneeded(self, entry: _OpenRaster) -> None:
        """Close a raster that nobody reads any more and that was replaced or is too many."""
        if not entry.num_users and entry not in self._entries.values():
            entry.source.close()


@dataclass(eq=False)
class _OpenRaster:
    source: RasterSource
    state: tuple[tuple[str, int, int], ...]
    num_users: int

    def is_current(self) -> bool:
        """Whether the files are still what they were when the raster was opened."""
        try:
            return self.source.files_state() == self.state
        except (OSError, EngineError):
            return False


def _checked_path(file: FileSource) -> str:
    if not file.path or "\0" in file.path:
        raise EngineError(ErrorCode.BAD_REQUEST, "The raster's path is empty or no path.")
    return file.path


def _checked_window(window: WindowPx | None) -> WindowPx | None:
    if window is not None and max(map(abs, (window.col, window.row, window.width, window.height))) > _FAR_PX:
        raise EngineError(ErrorCode.BAD_REQUEST, "The window is absurdly large or far away.")
    return window


def _checked_shape(shape_yx: tuple[int, int]) -> tuple[int, int]:
    if min(shape_yx) < 1:
        raise EngineError(ErrorCode.BAD_REQUEST, "An image needs at least one row and one column.")
    if max(shape_yx) > MAX_IMAGE_PX:
        raise EngineError(
            ErrorCode.TOO_LARGE,
            f"An image has at most {MAX_IMAGE_PX} pixels a side, not {max(shape_yx)}: ask for it smaller.",
        )
    return shape_yx


def refuse_unknown_crs(grid: RasterGrid) -> None:
    """Return if the CRS of a grid that a client made is one, or none.

    Raises:
        EngineError: BAD_REQUEST.
    """
    try:
        if grid.crs_wkt:
            pyproj.CRS.from_wkt(grid.crs_wkt)
    except CRSError as error:
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            "The layer's coordinate system is not understood. Set it in the layer's properties.",
        ) from error


def _sent_crop(request: OpenSession, grid: RasterGrid, arrays: Arrays) -> Crop:
    refuse_unknown_crs(grid)
    shape_yx = _checked_shape((grid.height_px, grid.width_px))
    if request.window is not None or request.shape_yx not in (None, shape_yx):
        raise EngineError(
            ErrorCode.BAD_REQUEST, "Pixels are taken as they are sent, without a window or another shape."
        )
    pixels = sent_pixels(arrays, shape_yx)
    digest = hashlib.sha256(repr((grid, shape_yx)).encode())
    digest.update(pixels.image_HWC.tobytes())
    digest.update(pixels.valid_HW.tobytes())
    return Crop(grid, name="", content_key=f"sent {digest.hexdigest()}", read=lambda: pixels)


def sent_pixels(arrays: Arrays, shape_yx: tuple[int, int]) -> TilePixels:
    """The pixels in a request's buffers, 0 where they are no data; all are data if it doesn't say.

    Raises:
        EngineError: BAD_REQUEST for buffers that are missing or of another shape or dtype.
    """
    image_HWC, valid_HW = arrays.get(IMAGE), arrays.get(VALID)
    if image_HWC is None or image_HWC.dtype != np.uint8 or image_HWC.shape != (*shape_yx, 3):
        raise EngineError(
            ErrorCode.BAD_REQUEST, f"The buffer {IMAGE} must be uint8 of {shape_yx[0]} x {shape_yx[1]} x 3."
        )
    if valid_HW is None:
        return TilePixels(image_HWC, np.ones(shape_yx, np.bool_))
    if valid_HW.dtype != np.bool_ or valid_HW.shape != shape_yx:
        raise EngineError(
            ErrorCode.BAD_REQUEST, f"The buffer {VALID} must be bool of {shape_yx[0]} x {shape_yx[1]}."
        )
    return TilePixels(np.where(valid_HW[..., None], image_HWC, np.uint8(0)), valid_HW)
