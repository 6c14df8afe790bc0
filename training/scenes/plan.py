"""A small town-planning model: land is cut into blocks by roads of falling rank; each block gets a use."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import HIGHWAY_LANE_M
from geophrase.training.scenes.geometry import PointsN2, Pose, TownFrame, densified, meander
from geophrase.training.scenes.roads import Road
from geophrase.training.scenes.themes import ROOM_NEEDED_M, Theme

Edges = tuple[float, float, float, float]
"""A rectangle of the plan: u and v of its low corner, then of its high one."""
_MARGIN_M = 300.0


@dataclass(frozen=True)
class Block:
    """A rectangle of the plan between roads, free of carriageways and pavements."""

    frame: TownFrame
    u0_m: float
    v0_m: float
    u1_m: float
    v1_m: float

    @property
    def size_m(self) -> tuple[float, float]:
        """Extent along u and v."""
        return self.u1_m - self.u0_m, self.v1_m - self.v0_m

    def ring(self, inset_m: float = 0.0) -> PointsN2:
        """Its outline on the ground, bent with the plan."""
        u0, v0, u1, v1 = self.u0_m + inset_m, self.v0_m + inset_m, self.u1_m - inset_m, self.v1_m - inset_m
        corners = [(u0, v0), (u1, v0), (u1, v1), (u0, v1), (u0, v0)]
        return self.frame.points(densified(corners, 12.0)[:-1])

    def pose(self, u_share: float = 0.5, v_share: float = 0.5, turn_rad: float = 0.0) -> Pose:
        """A rigid pose at shares of its sides."""
        size_u, size_v = self.size_m
        return self.frame.pose(self.u0_m + u_share * size_u, self.v0_m + v_share * size_v, turn_rad)

    def long_pose(self) -> tuple[Pose, float, float]:
        """The centre headed along the longer side, with the longer and the shorter side."""
        size_u, size_v = self.size_m
        if size_u >= size_v:
            return self.pose(), size_u, size_v
        return self.pose(turn_rad=math.pi / 2), size_v, size_u

    def touches(self, canvas: Canvas) -> bool:
        """Whether any of it may be in the image."""
        ring = self.ring()
        return bool((ring.max(axis=0) > -20).all() and (ring.min(axis=0) < canvas.extent_m + 20).all())


@dataclass(frozen=True)
class TownPlan:
    """Everything that is laid out before anything is painted.

    Attributes:
        frame: The plan's uv plane on the ground.
        blocks: Land between roads.
        roads: Every road, highways last.
        roundabouts: Where they are.
        focus: A block near the middle of the picture and the use that it must have, or None.
    """

    frame: TownFrame
    blocks: tuple[Block, ...]
    roads: tuple[Road, ...]
    roundabouts: tuple[Pose, ...]
    focus: tuple[Block, str] | None


def draw_plan(canvas: Canvas, theme: Theme) -> TownPlan:
    """A street plan that covers the scene and some land around it."""
    rng = canvas.rng
    half = canvas.extent_m * 0.75 + _MARGIN_M
    cutter = _Cutter(rng, theme)
    cutter.cut((-half, -half, half, half))
    wavelength = float(rng.uniform(350, 1500))
    bend = float(rng.uniform(0, 0.16)) * wavelength / (2 * math.pi) * float(rng.random() < 0.7)
    heading = float(rng.uniform(0, 2 * math.pi)) if rng.random() < 0.8 else float(rng.normal(0, 0.05))
    frame = TownFrame(Pose(0.0, 0.0, heading), bend, wavelength, float(rng.uniform(0, 6.28)))
    use = str(rng.choice(theme.focus)) if theme.focus and rng.random() < 0.8 else ""
    index = _nearest_with_room(cutter.blocks, ROOM_NEEDED_M.get(use, (40.0, 25.0)))
    u0, v0, u1, v1 = cutter.blocks[index]
    x, y = frame.points(((u0 + u1) / 2, (v0 + v1) / 2))
    shift = rng.normal(0, 0.16, 2) * canvas.extent_m if use else rng.uniform(-0.4, 0.4, 2) * canvas.extent_m
    middle = canvas.extent_m / 2 + np.clip(shift, -_MARGIN_M / 2, _MARGIN_M / 2)
    frame = replace(frame, origin=Pose(float(middle[0] - x), float(middle[1] - y), heading))
    blocks = tuple(Block(frame, *edges) for edges in cutter.blocks)
    roads = [
        Road(frame.points(densified(line, 10.0)), width, pavement, kind)
        for line, width, pavement, kind in cutter.roads
    ]
    if rng.random() < theme.highway:
        roads.append(_highway(canvas))
    roundabouts = tuple(frame.pose(*spot) for spot in cutter.roundabouts)
    return TownPlan(frame, blocks, tuple(roads), roundabouts, (blocks[index], use) if use else None)


def _nearest_with_room(blocks: list[Edges], room_m: tuple[float, float]) -> int:
    """The block nearest to the plan's origin that has the room, or the nearest of all."""

    def distance(index: int) -> tuple[bool, float]:
        u0, v0, u1, v1 = blocks[index]
        longer, shorter = max(u1 - u0, v1 - v0), min(u1 - u0, v1 - v0)
        away = math.hypot(u0 + u1, v0 + v1) / 2
        lacks_room = longer < room_m[0] or shorter < room_m[1] or away > _MARGIN_M
        return lacks_room, away

    return min(range(len(blocks)), key=distance)


