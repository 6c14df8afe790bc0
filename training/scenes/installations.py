"""Built things that nobody lives in: tanks, silos, containers, solar arrays, greenhouses and pools."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import (
    CONTAINER_HEIGHT_M,
    CONTAINER_LENGTHS_M,
    CONTAINER_WIDTH_M,
    GREENHOUSE_BAY_M,
    POOL_LENGTH_M,
    SILO_DIAMETER_M,
    TANK_DIAMETER_M,
    TANK_HEIGHT_M,
)
from geophrase.training.scenes.geometry import Pose, ellipse, rectangle, rounded
from geophrase.training.scenes.look import Look, tiled
from geophrase.training.scenes.nature import POOL_WATER
from geophrase.training.scenes.texture import Hsv, Material

_GLASS = Hsv((170, 215), (0.03, 0.20), (0.55, 0.86))
_PANEL = Hsv((208, 238), (0.30, 0.65), (0.16, 0.34))


def solar_table(canvas: Canvas, pose: Pose, length: float, width: float, *, height_m: float | None) -> None:
    """A plane of photovoltaic modules with the joints between them."""
    if not canvas.sees(pose, length) or length < 1.0 or width < 1.0:
        return
    rng = canvas.rng
    panel = Material(_PANEL.draw(rng), 0.03, 0.02, 0.0)
    ring = pose.points(rectangle(length, width))
    canvas.fill(ring, panel, label=canvas.label("solar_panel", pose=pose), height_m=height_m, light=1.0)
    frame = Material((0.45, 0.47, 0.52))
    across = [
        pose.points([(u, -width / 2), (u, width / 2)]) for u in np.arange(-length / 2, length / 2, 1.05)
    ]
    along = [pose.points([(-length / 2, v), (length / 2, v)]) for v in np.arange(-width / 2, width / 2, 1.7)]
    canvas.lines(across + along, 0.07, frame, opacity=0.8)


def greenhouse(canvas: Canvas, look: Look, pose: Pose, length: float, width: float) -> bool:
    """A span greenhouse: bright bays of glass or foil."""
    rng = canvas.rng
    ring = pose.points(rectangle(length, width))
    if not canvas.sees(pose, length) or not canvas.is_free(ring):
        return False
    bay_m = float(rng.uniform(*GREENHOUSE_BAY_M))
    glass = Material(_GLASS.draw(rng), 0.05, 0.04, 0.06)
    label = canvas.label("greenhouse", pose=pose)
    canvas.fill(
        ring, tiled(glass, pose, bay_m, 0.38), label=label, height_m=float(rng.uniform(3, 6)), light=1.0
    )
    ribs = [pose.points([(u, -width / 2), (u, width / 2)]) for u in np.arange(-length / 2, length / 2, 4.0)]
    ridges = [
        pose.points([(-length / 2, v), (length / 2, v)]) for v in np.arange(-width / 2, width / 2, bay_m)
    ]
    canvas.lines(ribs, 0.15, glass.scaled(1.4), opacity=0.5)
    canvas.lines(ridges, 0.5, glass.scaled(0.55), opacity=0.8)
    return True


def storage_tank(canvas: Canvas, look: Look, pose: Pose, radius_m: float) -> bool:
    """A cylindrical tank with a fixed or floating roof."""
    rng = canvas.rng
    disc = pose.points(ellipse(radius_m, radius_m))
    if not canvas.sees(pose, radius_m) or not canvas.is_free(disc):
        return False
    colour, box = [
        ("white", Hsv((30, 60), (0.0, 0.04), (0.86, 0.96))),
        ("gray", Hsv((0, 360), (0, 0.05), (0.45, 0.68))),
        ("", Hsv((18, 45), (0.12, 0.40), (0.40, 0.70))),
    ][int(rng.choice(3, p=[0.6, 0.25, 0.15]))]
    shell = Material(box.draw(rng), 0.03, 0.04, 0.04)
    height_m = float(np.clip(radius_m * rng.uniform(0.6, 1.2), *TANK_HEIGHT_M))
    label = canvas.label("storage_tank", colour=colour, pose=pose)
    canvas.fill(disc, shell, label=label, height_m=height_m, light=1.0)
    if radius_m > 8 and rng.random() < 0.45:
        _floating_roof(canvas, look, pose, radius_m, shell, height_m)
    else:
        _cone_roof(canvas, look, pose, radius_m)
    canvas.lines(
        [pose.points(ellipse(radius_m - 0.2, radius_m - 0.2))], 0.35, shell.scaled(0.55), is_closed=True
    )
    if canvas.shows(0.8):
        angle = float(rng.uniform(0, 6.28))
        stair = pose.points([(math.cos(angle) * r, math.sin(angle) * r) for r in (radius_m * 0.15, radius_m)])
        canvas.lines([stair], 0.7, shell.scaled(0.6), opacity=0.7)
    return True


def _floating_roof(
    canvas: Canvas, look: Look, pose: Pose, radius_m: float, shell: Material, height_m: float
) -> None:
    """The roof sits below the rim, so that the rim's shadow falls on it as a crescent."""
    depth_m = float(canvas.rng.uniform(1.0, height_m * 0.6))
    inner = pose.points(ellipse(radius_m - 0.5, radius_m - 0.5))
    canvas.fill(inner, shell.scaled(float(canvas.rng.uniform(0.65, 0.95))), height_m=height_m - depth_m)
    pontoon = pose.points(ellipse(radius_m * 0.82, radius_m * 0.82))
    canvas.lines([pontoon], 0.4, shell.scaled(0.7), is_closed=True, opacity=0.6)


