"""One pass over a raster: tiles in, polygons out, with bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic

from geophrase.engine.embedding_cache import EmbeddingCache
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.pipeline.polygon_assembly import (
    FoundPolygon,
    PolygonAssembler,
    StripPolygoniser,
    StripSink,
)
from geophrase.engine.pipeline.prefetch import prefetched
from geophrase.engine.pipeline.progress import CancelCheck, Progress, ProgressCallback, StageTimes
from geophrase.engine.pipeline.run_config import SegmentConfig
from geophrase.engine.pipeline.score_store import RunScores
from geophrase.engine.pipeline.tile_encoder import LoadedTile, TileEncoder
from geophrase.engine.pipeline.tile_model import EmbeddingT, TileModel
from geophrase.engine.pipeline.tile_plan import PlannedTile, TilePlan
from geophrase.engine.raster.blend import blend_buffer_bytes
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.software_version import software_version
from geophrase.protocol.errors import ErrorCode

# Q queries.

_READ_THREADS = 2
# Pixels in one encoder call: 8 tiles of 512 or 2 of 1024, past which memory grows. On a CPU one tile keeps
# all cores busy, and a click waits for no more than that one.
_MAX_BATCH_PX = 2**21
# Tiles without data cost nothing, but progress and cancelling must not wait for a whole desert of them.
_MAX_TILES_PER_STEP = 64
# Logits of one decoder call, and the blend of one tile row: both grow with the number of queries.
_MAX_LOGITS = 2**25
_MAX_BLEND_BYTES = 2**30
# Raise it whenever the same raster, model and settings give other probabilities, strips or files of them.
_SCORES_FORMAT = 1


@dataclass(frozen=True)
class TileCounts:
    """What became of a run's tiles; the rest are to come, or were resumed from a score store."""

    num_total: int
    num_encoded: int
    num_cached: int
    num_empty: int


