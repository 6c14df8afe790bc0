"""Rasters that come window by window, kept as temporary GeoTIFFs until the client or the engine is done.

Shape letters: H rows, W columns, C channels.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from geophrase.engine.errors import EngineError
from geophrase.engine.raster.source import GDAL_OPTIONS, KnownRaster
from geophrase.engine.server.crops import refuse_unknown_crs, sent_pixels
from geophrase.engine.server.owned_folder import OwnedFolder
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.messages import BeginUpload, UploadWindow
from geophrase.protocol.wire import Arrays

MAX_UPLOADS = 16
_MAX_SIDE_PX = 2**18
_BLOCK_PX = 512
# What a full disk breaks is not only ours: this much is left to all others.
_RESERVE_BYTES = 512 * 2**20
_NUM_BANDS = 4  # red, green, blue, and alpha that is 0 where there is no data


@dataclass(frozen=True)
class UploadedRaster:
    """A raster that can be read.

    Attributes:
        path: A GeoTIFF without georeference.
        known: What it is.
    """

    path: Path
    known: KnownRaster


class UploadStore:
    """Keeps uploads in a folder of its own inside one that engines share; threads may share it.

    Args:
        folder: The shared one.
        reserve_bytes: Disk space that no upload may take.
        abandoned_after_s: Uploads not touched for so long make room for others.
    """

    def __init__(
        self, folder: Path, *, reserve_bytes: int = _RESERVE_BYTES, abandoned_after_s: float = 1800.0
    ) -> None:
        self._folder = OwnedFolder(folder)
        self._reserve_bytes = reserve_bytes
        self._abandoned_after_s = abandoned_after_s
        self._lock = threading.Lock()
        self._uploads: dict[str, _Upload] = {}

    def begin(self, request: BeginUpload) -> str:
        """Make room for a raster; give its id.

        Raises:
            EngineError: BUSY, TOO_LARGE, BAD_REQUEST for a CRS that is none, OUTPUT_NOT_WRITABLE.
        """
        if max(request.grid.width_px, request.grid.height_px) > _MAX_SIDE_PX:
            raise EngineError(ErrorCode.TOO_LARGE, f"A raster has at most {_MAX_SIDE_PX} pixels a side.")
        refuse_unknown_crs(request.grid)
        upload_id = uuid.uuid4().hex
        for abandoned in self._taken_abandoned():
            abandoned.discard()  # outside the lock: closing a large file takes long
        with self._lock:
            if len(self._uploads) >= MAX_UPLOADS:
                raise EngineError(ErrorCode.BUSY, "Too many layers are being sent. Wait until one is done.")
            with _disk_errors():
                self._folder.claim()
                upload = _Upload(self._folder.path / f"{upload_id}.tif", request)
            self._uploads[upload_id] = upload
        return upload_id

    def put(self, upload_id: str, request: UploadWindow, arrays: Arrays) -> None:
        """Take one window.

        Raises:
            EngineError: NOT_FOUND, BAD_REQUEST for a window outside the grid or other pixels than it has,
                OUTPUT_NOT_WRITABLE when the disk is full.
        """
        upload = self._find(upload_id)
        window = request.window
        if window.is_empty or not upload.request.grid.window.contains(window):
            raise EngineError(
                ErrorCode.BAD_REQUEST, "The window does not lie in the raster that was announced."
            )
        pixels = sent_pixels(arrays, window.shape_yx)
        if shutil.disk_usage(self._folder.path).free < self._reserve_bytes + upload.bytes_of(request):
            raise disk_full()
        image_HWC = pixels.image_HWC
        alpha_HW = pixels.valid_HW.astype(np.uint8) * 255
        upload.write(request, np.concatenate([image_HWC, alpha_HW[..., None]], axis=-1))

    @contextmanager
    def reading(self, upload_id: str) -> Iterator[UploadedRaster]:
        """The raster as far as it was sent; while the block lasts no more of it is taken.

        Raises:
            EngineError: NOT_FOUND.
        """
        with self._find(upload_id).reading() as raster:
            yield raster

    def close(self, upload_id: str) -> None:
        """Forget an upload and free its space; a job that reads it ends its reading first."""
        with self._lock:
            upload = self._uploads.pop(upload_id, None)
        if upload is not None:
            upload.discard()

    def close_all(self) -> None:
        """Remove everything."""
        with self._lock:
            uploads = list(self._uploads.values())
            self._uploads.clear()
        for upload in uploads:
            upload.discard()
        self._folder.remove()

    def _taken_abandoned(self) -> list[_Upload]:
        """Where there is no room, forget what no client has touched for long: it may have died."""
        now_s = time.monotonic()
        with self._lock:
            if len(self._uploads) < MAX_UPLOADS:
                return []
            abandoned_ids = [
                upload_id
                for upload_id, upload in self._uploads.items()
                if now_s - upload.touched_s > self._abandoned_after_s
            ]
            return [self._uploads.pop(upload_id) for upload_id in abandoned_ids]

    def _find(self, upload_id: str) -> _Upload:
        with self._lock:
            upload = self._uploads.get(upload_id)
        if upload is None:
            raise EngineError(
                ErrorCode.NOT_FOUND, "The engine no longer has the pixels of this layer. Send them again."
            )
        return upload


class _Upload:
    """One raster on its way."""

    def __init__(self, path: Path, request: BeginUpload) -> None:
        self.request = request
        self.touched_s = time.monotonic()
        self._path = path
        self._lock = threading.Lock()
        self._num_readers = 0
        self._is_discarded = False
        self._digest = hashlib.sha256()
        with _gdal():
            self._writer: rasterio.io.DatasetWriter | None = rasterio.open(
                path,
                "w",
                driver="GTiff",
                width=request.grid.width_px,
                height=request.grid.height_px,
                count=_NUM_BANDS,
                dtype="uint8",
                tiled=True,
                blockxsize=_BLOCK_PX,
                blockysize=_BLOCK_PX,
                interleave="pixel",
                photometric="RGB",
                alpha="non-premultiplied",
                sparse_ok=True,
                bigtiff="IF_SAFER",
            )

    def bytes_of(self, request: UploadWindow) -> int:
        """Disk space that a window may take: that of all blocks that it touches."""
        window = request.window
        num_cols = -(-window.col_end // _BLOCK_PX) - window.col // _BLOCK_PX
        num_rows = -(-window.row_end // _BLOCK_PX) - window.row // _BLOCK_PX
        return num_cols * num_rows * _BLOCK_PX**2 * _NUM_BANDS

    def write(self, request: UploadWindow, rgba_HWC: np.ndarray) -> None:
        window = request.window
        place = Window(window.col, window.row, window.width, window.height)
        with self._lock:
            if self._num_readers or self._is_discarded:
                raise EngineError(
                    ErrorCode.BAD_REQUEST,
                    "This layer is being worked on. Begin another upload for new pixels.",
                )
            self.touched_s = time.monotonic()
            with _disk_errors(), _gdal():
                if self._writer is None:
                    self._writer = rasterio.open(self._path, "r+")
                self._writer.write(rgba_HWC.transpose(2, 0, 1), window=place)
            self._digest.update(repr(window).encode())
            self._digest.update(rgba_HWC.tobytes())

    @contextmanager
    def reading(self) -> Iterator[UploadedRaster]:
        with self._lock:
            if self._is_discarded:
                raise EngineError(ErrorCode.NOT_FOUND, "This layer's pixels were given up. Send them again.")
            self._close_writer()
            self._num_readers += 1
        try:
            yield UploadedRaster(self._path, self._known())
        finally:
            with self._lock:
                self._num_readers -= 1
                self.touched_s = time.monotonic()
                self._remove_if_unneeded()

    def discard(self) -> None:
        with self._lock:
            self._is_discarded = True
            self._remove_if_unneeded()

    def _known(self) -> KnownRaster:
        """Without a promise of the client the content is known by all that was sent, in its order."""
        key = f"key {self.request.content_key}" if self.request.content_key else self._digest.hexdigest()
        return KnownRaster(name=self.request.name, content_key=f"upload {key}", grid=self.request.grid)

    def _close_writer(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with _disk_errors(), _gdal():
                writer.close()

    def _remove_if_unneeded(self) -> None:
        if not self._is_discarded or self._num_readers:
            return
        try:
            self._close_writer()
        finally:
            self._path.unlink(missing_ok=True)


def disk_full() -> EngineError:
    """The error of an upload that finds no room."""
    return EngineError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        "The disk has too little room for the layer's pixels. Free some space, choose a smaller extent or a "
        "coarser resolution, or another cache folder in the settings.",
    )


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, RasterioError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise disk_full() from error
        raise EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The layer's pixels can't be kept ({error}). Choose another cache folder in the settings.",
        ) from error


@contextmanager
def _gdal() -> Iterator[None]:
    with warnings.catch_warnings(), rasterio.Env(**GDAL_OPTIONS):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
