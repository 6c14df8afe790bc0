"""Pixels of a raster layer as QGIS draws them, read in a worker thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional, Tuple

import numpy as np
import numpy.typing as npt
from qgis.core import (
    Qgis,
    QgsBilinearRasterResampler,
    QgsRasterBlock,
    QgsRasterBlockFeedback,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRasterRenderer,
    QgsRasterResampleFilter,
    QgsRectangle,
)
from qgis.PyQt.QtGui import QImage

from geophrase.protocol.grid import RasterGrid

from ..translation import tr
from .errors import LayerError, ReadCancelledError

Image = npt.NDArray[np.uint8]
Valid = npt.NDArray[np.bool_]

_MAX_OVERSAMPLING = 4.0
"""How many pixels per side merge into one where a sized raster is shown smaller; more costs memory."""
_INSET_PX = 1e-3
"""How far inside the grid's edge a tiled layer is asked for: tiles that only touch it aren't fetched."""
_POLL_S = 0.1


class RenderedPixels:
    """A layer's own pipe of provider and renderer, cut loose from the layer.

    The pipe rather than a map renderer job: its blocks need no thread of QGIS's pool and no event loop, it
    draws in the layer's CRS without reprojection, and it says what failed. Opacity, brightness and saturation
    are for the eye and left out. Make it in the main thread, then read in one worker thread at a time.

    Args:
        provider: Cloned here.
        renderer: Cloned here.
    """

    def __init__(self, provider: QgsRasterDataProvider, renderer: QgsRasterRenderer) -> None:
        self._pipe: Optional[QgsRasterPipe] = _pipe_of(provider, renderer)
        self._is_tiled = bool(provider.nativeResolutions())
        self._lock = threading.Lock()
        self._problems: List[str] = []

    @classmethod
    def of(cls, layer: QgsRasterLayer) -> RenderedPixels:
        """Those of a layer.

        Raises:
            LayerError: The layer can't be drawn.
        """
        if not layer.isValid() or layer.renderer() is None:
            text = tr("The layer {name} can't be drawn; repair its data source, then try again.")
            raise LayerError(text.format(name=layer.name()))
        return cls(layer.dataProvider(), layer.renderer())

    def clone(self) -> RenderedPixels:
        """The same for another thread; call it in the main thread."""
        assert self._pipe is not None, "it has been closed"
        return RenderedPixels(self._pipe.provider(), self._pipe.renderer())

    def close(self) -> None:
        """Lets the pipe go; call it in the main thread, before QGIS ends: no provider may outlive it."""
        with self._lock:
            self._pipe = None

    @property
    def problems(self) -> Tuple[str, ...]:
        """What the layer's provider reported while pixels were read, and missing tiles; each once."""
        return tuple(self._problems)

    def read(
        self, grid: RasterGrid, *, is_cancelled: Optional[Callable[[], bool]] = None
    ) -> Tuple[Image, Valid]:
        """The picture, (H, W, 3) uint8, and where it is data, (H, W) bool.

        What did not arrive is not data: a tile that the server refused, was too late with or sent garbage
        for is transparent, and a block whose provider reports an error is not used at all.

        Args:
            grid: North up, in the layer's CRS.
            is_cancelled: Asked all the time, also while the network is waited for.

        Raises:
            ReadCancelledError: `is_cancelled` said so, or it was closed.
            ValueError: A grid that is not north up.
        """
        extent = self._extent_of(grid)
        feedback = QgsRasterBlockFeedback()
        with self._lock, _cancelling(feedback, is_cancelled):
            if self._pipe is None:
                raise ReadCancelledError
            block = self._pipe.last().block(1, extent, grid.width_px, grid.height_px, feedback)
        if feedback.isCanceled():
            raise ReadCancelledError
        errors = [str(error) for error in feedback.errors()]
        self._note(errors)
        if errors or block is None or not block.isValid():
            return np.zeros((grid.height_px, grid.width_px, 3), np.uint8), np.zeros(
                (grid.height_px, grid.width_px), np.bool_
            )
        image_HWC, valid_HW = _pixels_of(block)
        if self._is_tiled and not valid_HW.all():
            self._note([tr("tiles are missing or empty")])  # of which QGIS's provider says nothing
        return image_HWC, valid_HW

    def _note(self, problems: List[str]) -> None:
        self._problems.extend(each for each in dict.fromkeys(problems) if each not in self._problems)

    def _extent_of(self, grid: RasterGrid) -> QgsRectangle:
        if not grid.is_north_up:
            raise ValueError(f"QGIS draws north up only, not {grid.map_from_pix}")
        extent = QgsRectangle(*grid.bounds_map)
        if self._is_tiled:
            extent.grow(-_INSET_PX * min(grid.pixel_size_map))
        return extent


def _pipe_of(provider: QgsRasterDataProvider, renderer: QgsRasterRenderer) -> QgsRasterPipe:
    """The provider and the renderer alone; with a resampler for rasters that have pixels of their own.

    Layers without (XYZ, WMS) draw at any scale themselves, and a resampler would fetch tiles of a finer zoom.
    """
    opaque = renderer.clone()
    opaque.setOpacity(1.0)
    pipe = QgsRasterPipe()
    pipe.set(provider.clone())
    pipe.set(opaque)
    if provider.xSize() > 0:
        resampler = QgsRasterResampleFilter()
        resampler.setZoomedInResampler(QgsBilinearRasterResampler())
        resampler.setZoomedOutResampler(QgsBilinearRasterResampler())
        resampler.setMaxOversampling(_MAX_OVERSAMPLING)
        pipe.set(resampler)
        pipe.setResamplingStage(Qgis.RasterResamplingStage.ResampleFilter)
    return pipe


def _pixels_of(block: QgsRasterBlock) -> Tuple[Image, Valid]:
    rgba = block.image().convertToFormat(QImage.Format.Format_RGBA8888)
    bits = rgba.constBits()
    bits.setsize(rgba.sizeInBytes())
    rgba_HWC = np.frombuffer(bits, np.uint8).reshape(rgba.height(), rgba.width(), 4)
    valid_HW: Valid = rgba_HWC[..., 3] > 0
    return np.where(valid_HW[..., None], rgba_HWC[..., :3], np.uint8(0)), valid_HW


@contextmanager
def _cancelling(
    feedback: QgsRasterBlockFeedback, is_cancelled: Optional[Callable[[], bool]]
) -> Iterator[None]:
    """Cancels the feedback as soon as asked: QGIS itself waits a minute for a server that is silent."""
    if is_cancelled is None:
        yield
        return
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.is_set():
            if is_cancelled():
                feedback.cancel()
                return
            is_done.wait(_POLL_S)

    watcher = threading.Thread(target=watch, name="geophrase-cancel-read", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_done.set()
        watcher.join()
