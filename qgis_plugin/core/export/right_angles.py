"""Right-angled outlines: a ring's edges moved onto two perpendicular directions, its area kept.

Everything here is in a plane in metres. A ring is an (N, 2) array of vertices, the first not repeated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

RingXY = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Wall:
    """A straight piece of the outline along one of the two directions, in the turned frame.

    Attributes:
        axis: 0 where it runs along x, 1 along y.
        position: Its constant coordinate: y where it runs along x, x where it runs along y.
        first: Index of the ring's vertex at which the path that it replaces begins.
        num_edges: Edges of the ring on that path.
    """

    axis: int
    position: float
    first: int
    num_edges: int


def main_direction_rad(rings: Sequence[RingXY]) -> float:
    """The direction of the longest walls, modulo a right angle; in (-pi / 4, pi / 4].

    The mean of the edges' directions times four, weighted by length: edges that are parallel or perpendicular
    to each other agree, others cancel out.
    """
    edges = np.concatenate([np.roll(ring, -1, axis=0) - ring for ring in rings])
    fourfold = 4 * np.arctan2(edges[:, 1], edges[:, 0])
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    return math.atan2(float(lengths @ np.sin(fourfold)), float(lengths @ np.cos(fourfold))) / 4


def corner_indices(ring: RingXY, tolerance_m: float) -> List[int]:
    """Ascending indices of the vertices that Douglas and Peucker's rule keeps; at least two.

    The ring is cut at the vertex farthest from its middle and at the one farthest from that, so that the
    answer doesn't depend on where the ring begins.
    """
    start = int(np.argmax(((ring - ring.mean(axis=0)) ** 2).sum(axis=1)))
    path = np.concatenate([ring[start:], ring[: start + 1]])
    opposite = int(np.argmax(((path - path[0]) ** 2).sum(axis=1)))
    kept = {0, opposite}
    pending: List[Tuple[int, int]] = [(0, opposite), (opposite, len(path) - 1)]
    while pending:
        first, last = pending.pop()
        if last - first < 2:
            continue
        distances = _distances(path[first + 1 : last], path[first], path[last])
        middle = first + 1 + int(np.argmax(distances))
        if distances[middle - first - 1] > tolerance_m:
            kept.add(middle)
            pending += [(first, middle), (middle, last)]
    return sorted((start + index) % len(ring) for index in kept)


def right_angled(ring: RingXY, *, direction_rad: float, tolerance_m: float) -> Optional[RingXY]:
    """The ring with all its walls along the direction or across it; None where it has no such shape.

    Each wall takes the mean position of the piece of outline that it replaces, so that as much is cut off
    as is added. A wall shorter than the tolerance goes, and its neighbours become one.

    Args:
        ring: At least three vertices.
        direction_rad: See `main_direction_rad`.
        tolerance_m: How far a wall may be from straight, and the shortest wall kept.
    """
    turned = ring @ _rotation(-direction_rad).T
    walls = _walls(turned, corner_indices(turned, tolerance_m))
    while len(walls) > 4:
        around = zip([walls[-1], *walls[:-1]], [*walls[1:], walls[0]])
        lengths = [abs(before.position - after.position) for before, after in around]
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= tolerance_m:
            break
        walls = _without(turned, walls, shortest)
    if len(walls) < 4:
        return None
    corners = [_corner(walls[i - 1], walls[i]) for i in range(len(walls))]
    answer: RingXY = np.array(corners) @ _rotation(direction_rad).T
    return answer


def _walls(ring: RingXY, corners: Sequence[int]) -> List[_Wall]:
    """The walls in order, alternating between the axes; empty where all edges run along one of them."""
    steps = np.abs(ring[np.roll(corners, -1)] - ring[list(corners)])
    axes = [int(dy > dx) for dx, dy in steps]
    starts = [i for i in range(len(axes)) if axes[i] != axes[i - 1]]
    walls = []
    for start, end in zip(starts, [*starts[1:], *starts[:1]]):
        first = corners[start]
        num_edges = (corners[end] - first) % len(ring)
        walls.append(_wall(ring, axes[start], first, num_edges))
    return walls


def _wall(ring: RingXY, axis: int, first: int, num_edges: int) -> _Wall:
    """The wall that replaces a path: its position is the path's mean, weighted by the way along the wall."""
    path = ring[(first + np.arange(num_edges + 1)) % len(ring)]
    along = np.diff(path[:, axis])
    across = (path[1:, 1 - axis] + path[:-1, 1 - axis]) / 2
    length = float(along.sum())
    is_going_nowhere = abs(length) < 1e-9 * max(float(np.abs(along).sum()), 1e-300)
    position = float(across.mean()) if is_going_nowhere else float(across @ along) / length
    low, high = float(path[:, 1 - axis].min()), float(path[:, 1 - axis].max())
    return _Wall(axis, min(max(position, low), high), first, num_edges)


def _without(ring: RingXY, walls: Sequence[_Wall], index: int) -> List[_Wall]:
    """The walls with one taken out and its two neighbours joined."""
    rotated = [*walls[index:], *walls[:index]]  # the wall comes first; its neighbours are last and second
    before, short, after = rotated[-1], rotated[0], rotated[1]
    num_edges = before.num_edges + short.num_edges + after.num_edges
    return [*rotated[2:-1], _wall(ring, before.axis, before.first, num_edges)]


def _corner(before: _Wall, after: _Wall) -> Tuple[float, float]:
    along_x, along_y = (before, after) if before.axis == 0 else (after, before)
    return along_y.position, along_x.position


def _rotation(angle_rad: float) -> RingXY:
    cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cosine, -sine], [sine, cosine]])


def _distances(points: RingXY, start: RingXY, end: RingXY) -> RingXY:
    """Distances of points from a segment."""
    step = end - start
    length2 = float(step @ step)
    if length2 == 0:
        return np.asarray(np.hypot(*(points - start).T), np.float64)
    fraction = np.clip((points - start) @ step / length2, 0, 1)
    return np.asarray(np.hypot(*(points - start - fraction[:, None] * step).T), np.float64)
