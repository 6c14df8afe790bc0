"""The probabilities of an earlier run become polygons again: another threshold costs no inference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.pipeline.feature_run import FeatureRun
from geophrase.engine.pipeline.polygon_assembly import FoundPolygon, StripPolygoniser
from geophrase.engine.pipeline.progress import CancelCheck, Progress, ProgressCallback, StageTimes
from geophrase.engine.pipeline.run_config import refuse_bad_polygon_options
from geophrase.engine.pipeline.run_description import RunDescription, StoredRun
from geophrase.engine.pipeline.score_store import RunScores
from geophrase.engine.pipeline.tile_plan import region_of
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import Bounds, WindowPx
from geophrase.protocol.jobs import Outline


def outlined(
    scores: RunScores,
    outline: Outline,
    *,
    extent_map: Bounds | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> FeatureRun:
    """The features that the run would have given with this outline, and with this extent.

    Of a run that is not complete it gives the rows that are there. For a run of one window an extent clips
    what that window showed; the run itself would show the model the extent alone.

    Args:
        scores: The run's probabilities, open until the features have been taken.
        outline: What of them becomes polygons.
        extent_map: Polygons are clipped to the pixels it touches; None for all of the run's.
        progress: Told after every strip, in rows.
        cancel: Asked before every strip.

    Raises:
        EngineError: BAD_REQUEST for an outline that makes no sense, OUTSIDE_RASTER for an extent beside what
            the run covered.
    """
    refuse_bad_polygon_options(outline.threshold, outline.min_area_m2, outline.simplify_m)
    region = _region_within(scores.run, extent_map)
    polygons = _StoredPolygons(scores, region, outline.threshold, progress=progress, cancel=cancel)
    description = _described_anew(scores.run, outline, extent_map)
    return FeatureRun(description, outline, polygons.found, times=polygons.times)


class _StoredPolygons:
    """Polygons of a run's stored strips.

    Attributes:
        times: Seconds per stage so far.
    """

    def __init__(
        self,
        scores: RunScores,
        region: WindowPx,
        threshold: float,
        *,
        progress: ProgressCallback | None,
        cancel: CancelCheck | None,
    ) -> None:
        self.times = StageTimes()
        self._scores = scores
        self._region = region
        self._threshold = threshold
        self._progress = progress
        self._cancel = cancel
        self._is_complete = scores.is_complete
        self._num_polygons = 0

    def found(self) -> Iterator[list[FoundPolygon]]:
        """Yield them in lists, one query group after the other, each from north to south."""
        for group in range(len(self._scores.run.group_sizes)):
            for found in self._found_in(group):
                self._num_polygons += len(found)
                yield found

    def _found_in(self, group: int) -> Iterator[list[FoundPolygon]]:
        run = self._scores.run
        polygoniser = StripPolygoniser(
            run.tile_places(),
            col0=self._region.col,
            num_queries=run.group_sizes[group],
            first_index=sum(run.group_sizes[:group]),
            threshold=self._threshold,
            times=self.times,
        )
        row = run.region.row
        strips = self._scores.strips(group)
        while row < self._region.row_end:
            if self._cancel is not None and self._cancel():
                raise CancelledError
            with self.times.stage("store"):
                stored = next(strips, None)
                if stored is None:
                    break
                strip = stored.pixels.within(self._region).as_strip()
            for tile in stored.estimates:
                polygoniser.add_estimates(tile)
            if not strip.window.is_empty:
                yield list(polygoniser.add_strip(strip))
            row = stored.pixels.window.row_end
            self._tell(group, row)
        if self._is_complete and row < self._region.row_end:
            raise EngineError(
                ErrorCode.NOT_FOUND,
                "The probabilities of this run are no longer all there, so it can't be outlined anew. "
                "Run the query again.",
            )
        yield list(polygoniser.finish())

    def _tell(self, group: int, row: int) -> None:
        if self._progress is None:
            return
        run = self._scores.run
        num_rows = self._region.row_end - run.region.row
        num_done = group * num_rows + min(row, self._region.row_end) - run.region.row
        num_total = len(run.group_sizes) * num_rows
        self._progress(Progress(num_done, num_total, num_polygons=self._num_polygons))


def _region_within(run: StoredRun, extent_map: Bounds | None) -> WindowPx:
    if extent_map is None:
        return run.region
    region = region_of(run.description.grid, extent_map).intersection(run.region)
    if region.is_empty:
        raise EngineError(
            ErrorCode.OUTSIDE_RASTER,
            "The extent lies outside what the run covered. Choose another extent, or run the query there.",
        )
    return region


def _described_anew(run: StoredRun, outline: Outline, extent_map: Bounds | None) -> RunDescription:
    """What the features share, with the parameters under which `geophrase segment` finds the same."""
    changed: dict[str, Any] = {
        "threshold": outline.threshold,
        "min_area_m2": outline.min_area_m2,
        "simplify_m": outline.simplify_m,
    }
    if extent_map is not None:
        is_one_window = run.description.parameters.get("one_window")
        changed["clip_map" if is_one_window else "extent_map"] = list(extent_map)
    return replace(run.description, parameters={**run.description.parameters, **changed})
