"""Where people work and park: halls, tank farms, container yards, shops, car parks."""

from __future__ import annotations

import math

import numpy as np

from geophrase.training.scenes import buildings, installations, vehicles
from geophrase.training.scenes.geometry import Pose, rectangle
from geophrase.training.scenes.plan import Block
from geophrase.training.scenes.site import Site, edge_trees, parking_rows
from geophrase.training.scenes.texture import Material


def halls(site: Site, block: Block) -> None:
    """Industrial halls in a paved yard with lorries, cars and stored goods."""
    rng = site.rng
    site.cover(block.ring(), "grass", site.look.dry_grass.jittered(rng))
    site.pave(block.ring(float(rng.uniform(1, 5))))
    pose, length, width = block.long_pose()
    num = max(1, round(length / float(rng.uniform(45, 110))))
    for index in range(num):
        cell = length / num
        at = pose.at((index + 0.5) * cell - length / 2, float(rng.uniform(-0.08, 0.08)) * width)
        hall = (cell * float(rng.uniform(0.55, 0.82)), width * float(rng.uniform(0.40, 0.66)))
        buildings.warehouse(site.canvas, site.look, at, *hall)
        free_m = (width - hall[1]) / 2
        if free_m > 9:
            _yard(site, at.at(0.0, hall[1] / 2 + free_m * 0.5), hall[0], free_m)
            _yard(site, at.at(0.0, -hall[1] / 2 - free_m * 0.5), hall[0], free_m)


def _yard(site: Site, pose: Pose, length: float, depth: float) -> None:
    rng = site.rng
    use = str(rng.choice(["docks", "parking", "store", "silos", "empty"], p=[0.34, 0.3, 0.18, 0.06, 0.12]))
    if use == "docks":
        for u in np.arange(-length / 2 + 3, length / 2 - 2, 4.2):
            if rng.random() < 0.5:
                at = pose.at(float(u), 0.0, math.pi / 2 * float(rng.choice([-1, 1])))
                if site.canvas.is_free(at.points(rectangle(16, 3))):
                    vehicles.truck(site.canvas, site.look, at)
    elif use == "parking":
        parking_rows(site, pose, length, min(depth, 18.0))
    elif use == "silos":
        for u in np.arange(-length / 2 + 6, min(length / 2, 40.0), 10.0):
            installations.silo(site.canvas, site.look, pose.at(float(u), 0.0))
    elif use == "store":
        for _ in range(int(rng.poisson(length / 9))):
            at = pose.at(float(rng.uniform(-0.5, 0.5)) * length, float(rng.uniform(-0.35, 0.35)) * depth)
            buildings.shed(site.canvas, site.look, at)
        installations.container_stack(site.canvas, site.look, pose, 1, max(1, int(length / 40)))


def tanks(site: Site, block: Block) -> None:
    """A tank farm in bunds on gravel, grass or soil."""
    rng = site.rng
    ground = [site.look.gravel, site.look.soil, site.look.dry_grass, site.look.concrete][
        int(rng.integers(4))
    ].jittered(rng)
    site.cover(block.ring(2.0), "bare_land", ground)
    pose, length, width = block.long_pose()
    radius = min(installations.draw_tank_radius(rng), width * 0.4)
    step = radius * float(rng.uniform(2.5, 3.4)) + 2
    bund = site.look.concrete.jittered(rng, 0.2)
    for u in np.arange(-length / 2 + step / 2, length / 2 - step / 2 + 0.1, step):
        for v in np.arange(-width / 2 + step / 2, width / 2 - step / 2 + 0.1, step):
            at = pose.at(float(u), float(v))
            if not site.canvas.sees(at, step):
                continue
            ring = at.points(rectangle(step * 0.96, step * 0.96))
            site.canvas.lines([np.concatenate([ring, ring[:1]])], 0.8, bund, spares_reserved=True)
            if rng.random() < 0.9:
                installations.storage_tank(
                    site.canvas, site.look, at, radius * float(rng.choice([1.0, 1.0, 1.0, 0.75]))
                )
    pipes = [pose.points([(-length / 2, v), (length / 2, v)]) for v in np.arange(-1.5, 1.6, 0.8)]
    site.canvas.lines(pipes, 0.4, Material((0.45, 0.44, 0.40)), opacity=0.7, spares_reserved=True)


def containers(site: Site, block: Block) -> None:
    """A container yard in lanes."""
    site.pave(block.ring(1.0))
    pose, length, width = block.long_pose()
    for v in np.arange(-width / 2 + 14, width / 2 - 8, 26.0):
        for u in np.arange(-length / 2 + 32, length / 2 - 25, 64.0):
            if site.rng.random() < 0.85:
                at = pose.at(float(u), float(v))
                if site.canvas.sees(at, 40):
                    installations.container_stack(site.canvas, site.look, at, int(site.rng.integers(2, 7)), 4)
    for _ in range(int(site.rng.poisson(length * width / 2500))):
        at = pose.at(float(site.rng.uniform(-0.45, 0.45)) * length, -width / 2 + 4.0)
        if site.canvas.is_free(at.points(rectangle(16, 3))):
            vehicles.truck(site.canvas, site.look, at)


def lorries(site: Site, block: Block) -> None:
    """A lorry park in oblique rows."""
    site.pave(block.ring(1.0))
    pose, length, width = block.long_pose()
    turn = float(site.rng.uniform(0.6, 1.5))
    for v in np.arange(-width / 2 + 12, width / 2 - 10, 26.0):
        for u in np.arange(-length / 2 + 10, length / 2 - 8, 4.4 / math.sin(turn)):
            if site.rng.random() < 0.6:
                draw = vehicles.truck if site.rng.random() < 0.9 else vehicles.bus
                at = pose.at(float(u), float(v), turn)
                if site.canvas.is_free(at.points(rectangle(16, 3))):
                    draw(site.canvas, site.look, at)


def parking(site: Site, block: Block) -> None:
    """A car park with green strips, and trees on what it leaves over."""
    site.cover(block.ring(), "grass", site.look.grass.jittered(site.rng))
    pose, length, width = block.long_pose()
    lot_m = float(site.rng.uniform(48, 90))
    num = max(1, int(length / (lot_m + 4)))
    for index in range(num if site.rng.random() < 0.4 else 1):
        at = pose.at(((index + 0.5) / num - 0.5) * length, 0.0)
        parking_rows(site, at, min(lot_m, length - 4), width - 6, has_trees=True)
    site.grove.scatter(block.ring(3.0), 14.0, clear=True)
    edge_trees(site, block)


def retail(site: Site, block: Block) -> None:
    """A flat store at one end and its car park."""
    site.pave(block.ring(1.0), site.look.asphalt.jittered(site.rng))
    pose, length, width = block.long_pose()
    deep = length * 0.38
    hall = pose.at(-length / 2 + deep / 2 + 3, 0.0, math.pi / 2)
    buildings.warehouse(site.canvas, site.look, hall, width * 0.8, deep * 0.9)
    parking_rows(site, pose.at(deep / 2 + 2, 0.0), length - deep - 10, width - 6, has_trees=True)
