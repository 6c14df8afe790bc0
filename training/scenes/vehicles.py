"""Cars, lorries, buses, boats, ships and aeroplanes in plan."""

from __future__ import annotations

import math

import numpy as np

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import (
    AIRFRAMES,
    BOAT_LENGTH_M,
    BUS_HEIGHT_M,
    BUS_LENGTH_M,
    CAR_HEIGHT_M,
    CAR_LENGTH_M,
    CAR_WIDTH_M,
    CONTAINER_LENGTHS_M,
    CONTAINER_WIDTH_M,
    HEAVY_WIDTH_M,
    LORRY_HEIGHT_M,
    LORRY_LENGTH_M,
    SHIP_LENGTH_M,
    VAN_LENGTH_M,
    AirframeM,
)
from geophrase.training.scenes.geometry import PointsN2, Pose, ellipse, rectangle, rounded
from geophrase.training.scenes.look import Look
from geophrase.training.scenes.texture import Hsv, Material

_DARK_GLASS = Material((0.02, 0.025, 0.035), 0.02)
_WHITE = Hsv((0, 360), (0.0, 0.04), (0.84, 0.97))


def car(canvas: Canvas, look: Look, pose: Pose) -> None:
    """A car: body, windscreen, rear window and a roof that shines a little more."""
    rng = canvas.rng
    if not canvas.sees(pose, 3.0):
        return
    length, width = float(rng.uniform(*CAR_LENGTH_M)), float(rng.uniform(*CAR_WIDTH_M))
    paint = look.car_paint(rng)
    base_m = _ground_height(canvas, pose)
    label = canvas.label("car", colour=paint.colour, pose=pose)
    body = pose.points(rounded(length, width, 0.5))
    canvas.fill(body, paint.material, label=label, height_m=base_m + CAR_HEIGHT_M * 0.7, light=1.0)
    if not canvas.shows(0.9):
        return
    cabin = length * float(rng.uniform(0.48, 0.62))
    canvas.fill(pose.points(rounded(cabin, width * 0.86, 0.4)) + _along(pose, -0.05 * length), _DARK_GLASS)
    roof = pose.points(rounded(cabin * 0.56, width * 0.78, 0.3)) + _along(pose, -0.06 * length)
    canvas.fill(roof, paint.material.scaled(1.08), height_m=base_m + CAR_HEIGHT_M)


def truck(canvas: Canvas, look: Look, pose: Pose) -> None:
    """An articulated lorry or a rigid van: cab, gap and box."""
    rng = canvas.rng
    if not canvas.sees(pose, 9.0):
        return
    is_lorry = rng.random() < 0.6
    length = float(rng.uniform(*(LORRY_LENGTH_M if is_lorry else VAN_LENGTH_M)))
    cab_m = 2.3 if is_lorry else 1.9
    if not canvas.is_clear(pose.points(rectangle(length, HEAVY_WIDTH_M))):
        return
    box, cab = look.box_paint(rng), look.car_paint(rng)
    if rng.random() < 0.5:
        box = (
            look.flat_roof(rng)
            if rng.random() < 0.3
            else type(box)("white", Material(_WHITE.draw(rng), 0.02))
        )
    label = canvas.label("truck", pose=pose)
    base_m = _ground_height(canvas, pose)
    whole = pose.points(rectangle(length, HEAVY_WIDTH_M * 0.7))
    canvas.fill(whole, Material((0.05, 0.05, 0.05)), label=label, height_m=base_m + 1.2, light=1.0)
    trailer = rectangle(length - cab_m - 0.7, HEAVY_WIDTH_M, centre=(-(cab_m + 0.7) / 2, 0))
    canvas.fill(pose.points(trailer), box.material, label=label, height_m=base_m + LORRY_HEIGHT_M, light=1.0)
    front = rectangle(cab_m, HEAVY_WIDTH_M * 0.96, centre=((length - cab_m) / 2, 0))
    canvas.fill(pose.points(front), cab.material, label=label, height_m=base_m + 3.0, light=1.0)
    if canvas.shows(0.7):
        screen = rectangle(0.4, HEAVY_WIDTH_M * 0.8, centre=(length / 2 - 0.3, 0))
        canvas.fill(pose.points(screen), _DARK_GLASS)


