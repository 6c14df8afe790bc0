"""Polygons from a raster of probabilities that arrives in strips, the same as from all of it at once.

What stays in memory between strips is the last row's labels and, of the regions that touch it, the boundary
edges found so far (12 bytes each): about the size of the polygons to come, never of the raster.

Regions are 4-connected, as GDAL's polygonise has by default: under 8-connectivity two parts that meet in a
corner would make one polygon whose ring touches itself, which is invalid.

Shape letters: H rows, W columns, N edges, K open regions, L labels of a strip, G groups of joined labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import Polygon

from geophrase.engine.vector.rings import polygons_from_edges


@dataclass(frozen=True, slots=True)
class PixelPolygon:
    """One connected region of foreground pixels.

    Attributes:
        geometry: Valid polygon with its holes, in pixel edges of the raster (origin top-left, y down).
        num_px: Number of pixels inside.
        prob_sum: Sum of their probabilities.
    """

    geometry: Polygon
    num_px: int
    prob_sum: float

    @property
    def score(self) -> float:
        """Mean probability inside, in [0, 1]."""
        return self.prob_sum / self.num_px


@dataclass(frozen=True, slots=True)
class _OpenRegions:
    """The regions that touch the last row seen.

    Attributes:
        last_row: (W,) for each column of that row 1 + the index of its region, 0 for background.
        num_px: (K,) pixels of each region so far.
        prob_sum: (K,) sums of their probabilities.
        tables: (K,) edges of each region so far, as lists of tables (rings.py), one or more per strip.
    """

    last_row: NDArray[np.int32]
    num_px: NDArray[np.int64]
    prob_sum: NDArray[np.float64]
    tables: list[list[NDArray[np.int32]]]

    @classmethod
    def none(cls, width_px: int) -> _OpenRegions:
        """Return the state above the first row."""
        return cls(np.zeros(width_px, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float64), [])


class StreamingPolygoniser:
    """Turns the strips of one query's probabilities into polygons, each given out as soon as it is complete.

    Args:
        threshold: Lowest probability that counts as foreground, in (0, 1].
        col0: Column of the raster at which the strips begin.
    """

    def __init__(self, *, threshold: float = 0.5, col0: int = 0) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"the threshold must lie in (0, 1], not {threshold}")
        self._threshold = threshold
        self._col0 = col0
        self._next_row = 0
        self._open: _OpenRegions | None = None

    def add_strip(
        self, row0: int, prob_HW: NDArray[np.float32], valid_HW: NDArray[np.bool_]
    ) -> Iterator[PixelPolygon]:
        """Take the next rows and return the polygons that they complete.

        Args:
            row0: Row of the raster at which the strip begins, at or below the end of the one before. Rows
                left out in between count as background.
            prob_HW: float32 probabilities in [0, 1]; NaN is background.
            valid_HW: False where the raster has no data, which is never foreground.

        Raises:
            ValueError: The arrays differ in shape or in width from the strips before, or the strip goes back.
        """
        if self._open is None:
            self._open, self._next_row = _OpenRegions.none(prob_HW.shape[1]), row0
        width = len(self._open.last_row)
        if prob_HW.shape != valid_HW.shape or prob_HW.shape[1] != width:
            raise ValueError(
                f"{prob_HW.shape} probabilities, {valid_HW.shape} validities, {width} columns so far"
            )
        if row0 < self._next_row:
            raise ValueError(f"strip at row {row0} comes after one that ended at row {self._next_row}")
        finished = list(self.finish()) if row0 > self._next_row else []
        if len(prob_HW):
            finished += self._advance(row0, (prob_HW >= self._threshold) & valid_HW, prob_HW)
        self._next_row = row0 + len(prob_HW)
        return iter(finished)

    def finish(self) -> Iterator[PixelPolygon]:
        """Return the polygons that were still open at the last row."""
        if self._open is None:
            return iter(())
        prob_HW = np.zeros((1, len(self._open.last_row)), np.float32)
        return iter(self._advance(self._next_row, prob_HW > 0, prob_HW))

    def _advance(
        self, row0: int, mask_HW: NDArray[np.bool_], prob_HW: NDArray[np.float32]
    ) -> list[PixelPolygon]:
        """Label the strip, join its labels with the open regions above and hand out what ended."""
        assert self._open is not None
        above = self._open
        label_HW = np.zeros((len(mask_HW) + 1, mask_HW.shape[1]), np.int32)  # the row above, then the strip
        num_labels = int(ndimage.label(mask_HW, output=label_HW[1:]))
        label_HW[0] = np.where(above.last_row > 0, above.last_row + num_labels, 0)
        if num_labels + len(above.num_px) == 0:
            return []
        group_L, num_ended = _groups(label_HW, num_labels + len(above.num_px))
        num_px_L, prob_sum_L = _sums(label_HW[1:], mask_HW, prob_HW, num_labels)
        num_px_G = np.bincount(group_L, np.concatenate([num_px_L, above.num_px])).astype(np.int64)
        prob_sum_G = np.bincount(group_L, np.concatenate([prob_sum_L, above.prob_sum])).astype(np.float64)
        edges, edge_label = _horizontal_edges(label_HW, row0=row0, col0=self._col0)
        geometries, open_tables = _part_edges(
            edges,
            group_L[edge_label - 1],
            above.tables,
            group_L[num_labels:],
            num_ended=num_ended,
            num_open=len(num_px_G) - num_ended,
        )
        last_W = label_HW[-1]
        last_group_W = group_L[last_W - 1] - num_ended + 1
        self._open = _OpenRegions(
            np.where(last_W > 0, last_group_W, 0).astype(np.int32),
            num_px_G[num_ended:],
            prob_sum_G[num_ended:],
            open_tables,
        )
        sums = zip(num_px_G[:num_ended].tolist(), prob_sum_G[:num_ended].tolist(), strict=True)
        return [PixelPolygon(geometry, *both) for geometry, both in zip(geometries, sums, strict=True)]


def _groups(label_HW: NDArray[np.int32], num_labels: int) -> tuple[NDArray[np.int64], int]:
    """Join the labels that meet between the first two rows.

    Returns:
        The group of each label (label 1 first), numbered so that the groups which don't reach the last row
        come first; and how many of those there are.
    """
    touching = (label_HW[0] > 0) & (label_HW[1] > 0)
    pairs = (label_HW[0, touching] - 1, label_HW[1, touching] - 1)
    graph = coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(num_labels, num_labels))
    num_groups, group_L = connected_components(graph, directed=False)
    last_W = label_HW[-1]
    is_open = np.zeros(num_groups, np.bool_)
    is_open[group_L[last_W[last_W > 0] - 1]] = True
    number = np.empty(num_groups, np.int64)
    number[np.argsort(is_open, kind="stable")] = np.arange(num_groups)
    return number[group_L], int(num_groups - np.count_nonzero(is_open))


def _sums(
    label_HW: NDArray[np.int32], mask_HW: NDArray[np.bool_], prob_HW: NDArray[np.float32], num_labels: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number of pixels and the summed probability of each label."""
    label_of_px = label_HW[mask_HW] - 1
    return (
        np.bincount(label_of_px, minlength=num_labels).astype(np.int64),
        np.bincount(label_of_px, prob_HW[mask_HW], minlength=num_labels).astype(np.float64),
    )


