"""Layouts out of nothing: objects of a few classes in rows, grids and clusters, of like or unlike size.

Annotated images seldom hold what superlatives speak of; here every layout does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from geophrase.training.choosing.layouts import SIDE_PX, Layout
from geophrase.training.data.instances import Instance, MaskHW
from geophrase.training.data.lexicon import LEXICON

_NAMES = sorted(name for name, words in LEXICON.items() if words.is_countable)
_COLOURS = (
    (235, 235, 230), (40, 40, 45), (130, 130, 130), (190, 60, 50), (60, 140, 60), (60, 90, 190),
    (220, 200, 70), (150, 110, 70),
)  # fmt: skip
_NUM_CLASSES = (1, 1, 1, 2, 2, 3)
_COUNTS = (1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 10, 14)
_ASPECTS = (1.0, 1.0, 1.3, 2.0, 3.0)
_SIDES = (0.025, 0.22)  # of a class's usual object, as shares of the canvas
_MIN_SIDE_PX = 4
_NUM_TRIES = 8
_ONE_OF_CLASS = 0.55  # probability that a further class has a single object, which others are told by

Point = tuple[float, float]


def drawn_layout(rng: random.Random) -> Layout:
    """One layout; at least one object."""
    canvas = _Canvas(rng)
    for number, name in enumerate(rng.sample(_NAMES, rng.choice(_NUM_CLASSES))):
        is_single = number > 0 and rng.random() < _ONE_OF_CLASS
        canvas.add_class(name, 1 if is_single else rng.choice(_COUNTS))
    if not canvas.instances:
        return drawn_layout(rng)
    return Layout(tuple(canvas.instances), frozenset(canvas.labelled), has_colours=True)


@dataclass(frozen=True)
class _Style:
    """What the objects of a class share: usual side in pixels, ratio of the sides, colour, outline."""

    side_px: float
    aspect: float
    rgb: tuple[int, int, int]
    is_round: bool
    angle_deg: float | None  # None for a direction of each object's own


class _Canvas:
    """The objects so far, and which pixels they take."""

    def __init__(self, rng: random.Random) -> None:
        self.instances: list[Instance] = []
        self.labelled: list[str] = []
        self._rng = rng
        self._taken_HW = np.zeros((SIDE_PX, SIDE_PX), np.uint8)

    def add_class(self, name: str, count: int) -> None:
        """Sets out objects of a class; those for which there is no room are left out."""
        rng = self._rng
        low, high = _SIDES
        style = _Style(
            side_px=SIDE_PX * low * (high / low) ** rng.random(),
            aspect=rng.choice(_ASPECTS),
            rgb=_colour(rng),
            is_round=rng.random() < 0.3,
            angle_deg=rng.choice((None, 0.0, 0.0, 90.0, rng.uniform(0, 180))),
        )
        factors = rng.choice(_SIZES)(count, rng)
        place = _around(rng.choice(self.instances), rng) if self.instances and rng.random() < 0.3 else None
        place = place or rng.choice(_ARRANGEMENTS)(count, style.side_px, rng)
        for number, factor in enumerate(factors):
            self._add(name, style, factor, partial(place, number))
        self.labelled.append(name)

    def _add(self, name: str, style: _Style, factor: float, place: Callable[[], Point]) -> None:
        rng = self._rng
        patch_hw = _patch(style, factor, rng)
        height, width = patch_hw.shape
        margin = rng.choice((0, 1, 3, 3, 4))
        for _ in range(_NUM_TRIES):
            x, y = place()
            left, top = int(x - width / 2), int(y - height / 2)
            if left < 0 or top < 0 or left + width > SIDE_PX or top + height > SIDE_PX:
                continue
            around = np.s_[
                max(top - margin, 0) : top + height + margin, max(left - margin, 0) : left + width + margin
            ]
            if self._taken_HW[around].any():
                continue
            rgb = style.rgb if rng.random() < 0.7 else _colour(rng)
            shade = tuple(min(255.0, max(0.0, value + rng.gauss(0, 12))) for value in rgb)
            instance = Instance(name, patch_hw, left, top, mean_rgb=(shade[0], shade[1], shade[2]))
            instance.paint(self._taken_HW)
            self.instances.append(instance)
            return


def _colour(rng: random.Random) -> tuple[int, int, int]:
    if rng.random() < 0.6:
        return rng.choice(_COLOURS)
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _patch(style: _Style, factor: float, rng: random.Random) -> MaskHW:
    """An ellipse or a rectangle in some direction, cut to its box."""
    longer = max(_MIN_SIDE_PX, style.side_px * factor * style.aspect**0.5)
    shorter = max(_MIN_SIDE_PX, style.side_px * factor / style.aspect**0.5)
    angle_deg = rng.choice((0.0, 90.0)) if style.angle_deg is None else style.angle_deg
    reach = int(math.hypot(longer, shorter)) + 3
    canvas_HW = np.zeros((reach, reach), np.uint8)
    box = ((reach / 2, reach / 2), (longer, shorter), angle_deg)
    if style.is_round:
        cv2.ellipse(canvas_HW, box, 1, thickness=-1)
    else:
        cv2.fillConvexPoly(canvas_HW, np.round(cv2.boxPoints(box)).astype(np.int32), 1)
    rows, cols = np.flatnonzero(canvas_HW.any(axis=1)), np.flatnonzero(canvas_HW.any(axis=0))
    return np.ascontiguousarray(canvas_HW[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1])


def _alike(count: int, rng: random.Random) -> list[float]:
    return [rng.uniform(0.95, 1.05) for _ in range(count)]


def _unlike(count: int, rng: random.Random) -> list[float]:
    spread = rng.choice((1.4, 2.0))
    return [spread ** rng.uniform(-1, 1) for _ in range(count)]


def _one_other(count: int, rng: random.Random) -> list[float]:
    """One clearly larger or smaller than the rest."""
    factor = rng.uniform(1.3, 2.5)
    first = factor if rng.random() < 0.5 else 1 / factor
    factors = [first, *_alike(count - 1, rng)]
    rng.shuffle(factors)
    return factors


def _two_sizes(count: int, rng: random.Random) -> list[float]:
    big = rng.uniform(1.6, 2.4)
    factors = [rng.uniform(0.93, 1.07) * (big if rng.random() < 0.5 else 1.0) for _ in range(count)]
    return [factor / big**0.5 for factor in factors]


_SIZES = (_alike, _unlike, _unlike, _one_other, _one_other, _two_sizes)

Placing = Callable[[int], Point]


def _scattered(count: int, side_px: float, rng: random.Random) -> Placing:
    return lambda number: (rng.random() * SIDE_PX, rng.random() * SIDE_PX)


def _in_part(count: int, side_px: float, rng: random.Random) -> Placing:
    """All in one part of the canvas, but now and then one."""
    low_x, low_y = rng.choice((0.0, 0.0, 0.45, 0.6)), rng.choice((0.0, 0.0, 0.45, 0.6))
    width, height = rng.uniform(0.35, 1.0 - low_x), rng.uniform(0.35, 1.0 - low_y)
    stray = rng.randrange(count) if rng.random() < 0.4 else -1

    def place(number: int) -> Point:
        x, y = rng.random(), rng.random()
        return (x * SIDE_PX, y * SIDE_PX) if number == stray else (
            (low_x + x * width) * SIDE_PX, (low_y + y * height) * SIDE_PX)  # fmt: skip

    return place


def _in_row(count: int, side_px: float, rng: random.Random) -> Placing:
    """Along a line, evenly; one may stand apart."""
    angle = rng.choice((0.0, math.pi / 2, rng.uniform(0, math.pi)))
    step = side_px * rng.uniform(1.2, 2.2)
    step = min(step, 0.9 * SIDE_PX / max(count, 1)) if rng.random() < 0.7 else step
    x, y = rng.uniform(0.2, 0.8) * SIDE_PX, rng.uniform(0.2, 0.8) * SIDE_PX
    jitter = rng.choice((0.0, 0.1, 0.3)) * side_px
    stray = rng.randrange(count) if count > 3 and rng.random() < 0.35 else -1

    def place(number: int) -> Point:
        if number == stray:
            return rng.random() * SIDE_PX, rng.random() * SIDE_PX
        along = (number - (count - 1) / 2) * step
        return x + along * math.cos(angle) + rng.gauss(0, jitter), y + along * math.sin(angle) + rng.gauss(
            0, jitter
        )

    return place


def _in_grid(count: int, side_px: float, rng: random.Random) -> Placing:
    num_cols = rng.randint(1, max(1, math.ceil(count**0.5)) + 1)
    step_x, step_y = side_px * rng.uniform(1.3, 3.0), side_px * rng.uniform(1.3, 3.0)
    x, y = rng.uniform(0.1, 0.6) * SIDE_PX, rng.uniform(0.1, 0.6) * SIDE_PX
    return lambda number: (x + number % num_cols * step_x, y + number // num_cols * step_y)


def _in_clusters(count: int, side_px: float, rng: random.Random) -> Placing:
    """Gatherings of neighbours far from one another, of unlike number: a pair, a lone one, a group."""
    centres = _far_apart(rng.randint(2, 3), max(3.5 * side_px, 0.25 * SIDE_PX), rng)
    shares = [rng.random() ** 2 + 0.05 for _ in centres]
    owners = sorted(rng.choices(range(len(centres)), shares, k=count))
    num_cols = rng.choice((1, 2, 2, 3, count))
    step_x, step_y = side_px * rng.uniform(1.15, 1.6), side_px * rng.uniform(1.15, 1.6)

    def place(number: int) -> Point:
        row, col = divmod(number - owners.index(owners[number]), num_cols)
        x, y = centres[owners[number]]
        return x + col * step_x + rng.gauss(0, 0.1 * side_px), y + row * step_y + rng.gauss(0, 0.1 * side_px)

    return place


def _far_apart(count: int, distance_px: float, rng: random.Random) -> list[Point]:
    """At most so many points that keep a distance; the first is always found."""
    points: list[Point] = []
    for _ in range(count * _NUM_TRIES):
        point = rng.uniform(0.1, 0.85) * SIDE_PX, rng.uniform(0.1, 0.85) * SIDE_PX
        if len(points) < count and all(math.dist(point, other) > distance_px for other in points):
            points.append(point)
    return points


_ARRANGEMENTS = (
    _scattered, _scattered, _in_part, _in_row, _in_row, _in_grid, _in_clusters, _in_clusters, _in_clusters,
)  # fmt: skip


def _around(landmark: Instance, rng: random.Random) -> Placing:
    """Some beside a landmark on any of its sides, the others anywhere."""
    x, y, width, height = landmark.bbox_xywh
    near_share = rng.choice((0.3, 0.5, 0.8))
    reach = rng.uniform(4, 0.15 * SIDE_PX)

    def place(number: int) -> Point:
        if rng.random() > near_share:
            return rng.random() * SIDE_PX, rng.random() * SIDE_PX
        angle, beyond = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 1.0) * reach
        return (
            x + width / 2 + (width * 0.7 + beyond) * math.cos(angle),
            y + height / 2 + (height * 0.7 + beyond) * math.sin(angle),
        )

    return place