def bus(canvas: Canvas, look: Look, pose: Pose) -> None:
    """A bus: one long roof with hatches."""
    rng = canvas.rng
    if not canvas.sees(pose, 7.0):
        return
    length = float(rng.uniform(*BUS_LENGTH_M))
    paint = look.box_paint(rng)
    label = canvas.label("bus", colour=paint.colour, pose=pose)
    height_m = _ground_height(canvas, pose) + BUS_HEIGHT_M
    canvas.fill(
        pose.points(rounded(length, HEAVY_WIDTH_M, 0.4)),
        paint.material,
        label=label,
        height_m=height_m,
        light=1.0,
    )
    for u in (-0.3, 0.05, 0.3) if canvas.shows(1.0) else ():
        canvas.fill(pose.points(rectangle(1.4, 1.3, centre=(u * length, 0))), paint.material.scaled(0.6))
    if canvas.shows(0.6):
        canvas.fill(pose.points(rectangle(0.4, 2.1, centre=(length / 2 - 0.35, 0))), _DARK_GLASS)


def boat(canvas: Canvas, look: Look, pose: Pose, *, length_m: float | None = None) -> None:
    """A leisure boat: pointed hull, deck, cabin or cockpit."""
    rng = canvas.rng
    length = float(rng.uniform(*BOAT_LENGTH_M)) if length_m is None else length_m
    width = length * float(rng.uniform(0.26, 0.36))
    if not canvas.sees(pose, length) or not canvas.is_afloat(pose.points(_hull(length, width))):
        return
    hull = Material(_WHITE.draw(rng)) if rng.random() < 0.7 else look.box_paint(rng).material
    label = canvas.label("boat", pose=pose)
    canvas.fill(pose.points(_hull(length, width)), hull, label=label, height_m=1.4, light=1.0)
    inside = (
        look.box_paint(rng).material
        if rng.random() < 0.5
        else Material(Hsv((25, 38), (0.2, 0.5), (0.4, 0.7)).draw(rng))
    )
    canvas.fill(pose.points(_hull(length * 0.82, width * 0.72)), inside)
    canvas.fill(
        pose.points(rounded(length * 0.34, width * 0.6, 0.4)), Material(_WHITE.draw(rng)), height_m=2.6
    )
    if canvas.shows(0.7):
        canvas.fill(
            pose.points(rectangle(length * 0.06, width * 0.5, centre=(length * 0.17, 0))), _DARK_GLASS
        )


def ship(canvas: Canvas, look: Look, pose: Pose, length_m: float) -> None:
    """A barge, tanker, container or bulk ship with its superstructure aft."""
    rng = canvas.rng
    width = float(np.clip(length_m * rng.uniform(0.13, 0.18), 5.0, 34.0))
    if not canvas.sees(pose, length_m) or not canvas.is_afloat(pose.points(_hull(length_m, width))):
        return
    hull, deck = (
        look.box_paint(rng).material,
        Material(Hsv((0, 30), (0.1, 0.5), (0.30, 0.60)).draw(rng), 0.04, 0.05),
    )
    if rng.random() < 0.4:
        deck = look.box_paint(rng).material
    height_m = float(np.clip(length_m * 0.05, 2.0, 9.0))
    label = canvas.label("ship", pose=pose)
    canvas.fill(
        pose.points(_hull(length_m, width)), hull.scaled(0.7), label=label, height_m=height_m, light=1.0
    )
    canvas.fill(pose.points(_hull(length_m * 0.97, width * 0.9)), deck)
    _cargo(canvas, look, pose, (length_m, width), height_m)
    house_m = max(4.0, length_m * 0.10)
    block = rectangle(house_m, width * 0.78, centre=(-length_m / 2 + house_m * 0.9, 0))
    canvas.fill(
        pose.points(block), Material(_WHITE.draw(rng), 0.03), height_m=height_m + max(4.0, length_m * 0.1)
    )
    funnel = pose.at(-length_m / 2 + house_m * 0.7, 0.0)
    canvas.fill(
        funnel.points(rectangle(house_m * 0.3, width * 0.2)),
        look.box_paint(rng).material,
        height_m=height_m + 12,
    )


