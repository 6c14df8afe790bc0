"""Typed queries on a raster become polygons: the one function and the one job that join all the stages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geophrase.engine.embedding_cache import EmbeddingCache, default_cache_folder
from geophrase.engine.errors import EngineError
from geophrase.engine.loading import load_predictor
from geophrase.engine.memory_errors import memory_errors_explained
from geophrase.engine.model.weights.hashing import short_hash
from geophrase.engine.pipeline.feature_run import FeatureRun
from geophrase.engine.pipeline.progress import CancelCheck, ProgressCallback
from geophrase.engine.pipeline.run import SegmentRun, TileCounts, group_sizes, identity_of_scores
from geophrase.engine.pipeline.run_config import SegmentConfig, distinct_queries
from geophrase.engine.pipeline.run_description import RunDescription, StoredRun
from geophrase.engine.pipeline.score_store import RunScores, ScoreStore
from geophrase.engine.pipeline.tile_model import TileModel
from geophrase.engine.pipeline.tile_plan import TilePlan, plan_tiles, region_of
from geophrase.engine.provenance import provenance_of, run_parameters
from geophrase.engine.raster.source import KnownRaster, RasterSource
from geophrase.engine.vector.mask_raster import MaskRasterWriter
from geophrase.engine.vector.write import SegmentsWriter, refuse_unwritable
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import Outline

_MASK_SUFFIX = ".tif"


@dataclass(frozen=True)
class SegmentReport:
    """What a run did.

    Attributes:
        output: The file written.
        num_polygons: Per query, in the order asked.
        tiles: What became of the tiles.
        seconds: Wall time per stage; they add up to `wall_s` but for loading the model and small change.
        wall_s: From opening the raster to the finished file.
        model: The model's name.
        weights: Short hash of its weights.
        device: Where it ran.
    """

    output: Path
    num_polygons: dict[str, int]
    tiles: TileCounts
    seconds: dict[str, float]
    wall_s: float
    model: str
    weights: str
    device: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            "outputs": [str(self.output)],
            "num_polygons": sum(self.num_polygons.values()),
            "queries": [
                {"query": query, "num_polygons": count} for query, count in self.num_polygons.items()
            ],
            "tiles": asdict(self.tiles),
            "seconds": {name: round(seconds, 4) for name, seconds in self.seconds.items()},
            "wall_s": round(self.wall_s, 4),
            "model": self.model,
            "weights": self.weights,
            "device": self.device,
        }


def segment_raster(
    path: str | Path,
    queries: Sequence[str] | str,
    *,
    output: str | Path | None = None,
    model: str | TileModel[Any] = "rsam_small",
    device: str = "auto",
    extent: tuple[float, float, float, float] | None = None,
    resolution_m: float | None = None,
    bands: Sequence[int] | None = None,
    tile_px: int | None = None,
    overlap_px: int | None = None,
    one_window: bool = False,
    threshold: float = 0.5,
    min_area_m2: float | None = None,
    simplify_m: float | None = None,
    cache_dir: str | Path | None = None,
    is_cached: bool = True,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> gpd.GeoDataFrame:
    """Find what the queries name in a raster; give polygons in its CRS with DESIGN.md's output schema.

    Long for its options alone: they are named one by one, so that editors complete them.

    Args:
        path: Any raster file that GDAL reads.
        queries: One phrase or several; several share one encoding of the raster.
        output: Also write the polygons here; the format follows the suffix.
        model: A name, a weights file, or a loaded model.
        device: auto, cpu, cuda or mps; unused with a loaded model.
        extent: xmin, ymin, xmax, ymax in the raster's CRS; polygons are clipped to the pixels it touches.
        resolution_m: Pixel side to work at; None for the raster's own.
        bands: 1-based bands to show the model.
        tile_px: Tile side in working pixels; None for the model's input side.
        overlap_px: Overlap of neighbouring tiles; None for a quarter of the tile.
        one_window: Give the extent to the model as a single image.
        threshold: Probability from which a pixel is foreground.
        min_area_m2: Smallest polygon to keep.
        simplify_m: Tolerance of the outlines' simplification.
        cache_dir: Where encodings are kept; None for the user's cache folder.
        is_cached: Whether encodings are kept at all.
        progress: Told after every batch.
        cancel: Asked before every batch whether to stop.

    Raises:
        EngineError: With one sentence on what happened and what to do.
        CancelledError: `cancel` said so; nothing is left behind but the cache.
    """
    config = SegmentConfig(
        queries=distinct_queries(queries),
        extent_map=extent,
        resolution_m=resolution_m,
        bands=None if bands is None else tuple(bands),
        tile_px=tile_px,
        overlap_px=overlap_px,
        one_window=one_window,
        threshold=threshold,
        min_area_m2=min_area_m2,
        simplify_m=simplify_m,
    )
    cache = EmbeddingCache(Path(cache_dir or default_cache_folder())) if is_cached else None
    job = SegmentJob(path, config, model=model, device=device, cache=cache, progress=progress, cancel=cancel)
    frames: list[gpd.GeoDataFrame] = []
    if output is not None:
        job.write(Path(output), keep=frames)
        return _joined(frames)
    with job.opened() as opened:
        return _joined([*opened.frames(), opened.table.empty()])


def _joined(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=frames[0].crs)


class OpenedJob(FeatureRun):
    """A run whose raster is open and whose model is loaded.

    Attributes:
        run: The pass over the tiles, with its counts and times.
        model: What decodes.
    """

    def __init__(
        self, run: SegmentRun[Any], description: RunDescription, outline: Outline, *, model: TileModel[Any]
    ) -> None:
        super().__init__(description, outline, run.polygons, times=run.times)
        self.run = run
        self.model = model


class SegmentJob:
    """A segmentation that is described but not begun.

    Args:
        path: The raster.
        config: What to look for and how.
        model: A name, a weights file, or a loaded model.
        device: Where a model that is not loaded yet shall run.
        cache: Where encodings are kept; None to keep none.
        store: Where probabilities are kept, so that the run continues one that was interrupted and can be
            outlined anew without the model; None to keep none.
        progress: Told after every batch.
        cancel: Asked before every batch.
        known: What holds instead of what the raster's file says of its content and place.
    """

    def __init__(
        self,
        path: str | Path,
        config: SegmentConfig,
        *,
        model: str | TileModel[Any] = "rsam_small",
        device: str = "auto",
        cache: EmbeddingCache | None = None,
        store: ScoreStore | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelCheck | None = None,
        known: KnownRaster | None = None,
    ) -> None:
        self._path = path
        self._known = known
        self._config = config
        self._model = model
        self._device = device
        self._cache = cache
        self._store = store
        self._progress = progress
        self._cancel = cancel

    @contextmanager
    def opened(self) -> Iterator[OpenedJob]:
        """Open the raster and load the model, in this order: a wrong path shows before seconds of loading."""
        config = self._config
        with RasterSource.open(
            self._path, bands=config.bands, resolution_m=config.resolution_m, known=self._known
        ) as source:
            region_of(source.grid, config.extent_map)  # an extent beside the raster shows at once, too
            model = self._loaded_model()
            plan = plan_tiles(source.grid, config, image_px=model.image_px)
            description = self._described(source, plan, model)
            with self._opened_scores(source, plan, model, description) as scores, memory_errors_explained():
                run = SegmentRun(
                    source,
                    plan,
                    model,
                    config=config,
                    cache=self._cache,
                    scores=scores,
                    progress=self._progress,
                    cancel=self._cancel,
                )
                yield OpenedJob(run, description, config.outline, model=model)

    def _described(self, source: RasterSource, plan: TilePlan, model: TileModel[Any]) -> RunDescription:
        """What features share; the sides of the tiles are recorded as they turned out."""
        asked = self._config.as_metadata()
        if not self._config.one_window:
            asked |= {"tile_px": plan.tile_px, "overlap_px": plan.overlap_px}
        return RunDescription(
            grid=plan.grid,
            queries=self._config.queries,
            provenance=provenance_of(model, source.name),
            parameters=run_parameters("segment", asked, source=source, model=model),
        )

    def _opened_scores(
        self, source: RasterSource, plan: TilePlan, model: TileModel[Any], description: RunDescription
    ) -> AbstractContextManager[RunScores | None]:
        if self._store is None:
            return nullcontext()
        return self._store.open(
            identity_of_scores(source, plan, model, self._config),
            StoredRun(
                description,
                region=plan.region,
                tile_px=plan.tile_px,
                overlap_px=plan.overlap_px,
                group_sizes=group_sizes(plan, len(self._config.queries)),
            ),
        )

    def write(self, output: Path, *, keep: list[gpd.GeoDataFrame] | None = None) -> SegmentReport:
        """Run the whole job into a file, which appears complete or not at all.

        Args:
            output: The format follows the suffix.
            keep: Takes every chunk of features, for a caller who wants them in memory too.
        """
        started_s = time.perf_counter()
        num_polygons = dict.fromkeys(self._config.queries, 0)
        self._refuse_output(output)
        with self.opened() as job, self._writer(output, job) as writer, job.run.times.stage("write"):
            if isinstance(writer, MaskRasterWriter):
                job.run.strip_sink = writer.add_strip
            for frame in job.frames():
                for query, count in frame["query"].value_counts().items():
                    num_polygons[str(query)] += int(count)
                if isinstance(writer, SegmentsWriter):
                    writer.write(frame)
                if keep is not None:
                    keep.append(frame)
            if not keep and keep is not None:
                keep.append(job.table.empty())
            writer.close()
        return SegmentReport(
            output=output,
            num_polygons=num_polygons,
            tiles=job.run.tiles,
            seconds=dict(job.run.times.seconds),
            wall_s=time.perf_counter() - started_s,
            model=job.model.name,
            weights=short_hash(job.model.weights_sha256),
            device=str(job.model.device),
        )

    def _refuse_output(self, output: Path) -> None:
        """Find out before anything is loaded that the output can't be made."""
        config = self._config
        if output.suffix.lower() == _MASK_SUFFIX and (config.min_area_m2 or config.simplify_m):
            raise EngineError(
                ErrorCode.BAD_REQUEST,
                "A minimum area and simplified outlines are for polygons; leave them out for a mask raster.",
            )
        refuse_unwritable(output, raster=self._path)

    def _writer(self, output: Path, job: OpenedJob) -> SegmentsWriter | MaskRasterWriter:
        config = self._config
        metadata = job.parameters()
        if output.suffix.lower() != _MASK_SUFFIX:
            return SegmentsWriter(output, job.table.empty(), metadata=metadata)
        return MaskRasterWriter(
            output,
            grid=job.run.plan.grid,
            window=job.run.plan.region,
            queries=config.queries,
            threshold=config.threshold,
            metadata=metadata,
        )

    def _loaded_model(self) -> TileModel[Any]:
        model: TileModel[Any] = (
            load_predictor(self._model, device=self._device) if isinstance(self._model, str) else self._model
        )
        if not model.has_text:
            raise EngineError(
                ErrorCode.BAD_REQUEST,
                f"{model.name} takes points and boxes, not text: use `geophrase refine`, or a text model.",
            )
        return model