def _horizontal_edges(
    label_HW: NDArray[np.int32], *, row0: int, col0: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find the maximal horizontal boundary edges between each row and the next.

    Args:
        label_HW: Labels, 0 for background, of the row above the strip and of the strip.
        row0: Row of the raster of the strip's first row, which is the y of the first border line.
        col0: Column of the raster of the first column.

    Returns:
        The (N, 3) edge table of rings.py and the (N,) label of each edge's region.
    """
    num_borders, width = len(label_HW) - 1, label_HW.shape[1]
    is_inside = (label_HW > 0).view(np.int8)
    side = np.zeros((num_borders, width + 2), np.int8)  # 1: region below only, -1: region above only
    np.subtract(is_inside[1:], is_inside[:-1], out=side[:, 1:-1])
    border, x = np.nonzero(side[:, 1:] != side[:, :-1])
    before, after = side[border, x], side[border, x + 1]
    is_start = after != 0
    x_west, x_east = x[is_start], x[before != 0]
    border, is_below = border[is_start], after[is_start] > 0
    edges = np.empty((len(border), 3), np.int32)
    edges[:, 0] = border + row0
    edges[:, 1] = np.where(is_below, x_west, x_east) + col0
    edges[:, 2] = np.where(is_below, x_east, x_west) + col0
    return edges, label_HW[border + is_below, x_west]


def _part_edges(
    edges: NDArray[np.int32],
    edge_group: NDArray[np.int64],
    tables_K: list[list[NDArray[np.int32]]],
    group_K: NDArray[np.int64],
    *,
    num_ended: int,
    num_open: int,
) -> tuple[NDArray[np.object_], list[list[NDArray[np.int32]]]]:
    """Make polygons of the groups that ended and gather the edges of those that stay open.

    Args:
        edges: The strip's edges.
        edge_group: (N,) group of each.
        tables_K: Tables of the regions that were open above.
        group_K: (K,) group of each of those.
        num_ended: Groups below this number have ended.
        num_open: Number of groups that stay open, numbered on from there.

    Returns:
        The polygons in the order of their groups, and the tables of the groups that stay open.
    """
    has_ended = edge_group < num_ended
    ended, ended_groups = [edges[has_ended]], [edge_group[has_ended]]
    open_tables: list[list[NDArray[np.int32]]] = [[] for _ in range(num_open)]
    for group, tables in zip(group_K.tolist(), tables_K, strict=True):
        if group < num_ended:
            ended += tables
            ended_groups += [np.full(len(table), group) for table in tables]
        else:
            open_tables[group - num_ended] = _longer_first(open_tables[group - num_ended], tables)
    open_index = edge_group[~has_ended] - num_ended
    open_edges = edges[~has_ended][np.argsort(open_index, kind="stable")]
    ends = np.cumsum(np.bincount(open_index, minlength=num_open))
    for tables, table in zip(open_tables, np.split(open_edges, ends)[:-1], strict=True):
        if len(table):
            tables.append(table.copy())  # a view would keep all the strip's edges in memory
    return polygons_from_edges(np.concatenate(ended), np.concatenate(ended_groups)), open_tables


def _longer_first(tables: list[NDArray[np.int32]], more: list[NDArray[np.int32]]) -> list[NDArray[np.int32]]:
    """Join two lists by extending the longer one, so that any number of joins stays linear."""
    if len(more) > len(tables):
        tables, more = more, tables
    tables.extend(more)
    return tables
