"""A raster of probabilities, whoever made it, becomes polygons: no model, bounded memory."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from geophrase.engine.errors import EngineError
from geophrase.engine.pipeline.feature_run import FeatureRun
from geophrase.engine.pipeline.polygon_assembly import FoundPolygon, StripPolygoniser
from geophrase.engine.pipeline.progress import CancelCheck, ProgressCallback, StageTimes
from geophrase.engine.pipeline.ready_strips import ReadyStrip, ReadyStrips
from geophrase.engine.pipeline.run_config import refuse_bad_polygon_options
from geophrase.engine.pipeline.run_description import RunDescription
from geophrase.engine.pipeline.tile_plan import region_of
from geophrase.engine.provenance import provenance_of, run_parameters
from geophrase.engine.raster.bands import plan_bands, read_bands
from geophrase.engine.raster.blend import Strip
from geophrase.engine.raster.source import GDAL_OPTIONS, RasterSource
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import Bounds, WindowPx
from geophrase.protocol.jobs import Outline

# Rows in a strip are the usual block's, less where the raster is so wide that they would take much memory.
_STRIP_ROWS = 256
_MAX_STRIP_PX = 2**24
# What another program's rounding may leave outside 0 to 1.
_TOLERANCE = 1e-3


@contextmanager
def opened_probabilities(
    path: str | Path,
    outline: Outline,
    *,
    band: int = 1,
    query: str = "",
    scale: float | None = None,
    extent_map: Bounds | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> Iterator[FeatureRun]:
    """Open a raster of probabilities, whose features can then be taken.

    Args:
        path: Any raster file that GDAL reads.
        outline: What becomes polygons.
        band: 1-based.
        query: What the features say as their query.
        scale: Raster value that stands for probability 1; None for 1 in floats and the largest value that
            the dtype holds in integers.
        extent_map: Polygons are clipped to the pixels it touches; None for all.
        progress: Told after every strip, in rows.
        cancel: Asked before every strip.

    Raises:
        EngineError: With one sentence on what is wrong with the raster or the options.
    """
    refuse_bad_polygon_options(outline.threshold, outline.min_area_m2, outline.simplify_m)
    if scale is not None and not 0 < scale < math.inf:
        raise EngineError(ErrorCode.BAD_REQUEST, f"The scale must be a positive number, but is {scale:g}.")
    asked = {"band": band, "query": query, "scale": scale, "extent_map": extent_map, **asdict(outline)}
    with RasterSource.open(path, bands=[band]) as source:
        region = region_of(source.grid, extent_map)
        description = RunDescription(
            grid=source.grid,
            queries=(query,),
            provenance=provenance_of(None, path),
            parameters=run_parameters("polygonise", asked, source=source, model=None),
        )
    with _opened_dataset(path) as dataset:
        strips = _ProbabilityStrips(dataset, band=band, scale=scale)
        ready = ReadyStrips(range(region.row, region.row_end), progress=progress, cancel=cancel)
        polygons = partial(_polygons, strips, region, ready, threshold=outline.threshold)
        yield FeatureRun(description, outline, polygons, times=ready.times)


def polygonise_raster(
    path: str | Path,
    *,
    band: int = 1,
    threshold: float = 0.5,
    min_area_m2: float | None = None,
    simplify_m: float | None = None,
    scale: float | None = None,
) -> Iterator[gpd.GeoDataFrame]:
    """Yield the features of a raster of probabilities, some thousand at a time, from north to south.

    Raises:
        EngineError: As `opened_probabilities`, which has the same options and more.
    """
    outline = Outline(threshold, min_area_m2, simplify_m)
    with opened_probabilities(path, outline, band=band, scale=scale) as run:
        yield from run.frames()


@contextmanager
def _opened_dataset(path: str | Path) -> Iterator[DatasetReader]:
    with warnings.catch_warnings(), rasterio.Env(**GDAL_OPTIONS):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            yield dataset


def _polygons(
    strips: _ProbabilityStrips, region: WindowPx, ready: ReadyStrips, *, threshold: float
) -> Iterator[list[FoundPolygon]]:
    polygoniser = StripPolygoniser(
        (), col0=region.col, num_queries=1, first_index=0, threshold=threshold, times=ready.times
    )
    return ready.polygons(strips.ready(region, ready.times), polygoniser)


class _ProbabilityStrips:
    """Reads a band as probabilities.

    Args:
        dataset: The open raster.
        band: 1-based.
        scale: Value that stands for probability 1; None chooses by dtype.
    """

    def __init__(self, dataset: DatasetReader, *, band: int, scale: float | None) -> None:
        dtype = np.dtype(dataset.dtypes[band - 1])
        self._dataset = dataset
        self._plan = plan_bands(dataset, [band])
        self._one = scale or (1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max))

    def ready(self, region: WindowPx, times: StageTimes) -> Iterator[ReadyStrip]:
        """Read all of a region, from north to south."""
        num_rows = max(1, min(_STRIP_ROWS, _MAX_STRIP_PX // region.width))
        for row in range(region.row, region.row_end, num_rows):
            window = WindowPx(region.col, row, region.width, min(num_rows, region.row_end - row))
            with times.stage("read"):
                strip = self.read(window)
            yield ReadyStrip(strip, window.row_end)

    def read(self, window: WindowPx) -> Strip:
        """The probabilities of a window inside the raster.

        Raises:
            EngineError: RASTER_UNREADABLE, or BAD_REQUEST for values that are no probabilities.
        """
        try:
            values_BHW, valid_HW = read_bands(
                self._dataset,
                self._plan,
                window=Window(window.col, window.row, window.width, window.height),
                shape_yx=window.shape_yx,
                resampling=Resampling.nearest,
            )
        except RasterioError as error:
            raise EngineError(
                ErrorCode.RASTER_UNREADABLE,
                f"{self._dataset.name} is damaged or incomplete: it can't be read at row {window.row}; get "
                "the file again.",
            ) from error
        probabilities_BHW: npt.NDArray[np.float32] = values_BHW.astype(np.float32) / np.float32(self._one)
        self._refuse_others(probabilities_BHW[0][valid_HW])
        return Strip(window, probabilities_BHW, valid_HW)

    def _refuse_others(self, probabilities: npt.NDArray[np.float32]) -> None:
        if not probabilities.size:
            return
        low, high = float(probabilities.min()), float(probabilities.max())
        if low < -_TOLERANCE or high > 1 + _TOLERANCE:
            raise EngineError(
                ErrorCode.BAD_REQUEST,
                f"{self._dataset.name} holds values from {low * self._one:g} to {high * self._one:g}, but "
                f"probabilities are 0 to {self._one:g}. Choose another band, set the nodata value, or say "
                "which value stands for probability 1.",
            )
