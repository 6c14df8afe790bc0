"""The probabilities of an earlier run become polygons again: another threshold costs no inference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from geophrase.engine.errors import EngineError
from geophrase.engine.pipeline.feature_run import FeatureRun
from geophrase.engine.pipeline.polygon_assembly import FoundPolygon, StripPolygoniser
from geophrase.engine.pipeline.progress import CancelCheck, ProgressCallback, StageTimes
from geophrase.engine.pipeline.ready_strips import ReadyStrip, ReadyStrips
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
    rows = range(scores.run.region.row, region.row_end)
    ready = ReadyStrips(rows, num_passes=len(scores.run.group_sizes), progress=progress, cancel=cancel)
    polygons = partial(
        _polygons, scores, region, ready, threshold=outline.threshold, is_complete=scores.is_complete
    )
    description = _described_anew(scores.run, outline, extent_map)
    return FeatureRun(description, outline, polygons, times=ready.times)


def _polygons(
    scores: RunScores, region: WindowPx, ready: ReadyStrips, *, threshold: float, is_complete: bool
) -> Iterator[list[FoundPolygon]]:
    """Yield the polygons of a run's stored strips, one query group after the other."""
    sizes = scores.run.group_sizes
    for group, num_queries in enumerate(sizes):
        polygoniser = StripPolygoniser(
            scores.run.tile_places(),
            col0=region.col,
            num_queries=num_queries,
            first_index=sum(sizes[:group]),
            threshold=threshold,
            times=ready.times,
        )
        strips = _stored_strips(scores, region, group, times=ready.times, is_complete=is_complete)
        yield from ready.polygons(strips, polygoniser, number=group)


def _stored_strips(
    scores: RunScores, region: WindowPx, group: int, *, times: StageTimes, is_complete: bool
) -> Iterator[ReadyStrip]:
    """Read a group's strips as far as the region reaches; those of a complete run must all be there."""
    row = scores.run.region.row
    strips = scores.strips(group)
    while row < region.row_end:
        with times.stage("store"):
            stored = next(strips, None)
            if stored is None:
                break
            strip = stored.pixels.within(region).as_strip()
        row = stored.pixels.window.row_end
        yield ReadyStrip(strip, row, stored.estimates)
    if is_complete and row < region.row_end:
        raise EngineError(
            ErrorCode.NOT_FOUND,
            "The probabilities of this run are no longer all there, so it can't be outlined anew. "
            "Run the query again.",
        )


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
