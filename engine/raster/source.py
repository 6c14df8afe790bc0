"""Rasters of any kind as 8-bit RGB tiles with a validity mask, on one working grid.

Shape letters: B bands, H rows, W columns, C colours.
"""

from __future__ import annotations

import math
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import CRSError, NodataShadowWarning, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from geophrase.engine.errors import EngineError
from geophrase.engine.raster.bands import BandPlan, Bool, colour_table, plan_bands, read_bands
from geophrase.engine.raster.fingerprint import fingerprint_of_key, raster_files, raster_fingerprint
from geophrase.engine.raster.resolution import working_grid
from geophrase.engine.raster.sparse import BlockMap
from geophrase.engine.raster.stretch import Stretch, measure_stretch
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx

GDAL_OPTIONS = {
    "GDAL_CACHEMAX": 256,  # MB; GDAL's own default is 5 % of the machine's memory
    "GDAL_MAX_DATASET_POOL_SIZE": 64,  # files that a VRT mosaic may hold open
}
"""GDAL settings of every open and read."""

_Box = tuple[float, float, float, float]  # left, top, width and height in pixels
_WHOLE_PX = 1e-6  # picture pixels that miss the raster's edge by less lie on it: the rounding of a division

_READ_ERRORS = (RasterioError, CPLE_BaseError, OSError, UnicodeEncodeError)


@dataclass(frozen=True)
class TilePixels:
    """One window's picture.

    Args:
        image_HWC: uint8, three colours; 0 where there is no data.
        valid_HW: bool; False where the raster has no data and outside it.
    """

    image_HWC: npt.NDArray[np.uint8]
    valid_HW: Bool


@dataclass(frozen=True)
class KnownRaster:
    """What the writer of a file knows better than the file says.

    Args:
        name: What people call it; features name it as their source.
        content_key: Stands for the pixels in the fingerprint: equal keys, equal pixels.
        grid: Where the pixels lie, in the CRS as it was given; formats keep less of some.
    """

    name: str
    content_key: str
    grid: RasterGrid


