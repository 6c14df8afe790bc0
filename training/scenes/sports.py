"""Sports grounds with their markings at the dimensions of the rule books."""

from __future__ import annotations

import math

import numpy as np

from geophrase.training.scenes import dimensions as dim
from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.geometry import PointsN2, Pose, arc, ellipse, oval, rectangle, rounded
from geophrase.training.scenes.look import Look, tiled
from geophrase.training.scenes.texture import Hsv, Material

_COURTS: tuple[tuple[str, Hsv], ...] = (
    ("green", Hsv((125, 165), (0.25, 0.50), (0.30, 0.52))),
    ("blue", Hsv((205, 225), (0.40, 0.68), (0.40, 0.65))),
    ("", Hsv((12, 24), (0.40, 0.65), (0.52, 0.72))),
    ("red", Hsv((2, 12), (0.45, 0.65), (0.45, 0.62))),
    ("gray", Hsv((0, 360), (0.0, 0.06), (0.38, 0.60))),
)
_TRACKS = (Hsv((6, 18), (0.45, 0.68), (0.50, 0.72)), Hsv((205, 222), (0.40, 0.65), (0.42, 0.62)))
_INFIELD = Hsv((18, 34), (0.30, 0.55), (0.58, 0.80))
_TURF = Hsv((85, 135), (0.35, 0.62), (0.32, 0.52))


def _closed(ring: PointsN2) -> PointsN2:
    return np.concatenate([ring, ring[:1]])


def _mirrored(line: PointsN2) -> list[PointsN2]:
    return [line, line * (-1, 1)]


def tennis_courts(canvas: Canvas, look: Look, pose: Pose, num: int) -> None:
    """A row of courts, side by side across v, each labelled by its doubles court."""
    rng = canvas.rng
    pitch_m = dim.TENNIS_OVERALL_WIDTH_M * float(rng.uniform(0.86, 1.0))
    surround, court = (
        Material(_COURTS[int(rng.integers(len(_COURTS)))][1].draw(rng), 0.03, 0.03, 0.05) for _ in range(2)
    )
    if rng.random() < 0.35:
        surround = court
    apron = rectangle(dim.TENNIS_OVERALL_LENGTH_M, pitch_m * (num - 1) + dim.TENNIS_OVERALL_WIDTH_M)
    if not canvas.is_free(pose.points(apron)):
        return
    canvas.fill(pose.points(apron), surround, label=canvas.label("pavement"), light=1.0)
    for index in range(num):
        _tennis_court(canvas, look, pose.at(0.0, (index - (num - 1) / 2) * pitch_m), court)


def _tennis_court(canvas: Canvas, look: Look, pose: Pose, court: Material) -> None:
    length, width = dim.TENNIS_LENGTH_M, dim.TENNIS_WIDTH_M
    outline = rectangle(length, width)
    if not canvas.sees(pose, length):
        return
    canvas.fill(
        pose.points(outline), court.jittered(canvas.rng, 0.03), label=canvas.label("tennis_court", pose=pose)
    )
    single, service = dim.TENNIS_SINGLES_WIDTH_M / 2, dim.TENNIS_SERVICE_LINE_M
    lines = [_closed(outline)]
    lines += [np.asarray([(-length / 2, v), (length / 2, v)]) for v in (-single, single)]
    lines += [np.asarray([(u, -single), (u, single)]) for u in (-service, service)]
    lines.append(np.asarray([(-service, 0.0), (service, 0.0)]))
    canvas.lines([pose.points(line) for line in lines], 2 * dim.COURT_LINE_M, look.marking)
    net = pose.points([(0.0, -width / 2 - 0.9), (0.0, width / 2 + 0.9)])
    canvas.lines([net], 0.25, Material((0.04, 0.05, 0.04)), opacity=0.7)


def basketball_courts(canvas: Canvas, look: Look, pose: Pose, num: int) -> None:
    """Courts side by side, each labelled by its lines."""
    rng = canvas.rng
    pitch_m = dim.BASKETBALL_WIDTH_M + float(rng.uniform(3, 6))
    ground = Material(_COURTS[int(rng.integers(len(_COURTS)))][1].draw(rng), 0.03, 0.03, 0.05)
    key = (
        Material(_COURTS[int(rng.integers(len(_COURTS)))][1].draw(rng), 0.03)
        if rng.random() < 0.6
        else ground
    )
    apron = rectangle(dim.BASKETBALL_LENGTH_M + 5, pitch_m * num + 2)
    if not canvas.is_free(pose.points(apron)):
        return
    canvas.fill(pose.points(apron), ground.scaled(0.85), label=canvas.label("pavement"), light=1.0)
    for index in range(num):
        at = pose.at(0.0, (index - (num - 1) / 2) * pitch_m)
        if canvas.sees(at, dim.BASKETBALL_LENGTH_M):
            _basketball_court(canvas, look, at, ground, key)