class SegmentRun(Generic[EmbeddingT]):
    """Finds every query's polygons in a raster.

    With a score store, the strips that it has from before come from there, and only tiles that reach below
    them go through the model. The polygons are the same bit for bit as without the interruption; without a
    store they differ from that by what the store rounds, less than 1/65500 of a probability, which no
    threshold of a whole percent shows.

    Args:
        source: The raster at its working resolution.
        plan: The tiles and the region that comes out.
        model: Encodes and decodes them.
        config: The queries and the threshold.
        cache: Where encodings are kept; None to keep none.
        scores: Where the probabilities are kept, open until the run is over; None to keep none.
        progress: Told after every batch.
        cancel: Asked before every batch.

    Attributes:
        plan: As given.
        scores: As given.
        times: Seconds per stage so far.
        strip_sink: Set it to be given the blended probabilities as well, all queries at once.
    """

    def __init__(
        self,
        source: RasterSource,
        plan: TilePlan,
        model: TileModel[EmbeddingT],
        *,
        config: SegmentConfig,
        cache: EmbeddingCache | None,
        scores: RunScores | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelCheck | None = None,
    ) -> None:
        self.times = StageTimes()
        self.strip_sink: StripSink | None = None
        self.plan = plan
        self.scores = scores
        self._model = model
        self._config = config
        self._group_sizes = group_sizes(plan, len(config.queries))
        self._encoder = TileEncoder(model, source, cache=cache)
        self._num_per_batch = 1 if str(model.device) == "cpu" else max(1, _MAX_BATCH_PX // model.image_px**2)
        self._progress = progress
        self._cancel = cancel
        self._num_encoded = self._num_cached = self._num_empty = self._num_resumed = self._num_polygons = 0

    @property
    def tiles(self) -> TileCounts:
        """The counts so far; a tile counts once for every pass over the raster."""
        return TileCounts(
            num_total=len(self.plan.tiles) * len(self._group_sizes),
            num_encoded=self._num_encoded,
            num_cached=self._num_cached,
            num_empty=self._num_empty,
        )

    def polygons(self) -> Iterator[list[FoundPolygon]]:
        """Yield the polygons in lists, as they are completed from north to south.

        All queries go in one pass, unless the raster is too wide to blend so many in bounded memory.

        Raises:
            CancelledError: `cancel` said so.
            EngineError: The raster can't be read further; BAD_REQUEST where `strip_sink`, which needs all
                queries in one pass, would take too much memory.
        """
        if self.strip_sink is not None and len(self._group_sizes) > 1:
            raise EngineError(
                ErrorCode.BAD_REQUEST,
                f"A mask raster of {self.plan.region.width} columns takes at most {self._group_sizes[0]} "
                f"queries at a time, not {len(self._config.queries)}. Ask fewer, or write polygons.",
            )
        first = 0
        for group, num_queries in enumerate(self._group_sizes):
            for found in self._pass(group, first_index=first):
                self._num_polygons += len(found)
                yield found
            first += num_queries

    def _pass(self, group: int, *, first_index: int) -> Iterator[list[FoundPolygon]]:
        queries = self._config.queries[first_index : first_index + self._group_sizes[group]]
        polygoniser = StripPolygoniser(
            (tile.place for tile in self.plan.tiles),
            col0=self.plan.region.col,
            num_queries=len(queries),
            first_index=first_index,
            threshold=self._config.threshold,
            times=self.times,
        )
        row = yield from self._resumed(group, polygoniser)
        if row == self.plan.region.row_end:
            yield list(polygoniser.finish())
            return
        assembler = PolygonAssembler(
            self.plan,
            polygoniser,
            num_queries=len(queries),
            times=self.times,
            first_row=row,
            strip_sink=self.strip_sink,
            keep=partial(self.scores.put, group) if self.scores else None,
        )
        yield from self._continued(
            queries, assembler, tiles=self.plan.tiles[_num_tiles_above(self.plan, row) :]
        )

    def _resumed(self, group: int, polygoniser: StripPolygoniser) -> Generator[list[FoundPolygon], None, int]:
        """Yield the polygons of the strips that the store has from before; return the row where they end."""
        row = self.plan.region.row
        if self.scores is None:
            return row
        strips = self.scores.strips(group)
        num_told = 0
        while True:
            self._stop_if_cancelled()
            with self.times.stage("store"):
                stored = next(strips, None)
                if stored is None:
                    return row
                strip = stored.pixels.as_strip()
            for tile in stored.estimates:
                polygoniser.add_estimates(tile)
            if self.strip_sink is not None:
                self.strip_sink(strip.window.row, strip.probabilities_QHW, strip.valid_HW)
            yield list(polygoniser.add_strip(strip))
            row = strip.window.row_end
            num_above = _num_tiles_above(self.plan, row)
            if num_above > num_told:
                self._num_resumed += num_above - num_told
                num_told = num_above
                self._tell()

    def _continued(
        self, queries: Sequence[str], assembler: PolygonAssembler, *, tiles: Sequence[PlannedTile]
    ) -> Iterator[list[FoundPolygon]]:
        loaded = prefetched(
            self._encoder.load, tiles, num_ahead=2 * self._num_per_batch, num_threads=_READ_THREADS
        )
        try:
            while step := self._next_step(loaded):
                yield from self._run_step(step, queries, assembler)
            yield list(assembler.finish())
        finally:
            loaded.close()

    def _next_step(self, loaded: Iterator[LoadedTile]) -> list[LoadedTile]:
        """Take tiles until a batch for the model is full; an empty list at the end."""
        self._stop_if_cancelled()
        step: list[LoadedTile] = []
        num_full = 0
        with self.times.stage("read"):
            while num_full < self._num_per_batch and len(step) < _MAX_TILES_PER_STEP:
                tile = next(loaded, None)
                if tile is None:
                    break
                step.append(tile)
                num_full += not tile.is_empty
        return step

    def _run_step(
        self, step: Sequence[LoadedTile], queries: Sequence[str], assembler: PolygonAssembler
    ) -> Iterator[list[FoundPolygon]]:
        full = [tile for tile in step if not tile.is_empty]
        with self.times.stage("encode"):
            embeddings = self._encoder.encode(full)
        num_per_call = max(1, _MAX_LOGITS // (len(queries) * self.plan.tile_px**2))
        for start in range(0, len(full), num_per_call):
            chunk = slice(start, start + num_per_call)
            with self.times.stage("decode"):
                predictions = self._model.predict_texts(embeddings[chunk], queries)
            for index, tile in enumerate(full[chunk]):
                yield list(assembler.move_to(tile.planned.place))
                assembler.add(tile, predictions, index)
        self._count(step)

    def _count(self, step: Sequence[LoadedTile]) -> None:
        self._num_empty += sum(tile.is_empty for tile in step)
        self._num_cached += sum(tile.arrays is not None for tile in step)
        self._num_encoded += sum(tile.image_HWC is not None for tile in step)
        self._tell()

    def _tell(self) -> None:
        if self._progress is None:
            return
        tiles = self.tiles
        self._progress(
            Progress(
                num_done=tiles.num_encoded + tiles.num_cached + tiles.num_empty + self._num_resumed,
                num_total=tiles.num_total,
                num_encoded=tiles.num_encoded,
                num_cached=tiles.num_cached,
                num_resumed=self._num_resumed,
                num_polygons=self._num_polygons,
            )
        )

    def _stop_if_cancelled(self) -> None:
        if self._cancel is not None and self._cancel():
            raise CancelledError


def group_sizes(plan: TilePlan, num_queries: int) -> tuple[int, ...]:
    """How many of the queries, in their order, go in each pass over the raster: most often all in one."""
    bytes_per_query = blend_buffer_bytes(width_px=plan.region.width, tile_px=plan.tile_px, num_queries=1)
    num_per_pass = max(1, _MAX_BLEND_BYTES // bytes_per_query)
    return tuple(min(num_per_pass, num_queries - start) for start in range(0, num_queries, num_per_pass))


def identity_of_scores(
    source: RasterSource, plan: TilePlan, model: TileModel[Any], config: SegmentConfig
) -> dict[str, Any]:
    """Everything that a run's probabilities depend on, and nothing that only its polygons do."""
    region = plan.region
    return {
        "format": [_SCORES_FORMAT, software_version()],
        "raster": source.fingerprint,
        "grid": [plan.grid.width_px, plan.grid.height_px, *plan.grid.map_from_pix, plan.grid.crs_wkt],
        "region": [region.col, region.row, region.width, region.height],
        "tiles": [plan.tile_px, plan.overlap_px],
        "one_window": config.one_window,
        "model": model.identity,
        "queries": config.queries,
        "group_sizes": group_sizes(plan, len(config.queries)),
    }


def _num_tiles_above(plan: TilePlan, row: int) -> int:
    """How many of the tiles, in their order, have no pixel of the region from this row on."""
    if row == plan.region.row_end:
        return len(plan.tiles)
    return bisect_right(plan.tiles, row, key=lambda tile: tile.place.row_end)
