"""Buildings and other built things, with roofs lit by facet and their true height for the shadow."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import (
    CONTAINER_HEIGHT_M,
    CONTAINER_LENGTHS_M,
    CONTAINER_WIDTH_M,
    EAVES_HEIGHT_M,
    GREENHOUSE_BAY_M,
    HOUSE_LENGTH_M,
    HOUSE_WIDTH_M,
    POOL_LENGTH_M,
    ROOF_SLOPE_DEG,
    SILO_DIAMETER_M,
    TANK_DIAMETER_M,
    TANK_HEIGHT_M,
    WAREHOUSE_HEIGHT_M,
)
from geophrase.training.scenes.geometry import PointsN2, Pose, ellipse, rectangle, rounded
from geophrase.training.scenes.look import Look, tiled
from geophrase.training.scenes.nature import POOL_WATER
from geophrase.training.scenes.texture import Hsv, Material

_GLASS = Hsv((170, 215), (0.03, 0.20), (0.55, 0.86))
_PANEL = Hsv((208, 238), (0.30, 0.65), (0.16, 0.34))
_MACHINE = Hsv((0, 360), (0.0, 0.06), (0.50, 0.85))


def house(canvas: Canvas, look: Look, pose: Pose) -> bool:
    """A dwelling with a gable, hip or flat roof, perhaps with a wing; False when there was no room."""
    rng = canvas.rng
    length, width = float(rng.uniform(*HOUSE_LENGTH_M)), float(rng.uniform(*HOUSE_WIDTH_M))
    length = max(length, width * 1.1)
    if not canvas.sees(pose, length) or not canvas.is_free(pose.points(rectangle(length + 2, width + 2))):
        return False
    roof = look.roof(rng)
    eaves_m, slope = float(rng.uniform(*EAVES_HEIGHT_M)), math.radians(float(rng.uniform(*ROOF_SLOPE_DEG)))
    label = canvas.label("house", colour=roof.colour, pose=pose)
    shape = str(rng.choice(["gable", "hip", "flat"], p=[0.52, 0.38, 0.10]))
    if shape == "flat":
        _flat(canvas, pose, rectangle(length, width), look.flat_roof(rng).material, label, eaves_m)
        canvas.records[label].colour = ""
        return True
    _pitched(canvas, look, pose, (length, width), roof.material, label, eaves_m, slope, hip=shape == "hip")
    if rng.random() < 0.4:
        reach = float(rng.uniform(3.0, 6.0))
        side = 1 if rng.random() < 0.5 else -1
        shift = float(rng.uniform(-0.3, 0.3)) * length
        wing = pose.at(shift, side * (width / 2 + reach / 2 - width * 0.25), math.pi / 2)
        wing_size = (reach + width * 0.5, min(float(rng.uniform(4.5, 7.5)), length * 0.6))
        _pitched(canvas, look, wing, wing_size, roof.material, label, eaves_m, slope, hip=shape == "hip")
    _roof_details(canvas, look, pose, (length, width), eaves_m)
    return True


def _pitched(
    canvas: Canvas,
    look: Look,
    pose: Pose,
    size_m: tuple[float, float],
    tiles: Material,
    label: int,
    eaves_m: float,
    slope_rad: float,
    *,
    hip: bool,
) -> None:
    """A pitched roof of two or four facets around a ridge along u."""
    half_u, half_v = size_m[0] / 2, size_m[1] / 2
    ridge = max(half_u - half_v, 0.0) if hip else half_u
    rise_m = half_v * math.tan(slope_rad)
    tiles = tiled(tiles, pose, 0.38, 0.10)
    facets = [
        (math.pi / 2, [(-half_u, half_v), (half_u, half_v), (ridge, 0.0), (-ridge, 0.0)]),
        (-math.pi / 2, [(-half_u, -half_v), (half_u, -half_v), (ridge, 0.0), (-ridge, 0.0)]),
    ]
    if hip:
        facets.append((0.0, [(half_u, -half_v), (half_u, half_v), (ridge, 0.0)]))
        facets.append((math.pi, [(-half_u, -half_v), (-half_u, half_v), (-ridge, 0.0)]))
    whole = pose.points(rectangle(*size_m))
    canvas.fill(whole, tiles, label=label, height_m=eaves_m + rise_m * 0.4, light=1.0)
    for downhill, corners in facets:
        light = look.sun.facet(pose.heading_rad + downhill, slope_rad)
        canvas.fill(pose.points(corners), None, light=light)
    inner = pose.points(rectangle(max(2 * ridge, 1.0), half_v))
    canvas.fill(inner, None, height_m=eaves_m + rise_m * 0.8)
    ridge_line = pose.points([(-ridge, 0.0), (ridge, 0.0)])
    canvas.lines([ridge_line], 0.3, tiles.scaled(1.25), opacity=0.5)


def _roof_details(
    canvas: Canvas, look: Look, pose: Pose, size_m: tuple[float, float], eaves_m: float
) -> None:
    """Chimney, roof windows and now and then a solar array."""
    rng = canvas.rng
    if canvas.shows(0.6) and rng.random() < 0.7:
        at = pose.at(float(rng.uniform(-0.3, 0.3)) * size_m[0], float(rng.uniform(-0.2, 0.2)) * size_m[1])
        canvas.fill(
            at.points(rectangle(0.8, 0.6)), Material(_MACHINE.draw(rng)).scaled(0.6), height_m=eaves_m + 5
        )
    for _ in range(int(rng.integers(0, 3)) if canvas.shows(0.8) else 0):
        at = pose.at(
            float(rng.uniform(-0.35, 0.35)) * size_m[0], float(rng.choice([-0.25, 0.25])) * size_m[1]
        )
        canvas.fill(at.points(rectangle(0.8, 1.1)), Material(_GLASS.draw(rng)).scaled(0.4))
    if rng.random() < 0.12:
        side = -0.25 if math.sin(look.sun.azimuth_rad - pose.heading_rad) < 0 else 0.25
        solar_table(canvas, pose.at(0.0, side * size_m[1]), size_m[0] * 0.6, size_m[1] * 0.36, height_m=None)


def _flat(canvas: Canvas, pose: Pose, ring: PointsN2, roof: Material, label: int, height_m: float) -> None:
    """A flat roof with a lighter parapet."""
    outline = pose.points(ring)
    canvas.fill(outline, roof.scaled(1.15), label=label, height_m=height_m + 0.6, light=1.0)
    if canvas.shows(0.8):
        inner = pose.points(
            ring.mean(axis=0) + (ring - ring.mean(axis=0)) * (1 - 1.0 / max(np.ptp(ring), 4.0))
        )
        canvas.fill(inner, roof, height_m=height_m, light=1.0)


def apartment_block(canvas: Canvas, look: Look, pose: Pose, length: float, width: float) -> bool:
    """A larger flat-roofed building: a slab, an L, a U or a tower, with machines on the roof."""
    rng = canvas.rng
    if not canvas.sees(pose, length) or not canvas.is_free(pose.points(rectangle(length + 3, width + 3))):
        return False
    roof = look.flat_roof(rng)
    label = canvas.label("building", colour=roof.colour, pose=pose)
    ring = _storey_plan(rng, length, width)
    height_m = float(rng.uniform(7, 32))
    _flat(canvas, pose, ring, roof.material, label, height_m)
    body = min(length, width) * 0.3
    _machines(canvas, pose.at(0.0, -width / 2 + body / 2), (length * 0.8, body * 0.7), height_m)
    return True


def _storey_plan(rng: np.random.Generator, length: float, width: float) -> PointsN2:
    u, v, deep = length / 2, width / 2, min(length, width) * float(rng.uniform(0.32, 0.45))
    plans = {
        "slab": [(-u, -v), (u, -v), (u, v), (-u, v)],
        "ell": [(-u, -v), (u, -v), (u, -v + deep), (-u + deep, -v + deep), (-u + deep, v), (-u, v)],
        "court": [
            *[(-u, -v), (u, -v), (u, v), (u - deep, v)],
            *[(u - deep, -v + deep), (-u + deep, -v + deep), (-u + deep, v), (-u, v)],
        ],
        "tee": [
            *[(-u, -v), (u, -v), (u, -v + deep), (deep / 2, -v + deep)],
            *[(deep / 2, v), (-deep / 2, v), (-deep / 2, -v + deep), (-u, -v + deep)],
        ],
    }
    return np.asarray(plans[str(rng.choice(list(plans)))], np.float64)


def _machines(canvas: Canvas, pose: Pose, area_m: tuple[float, float], height_m: float) -> None:
    """Ventilation boxes and vents on a flat roof; each casts its own shadow."""
    rng = canvas.rng
    for _ in range(int(rng.poisson(area_m[0] * area_m[1] / 160)) + 1):
        size = rng.uniform(0.9, 3.6, 2)
        if not canvas.shows(float(size.min())):
            continue
        at = pose.at(float(rng.uniform(-0.5, 0.5)) * area_m[0], float(rng.uniform(-0.5, 0.5)) * area_m[1])
        box = at.points(rectangle(*size))
        canvas.fill(box, Material(_MACHINE.draw(rng)), height_m=height_m + float(rng.uniform(1.0, 2.5)))


def warehouse(canvas: Canvas, look: Look, pose: Pose, length: float, width: float) -> bool:
    """An industrial hall: seamed metal roof, skylight strips, vents, perhaps solar arrays or several bays."""
    rng = canvas.rng
    footprint = pose.points(rectangle(length, width))
    if not canvas.sees(pose, length) or not canvas.is_free(footprint):
        return False
    roof = look.flat_roof(rng)
    label = canvas.label("warehouse", colour=roof.colour, pose=pose)
    height_m = float(rng.uniform(*WAREHOUSE_HEIGHT_M))
    metal = tiled(
        roof.material,
        pose.at(0, 0, math.pi / 2),
        float(rng.uniform(0.6, 2.4)),
        float(rng.uniform(0.02, 0.14)),
    )
    canvas.fill(footprint, metal, label=label, height_m=height_m, light=1.0)
    num_bays = int(rng.choice([1, 1, 2, 3])) if width > 25 else 1
    slope = math.radians(float(rng.uniform(3, 9)))
    for bay in range(num_bays):
        deep = width / num_bays
        v = -width / 2 + deep * (bay + 0.5)
        for side in (-1, 1):
            light = look.sun.facet(pose.heading_rad + side * math.pi / 2, slope)
            canvas.fill(
                pose.points(rectangle(length, deep / 2, centre=(0, v + side * deep / 4))), None, light=light
            )
    _hall_roof(canvas, pose, (length, width), roof.material, height_m)
    return True


def _hall_roof(
    canvas: Canvas, pose: Pose, size_m: tuple[float, float], roof: Material, height_m: float
) -> None:
    rng, (length, width) = canvas.rng, size_m
    fitting = str(rng.choice(["skylights", "vents", "solar", "bare"], p=[0.4, 0.3, 0.15, 0.15]))
    if fitting == "skylights":
        glass = Material(_GLASS.draw(rng), 0.03).scaled(0.8)
        for u in np.arange(-length / 2 + 6, length / 2 - 4, float(rng.uniform(6, 12))):
            canvas.fill(pose.points(rectangle(1.3, width * 0.36, centre=(u, width * 0.25))), glass)
            canvas.fill(pose.points(rectangle(1.3, width * 0.36, centre=(u, -width * 0.25))), glass)
    elif fitting == "vents":
        _machines(canvas, pose, (length * 0.9, width * 0.85), height_m)
    elif fitting == "solar":
        for u in np.arange(-length / 2 + 8, length / 2 - 7, 14.0):
            solar_table(canvas, pose.at(float(u), -width * 0.22), 11.0, width * 0.38, height_m=None)
    if rng.random() < 0.5:
        edge = pose.points([*rectangle(length - 0.4, width - 0.4), rectangle(length - 0.4, width - 0.4)[0]])
        canvas.lines([edge], 0.5, roof.scaled(0.6), opacity=0.6)


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
    if not canvas.sees(pose, length) or not canvas.is_free(pose.points(rectangle(length, width))):
        return
    radius = float(rng.choice([0.2, 0.2, width * 0.5]))
    deck = replace(look.concrete, coarse=0.02).jittered(rng, 0.15)
    canvas.fill(pose.points(rounded(length + 2.4, width + 2.4, radius)), deck, label=canvas.label("pavement"))
    water = Material(POOL_WATER.draw(rng), 0.03, 0.06, 0.0)
    canvas.fill(
        pose.points(rounded(length, width, radius)), water, label=canvas.label("swimming_pool", pose=pose)
    )


def shed(canvas: Canvas, look: Look, pose: Pose) -> None:
    """A garden shed or carport; too small to be called a building, and nobody's label."""
    ring = pose.points(rectangle(*canvas.rng.uniform(2.2, 4.2, 2)))
    if canvas.sees(pose, 5.0) and canvas.is_free(ring):
        canvas.fill(
            ring,
            look.box_paint(canvas.rng).material.scaled(0.8),
            height_m=2.3,
            label=canvas.label("pavement"),
        )


def draw_tank_radius(rng: np.random.Generator) -> float:
    """A tank's radius; a farm's tanks are alike."""
    return float(np.exp(rng.uniform(math.log(TANK_DIAMETER_M[0]), math.log(TANK_DIAMETER_M[1])))) / 2