def _basketball_court(canvas: Canvas, look: Look, pose: Pose, ground: Material, key: Material) -> None:
    length, width = dim.BASKETBALL_LENGTH_M, dim.BASKETBALL_WIDTH_M
    outline = rectangle(length, width)
    canvas.fill(pose.points(outline), ground, label=canvas.label("basketball_court", pose=pose))
    lane = rectangle(dim.BASKETBALL_KEY_LENGTH_M, dim.BASKETBALL_KEY_WIDTH_M, centre=(length / 2 - 2.9, 0.0))
    circle = ellipse(dim.BASKETBALL_CIRCLE_RADIUS_M, dim.BASKETBALL_CIRCLE_RADIUS_M)
    hoop_u = length / 2 - dim.BASKETBALL_HOOP_FROM_END_M
    spread = math.acos(-dim.BASKETBALL_HOOP_FROM_END_M / dim.BASKETBALL_ARC_RADIUS_M)
    three = arc(dim.BASKETBALL_ARC_RADIUS_M, math.pi - spread, math.pi + spread, num=24, centre=(hoop_u, 0.0))
    free_throw = circle + np.asarray([length / 2 - dim.BASKETBALL_KEY_LENGTH_M, 0.0])
    for figure in _mirrored(lane):
        canvas.fill(pose.points(figure), key)
    lines = [_closed(outline), _closed(circle), np.asarray([(0.0, -width / 2), (0.0, width / 2)])]
    for line in (_closed(lane), three, _closed(free_throw)):
        lines += _mirrored(line)
    canvas.lines([pose.points(line) for line in lines], 0.08, look.marking)


def football_pitch(
    canvas: Canvas, look: Look, pose: Pose, *, size_m: tuple[float, float] | None = None
) -> None:
    """A pitch with mowing bands and lines; the label is what the touchlines enclose."""
    rng = canvas.rng
    length, width = size_m or (
        float(rng.uniform(*dim.FOOTBALL_LENGTH_M)),
        float(rng.uniform(*dim.FOOTBALL_WIDTH_M)),
    )
    if not canvas.sees(pose, length) or not canvas.is_free(pose.points(rectangle(length, width))):
        return
    turf = look.grass if rng.random() < 0.45 else Material(_TURF.draw(rng), 0.06, 0.03, 0.06)
    if rng.random() < 0.6:
        turf = tiled(turf, pose.at(0, 0, math.pi / 2), float(rng.choice([10.0, 11.0, 21.0])), 0.18)
    canvas.fill(pose.points(rectangle(length + 6, width + 6)), turf, spares_reserved=True)
    canvas.fill(
        pose.points(rectangle(length, width)),
        turf,
        label=canvas.label("football_pitch", pose=pose),
        light=1.0,
    )
    canvas.lines(
        [pose.points(line) for line in _football_lines(length, width)],
        dim.FOOTBALL_LINE_M * 1.3,
        look.marking,
    )


def _football_lines(length: float, width: float) -> list[PointsN2]:
    half = length / 2
    circle = ellipse(dim.FOOTBALL_CIRCLE_RADIUS_M, dim.FOOTBALL_CIRCLE_RADIUS_M)
    lines = [
        _closed(rectangle(length, width)),
        _closed(circle),
        np.asarray([(0.0, -width / 2), (0.0, width / 2)]),
    ]
    for deep, wide in (dim.FOOTBALL_PENALTY_AREA_M, dim.FOOTBALL_GOAL_AREA_M):
        lines += _mirrored(_closed(rectangle(deep, wide, centre=(half - deep / 2, 0.0))))
    spread = math.acos(
        (dim.FOOTBALL_PENALTY_AREA_M[0] - dim.FOOTBALL_PENALTY_MARK_M) / dim.FOOTBALL_CIRCLE_RADIUS_M
    )
    mark = (half - dim.FOOTBALL_PENALTY_MARK_M, 0.0)
    lines += _mirrored(
        arc(dim.FOOTBALL_CIRCLE_RADIUS_M, math.pi - spread, math.pi + spread, num=10, centre=mark)
    )
    return lines