def _cargo(canvas: Canvas, look: Look, pose: Pose, size_m: tuple[float, float], height_m: float) -> None:
    rng, (length, width) = canvas.rng, size_m
    low, high = -length / 2 + length * 0.2, length / 2 - length * 0.14
    kind = str(rng.choice(["hatches", "boxes", "pipes"]))
    if kind == "hatches":
        lid = look.box_paint(rng).material
        for u in np.linspace(low, high, max(3, int(length / 16)))[:-1]:
            canvas.fill(
                pose.points(rectangle(length * 0.09, width * 0.66, centre=(u + length * 0.05, 0))),
                lid,
                height_m=height_m + 1,
            )
    elif kind == "boxes":
        step_u, step_v = CONTAINER_LENGTHS_M[1 if length > 60 else 0] + 0.4, CONTAINER_WIDTH_M
        for u in np.arange(low + step_u / 2, high - step_u / 2, step_u):
            for v in np.arange(-width * 0.4 + step_v / 2, width * 0.4 - step_v / 2 + 0.1, step_v):
                if rng.random() < 0.85:
                    ring = pose.points(rectangle(step_u - 0.3, step_v - 0.1, centre=(u, v)))
                    canvas.fill(
                        ring, look.box_paint(rng).material, height_m=height_m + 2.6 * int(rng.integers(1, 4))
                    )
    else:
        pipes = [pose.points([(low, v * width), (high, v * width)]) for v in (-0.1, -0.03, 0.04, 0.11)]
        canvas.lines(pipes, 0.7, Material((0.5, 0.5, 0.48)))


def airplane(canvas: Canvas, look: Look, pose: Pose, frame: AirframeM | None = None) -> None:
    """An aeroplane heading along u: fuselage, swept wings, tail, engines."""
    rng = canvas.rng
    frame = AIRFRAMES[int(rng.integers(len(AIRFRAMES)))] if frame is None else frame
    if not canvas.sees(pose, frame.length):
        return
    skin = Material(_WHITE.draw(rng), 0.02, 0.02)
    if rng.random() < 0.2:
        skin = Material(Hsv((200, 240), (0.02, 0.1), (0.55, 0.75)).draw(rng), 0.02)
    accent = look.box_paint(rng).material if rng.random() < 0.6 else skin.scaled(0.85)
    label = canvas.label("airplane", pose=pose)
    wings, engines = _wings(frame), _engines(frame)
    for nacelle in engines:
        canvas.fill(
            pose.points(nacelle), accent.scaled(0.8), label=label, height_m=frame.height * 0.4, light=1.0
        )
    for wing in (*wings, *_tail(frame)):
        canvas.fill(pose.points(wing), skin.scaled(0.88), label=label, height_m=frame.height * 0.6, light=1.0)
    body = _fuselage(frame)
    canvas.fill(pose.points(body), skin, label=label, height_m=frame.height, light=1.0)
    side = (
        np.minimum(body, [np.inf, 0.0]) if look.sun.facet(pose.heading_rad + math.pi / 2, 0.5) < 1 else body
    )
    canvas.fill(
        pose.points(np.maximum(body, [-np.inf, frame.fuselage * 0.15])),
        None,
        light=0.78 if side is body else 1.1,
    )
    fin = [
        (-frame.length * 0.5, 0.0),
        (-frame.length * 0.42, frame.fuselage * 0.1),
        (-frame.length * 0.34, 0.0),
        (-frame.length * 0.42, -frame.fuselage * 0.1),
    ]
    canvas.fill(pose.points(fin), accent, height_m=frame.height * 1.6)
    if canvas.shows(1.2):
        nose = rectangle(frame.fuselage * 0.22, frame.fuselage * 0.5, centre=(frame.length * 0.455, 0))
        canvas.fill(pose.points(nose), _DARK_GLASS, opacity=0.8)


