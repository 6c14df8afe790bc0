"""One pass over a raster: tiles in, polygons out, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from geophrase.engine.embedding_cache import EmbeddingCache
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.pipeline.polygon_assembly import FoundPolygon, PolygonAssembler, StripSink
from geophrase.engine.pipeline.prefetch import prefetched
from geophrase.engine.pipeline.progress import CancelCheck, Progress, ProgressCallback, StageTimes
from geophrase.engine.pipeline.run_config import SegmentConfig
from geophrase.engine.pipeline.tile_encoder import LoadedTile, TileEncoder
from geophrase.engine.pipeline.tile_model import EmbeddingT, TileModel
from geophrase.engine.pipeline.tile_plan import TilePlan
from geophrase.engine.raster.blend import blend_buffer_bytes
from geophrase.engine.raster.source import RasterSource
from geophrase.protocol.errors import ErrorCode

# Q queries.

_READ_THREADS = 2
# Pixels in one encoder call: 8 tiles of 512 or 2 of 1024, past which a CPU gains nothing and memory grows.
_MAX_BATCH_PX = 2**21
# Tiles without data cost nothing, but progress and cancelling must not wait for a whole desert of them.
_MAX_TILES_PER_STEP = 64
# Logits of one decoder call, and the blend of one tile row: both grow with the number of queries.
_MAX_LOGITS = 2**25
_MAX_BLEND_BYTES = 2**30


@dataclass(frozen=True)
class TileCounts:
    """What became of a run's tiles."""

    num_total: int
    num_encoded: int
    num_cached: int
    num_empty: int


class SegmentRun(Generic[EmbeddingT]):
    """Finds every query's polygons in a raster.

    Args:
        source: The raster at its working resolution.
        plan: The tiles and the region that comes out.
        model: Encodes and decodes them.
        config: The queries and the threshold.
        cache: Where encodings are kept; None to keep none.
        progress: Told after every batch.
        cancel: Asked before every batch.

    Attributes:
        plan: As given.
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
        progress: ProgressCallback | None = None,
        cancel: CancelCheck | None = None,
    ) -> None:
        self.times = StageTimes()
        self.strip_sink: StripSink | None = None
        self.plan = plan
        self._model = model
        self._config = config
        self._encoder = TileEncoder(model, source, cache=cache)
        self._num_per_batch = max(1, _MAX_BATCH_PX // model.image_px**2)
        self._progress = progress
        self._cancel = cancel
        self._num_encoded = self._num_cached = self._num_empty = self._num_polygons = 0

    @property
    def tiles(self) -> TileCounts:
        """The counts so far; a tile counts once for every pass over the raster."""
        return TileCounts(
            num_total=len(self.plan.tiles) * len(self._query_groups()),
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
        first = 0
        for group in self._query_groups():
            for found in self._pass(group, first_index=first):
                self._num_polygons += len(found)
                yield found
            first += len(group)

    def _query_groups(self) -> list[tuple[str, ...]]:
        queries = self._config.queries
        bytes_per_query = blend_buffer_bytes(
            width_px=self.plan.region.width, tile_px=self.plan.tile_px, num_queries=1
        )
        num_per_pass = max(1, _MAX_BLEND_BYTES // bytes_per_query)
        if self.strip_sink is not None and len(queries) > num_per_pass:
            raise EngineError(
                ErrorCode.BAD_REQUEST,
                f"A mask raster of {self.plan.region.width} columns takes at most {num_per_pass} queries at "
                f"a time, not {len(queries)}. Ask fewer, or write polygons.",
            )
        return [queries[start : start + num_per_pass] for start in range(0, len(queries), num_per_pass)]

    def _pass(self, queries: Sequence[str], *, first_index: int) -> Iterator[list[FoundPolygon]]:
        plan = self.plan
        assembler = PolygonAssembler(
            plan,
            num_queries=len(queries),
            first_index=first_index,
            threshold=self._config.threshold,
            times=self.times,
            strip_sink=self.strip_sink,
        )
        loaded = prefetched(
            self._encoder.load, plan.tiles, num_ahead=2 * self._num_per_batch, num_threads=_READ_THREADS
        )
        try:
            while step := self._next_step(loaded):
                yield from self._run_step(step, queries, assembler)
            yield list(assembler.finish())
        finally:
            loaded.close()

    def _next_step(self, loaded: Iterator[LoadedTile]) -> list[LoadedTile]:
        """Take tiles until a batch for the model is full; an empty list at the end."""
        if self._cancel is not None and self._cancel():
            raise CancelledError
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
        if self._progress is None:
            return
        tiles = self.tiles
        self._progress(
            Progress(
                num_done=tiles.num_encoded + tiles.num_cached + tiles.num_empty,
                num_total=tiles.num_total,
                num_encoded=tiles.num_encoded,
                num_cached=tiles.num_cached,
                num_polygons=self._num_polygons,
            )
        )
