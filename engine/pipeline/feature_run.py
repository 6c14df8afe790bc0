"""From a run's polygons to features, whatever the run makes its polygons of."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import geopandas as gpd

from geophrase.engine.pipeline.polygon_assembly import FoundPolygon
from geophrase.engine.pipeline.progress import StageTimes
from geophrase.engine.pipeline.run_description import RunDescription
from geophrase.engine.vector.attributes import SegmentsTable
from geophrase.protocol.jobs import Outline

# Features per chunk on their way to the file: enough that the driver's fixed costs vanish.
_FEATURES_PER_CHUNK = 2000


class FeatureRun:
    """A run that is ready to give its features.

    Args:
        description: What all features share.
        outline: What of the probabilities becomes polygons; the polygons given are of its threshold.
        polygons: Begins the run and gives its polygons in lists, from north to south.
        times: The run's seconds per stage.

    Attributes:
        description: As given.
        times: As given.
        table: Makes features of polygons.
    """

    def __init__(
        self,
        description: RunDescription,
        outline: Outline,
        polygons: Callable[[], Iterator[list[FoundPolygon]]],
        *,
        times: StageTimes,
    ) -> None:
        self.description = description
        self.times = times
        self.table = SegmentsTable(
            description.grid,
            description.provenance,
            min_area_m2=outline.min_area_m2,
            simplify_m=outline.simplify_m,
        )
        self._polygons = polygons

    def parameters(self) -> dict[str, Any]:
        """Everything that the result depends on, for an output's metadata."""
        return dict(self.description.parameters)

    def frames(self, *, max_wait_s: float = math.inf) -> Iterator[gpd.GeoDataFrame]:
        """Yield the features, some thousand at a time, from north to south.

        Args:
            max_wait_s: Fewer are given at a time where they would wait for longer than this.

        Raises:
            CancelledError: The run was cancelled.
            EngineError: It can't go on; one sentence says why.
        """
        chunk: list[FoundPolygon] = []
        given_s = time.monotonic()
        for found in self._polygons():
            chunk += found
            is_due = time.monotonic() - given_s >= max_wait_s
            if len(chunk) >= _FEATURES_PER_CHUNK or (chunk and is_due):
                yield self._frame_of(chunk)
                chunk = []
                given_s = time.monotonic()
        if chunk:
            yield self._frame_of(chunk)

    def _frame_of(self, found: Sequence[FoundPolygon]) -> gpd.GeoDataFrame:
        with self.times.stage("polygonise"):
            return self.table.frame(
                [one.polygon for one in found],
                queries=[self.description.queries[one.query_index] for one in found],
                iou_pred=[one.scores.iou for one in found],
                objectness=[one.scores.objectness for one in found],
            )
