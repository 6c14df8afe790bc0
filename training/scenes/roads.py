"""Streets, highways, roundabouts, bridges and the vehicles that drive on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from geophrase.training.scenes import vehicles
from geophrase.training.scenes.canvas import Canvas, Coverage
from geophrase.training.scenes.dimensions import HIGHWAY_LANE_M, ROAD_LINE_M, ROUNDABOUT_RADIUS_M
from geophrase.training.scenes.geometry import PointsN2, Pose, dashes, ellipse, normals, offset, ribbon
from geophrase.training.scenes.look import Look
from geophrase.training.scenes.texture import Material

_DECK_HEIGHT_M = 6.0


@dataclass(frozen=True)
class Road:
    """A road along a ground-frame polyline.

    Attributes:
        line_N2: Its centre line.
        width_m: Of the carriageway.
        pavement_m: Width of the pavement on each side, 0 for none.
        kind: "highway", "main", "street" or "track".
    """

    line_N2: PointsN2
    width_m: float
    pavement_m: float
    kind: str


def paint_roads(canvas: Canvas, look: Look, roads: list[Road], roundabouts: list[Pose]) -> None:
    """Pavements first, then carriageways, then markings, so that junctions come out whole."""
    water_HW = canvas.reserved_HW.copy()
    visible = [road for road in roads if _touches(canvas, road)]
    for road in visible:
        if road.pavement_m > 0:
            band = ribbon(road.line_N2, road.width_m + 2 * road.pavement_m)
            canvas.fill(band, look.concrete, label=canvas.label("pavement"), spares_reserved=True)
    for road in visible:
        _carriageway(canvas, look, road)
    rings = [_roundabout(canvas, look, pose) for pose in roundabouts if canvas.sees(pose, 40.0)]
    for road in visible:
        _markings(canvas, look, road, rings)
    _bridges(canvas, look, visible, water_HW)
    for road in visible:
        _traffic(canvas, look, road)
    for road in visible:
        canvas.reserve(ribbon(road.line_N2, road.width_m + (6.0 if road.kind == "highway" else 0.6)))


def _touches(canvas: Canvas, road: Road) -> bool:
    low, high = road.line_N2.min(axis=0) - 30, road.line_N2.max(axis=0) + 30
    return bool((high > 0).all() and (low < canvas.extent_m).all())


def _carriageway(canvas: Canvas, look: Look, road: Road) -> None:
    bridges = road.kind in ("highway", "main")
    material = {"track": look.soil, "street": look.street}.get(road.kind, look.asphalt)
    label = canvas.label("path" if road.kind == "track" else "road")
    canvas.fill(
        ribbon(road.line_N2, road.width_m), material, label=label, spares_reserved=not bridges, light=1.0
    )
    if road.kind == "highway":
        median = Material(look.grass.rgb, 0.08) if canvas.rng.random() < 0.6 else look.concrete
        canvas.fill(ribbon(road.line_N2, 2.4), median, spares_reserved=True)
    elif road.kind != "track" and canvas.rng.random() < 0.5:
        for _ in range(int(canvas.rng.integers(1, 5))):
            _repair(canvas, look, road)


def _repair(canvas: Canvas, look: Look, road: Road) -> None:
    """A patch of newer or older asphalt."""
    rng = canvas.rng
    num = len(road.line_N2)
    if num < 4:
        return
    start = int(rng.integers(0, num - 2))
    piece = road.line_N2[start : start + int(rng.integers(2, 5))]
    shift = float(rng.uniform(-0.25, 0.25)) * road.width_m
    band = ribbon(offset(piece, shift), road.width_m * float(rng.uniform(0.2, 0.5)))
    canvas.fill(band, look.street.jittered(rng, 0.22), opacity=0.7, spares_reserved=True)


def _markings(canvas: Canvas, look: Look, road: Road, rings: list[tuple[Pose, float]]) -> None:
    if road.kind == "track" or canvas.gsd_m > 8 * ROAD_LINE_M:
        return
    edge = road.width_m / 2 - 0.35
    solid: list[PointsN2] = []
    broken: list[PointsN2] = []
    if road.kind == "highway":
        lanes = round((road.width_m / 2 - 2.2) / HIGHWAY_LANE_M)
        for side in (-1, 1):
            solid += [offset(road.line_N2, side * edge), offset(road.line_N2, side * 1.5)]
            for lane in range(1, lanes):
                broken += dashes(offset(road.line_N2, side * (1.6 + lane * HIGHWAY_LANE_M)), 6.0, 12.0)
    elif road.kind == "main":
        solid += [offset(road.line_N2, edge), offset(road.line_N2, -edge), road.line_N2]
        for side in (-1, 1) if road.width_m > 12 else ():
            broken += dashes(offset(road.line_N2, side * road.width_m / 4), 3.0, 6.0)
    elif canvas.rng.random() < 0.65:
        broken += dashes(road.line_N2, 3.0, 4.5)
        solid += _crossings(canvas, road)
    keep = [line for line in solid + broken if not _inside_any(line, rings)]
    wet = road.kind in ("highway", "main")
    canvas.lines(
        keep,
        ROAD_LINE_M,
        look.marking,
        opacity=float(canvas.rng.uniform(0.5, 0.95)),
        spares_reserved=not wet,
    )


def _crossings(canvas: Canvas, road: Road) -> list[PointsN2]:
    """Zebra stripes near a street's end."""
    if canvas.rng.random() < 0.5 or len(road.line_N2) < 6:
        return []
    at, side = road.line_N2[2], normals(road.line_N2)[2]
    ahead = np.asarray([side[1], -side[0]])
    spots = np.arange(-road.width_m / 2 + 0.6, road.width_m / 2 - 0.3, 1.0)
    return [
        np.asarray([at + side * v + ahead * u for u in np.linspace(-1.5, 1.5, 2)]) + side * w
        for v in spots
        for w in (-0.15, 0.0, 0.15)
    ]


