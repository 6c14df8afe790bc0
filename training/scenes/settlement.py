"""Where people live: houses in gardens, blocks of flats, schools and building sites."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geophrase.training.scenes import buildings, installations, sports, vehicles
from geophrase.training.scenes.geometry import Pose, curve, rectangle, ribbon
from geophrase.training.scenes.plan import Block
from geophrase.training.scenes.site import Site, edge_trees, parking_rows
from geophrase.training.scenes.texture import Material


def residential(site: Site, block: Block) -> None:
    """Rows of plots, each with a house, a drive and a garden; deep blocks get lanes between the rows."""
    rng = site.rng
    pose, length, width = block.long_pose()
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng, 0.06))
    plot_m, depth_m = float(rng.uniform(14, 24)), float(rng.uniform(24, 36))
    num, num_rows = max(1, int(length / plot_m)), max(1, round(width / depth_m))
    style = _Style(
        wealth=float(rng.uniform(0, 1)),
        setback_m=float(rng.uniform(3.0, 8.0)),
        trees=float(rng.uniform(1.5, 7.5)),
        is_aligned=bool(rng.random() < 0.75),
        lawn=site.look.grass.jittered(rng, 0.06),
    )
    for row in range(num_rows):
        v = ((row + 0.5) / num_rows - 0.5) * width
        faces_out = row % 2 == 1 or row == num_rows - 1
        if row % 2 == 0 and 0 < row < num_rows:
            lane = pose.at(0.0, v - width / num_rows / 2).points(rectangle(length, 4.5))
            site.canvas.fill(lane, site.look.street, label=site.canvas.label("road"), spares_reserved=True)
        for index in range(num):
            at = pose.at((index + 0.5) * length / num - length / 2, v, 0.0 if faces_out else math.pi)
            _plot(site, at, (length / num, width / num_rows), style)


@dataclass(frozen=True)
class _Style:
    """What the plots of one block have in common."""

    wealth: float
    setback_m: float
    trees: float
    is_aligned: bool
    lawn: Material


def _plot(site: Site, pose: Pose, size_m: tuple[float, float], style: _Style) -> None:
    """One plot whose street side is at +v."""
    canvas, rng, (wide, deep) = site.canvas, site.rng, size_m
    if not canvas.sees(pose, max(size_m)):
        return
    garden = style.lawn.jittered(rng, 0.10) if rng.random() < 0.85 else site.look.dry_grass.jittered(rng)
    site.cover(pose.points(rectangle(wide * 0.98, deep * 0.96)), "grass", garden)
    if rng.random() < 0.04:
        site.cover(pose.points(rectangle(wide * 0.9, deep * 0.8)), "bare_land", site.look.soil.jittered(rng))
        return
    house_v = deep / 2 - style.setback_m - 5.0
    drive_u = float(rng.choice([-0.36, 0.36])) * wide
    drive = rectangle(3.2, style.setback_m + 6.0, centre=(drive_u, deep / 2 - (style.setback_m + 6.0) / 2))
    site.pave(pose.points(drive), site.look.concrete.jittered(rng, 0.2))
    shift = -0.06 * wide * math.copysign(1, drive_u)
    turn = float(rng.normal(0, 0.03)) + (float(rng.uniform(-0.4, 0.4)) if not style.is_aligned else 0.0)
    turn += math.pi / 2 if rng.random() < 0.2 else 0.0
    buildings.house(canvas, site.look, pose.at(shift, house_v, turn))
    for spot in range(int(rng.choice([0, 1, 1, 2]))):
        at = pose.at(drive_u + float(rng.normal(0, 0.15)), deep / 2 - 3.0 - 5.4 * spot, math.pi / 2)
        if canvas.is_free(at.points(rectangle(4, 2)), share=0.3):
            vehicles.car(canvas, site.look, at)
    back_v = -deep * 0.28
    if rng.random() < 0.05 + 0.4 * style.wealth:
        installations.swimming_pool(
            canvas,
            site.look,
            pose.at(float(rng.uniform(-0.2, 0.2)) * wide, back_v, float(rng.normal(0, 0.1))),
        )
    if rng.random() < 0.5:
        buildings.shed(canvas, site.look, pose.at(float(rng.choice([-0.36, 0.36])) * wide, -deep * 0.42))
    _garden_trees(site, pose, size_m, house_v, style.trees)


def _garden_trees(site: Site, pose: Pose, size_m: tuple[float, float], house_v: float, mean: float) -> None:
    rng, (wide, deep) = site.rng, size_m
    for _ in range(int(rng.poisson(mean))):
        u, v = float(rng.uniform(-0.48, 0.48)) * wide, float(rng.uniform(-0.5, 0.5)) * deep
        if abs(v - house_v) < 7.5 and abs(u) < wide * 0.36:
            continue
        x, y = pose.points((u, v))
        site.grove.plant(float(x), float(y), float(rng.triangular(1.5, 3.0, 6.5)))
    for _ in range(int(rng.poisson(2.0)) if site.canvas.shows(1.0) else 0):
        u, v = float(rng.choice([-0.48, 0.48])) * wide, float(rng.uniform(-0.5, 0.5)) * deep
        x, y = pose.points((u, v))
        site.grove.plant(float(x), float(y), float(rng.uniform(0.6, 1.3)), kind="bush")


def apartments(site: Site, block: Block) -> None:
    """Slabs and courts among lawns, paths and parking."""
    rng = site.rng
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng))
    if rng.random() < 0.4:
        site.pave(block.ring(2.0))
    length, width = block.size_m
    step_u, step_v = float(rng.uniform(30, 55)), float(rng.uniform(26, 46))
    turn = float(rng.choice([0.0, math.pi / 2]))
    for u in np.arange(step_u / 2, length, step_u):
        for v in np.arange(step_v / 2, width, step_v):
            at = block.pose(
                float(u) / length, float(v) / width, turn if rng.random() < 0.8 else turn + math.pi / 2
            )
            if rng.random() < 0.16:
                parking_rows(site, at, step_u * 0.7, step_v * 0.6)
            else:
                size = (
                    min(step_u, step_v) * float(rng.uniform(0.62, 0.84)),
                    min(step_u, step_v) * float(rng.uniform(0.35, 0.62)),
                )
                buildings.apartment_block(site.canvas, site.look, at, *size)
    edge_trees(site, block)


def school(site: Site, block: Block) -> None:
    """A school: a large building, courts, a pitch or a diamond where there is room."""
    rng = site.rng
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng))
    pose, length, width = block.long_pose()
    size = min(60.0, width * 0.7)
    buildings.apartment_block(
        site.canvas, site.look, pose.at(-length / 2 + size * 0.6, 0.0, math.pi / 2), size, size * 0.6
    )
    if length > 150 and width > 80:
        sports.football_pitch(site.canvas, site.look, pose.at(length / 2 - 60, 0.0))
    elif rng.random() < 0.5:
        sports.basketball_courts(site.canvas, site.look, pose.at(length / 2 - 22, 0.0), 1)
    else:
        sports.baseball_diamond(site.canvas, site.look, pose.at(length / 2 - 48, 0.0))
    edge_trees(site, block)


def construction(site: Site, block: Block) -> None:
    """A building site: raw soil, ruts, a shell, containers and machines."""
    rng = site.rng
    site.cover(block.ring(2.0), "bare_land", site.look.soil.jittered(rng))
    pose, length, width = block.long_pose()
    for _ in range(3):
        ends = [pose.points((s * length, t * width)) for s, t in rng.uniform(-0.5, 0.5, (3, 2))]
        site.canvas.fill(
            ribbon(curve(ends), 3.5), site.look.soil.jittered(rng, 0.3), opacity=0.7, spares_reserved=True
        )
    installations.container_stack(site.canvas, site.look, pose.at(-length * 0.3, width * 0.3), 2, 2)
    for _ in range(4):
        x, y = rng.uniform(-0.4, 0.4, 2)
        vehicles.truck(
            site.canvas, site.look, pose.at(float(x) * length, float(y) * width, float(rng.uniform(0, 6.28)))
        )
