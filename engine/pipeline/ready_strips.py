"""Probabilities that are there already become polygons, strip by strip: no model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from geophrase.engine.errors import CancelledError
from geophrase.engine.pipeline.polygon_assembly import FoundPolygon, StripPolygoniser
from geophrase.engine.pipeline.progress import CancelCheck, Progress, ProgressCallback, StageTimes
from geophrase.engine.pipeline.tile_scores import TileEstimates
from geophrase.engine.raster.blend import Strip


@dataclass(frozen=True)
class ReadyStrip:
    """Rows whose probabilities are known.

    Attributes:
        strip: What of them is to become polygons; it may be empty.
        row_end: The first row below them.
        estimates: What the model said of the tiles that begin in them.
    """

    strip: Strip
    row_end: int
    estimates: Sequence[TileEstimates] = ()


class ReadyStrips:
    """Polygonises one pass of strips after the other, tells how far it is and stops when it is asked to.

    Args:
        rows: All rows of each pass.
        num_passes: How many there are.
        progress: Told after every strip, in rows.
        cancel: Asked before every strip.

    Attributes:
        times: Seconds per stage so far.
    """

    def __init__(
        self,
        rows: range,
        *,
        num_passes: int = 1,
        progress: ProgressCallback | None,
        cancel: CancelCheck | None,
    ) -> None:
        self.times = StageTimes()
        self._rows = rows
        self._num_passes = num_passes
        self._progress = progress
        self._cancel = cancel
        self._num_polygons = 0

    def polygons(
        self, strips: Iterator[ReadyStrip], polygoniser: StripPolygoniser, *, number: int = 0
    ) -> Iterator[list[FoundPolygon]]:
        """Yield the polygons of a pass in lists, as they are completed from north to south.

        Args:
            strips: From the first row on; read as they are needed.
            polygoniser: Takes them.
            number: Of the pass, from 0.

        Raises:
            CancelledError: As `cancel` said.
        """
        while (ready := self._next(strips)) is not None:
            for tile in ready.estimates:
                polygoniser.add_estimates(tile)
            if not ready.strip.window.is_empty:
                yield self._counted(polygoniser.add_strip(ready.strip))
            self._tell(number, ready.row_end)
        yield self._counted(polygoniser.finish())

    def _next(self, strips: Iterator[ReadyStrip]) -> ReadyStrip | None:
        if self._cancel is not None and self._cancel():
            raise CancelledError
        return next(strips, None)

    def _counted(self, polygons: Iterator[FoundPolygon]) -> list[FoundPolygon]:
        found = list(polygons)
        self._num_polygons += len(found)
        return found

    def _tell(self, number: int, row_end: int) -> None:
        if self._progress is None:
            return
        num_rows = len(self._rows)
        num_done = number * num_rows + min(row_end, self._rows.stop) - self._rows.start
        self._progress(Progress(num_done, self._num_passes * num_rows, num_polygons=self._num_polygons))