class RasterSource:
    """A raster file that gives 8-bit pictures of windows of its working grid; threads may share it.

    Make it with `RasterSource.open`, close it with `close` or as a context manager. Every thread that reads
    gets its own GDAL handle.

    Attributes:
        path: As given.
        name: What people call it: the path, unless the writer of the file gave another.
        grid: The working grid: native, or the same footprint at the resolution asked for. Windows count
            its pixels.
        native_grid: The file's own pixels.
    """

    def __init__(
        self,
        path: str,
        *,
        plan: BandPlan,
        native_grid: RasterGrid,
        grid: RasterGrid,
        block_map: BlockMap | None,
        known: KnownRaster | None = None,
    ) -> None:
        self.path = path
        self.name = path if known is None else known.name
        self.grid = grid
        self.native_grid = native_grid
        self._plan = plan
        self._block_map = block_map
        self._known = known
        self._lock = threading.RLock()
        self._handles: dict[int, DatasetReader] = {}
        self._is_closed = False

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        bands: Sequence[int] | None = None,
        resolution_m: float | None = None,
        known: KnownRaster | None = None,
    ) -> RasterSource:
        """Open a raster and settle its bands and its working grid.

        Args:
            path: Anything GDAL opens: a file, a subdataset, a VRT.
            bands: One or three band numbers from 1; None chooses (see `plan_bands`).
            resolution_m: Metres per working pixel on the ground; None works on the raster's own pixels.
            known: What holds instead of what the file says of its content and place.

        Raises:
            EngineError: One sentence on what is wrong with the file or the choice.
        """
        name = str(path)
        with _as_engine_error(f"{name} can't be opened as a raster", advice=_advice_for(name)):
            with _open_dataset(name) as dataset:
                _refuse_unplaced(dataset)
                native_grid = _grid_of(dataset) if known is None else known.grid
                plan = plan_bands(dataset, bands)
                block_map = BlockMap.of(dataset, plan)
        grid = working_grid(native_grid, resolution_m)
        return cls(
            name,
            plan=plan,
            native_grid=native_grid,
            grid=grid,
            block_map=block_map,
            known=known,
        )

    def __enter__(self) -> RasterSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the handles of all threads; nothing can be read afterwards."""
        with self._lock:
            self._is_closed = True
            while self._handles:
                self._handles.popitem()[1].close()

    @property
    def band_indexes(self) -> tuple[int, ...]:
        """The bands, from 1, that make the picture: one (grey or palette) or three."""
        return self._plan.indexes

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the raster's content, bands and working grid that doesn't depend on its name or place.

        Raises:
            EngineError: The file can't be read.
        """
        options = (self._plan, self.grid.width_px, self.grid.height_px)
        if self._known is not None:
            return fingerprint_of_key(self._known.content_key, options=options)
        with self._reading("fingerprint") as dataset:
            return raster_fingerprint(dataset, options=options)

    def files_state(self) -> tuple[tuple[str, int, int], ...]:
        """Name, size and time of change of each file of the raster; another value means another content.

        Raises:
            EngineError: The file can't be read, or has gone.
        """
        with self._reading("its files"):
            return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self._files)

    @cached_property
    def _files(self) -> list[Path]:
        with self._reading("its files") as dataset:
            return [path for path in raster_files(dataset) if path.is_file()]

    @cached_property
    def stretch(self) -> Stretch:
        """The raster's one contrast stretch, measured when first asked for.

        Raises:
            EngineError: The file can't be read.
        """
        with self._reading("contrast") as dataset:
            return measure_stretch(dataset, self._plan)

    def has_data(self, window: WindowPx) -> bool:
        """Whether the window may have data; False is certain. Reads no pixels.

        Args:
            window: Of the working grid; it may stick out of the raster.
        """
        seen = window.intersection(self.grid.window)
        if seen.is_empty or self._block_map is None:
            return not seen.is_empty
        left, top, width, height = self._native_box((seen.col, seen.row, seen.width, seen.height))
        col, row = math.floor(left), math.floor(top)
        native = WindowPx(col, row, math.ceil(left + width) - col, math.ceil(top + height) - row)
        return self._block_map.has_data(native)

    def read(self, window: WindowPx, *, shape_yx: tuple[int, int] | None = None) -> TilePixels:
        """The picture of a window of the working grid, whatever its dtype, mask or resolution in the file.

        Args:
            window: It may stick out of the raster: there the picture is 0 and invalid.
            shape_yx: Rows and columns of the picture where they differ from the window's: it is then shown
                smaller or larger. Picture pixels that lie only in part on the raster are invalid.

        Raises:
            EngineError: The file is damaged or has gone.
        """
        seen = window.intersection(self.grid.window)
        shape_yx = shape_yx or window.shape_yx
        if seen == window and self.has_data(window):
            return self._read_box((window.col, window.row, window.width, window.height), shape_yx)
        image_HWC, valid_HW = np.zeros((*shape_yx, 3), np.uint8), np.zeros(shape_yx, np.bool_)
        if self.has_data(seen):
            rows, top, height = _span(window.row, window.row_end, shape_yx[0], seen.row, seen.row_end)
            cols, left, width = _span(window.col, window.col_end, shape_yx[1], seen.col, seen.col_end)
            inner_yx = rows.stop - rows.start, cols.stop - cols.start
            if min(inner_yx) > 0:
                inside = self._read_box((left, top, width, height), inner_yx)
                image_HWC[rows, cols], valid_HW[rows, cols] = inside.image_HWC, inside.valid_HW
        return TilePixels(image_HWC, valid_HW)

    def _read_box(self, box: _Box, shape_yx: tuple[int, int]) -> TilePixels:
        left, top, width, height = self._native_box(box)
        resampling = self._resampling(max(width / shape_yx[1], height / shape_yx[0]))
        with self._reading(f"row {int(top)}, column {int(left)}") as dataset:
            values_BHW, valid_HW = read_bands(
                dataset,
                self._plan,
                window=Window(left, top, width, height),
                shape_yx=shape_yx,
                resampling=resampling,
            )
        if self._plan.is_palette:
            rgba_HWC = self._colour_table[values_BHW[0]]
            image_HWC, valid_HW = rgba_HWC[..., :3], valid_HW & (rgba_HWC[..., 3] > 0)
        else:
            image_BHW = self.stretch.to_uint8(values_BHW)
            image_HWC = np.broadcast_to(image_BHW, (3, *shape_yx)).transpose(1, 2, 0)
        return TilePixels(np.where(valid_HW[..., None], image_HWC, np.uint8(0)), valid_HW)

    @cached_property
    def _colour_table(self) -> npt.NDArray[np.uint8]:
        with self._reading("the colour table") as dataset:
            return colour_table(dataset, self._plan.indexes[0])

    def _native_box(self, box: _Box) -> _Box:
        """A box of the working grid, inside the raster, in native pixels."""
        scale_x = self.native_grid.width_px / self.grid.width_px
        scale_y = self.native_grid.height_px / self.grid.height_px
        left, top = box[0] * scale_x, box[1] * scale_y
        width = min(box[2] * scale_x, self.native_grid.width_px - left)
        height = min(box[3] * scale_y, self.native_grid.height_px - top)
        return left, top, width, height

    def _resampling(self, decimation: float) -> Resampling:
        """Palette indexes can't be mixed; bilinear, whose kernel GDAL widens, up to 1/2; below it average."""
        if self._plan.is_palette or decimation == 1:
            return Resampling.nearest
        return Resampling.average if decimation >= 2 else Resampling.bilinear

    @contextmanager
    def _reading(self, what: str) -> Iterator[DatasetReader]:
        """This thread's handle; GDAL's failures become one sentence."""
        problem = f"{self.path} is damaged or incomplete: it can't be read at {what}"
        advice = "get the file again, or repair it with gdal_translate"
        with _as_engine_error(problem, advice=advice), _quietly():
            yield self._handle()

    def _handle(self) -> DatasetReader:
        thread = threading.get_ident()
        with self._lock:
            if self._is_closed:
                raise ValueError(f"{self.path} has been closed")
            if thread not in self._handles:
                self._handles[thread] = _open_dataset(self.path)
            return self._handles[thread]