def track_field(canvas: Canvas, look: Look, pose: Pose) -> None:
    """A 400 m track with its lanes around a pitch; the label is the whole oval."""
    rng = canvas.rng
    outer_m = dim.TRACK_RADIUS_M + dim.TRACK_NUM_LANES * dim.TRACK_LANE_M
    outline = oval(dim.TRACK_STRAIGHT_M, outer_m)
    if not canvas.sees(pose, 100.0) or not canvas.is_free(pose.points(outline)):
        return
    surface = Material(_TRACKS[int(rng.random() < 0.15)].draw(rng), 0.03, 0.03, 0.05)
    if rng.random() < 0.15:
        surface = look.gravel
    canvas.fill(pose.points(outline), surface, label=canvas.label("pavement"), light=1.0)
    canvas.fill(pose.points(outline), None, label=canvas.label("ground_track_field", pose=pose))
    lanes = [
        oval(dim.TRACK_STRAIGHT_M, dim.TRACK_RADIUS_M + n * dim.TRACK_LANE_M)
        for n in range(dim.TRACK_NUM_LANES + 1)
    ]
    canvas.lines([_closed(pose.points(lane)) for lane in lanes], 0.07, look.marking, opacity=0.8)
    canvas.fill(
        pose.points(oval(dim.TRACK_STRAIGHT_M, dim.TRACK_RADIUS_M)), look.grass, label=canvas.label("grass")
    )
    football_pitch(
        canvas,
        look,
        pose,
        size_m=(min(100.0, dim.FOOTBALL_LENGTH_M[0]), 64.0) if rng.random() < 0.8 else (92.0, 55.0),
    )
    for side in (-1, 1):
        bend = arc(dim.TRACK_RADIUS_M - 4, -1.1, 1.1, num=12, centre=(dim.TRACK_STRAIGHT_M / 2, 0.0)) * (
            side,
            1,
        )
        closed = np.concatenate([bend, bend[::-1] * (0.0, 1.0) + (side * 53.0, 0.0)])
        if rng.random() < 0.5:
            canvas.fill(pose.points(closed), surface, opacity=0.9)


def baseball_diamond(canvas: Canvas, look: Look, pose: Pose) -> bool:
    """A diamond headed from home plate to second base: skinned infield, grass square, plate circle, outfield.

    The label is the infield with its arc, as the NWPU VHR-10 annotators drew it.
    """
    rng = canvas.rng
    base_m = dim.BASEBALL_BASE_M if rng.random() < 0.5 else dim.SOFTBALL_BASE_M
    scale = base_m / dim.BASEBALL_BASE_M
    mound_u, radius = dim.BASEBALL_PLATE_TO_MOUND_M * scale, dim.BASEBALL_ARC_RADIUS_M * scale
    infield = _infield(mound_u, radius, 2.5 * scale)
    outfield_m = float(rng.uniform(*dim.BASEBALL_OUTFIELD_M)) * scale
    if not canvas.sees(pose, outfield_m) or not canvas.is_free(pose.points(infield)):
        return False
    sector = np.concatenate([[(0.0, 0.0)], arc(outfield_m, -math.pi / 4, math.pi / 4, num=20)])
    turf = look.grass.jittered(rng, 0.12)
    canvas.fill(pose.points(sector), turf, label=canvas.label("grass"), spares_reserved=True)
    dirt = Material(_INFIELD.draw(rng), 0.05, 0.05, 0.06)
    canvas.fill(pose.points(infield), dirt, label=canvas.label("baseball_diamond", pose=pose), light=1.0)
    if rng.random() < 0.7:
        square = np.asarray(
            [
                (1.5, 0.0),
                (base_m * 0.7071, -base_m * 0.62),
                (base_m * 1.36, 0.0),
                (base_m * 0.7071, base_m * 0.62),
            ]
        )
        canvas.fill(pose.points(square), turf)
        for centre, size in (((mound_u, 0.0), 2.7), ((0.0, 0.0), 4.0)):
            canvas.fill(pose.points(ellipse(size * scale, size * scale, centre=centre)), dirt)
    foul = [pose.points([(0.0, 0.0), (outfield_m * 0.7071, outfield_m * 0.7071 * side)]) for side in (-1, 1)]
    canvas.lines(foul, 0.1, look.marking, opacity=0.8)
    return True


def _infield(mound_u: float, radius: float, margin: float) -> PointsN2:
    """The skin: foul lines widened by a margin, closed by the grass-line arc around the mound."""
    side = margin * math.sqrt(2)
    start = _hits(mound_u, radius, side)
    bow = arc(radius, -start, start, num=28, centre=(mound_u, 0.0))
    return np.concatenate([[(-side, 0.0)], bow])


def _hits(mound_u: float, radius: float, side: float) -> float:
    """The angle, seen from the mound, at which the arc meets the line v = u + side."""
    reach = (side + mound_u) / math.sqrt(2) / radius
    return math.pi / 4 + math.asin(float(np.clip(reach, -1, 1)))


def playground_pad(canvas: Canvas, pose: Pose, size_m: float) -> None:
    """A rubber-floored playground; background that is often taken for a court."""
    pad = Material(Hsv((0, 360), (0.2, 0.6), (0.4, 0.7)).draw(canvas.rng), 0.04, 0.04)
    ring = pose.points(rounded(size_m, size_m * 0.7, size_m * 0.2))
    if canvas.sees(pose, size_m) and canvas.is_free(ring):
        canvas.fill(ring, pad, label=canvas.label("pavement"))