def _inside_any(line: PointsN2, rings: list[tuple[Pose, float]]) -> bool:
    middle = line[len(line) // 2]
    return len(line) == 2 and any(math.hypot(middle[0] - p.x_m, middle[1] - p.y_m) < r for p, r in rings)


def _roundabout(canvas: Canvas, look: Look, pose: Pose) -> tuple[Pose, float]:
    rng = canvas.rng
    radius = float(rng.uniform(*ROUNDABOUT_RADIUS_M))
    lane_m = float(rng.uniform(6.5, 9.5))
    disc = pose.points(ellipse(radius, radius, num=48))
    kerb = pose.points(ellipse(radius + 2.0, radius + 2.0, num=48))
    canvas.fill(disc, look.asphalt, label=canvas.label("road"), light=1.0)
    canvas.lines([kerb], 1.6, look.concrete, is_closed=True, opacity=0.4)
    canvas.fill(disc, None, label=canvas.label("roundabout", pose=pose))
    island = pose.points(ellipse(radius - lane_m, radius - lane_m))
    canvas.fill(
        pose.points(ellipse(radius - lane_m + 1.2, radius - lane_m + 1.2)),
        look.concrete,
        label=canvas.label("pavement"),
    )
    planting = look.grass.jittered(rng) if rng.random() < 0.75 else look.gravel
    canvas.fill(island, planting, label=canvas.label("grass" if planting is not look.gravel else "pavement"))
    canvas.reserve(disc)
    return pose, radius + 3.0


def _bridges(
    canvas: Canvas, look: Look, roads: list[Road], water_HW: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    """Where a road crosses water its deck is a bridge: raised, railed, in concrete or asphalt."""
    if not water_HW.any():
        return
    for road in (road for road in roads if road.kind in ("highway", "main")):
        found = canvas.coverage(ribbon(road.line_N2, road.width_m + 2.4))
        if found is None:
            continue
        grow = max(3, int(6.0 / canvas.gsd_m) * 2 + 1)
        wet = cv2.dilate(
            (water_HW[found.rows, found.cols] > 0.5).astype(np.uint8), np.ones((grow, grow), np.uint8)
        )
        deck = ((found.alpha_hw > 0.5) & (wet > 0)).astype(np.uint8)
        count, parts, stats, _ = cv2.connectedComponentsWithStats(deck, connectivity=8)
        for part in range(1, count):
            if stats[part, cv2.CC_STAT_AREA] * canvas.gsd_m**2 > 60:
                _deck(
                    canvas, look, road, Coverage(found.rows, found.cols, (parts == part).astype(np.float32))
                )


def _deck(canvas: Canvas, look: Look, road: Road, deck: Coverage) -> None:
    rng = canvas.rng
    label = canvas.label("bridge")
    canvas.records[label].painted_px = float(deck.alpha_hw.sum())
    canvas.paint(
        deck,
        look.concrete,
        label=canvas.label("road"),
        opacity=float(rng.choice([0.25, 0.6])),
        height_m=_DECK_HEIGHT_M,
    )
    canvas.paint(deck, None, label=label, light=1.0)
    inner = canvas.coverage(ribbon(road.line_N2, road.width_m - 0.6))
    if inner is None:
        return
    middle = np.zeros((canvas.size_px, canvas.size_px), np.float32)
    middle[inner.rows, inner.cols] = inner.alpha_hw
    rail = deck.alpha_hw * (middle[deck.rows, deck.cols] < 0.5)
    canvas.paint(
        Coverage(deck.rows, deck.cols, rail), look.concrete.scaled(1.15), height_m=_DECK_HEIGHT_M + 1.0
    )


def _traffic(canvas: Canvas, look: Look, road: Road) -> None:
    """Cars keep to the right (y down: positive offset), lorries are rarer, buses rarer still."""
    rng = canvas.rng
    per_m = {"highway": 0.022, "main": 0.012, "street": 0.006, "track": 0.0005}[road.kind] * float(
        rng.uniform(0.3, 2.2)
    )
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(road.line_N2, axis=0), axis=1))])
    taken: list[tuple[float, float]] = []
    for _ in range(int(rng.poisson(per_m * along[-1]))):
        at, lane_v = float(rng.uniform(0, along[-1])), _lane_offset(rng, road)
        if any(abs(at - other) < 20 and abs(lane_v - v) < 2.2 for other, v in taken):
            continue
        taken.append((at, lane_v))
        pose = _pose_along(road.line_N2, along, at, lane_v)
        if lane_v < 0:
            pose = pose.at(0, 0, math.pi)
        draw = rng.random()
        if canvas.sees(pose, 0.0) and canvas.is_on(
            pose.x_m, pose.y_m, "path" if road.kind == "track" else "road"
        ):
            (
                vehicles.car
                if draw < 0.84 or road.kind == "street"
                else vehicles.truck
                if draw < 0.95
                else vehicles.bus
            )(canvas, look, pose)


