"""A small town-planning model: land is cut into blocks by roads of falling rank; each block gets a use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import HIGHWAY_LANE_M
from geophrase.training.scenes.geometry import PointsN2, Pose, TownFrame, densified, meander
from geophrase.training.scenes.roads import Road

_MARGIN_M = 160.0


@dataclass(frozen=True)
class Theme:
    """What a place is like.

    Attributes:
        block_m: Range of the side at which blocks are no longer cut.
        uses: Relative frequency of the uses of its blocks (`blocks.USES`).
        water: Chance of a river, a lake and a sea shore.
        highway: Chance of a highway.
        is_rural: Whether its lesser roads are tracks without pavements.
    """

    block_m: tuple[float, float]
    uses: dict[str, float]
    water: tuple[float, float, float] = (0.15, 0.12, 0.0)
    highway: float = 0.12
    is_rural: bool = False


THEMES: dict[str, Theme] = {
    "suburb": Theme(
        (75, 130),
        {
            "residential": 8,
            "park": 1,
            "courts": 0.8,
            "school": 0.8,
            "apartments": 1,
            "parking": 0.4,
            "woods": 0.5,
        },
    ),
    "town": Theme(
        (80, 150),
        {
            "apartments": 4,
            "residential": 2,
            "parking": 1.5,
            "park": 1,
            "courts": 1,
            "retail": 1.5,
            "construction": 0.4,
        },
        highway=0.2,
    ),
    "industrial": Theme(
        (110, 220),
        {
            "halls": 6,
            "tanks": 2,
            "containers": 2,
            "parking": 1.5,
            "lorries": 1,
            "scrub": 1,
            "construction": 0.7,
        },
        highway=0.3,
    ),
    "sports": Theme(
        (150, 260),
        {
            "stadium": 3,
            "baseball": 2.5,
            "football": 2,
            "courts": 3,
            "park": 1,
            "school": 1,
            "parking": 1,
            "residential": 1,
        },
    ),
    "countryside": Theme(
        (140, 380),
        {
            "fields": 9,
            "woods": 2.5,
            "farm": 1.5,
            "meadow": 1.5,
            "greenhouses": 1.2,
            "solar": 0.8,
            "residential": 0.4,
        },
        water=(0.3, 0.15, 0.0),
        highway=0.15,
        is_rural=True,
    ),
    "riverside": Theme(
        (90, 200),
        {"residential": 3, "woods": 3, "park": 2, "apartments": 1, "fields": 1.5, "halls": 1, "meadow": 1},
        water=(0.9, 0.1, 0.0),
        highway=0.25,
    ),
    "coast": Theme(
        (80, 160),
        {"residential": 4, "apartments": 2, "park": 1, "parking": 1, "scrub": 1, "courts": 0.7},
        water=(0.0, 0.0, 1.0),
    ),
    "harbour": Theme(
        (110, 200),
        {"containers": 4, "halls": 3, "tanks": 2, "lorries": 1, "parking": 1, "apartments": 0.8},
        water=(0.0, 0.0, 1.0),
    ),
    "airfield": Theme(
        (140, 280),
        {"meadow": 3, "fields": 2, "halls": 2, "parking": 1.5, "tanks": 0.5, "lorries": 0.4, "scrub": 1},
        water=(0.05, 0.05, 0.0),
        is_rural=True,
    ),
    "refinery": Theme(
        (130, 240),
        {"tanks": 8, "halls": 1.5, "scrub": 1, "parking": 0.6, "lorries": 0.4},
        water=(0.1, 0.05, 0.05),
    ),
}


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
    """Everything that is laid out before anything is painted."""

    frame: TownFrame
    blocks: tuple[Block, ...]
    roads: tuple[Road, ...]
    roundabouts: tuple[Pose, ...]


def draw_plan(canvas: Canvas, theme: Theme) -> TownPlan:
    """A street plan that covers the scene and some land around it."""
    rng = canvas.rng
    half = canvas.extent_m * 0.75 + _MARGIN_M
    centre = Pose(
        canvas.extent_m / 2 + float(rng.uniform(-60, 60)),
        canvas.extent_m / 2 + float(rng.uniform(-60, 60)),
        float(rng.uniform(0, 2 * math.pi)) if rng.random() < 0.8 else float(rng.normal(0, 0.05)),
    )
    wavelength = float(rng.uniform(350, 1500))
    bend = float(rng.uniform(0, 0.16)) * wavelength / (2 * math.pi) * float(rng.random() < 0.7)
    frame = TownFrame(centre, bend, wavelength, float(rng.uniform(0, 6.28)))
    cutter = _Cutter(rng, frame, theme)
    cutter.cut(-half, -half, half, half, 0)
    if rng.random() < theme.highway:
        cutter.roads.append(_highway(canvas))
    return TownPlan(frame, tuple(cutter.blocks), tuple(cutter.roads), tuple(cutter.roundabouts))


class _Cutter:
    """Recursive cuts of a rectangle, the first ones being the main roads."""

    def __init__(self, rng: np.random.Generator, frame: TownFrame, theme: Theme) -> None:
        self._rng, self._frame, self._theme = rng, frame, theme
        self.blocks: list[Block] = []
        self.roads: list[Road] = []
        self.roundabouts: list[Pose] = []
        self._main_m = float(rng.uniform(7.5, 15.0))
        self._street_m = float(rng.uniform(5.0, 8.5))
        self._pavement_m = 0.0 if theme.is_rural else float(rng.uniform(0.0, 3.2))

    def cut(self, u0: float, v0: float, u1: float, v1: float, depth: int) -> None:
        side_u, side_v = u1 - u0, v1 - v0
        limit = float(self._rng.uniform(*self._theme.block_m))
        if max(side_u, side_v) < 2.0 * limit:
            if min(side_u, side_v) > 18:
                self.blocks.append(Block(self._frame, u0, v0, u1, v1))
            return
        road_width, pavement, kind = self._rank(max(side_u, side_v))
        gap = road_width / 2 + pavement + 0.3
        if side_u >= side_v:
            at = u0 + side_u * float(self._rng.uniform(0.36, 0.64))
            self._road([(at, v0 - 4), (at, v1 + 4)], road_width, pavement, kind)
            self.cut(u0, v0, at - gap, v1, depth + 1)
            self.cut(at + gap, v0, u1, v1, depth + 1)
            spot = (at, v0)
        else:
            at = v0 + side_v * float(self._rng.uniform(0.36, 0.64))
            self._road([(u0 - 4, at), (u1 + 4, at)], road_width, pavement, kind)
            self.cut(u0, v0, u1, at - gap, depth + 1)
            self.cut(u0, at + gap, u1, v1, depth + 1)
            spot = (u0, at)
        if kind == "main" and depth > 0 and self._rng.random() < 0.35:
            self.roundabouts.append(self._frame.pose(*spot))

    def _rank(self, side_m: float) -> tuple[float, float, str]:
        if side_m > 4.2 * self._theme.block_m[1] or (side_m > 300 and self._rng.random() < 0.3):
            return self._main_m, self._pavement_m, "main"
        if self._theme.is_rural and self._rng.random() < 0.7:
            return float(self._rng.uniform(2.6, 4.0)), 0.0, "track"
        return self._street_m, self._pavement_m, "street"

    def _road(self, ends: list[tuple[float, float]], width_m: float, pavement_m: float, kind: str) -> None:
        line = self._frame.points(densified(ends, 10.0))
        self.roads.append(Road(line, width_m, pavement_m, kind))


def _highway(canvas: Canvas) -> Road:
    rng, size = canvas.rng, canvas.extent_m
    angle = float(rng.uniform(0, 2 * math.pi))
    through = rng.uniform(0.2, 0.8, 2) * size
    reach = size * 1.2 + 100
    direction = np.asarray([math.cos(angle), math.sin(angle)]) * reach
    line = meander(rng, tuple(through - direction), tuple(through + direction), amplitude_m=reach * 0.03)
    lanes = int(rng.integers(2, 4))
    return Road(densified(line, 15.0), 2 * (lanes * HIGHWAY_LANE_M + 2.2) + 1.0, 0.0, "highway")