def _span(start: int, end: int, num_shown: int, seen_start: int, seen_end: int) -> tuple[slice, float, float]:
    """Along one axis: which of the pixels shown for [start, end) lie wholly in [seen_start, seen_end).

    Returns:
        Those pixels, and where they begin and how long they are in the frame of the window.
    """
    shown_per_px = num_shown / (end - start)
    first = math.ceil((seen_start - start) * shown_per_px - _WHOLE_PX)
    last = math.floor((seen_end - start) * shown_per_px + _WHOLE_PX)
    first_px = max(float(seen_start), start + first / shown_per_px)
    last_px = min(float(seen_end), start + last / shown_per_px)
    return slice(first, max(first, last)), first_px, last_px - first_px


def _open_dataset(name: str) -> DatasetReader:
    with _quietly():
        return rasterio.open(name)


@contextmanager
def _quietly() -> Iterator[None]:
    """Our GDAL settings, without warnings of what is handled here: no georeference, alpha beside nodata."""
    with warnings.catch_warnings(), rasterio.Env(**GDAL_OPTIONS):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        warnings.simplefilter("ignore", NodataShadowWarning)
        yield


@contextmanager
def _as_engine_error(problem: str, *, advice: str) -> Iterator[None]:
    try:
        yield
    except _READ_ERRORS as error:
        reason = " ".join(str(_first_cause(error)).split()).rstrip(".")
        message = f"{problem}; {advice} (GDAL: {reason})."
        raise EngineError(ErrorCode.RASTER_UNREADABLE, message) from error


def _first_cause(error: BaseException) -> BaseException:
    """What GDAL said first: rasterio wraps it in "see previous exception for details"."""
    return error if error.__cause__ is None else _first_cause(error.__cause__)


def _advice_for(name: str) -> str:
    if not name.isascii() and "\ufffd" in os.fsencode(name).decode("utf-8", errors="replace"):
        return "its name is not UTF-8, so rename it or its folder"
    is_local = "://" not in name and not name.startswith("/vsi")
    if is_local and not Path(name).exists():
        return "there is no such file, so check the path"
    return "check that it is complete and that QGIS opens it"


def _refuse_unplaced(dataset: DatasetReader) -> None:
    """Refuse what has no bands, or a place that an affine transform can't say."""
    if dataset.count == 0:
        inner = f", for example {dataset.subdatasets[0]}" if dataset.subdatasets else ""
        raise EngineError(
            ErrorCode.RASTER_UNSUPPORTED,
            f"{dataset.name} is a container without bands of its own; name a raster in it{inner}.",
        )
    if dataset.transform.is_identity and (dataset.gcps[0] or dataset.rpcs):
        kind = "ground control points" if dataset.gcps[0] else "a sensor model (RPC)"
        raise EngineError(
            ErrorCode.RASTER_UNSUPPORTED,
            f"{dataset.name} is placed by {kind} only; warp it to a map first, with gdalwarp or QGIS's Warp.",
        )


def _grid_of(dataset: DatasetReader) -> RasterGrid:
    a, b, c, d, e, f = tuple(dataset.transform)[:6]
    try:
        return RasterGrid(dataset.width, dataset.height, (a, b, c, d, e, f), _wkt_of(dataset))
    except ValueError as error:
        raise EngineError(
            ErrorCode.RASTER_UNSUPPORTED,
            f"{dataset.name} has a broken georeference ({error}); set it again, for example with "
            "gdal_edit.py.",
        ) from error


def _wkt_of(dataset: DatasetReader) -> str:
    """WKT 2, which says more than WKT 1; the older form where GDAL can't write the newer."""
    if dataset.crs is None:
        return ""
    try:
        return str(dataset.crs.to_wkt(version="WKT2_2019"))
    except CRSError:
        return str(dataset.crs.to_wkt())