def _fuselage(frame: AirframeM) -> PointsN2:
    half, radius = frame.length / 2, frame.fuselage / 2
    along = [
        (1.0, 0.0),
        (0.985, 0.35),
        (0.95, 0.68),
        (0.88, 0.93),
        (0.80, 1.0),
        (-0.35, 1.0),
        (-0.7, 0.62),
        (-1.0, 0.12),
    ]
    top = [(u * half, v * radius) for u, v in along]
    return np.asarray(top + [(u, -v) for u, v in reversed(top)], np.float64)


def _wings(frame: AirframeM) -> tuple[PointsN2, PointsN2]:
    return _pair(
        frame.length * (0.5 - frame.wing_from_nose),
        frame.span / 2,
        (frame.root_chord, frame.tip_chord),
        frame.sweep_deg,
    )


def _tail(frame: AirframeM) -> tuple[PointsN2, PointsN2]:
    chords = (frame.root_chord * 0.5, frame.tip_chord * 0.7)
    sweep_deg, half_span = frame.sweep_deg + 3, frame.tail_span / 2
    back = half_span * math.tan(math.radians(sweep_deg)) + chords[1]
    front = max(-frame.length * 0.38, back - frame.length * 0.5)
    return _pair(front, half_span, chords, sweep_deg)


def _pair(
    front_u: float, half_span: float, chords: tuple[float, float], sweep_deg: float
) -> tuple[PointsN2, PointsN2]:
    back = half_span * math.tan(math.radians(sweep_deg))
    right = np.asarray(
        [
            (front_u, 0.0),
            (front_u - back, half_span),
            (front_u - back - chords[1], half_span),
            (front_u - chords[0], 0.0),
        ]
    )
    return right, right * (1, -1)


def _engines(frame: AirframeM) -> list[PointsN2]:
    size = (frame.fuselage * 1.15, frame.fuselage * 0.5)
    front = frame.length * (0.5 - frame.wing_from_nose)
    placed = []
    for share in {0: (), 2: (0.33,), 4: (0.30, 0.55)}[frame.num_engines]:
        v = frame.span / 2 * share
        u = front - v * math.tan(math.radians(frame.sweep_deg)) + size[0] * 0.15
        placed += [ellipse(size[0] / 2, size[1] / 2, num=16, centre=(u, v * side)) for side in (-1, 1)]
    return placed


def _hull(length: float, width: float) -> PointsN2:
    half, side = length / 2, width / 2
    right = [
        (half, 0.0),
        (half * 0.84, side * 0.45),
        (half * 0.60, side * 0.85),
        (half * 0.35, side),
        (-half * 0.8, side),
    ]
    right.append((-half, side * 0.75))
    return np.asarray(right + [(u, -v) for u, v in reversed(right)], np.float64)


def _along(pose: Pose, distance_m: float) -> PointsN2:
    return np.asarray([math.cos(pose.heading_rad), math.sin(pose.heading_rad)]) * distance_m


def _ground_height(canvas: Canvas, pose: Pose) -> float:
    """The deck that something stands on: zero but on a bridge."""
    col, row = int(pose.x_m / canvas.gsd_m), int(pose.y_m / canvas.gsd_m)
    inside = 0 <= col < canvas.size_px and 0 <= row < canvas.size_px
    return float(canvas.height_HW[row, col]) if inside and canvas.height_HW[row, col] < 9 else 0.0


def draw_ship_length(rng: np.random.Generator) -> float:
    """A ship's length; small ones are common."""
    return float(np.exp(rng.uniform(math.log(SHIP_LENGTH_M[0]), math.log(SHIP_LENGTH_M[1]))))