def _lane_offset(rng: np.random.Generator, road: Road) -> float:
    side = 1 if rng.random() < 0.5 else -1
    if road.kind == "highway":
        lanes = max(1, round((road.width_m / 2 - 2.2) / HIGHWAY_LANE_M))
        return side * (1.6 + (int(rng.integers(lanes)) + 0.5) * HIGHWAY_LANE_M)
    if road.kind == "main":
        return side * road.width_m * (0.25 if road.width_m <= 12 else float(rng.choice([0.125, 0.375])))
    if road.kind == "street" and rng.random() < 0.6:
        return side * max(road.width_m / 2 - 1.05, 0.8)
    return side * road.width_m / 4


def _pose_along(
    line_N2: PointsN2, along: np.ndarray[tuple[int, ...], np.dtype[np.float64]], at: float, side_m: float
) -> Pose:
    x, y = np.interp([at, at + 0.5], along, line_N2[:, 0]), np.interp([at, at + 0.5], along, line_N2[:, 1])
    if at + 0.5 > along[-1]:
        x, y = (
            np.interp([at - 0.5, at], along, line_N2[:, 0]),
            np.interp([at - 0.5, at], along, line_N2[:, 1]),
        )
    return Pose(float(x[0]), float(y[0]), math.atan2(y[1] - y[0], x[1] - x[0])).at(0.0, side_m)