class _Cutter:
    """Recursive cuts of a rectangle of the plan, the first ones being the main roads."""

    def __init__(self, rng: np.random.Generator, theme: Theme) -> None:
        self._rng, self._theme = rng, theme
        self.blocks: list[Edges] = []
        self.roads: list[tuple[list[tuple[float, float]], float, float, str]] = []
        self.roundabouts: list[tuple[float, float]] = []
        self._main_m = float(rng.uniform(7.5, 15.0))
        self._street_m = float(rng.uniform(5.0, 8.5))
        self._pavement_m = 0.0 if theme.is_rural else float(rng.uniform(0.0, 3.2))

    def cut(self, edges: Edges, depth: int = 0) -> None:
        """Cut a rectangle in two by a road across its longer side until it is a block."""
        u0, v0, u1, v1 = edges
        side_u, side_v = u1 - u0, v1 - v0
        if max(side_u, side_v) < 1.6 * float(self._rng.uniform(*self._theme.block_m)):
            if min(side_u, side_v) > 18:
                self.blocks.append(edges)
            return
        width, pavement, kind = self._rank(max(side_u, side_v))
        gap = width / 2 + pavement + 0.3
        share = float(self._rng.uniform(0.36, 0.64))
        if side_u >= side_v:
            at = u0 + side_u * share
            ends, halves = [(at, v0 - 4), (at, v1 + 4)], ((u0, v0, at - gap, v1), (at + gap, v0, u1, v1))
        else:
            at = v0 + side_v * share
            ends, halves = [(u0 - 4, at), (u1 + 4, at)], ((u0, v0, u1, at - gap), (u0, at + gap, u1, v1))
        self.roads.append((ends, width, pavement, kind))
        if kind == "main" and depth > 0 and self._rng.random() < 0.35:
            self.roundabouts.append(ends[0])
        for half in halves:
            self.cut(half, depth + 1)

    def _rank(self, side_m: float) -> tuple[float, float, str]:
        if side_m > 4.2 * self._theme.block_m[1] or (side_m > 300 and self._rng.random() < 0.3):
            return self._main_m, self._pavement_m, "main"
        if self._theme.is_rural and self._rng.random() < 0.7:
            return float(self._rng.uniform(2.6, 4.0)), 0.0, "track"
        return self._street_m, self._pavement_m, "street"


def _highway(canvas: Canvas) -> Road:
    rng, size = canvas.rng, canvas.extent_m
    angle = float(rng.uniform(0, 2 * math.pi))
    through = rng.uniform(0.2, 0.8, 2) * size
    reach = size * 1.2 + 100
    direction = np.asarray([math.cos(angle), math.sin(angle)]) * reach
    line = meander(rng, tuple(through - direction), tuple(through + direction), amplitude_m=reach * 0.03)
    lanes = int(rng.integers(2, 4))
    return Road(densified(line, 15.0), 2 * (lanes * HIGHWAY_LANE_M + 2.2) + 1.0, 0.0, "highway")