def _cone_roof(canvas: Canvas, look: Look, pose: Pose, radius_m: float) -> None:
    slope = math.radians(float(canvas.rng.uniform(4, 14)))
    num = 12
    for step in range(num):
        angles = np.linspace(step, step + 1, 4) * (2 * math.pi / num)
        wedge = [(0.0, 0.0), *[(radius_m * math.cos(a), radius_m * math.sin(a)) for a in angles]]
        light = look.sun.facet(pose.heading_rad + (step + 0.5) * 2 * math.pi / num, slope)
        canvas.fill(pose.points(wedge), None, light=light)


def silo(canvas: Canvas, look: Look, pose: Pose) -> bool:
    """A grain silo with a steep cone."""
    radius_m = float(canvas.rng.uniform(*SILO_DIAMETER_M)) / 2
    disc = pose.points(ellipse(radius_m, radius_m))
    if not canvas.sees(pose, radius_m) or not canvas.is_free(disc):
        return False
    metal = Material(Hsv((0, 360), (0.0, 0.05), (0.62, 0.84)).draw(canvas.rng), 0.03)
    canvas.fill(
        disc,
        metal,
        label=canvas.label("silo", pose=pose),
        height_m=float(canvas.rng.uniform(9, 20)),
        light=1.0,
    )
    _cone_roof(canvas, look, pose, radius_m)
    return True


def container_stack(canvas: Canvas, look: Look, pose: Pose, num_rows: int, num_long: int) -> None:
    """Shipping containers in rows, up to four high, with gaps where some were taken away."""
    rng = canvas.rng
    length = CONTAINER_LENGTHS_M[int(rng.integers(2))]
    for row in range(num_rows):
        for place in range(num_long):
            at = pose.at(
                (place - num_long / 2) * (length + 0.4), (row - num_rows / 2) * (CONTAINER_WIDTH_M + 0.15)
            )
            if rng.random() < 0.2 or not canvas.sees(at, length):
                continue
            ring = at.points(rectangle(length, CONTAINER_WIDTH_M))
            if not canvas.is_free(ring):
                continue
            paint = look.box_paint(rng)
            roof = tiled(paint.material, at.at(0, 0, math.pi / 2), 0.28, 0.18)
            label = canvas.label("container", colour=paint.colour, pose=at)
            height_m = CONTAINER_HEIGHT_M * int(rng.integers(1, 5))
            canvas.fill(ring, roof, label=label, height_m=height_m, light=1.0)
            canvas.lines([ring], 0.12, roof.scaled(0.5), is_closed=True, opacity=0.7)


def container_stack_on_pier(canvas: Canvas, look: Look, pier: Pose, width: float, length: float) -> None:
    """Stacks along the middle of a pier."""
    rng = canvas.rng
    paints = [look.box_paint(rng) for _ in range(6)]
    for v in np.arange(-length * 0.35, length * 0.4, CONTAINER_LENGTHS_M[1] + 1.0):
        for u in np.arange(-width * 0.25, width * 0.25, CONTAINER_WIDTH_M + 0.15):
            if rng.random() < 0.6:
                at = pier.at(float(u), float(v), math.pi / 2)
                paint = paints[int(rng.integers(len(paints)))]
                label = canvas.label("container", colour=paint.colour, pose=at)
                ring = at.points(rectangle(CONTAINER_LENGTHS_M[1], CONTAINER_WIDTH_M))
                canvas.fill(
                    ring,
                    tiled(paint.material, pier, 0.28, 0.18),
                    label=label,
                    height_m=2.5 + CONTAINER_HEIGHT_M,
                    light=1.0,
                )


def swimming_pool(canvas: Canvas, look: Look, pose: Pose) -> None:
    """A garden pool with its paved surround."""
    rng = canvas.rng
    length = float(rng.uniform(*POOL_LENGTH_M))
    width = length * float(rng.uniform(0.4, 0.6))
    ring = pose.points(rectangle(length + 2.4, width + 2.4))
    if not canvas.sees(pose, length) or not canvas.is_free(ring) or not canvas.is_clear(ring):
        return
    radius = float(rng.choice([0.2, 0.2, width * 0.5]))
    deck = replace(look.concrete, coarse=0.02).jittered(rng, 0.15)
    canvas.fill(pose.points(rounded(length + 2.4, width + 2.4, radius)), deck, label=canvas.label("pavement"))
    water = Material(POOL_WATER.draw(rng), 0.03, 0.06, 0.0)
    canvas.fill(
        pose.points(rounded(length, width, radius)), water, label=canvas.label("swimming_pool", pose=pose)
    )


def draw_tank_radius(rng: np.random.Generator) -> float:
    """A tank's radius; a farm's tanks are alike."""
    return float(np.exp(rng.uniform(math.log(TANK_DIAMETER_M[0]), math.log(TANK_DIAMETER_M[1])))) / 2
