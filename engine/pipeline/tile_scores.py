"""The model's own scores per tile, looked up for polygons that may lie across several tiles."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely

from geophrase.protocol.grid import WindowPx


@dataclass(frozen=True)
class TileEstimates:
    """What the model said of one tile.

    Attributes:
        place: The tile, in the frame of what comes out.
        iou_Q: Its estimate of each query's mask's IoU, 0 to 1.
        objectness_Q: The logit that something fits each query.
    """

    place: WindowPx
    iou_Q: np.ndarray
    objectness_Q: np.ndarray


class PolygonScores(NamedTuple):
    """What the model says of the mask that a polygon is part of.

    Attributes:
        iou: The model's estimate of its mask's IoU, 0 to 1.
        objectness: The logit that something fits the query.
    """

    iou: float
    objectness: float


class TileScores:
    """Remembers each tile's estimates and gives their mean over a polygon, weighted by the area in each tile.

    Tiles in which the model found nothing add no pixels to a polygon and have no say.

    Args:
        windows: All tiles of the run, of equal sides, on the crossings of common rows and columns.
    """

    def __init__(self, windows: Iterable[WindowPx]) -> None:
        windows = list(windows)
        self._cols = sorted({window.col for window in windows})
        self._rows = sorted({window.row for window in windows})
        self._width_px = max((window.width for window in windows), default=0)
        self._height_px = max((window.height for window in windows), default=0)
        self._scores: dict[tuple[int, int], np.ndarray] = {}

    def add(self, window: WindowPx, iou_Q: np.ndarray, objectness_Q: np.ndarray) -> None:
        """Remember a tile's estimates for each query; objectness is a logit."""
        self._scores[window.col, window.row] = np.stack([iou_Q, objectness_Q]).astype(np.float32)

    def of_polygon(self, polygon_pix: shapely.Polygon, query_index: int) -> PolygonScores:
        """The mean estimates of the tiles that a polygon (in pixel-edge coordinates) lies in."""
        xmin, ymin, xmax, ymax = polygon_pix.bounds
        total = np.zeros(2)
        weight_sum = 0.0
        for col in _starts_over(self._cols, self._width_px, xmin, xmax):
            for row in _starts_over(self._rows, self._height_px, ymin, ymax):
                scores = self._scores.get((col, row))
                if scores is None or scores[1, query_index] <= 0:
                    continue
                part = shapely.clip_by_rect(
                    polygon_pix, col, row, col + self._width_px, row + self._height_px
                )
                weight = float(shapely.area(part))
                total += weight * scores[:, query_index]
                weight_sum += weight
        if weight_sum == 0:
            return PolygonScores(math.nan, math.nan)
        return PolygonScores(float(total[0] / weight_sum), float(total[1] / weight_sum))


def _starts_over(starts: list[int], side_px: int, low: float, high: float) -> list[int]:
    """Of the sorted tile starts, those whose tile reaches into (low, high)."""
    first = bisect_right(starts, low - side_px)
    last = bisect_right(starts, high)
    return [start for start in starts[first:last] if start < high]
