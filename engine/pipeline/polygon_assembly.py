"""Predictions of tiles, in order, become polygons of the whole region, each given out once it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from geophrase.engine.pipeline.progress import StageTimes
from geophrase.engine.pipeline.stored_strip import QuantisedStrip, StoredStrip
from geophrase.engine.pipeline.tile_encoder import LoadedTile
from geophrase.engine.pipeline.tile_model import TilePredictions
from geophrase.engine.pipeline.tile_plan import TilePlan
from geophrase.engine.pipeline.tile_scores import PolygonScores, TileEstimates, TileScores
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


class StripPolygoniser:
    """Cuts the strips of several queries into polygons and looks their scores up.

    Args:
        places: All tiles under the strips.
        col0: Column of the raster at which the strips begin.
        num_queries: Q.
        first_index: Number of the first query among all of the run's.
        threshold: Probability from which a pixel is foreground.
        times: Takes the seconds of polygonising.
    """

    def __init__(
        self,
        places: Iterable[WindowPx],
        *,
        col0: int,
        num_queries: int,
        first_index: int,
        threshold: float,
        times: StageTimes,
    ) -> None:
        self._polygonisers = [
            StreamingPolygoniser(threshold=threshold, col0=col0) for _ in range(num_queries)
        ]
        self._scores = TileScores(places)
        self._first_index = first_index
        self._times = times

    def add_estimates(self, tile: TileEstimates) -> None:
        """Remember what the model said of a tile, before the first strip over it is added."""
        self._scores.add(tile.place, tile.iou_Q, tile.objectness_Q)

    def add_strip(self, strip: Strip) -> Iterator[FoundPolygon]:
        """Take the next rows and give the polygons that they complete.

        Those above rows without any data are given with the next rows that have some, or at the end.
        """
        if not strip.valid_HW.any():
            return
        for index, polygoniser in enumerate(self._polygonisers):
            with self._times.stage("polygonise"):
                polygons = polygoniser.add_strip(
                    strip.window.row, strip.probabilities_QHW[index], strip.valid_HW
                )
                found = [self._found(index, polygon) for polygon in polygons]
            yield from found

    def finish(self) -> Iterator[FoundPolygon]:
        """Give the polygons that are open at the last row."""
        for index, polygoniser in enumerate(self._polygonisers):
            with self._times.stage("polygonise"):
                found = [self._found(index, polygon) for polygon in polygoniser.finish()]
            yield from found

    def _found(self, query_index: int, polygon: PixelPolygon) -> FoundPolygon:
        scores = self._scores.of_polygon(polygon.geometry, query_index)
        return FoundPolygon(self._first_index + query_index, polygon, scores)


class PolygonAssembler:
    """Blends tiles and cuts the blend into objects; memory is that of one tile row.

    With `keep`, polygons are made of the strips as they are kept, so that they are the same bit for bit when
    the strips come from the store.

    Args:
        plan: The tiles and the region that comes out; nothing outside the region does.
        polygoniser: Takes the strips.
        num_queries: Q.
        times: Takes the seconds of blending and of keeping.
        first_row: Rows above it come out of a store and not out of tiles; those tiles need not be added.
        strip_sink: Given every strip before it is polygonised.
        keep: Given every strip for the store.
    """

    def __init__(
        self,
        plan: TilePlan,
        polygoniser: StripPolygoniser,
        *,
        num_queries: int,
        times: StageTimes,
        first_row: int,
        strip_sink: StripSink | None = None,
        keep: Callable[[StoredStrip], None] | None = None,
    ) -> None:
        blended = _rows_to_blend(plan, first_row)
        self._blender = StripBlender(
            blended, num_queries=num_queries, tile_px=plan.tile_px, overlap_px=plan.overlap_px
        )
        self._polygoniser = polygoniser
        self._times = times
        self._first_row = first_row
        self._strip_sink = strip_sink
        self._keep = keep
        self._new_estimates: list[TileEstimates] = []

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
        place, objectness_Q = tile.planned.place, predictions.objectness_BQ[index]
        with self._times.stage("blend"):
            probabilities_QHW = expit(predictions.mask_logits_BQHW[index], dtype=np.float32)
            probabilities_QHW[objectness_Q <= 0] = 0.0
            self._blender.add(place, probabilities_QHW, tile.valid_HW)
            estimates = TileEstimates(place, predictions.iou_BQ[index], objectness_Q)
            self._polygoniser.add_estimates(estimates)
        if self._keep is not None:
            self._new_estimates.append(estimates)

    def finish(self) -> Iterator[FoundPolygon]:
        """Finish all rows."""
        yield from self._polygons_of(self._blender.finish())
        yield from self._polygoniser.finish()

    def _polygons_of(self, strips: Iterator[Strip]) -> Iterator[FoundPolygon]:
        while True:
            with self._times.stage("blend"):
                strip = next(strips, None)
            if strip is None:
                return
            if strip.window.row < self._first_row:
                assert strip.window.row_end <= self._first_row, "strips are cut as in a run from the top"
                continue
            if self._keep is not None:
                strip = self._kept(strip, self._keep)
            if self._strip_sink is not None:
                self._strip_sink(strip.window.row, strip.probabilities_QHW, strip.valid_HW)
            yield from self._polygoniser.add_strip(strip)

    def _kept(self, strip: Strip, keep: Callable[[StoredStrip], None]) -> Strip:
        """Hand a strip to the store and give it back as the store will give it."""
        with self._times.stage("store"):
            pixels = QuantisedStrip.of(strip)
            keep(StoredStrip(pixels, tuple(self._new_estimates)))
            self._new_estimates.clear()
            return pixels.as_strip()


def _rows_to_blend(plan: TilePlan, first_row: int) -> WindowPx:
    """The part of the region that a run from `first_row` on blends.

    It begins at a row where the blender's buffer wraps around in a run from the top, too, at most a tile
    above `first_row`: so both runs cut the same strips. What comes out above `first_row` is incomplete.
    """
    region = plan.region
    buffer_px = min(plan.tile_px, region.height)
    row = first_row - (first_row - region.row) % buffer_px
    return WindowPx(region.col, row, region.width, region.row_end - row)
