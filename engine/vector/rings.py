"""Polygons from the horizontal edges of pixel regions, many regions at once.

A region made of whole pixels is fixed by its horizontal boundary edges alone: on each vertical grid line the
ends of those edges, sorted downwards, are joined in pairs by the vertical edges. Sorting therefore replaces
tracing, and every step runs in compiled code over all regions together.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, depth_first_order

Y, X_TAIL, X_HEAD = 0, 1, 2
"""Columns of an edge table. An edge runs from its tail to its head with the region on its right-hand side as
seen on the screen (y down): eastwards over a top side, westwards under a bottom side."""


def polygons_from_edges(edges: NDArray[np.int32], region: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return one valid polygon per region, holes kept, with a vertex at every corner and nowhere else.

    Where a region meets itself in a single corner its ring is split there, so that no ring touches itself:
    this makes the polygon valid under OGC Simple Features. Exteriors have a positive signed area (x, y down).

    Args:
        edges: (N, 3) table of maximal horizontal edges: y, x of the tail, x of the head, in pixel edges.
        region: (N,) region of each edge, numbered from 0 without gaps; each region 4-connected.

    Returns:
        (max(region) + 1,) shapely polygons.
    """
    if len(edges) == 0:
        return np.empty(0, dtype=object)
    next_edge = _joined_by_verticals(edges, region)
    ring = connected_components(_one_arc_each(next_edge), connection="strong")[1]
    first = _first_of_each(ring)
    is_hole = _signed_areas(edges, ring) < 0
    ring_order = np.lexsort((is_hole, region[first]))  # a region's exterior comes before its holes
    edge_order = _walk(next_edge, first[ring_order])
    ring_sizes = np.bincount(ring)[ring_order]
    ring_counts = np.bincount(region[first])
    return shapely.from_ragged_array(
        shapely.GeometryType.POLYGON,
        _closed_coordinates(edges[edge_order], ring_sizes),
        (_offsets(2 * ring_sizes + 1), _offsets(ring_counts)),
    )


def _joined_by_verticals(edges: NDArray[np.int32], region: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each edge the one that follows it around its ring.

    Where two pixels of one region touch in a corner, two horizontal edges end at that corner and tie. Sorting
    the eastward one first pairs the ends around the background pixels, which splits the ring there.
    """
    num_edges = len(edges)
    y = edges[:, Y].astype(np.int64)
    is_westward = edges[:, X_HEAD] < edges[:, X_TAIL]
    y -= y.min()
    x_low = int(edges[:, 1:].min())
    num_x, num_y = int(edges[:, 1:].max()) - x_low + 1, int(y.max()) + 1
    assert (int(region.max()) + 1) * num_x * num_y < 2**62, "sort keys would overflow"
    key = np.concatenate([edges[:, X_TAIL], edges[:, X_HEAD]]).astype(np.int64) - x_low
    key += np.concatenate([region, region]) * num_x
    key *= 2 * num_y
    key += np.concatenate([2 * y + is_westward] * 2)
    upper, lower = np.argsort(key).reshape(-1, 2).T
    partner = np.empty(2 * num_edges, dtype=np.int64)
    partner[upper], partner[lower] = lower, upper
    return partner[num_edges:]  # heads are the second half, and each meets a tail


def _one_arc_each(target: NDArray[np.int64]) -> csr_array:
    """Return the graph in which node i has the single arc i -> target[i]."""
    num_nodes = len(target)
    return csr_array(
        (np.ones(num_nodes, dtype=np.int8), target, np.arange(num_nodes + 1)), shape=(num_nodes, num_nodes)
    )


def _first_of_each(label: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return for every label, numbered from 0 without gaps, the first index that has it."""
    first = np.empty(int(label.max()) + 1, dtype=np.int64)
    first[label[::-1]] = np.arange(len(label))[::-1]  # the last assignment wins
    return first


def _signed_areas(edges: NDArray[np.int32], ring: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return each ring's enclosed area in pixels, positive for exteriors (Green's theorem, -∮ y dx)."""
    y = edges[:, Y] - float(edges[:, Y].min())
    dx = edges[:, X_TAIL].astype(np.float64) - edges[:, X_HEAD]
    return np.bincount(ring, weights=y * dx).astype(np.float64)


def _walk(next_edge: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return all edges in ring order, ring after ring, each from its start.

    The rings are opened and chained into one path, which one depth-first search follows in compiled code.
    """
    previous_edge = np.empty_like(next_edge)
    previous_edge[next_edge] = np.arange(len(next_edge))
    ends = previous_edge[starts]
    path = next_edge.copy()
    path[ends[:-1]] = starts[1:]
    path[ends[-1]] = ends[-1]
    order: NDArray[np.int32] = depth_first_order(_one_arc_each(path), starts[0], return_predecessors=False)
    return order


def _closed_coordinates(edges: NDArray[np.int32], ring_sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the (x, y) of the rings' vertices, each ring ending where it began."""
    num_rings = len(ring_sizes)
    ring_starts = _offsets(ring_sizes)[:-1]
    at = 2 * np.arange(len(edges)) + np.repeat(np.arange(num_rings), ring_sizes)
    xy = np.empty((2 * len(edges) + num_rings, 2))
    xy[at, 0], xy[at, 1] = edges[:, X_TAIL], edges[:, Y]
    xy[at + 1, 0], xy[at + 1, 1] = edges[:, X_HEAD], edges[:, Y]
    xy[at[ring_starts] + 2 * ring_sizes] = xy[at[ring_starts]]
    return xy


def _offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each run of a ragged array begins, and after the last where it ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
