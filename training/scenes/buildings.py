"""Houses, blocks of flats and halls, with roofs lit by facet and their true height for the shadow."""

from __future__ import annotations

import math

import numpy as np

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import (
    EAVES_HEIGHT_M,
    HOUSE_LENGTH_M,
    HOUSE_WIDTH_M,
    ROOF_SLOPE_DEG,
    WAREHOUSE_HEIGHT_M,
)
from geophrase.training.scenes.geometry import PointsN2, Pose, rectangle
from geophrase.training.scenes.installations import solar_table
from geophrase.training.scenes.look import Look, tiled
from geophrase.training.scenes.texture import Hsv, Material

_GLASS = Hsv((170, 215), (0.03, 0.20), (0.55, 0.86))
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


def shed(canvas: Canvas, look: Look, pose: Pose) -> None:
    """A garden shed or carport; too small to be called a building, and nobody's label."""
    ring = pose.points(rectangle(*canvas.rng.uniform(2.2, 4.2, 2)))
    if canvas.sees(pose, 5.0) and canvas.is_free(ring) and canvas.is_clear(ring):
        canvas.fill(
            ring,
            look.box_paint(canvas.rng).material.scaled(0.8),
            height_m=2.3,
            label=canvas.label("pavement"),
        )
