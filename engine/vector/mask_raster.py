"""The mask raster: each pixel's most probable query, as a tiled GeoTIFF written by strips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from geophrase.engine.errors import EngineError
from geophrase.engine.vector.pending_output import OutputWriter
from geophrase.engine.vector.run_parameters import RUN_KEY, encoded
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx

BACKGROUND, NODATA = 0, 255
MAX_QUERIES = 254
_BLOCK_PX = 256


class MaskRasterWriter(OutputWriter):
    """A uint8 GeoTIFF of query numbers, as a context manager that leaves it whole or leaves nothing.

    Value 0 is background, 1 to Q the query (in the order given) with the highest probability among those that
    reach the threshold, 255 no data. Pixels that no strip covers are no data. The tag `QUERY_<number>`
    holds each query's text, the tag RUN_KEY the run's parameters.

    Args:
        path: The .tif to make.
        grid: The raster grid of the run.
        window: The pixels of it that the mask covers.
        queries: At most MAX_QUERIES phrases.
        threshold: Lowest probability that counts as foreground.
        metadata: The run's parameters as JSON values.

    Raises:
        EngineError: BAD_REQUEST for too many queries.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        grid: RasterGrid,
        window: WindowPx,
        queries: Sequence[str],
        threshold: float,
        metadata: Mapping[str, Any],
    ) -> None:
        if len(queries) > MAX_QUERIES:
            raise EngineError(
                ErrorCode.BAD_REQUEST,
                f"A mask raster holds {MAX_QUERIES} queries, not {len(queries)}. Ask fewer at a time.",
            )
        super().__init__(Path(path), failures=(OSError, RasterioError))
        self._window = window
        self._threshold = threshold
        self._tags = {f"QUERY_{number}": query for number, query in enumerate(queries, 1)}
        self._tags[RUN_KEY] = encoded(metadata)
        self._profile = {
            "driver": "GTiff",
            "dtype": "uint8",
            "count": 1,
            "width": window.width,
            "height": window.height,
            "crs": grid.crs_wkt or None,
            "transform": rasterio.Affine(*grid.subgrid(window).map_from_pix),
            "nodata": NODATA,
            "tiled": True,
            "blockxsize": _BLOCK_PX,
            "blockysize": _BLOCK_PX,
            "compress": "deflate",
            "BIGTIFF": "IF_SAFER",
            "SPARSE_OK": True,
        }
        self._dataset: Any = None

    def _begin(self, written: Path) -> None:
        self._dataset = rasterio.open(written, "w", **self._profile)
        self._dataset.update_tags(**self._tags)
        self._dataset.set_band_description(1, "query number")

    def add_strip(self, row0: int, prob_QHW: NDArray[np.float32], valid_HW: NDArray[np.bool_]) -> None:
        """Write some rows, in any order.

        Args:
            row0: Row of the raster at which the strip begins.
            prob_QHW: float32 probabilities in [0, 1] over the window's columns; NaN is background.
            valid_HW: False where the raster has no data.

        Raises:
            EngineError: OUTPUT_NOT_WRITABLE, for example when the disk is full.
        """
        prob_QHW = np.nan_to_num(prob_QHW, nan=0.0)
        is_found_HW = prob_QHW.max(axis=0) >= self._threshold
        value_HW = np.where(is_found_HW, prob_QHW.argmax(axis=0) + 1, BACKGROUND).astype(np.uint8)
        value_HW[~valid_HW] = NODATA
        height, width = value_HW.shape
        with self._failures_named():
            self._dataset.write(value_HW, 1, window=Window(0, row0 - self._window.row, width, height))

    def _complete(self, written: Path) -> None:
        self._dataset.close()
        _read_all_blocks(written)

    def _let_go(self) -> None:
        if self._dataset is not None:
            self._dataset.close()
            self._dataset = None


def _read_all_blocks(path: Path) -> None:
    """Find out whether everything was stored: on closing, a full disk is only reported to GDAL's log."""
    with rasterio.open(path) as dataset:
        for _, window in dataset.block_windows(1):
            dataset.read(1, window=window)
