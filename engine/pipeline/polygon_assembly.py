"""Predictions of tiles, in order, become polygons of the whole region, each given out once it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from geophrase.engine.pipeline.progress import StageTimes
from geophrase.engine.pipeline.tile_encoder import LoadedTile
from geophrase.engine.pipeline.tile_model import TilePredictions
from geophrase.engine.pipeline.tile_plan import TilePlan
from geophrase.engine.pipeline.tile_scores import PolygonScores, TileScores
from geophrase.engine.raster.blend import Strip, StripBlender
from geophrase.engine.vector.polygonise import PixelPolygon, StreamingPolygoniser
from geophrase.protocol.grid import WindowPx

# Q queries, H rows, W columns.

StripSink = Callable[[int, np.ndarray, np.ndarray], None]
"""Takes a strip's first row, its probabilities_QHW and its valid_HW."""


@dataclass(frozen=True)
class FoundPolygon:
    """One polygon of one query.

    Attributes:
        query_index: Which of the run's queries it answers.
        polygon: Its outline in pixel edges of the working grid, its size and mean probability.
        scores: The model's own estimates.
    """

    query_index: int
    polygon: PixelPolygon
    scores: PolygonScores


class PolygonAssembler:
    """Blends tiles, cuts the blend into objects and looks their scores up; memory is that of one tile row.

    Args:
        plan: The tiles and the region that comes out; nothing outside the region does.
        num_queries: Q.
        first_index: Number of the first query among all of the run's.
        threshold: Probability from which a pixel is foreground.
        times: Takes the seconds of blending and polygonising.
        strip_sink: Given every strip before it is polygonised.
    """

    def __init__(
        self,
        plan: TilePlan,
        *,
        num_queries: int,
        first_index: int,
        threshold: float,
        times: StageTimes,
        strip_sink: StripSink | None = None,
    ) -> None:
        self._blender = StripBlender(
            plan.region, num_queries=num_queries, tile_px=plan.tile_px, overlap_px=plan.overlap_px
        )
        self._polygonisers = [
            StreamingPolygoniser(threshold=threshold, col0=plan.region.col) for _ in range(num_queries)
        ]
        self._scores = TileScores(tile.place for tile in plan.tiles)
        self._first_index = first_index
        self._times = times
        self._strip_sink = strip_sink

    def move_to(self, window: WindowPx) -> Iterator[FoundPolygon]:
        """Finish the rows above a tile, which is about to be added or has no data."""
        yield from self._polygons_of(self._blender.strips_above(window.row))

    def add(self, tile: LoadedTile, predictions: TilePredictions, index: int) -> None:
        """Blend in the prediction of one tile, after `move_to` it.

        A query whose objectness is not above 0 is absent from the tile, whatever its mask says.

        Args:
            tile: Where it belongs and where it has data.
            predictions: Of a batch that holds it.
            index: Its number in the batch.
        """
        objectness_Q = predictions.objectness_BQ[index]
        with self._times.stage("blend"):
            probabilities_QHW = expit(predictions.mask_logits_BQHW[index], dtype=np.float32)
            probabilities_QHW[objectness_Q <= 0] = 0.0
            self._blender.add(tile.planned.place, probabilities_QHW, tile.valid_HW)
            self._scores.add(tile.planned.place, predictions.iou_BQ[index], objectness_Q)

    def finish(self) -> Iterator[FoundPolygon]:
        """Finish all rows."""
        yield from self._polygons_of(self._blender.finish())
        for index, polygoniser in enumerate(self._polygonisers):
            with self._times.stage("polygonise"):
                found = [self._found(index, polygon) for polygon in polygoniser.finish()]
            yield from found

    def _polygons_of(self, strips: Iterable[Strip]) -> Iterator[FoundPolygon]:
        iterator = iter(strips)
        while True:
            with self._times.stage("blend"):
                strip = next(iterator, None)
            if strip is None:
                return
            if self._strip_sink is not None:
                self._strip_sink(strip.window.row, strip.probabilities_QHW, strip.valid_HW)
            for index, polygoniser in enumerate(self._polygonisers):
                with self._times.stage("polygonise"):
                    polygons = polygoniser.add_strip(
                        strip.window.row, strip.probabilities_QHW[index], strip.valid_HW
                    )
                    found = [self._found(index, polygon) for polygon in polygons]
                yield from found

    def _found(self, query_index: int, polygon: PixelPolygon) -> FoundPolygon:
        scores = self._scores.of_polygon(polygon.geometry, query_index)
        return FoundPolygon(self._first_index + query_index, polygon, scores)
