"""What stands on a block, use by use: every function fills one block of the plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from geophrase.training.scenes import buildings, nature, sports, vehicles
from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import PARKING_AISLE_M, PARKING_BAY_M
from geophrase.training.scenes.geometry import PointsN2, Pose, blob, ellipse, rectangle, ribbon, rounded
from geophrase.training.scenes.look import Look
from geophrase.training.scenes.nature import Grove
from geophrase.training.scenes.plan import Block
from geophrase.training.scenes.texture import Material


@dataclass(frozen=True)
class Site:
    """What a use needs to build: where to draw, with which look and which trees."""

    canvas: Canvas
    look: Look
    grove: Grove

    @property
    def rng(self) -> np.random.Generator:
        """The scene's generator."""
        return self.canvas.rng

    def pave(self, ring: PointsN2, material: Material | None = None) -> None:
        """Cover ground with asphalt, concrete or another hard surface."""
        label = self.canvas.label("pavement")
        self.canvas.fill(ring, material or self.hard_surface(), label=label, spares_reserved=True)

    def hard_surface(self) -> Material:
        """Concrete, gravel or asphalt."""
        choice = [self.look.concrete, self.look.gravel, self.look.asphalt, self.look.street]
        return choice[int(self.rng.integers(4))].jittered(self.rng, 0.12)

    def cover(self, ring: PointsN2, kind: str, material: Material) -> None:
        """Cover ground with a named land cover."""
        self.canvas.fill(ring, material, label=self.canvas.label(kind), spares_reserved=True)


def residential(site: Site, block: Block) -> None:
    """Plots along both long sides, each with a house, a drive and a garden."""
    rng = site.rng
    pose, length, width = block.long_pose()
    plot_m = float(rng.uniform(15, 27))
    num = max(1, int(length / plot_m))
    rows = (-1, 1) if width > 34 else (1,)
    wealth = float(rng.uniform(0, 1))
    setback = float(rng.uniform(3.0, 9.0))
    aligned = rng.random() < 0.75
    lawn = site.look.grass.jittered(rng, 0.06)
    for side in rows:
        depth = width / len(rows)
        for index in range(num):
            u = (index + 0.5) * length / num - length / 2
            v = side * (width / 2 - depth / 2) if len(rows) == 2 else 0.0
            front = pose.at(u, v, 0.0 if side > 0 else math.pi)
            _plot(site, front, (length / num, depth), setback, wealth, lawn, turned=not aligned)


def _plot(
    site: Site,
    pose: Pose,
    size_m: tuple[float, float],
    setback: float,
    wealth: float,
    lawn: Material,
    *,
    turned: bool,
) -> None:
    """One plot whose street side is at +v."""
    canvas, rng, (wide, deep) = site.canvas, site.rng, size_m
    if not canvas.sees(pose, max(size_m)):
        return
    garden = lawn.jittered(rng, 0.10) if rng.random() < 0.85 else site.look.dry_grass.jittered(rng)
    site.cover(pose.points(rectangle(wide * 0.98, deep * 0.98)), "grass", garden)
    if rng.random() < 0.04:
        site.cover(pose.points(rectangle(wide * 0.9, deep * 0.8)), "bare_land", site.look.soil.jittered(rng))
        return
    house_v = deep / 2 - setback - 5.0
    drive_u = float(rng.choice([-0.36, 0.36])) * wide
    drive = rectangle(3.2, setback + 6.0, centre=(drive_u, deep / 2 - (setback + 6.0) / 2))
    site.pave(pose.points(drive), site.look.concrete.jittered(rng, 0.2))
    shift = -0.06 * wide * math.copysign(1, drive_u)
    turn = float(rng.normal(0, 0.03)) + (float(rng.uniform(-0.4, 0.4)) if turned else 0.0)
    turn += math.pi / 2 if rng.random() < 0.2 else 0.0
    buildings.house(canvas, site.look, pose.at(shift, house_v, turn))
    for spot in range(int(rng.choice([0, 1, 1, 2]))):
        at = pose.at(drive_u + float(rng.normal(0, 0.15)), deep / 2 - 3.0 - 5.4 * spot, math.pi / 2)
        if canvas.is_free(at.points(rectangle(4, 2)), share=0.3):
            vehicles.car(canvas, site.look, at)
    back_v = -deep * 0.28
    if rng.random() < 0.05 + 0.4 * wealth:
        buildings.swimming_pool(
            canvas,
            site.look,
            pose.at(float(rng.uniform(-0.2, 0.2)) * wide, back_v, float(rng.normal(0, 0.1))),
        )
    if rng.random() < 0.5:
        buildings.shed(canvas, site.look, pose.at(float(rng.choice([-0.36, 0.36])) * wide, -deep * 0.42))
    _garden_trees(site, pose, size_m, house_v)


def _garden_trees(site: Site, pose: Pose, size_m: tuple[float, float], house_v: float) -> None:
    rng, (wide, deep) = site.rng, size_m
    for _ in range(int(rng.poisson(3.2))):
        u, v = float(rng.uniform(-0.48, 0.48)) * wide, float(rng.uniform(-0.5, 0.5)) * deep
        if abs(v - house_v) < 7.5 and abs(u) < wide * 0.36:
            continue
        x, y = pose.points((u, v))
        site.grove.plant(float(x), float(y), float(rng.uniform(1.5, 4.6)))
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
    _edge_trees(site, block)


def _edge_trees(site: Site, block: Block, *, spacing_m: float = 9.0) -> None:
    ring = block.ring(3.0)
    if site.rng.random() < 0.6:
        site.grove.row(
            np.concatenate([ring, ring[:1]]), spacing_m * float(site.rng.uniform(0.8, 1.6)), gap_share=0.4
        )


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
    use = str(rng.choice(["docks", "parking", "store", "empty"], p=[0.35, 0.3, 0.2, 0.15]))
    if use == "docks":
        for u in np.arange(-length / 2 + 3, length / 2 - 2, 4.2):
            if rng.random() < 0.5:
                at = pose.at(float(u), 0.0, math.pi / 2 * float(rng.choice([-1, 1])))
                if site.canvas.is_free(at.points(rectangle(16, 3))):
                    vehicles.truck(site.canvas, site.look, at)
    elif use == "parking":
        parking_rows(site, pose, length, min(depth, 18.0))
    elif use == "store":
        for _ in range(int(rng.poisson(length / 9))):
            at = pose.at(float(rng.uniform(-0.5, 0.5)) * length, float(rng.uniform(-0.35, 0.35)) * depth)
            buildings.shed(site.canvas, site.look, at)
        buildings.container_stack(site.canvas, site.look, pose, 1, max(1, int(length / 40)))


def tanks(site: Site, block: Block) -> None:
    """A tank farm in bunds on gravel, grass or soil."""
    rng = site.rng
    ground = [site.look.gravel, site.look.soil, site.look.dry_grass, site.look.concrete][
        int(rng.integers(4))
    ].jittered(rng)
    site.cover(block.ring(2.0), {site.look.soil.rgb: "bare_land"}.get(ground.rgb, "bare_land"), ground)
    pose, length, width = block.long_pose()
    radius = min(buildings.draw_tank_radius(rng), width * 0.4)
    step = radius * float(rng.uniform(2.5, 3.4)) + 2
    bund = site.look.concrete.jittered(rng, 0.2)
    for u in np.arange(-length / 2 + step / 2, length / 2 - step / 2 + 0.1, step):
        for v in np.arange(-width / 2 + step / 2, width / 2 - step / 2 + 0.1, step):
            at = pose.at(float(u), float(v))
            if not site.canvas.sees(at, step):
                continue
            ring = at.points(rectangle(step * 0.96, step * 0.96))
            site.canvas.lines([np.concatenate([ring, ring[:1]])], 0.8, bund)
            if rng.random() < 0.9:
                buildings.storage_tank(
                    site.canvas, site.look, at, radius * float(rng.choice([1.0, 1.0, 1.0, 0.75]))
                )
    pipes = [pose.points([(-length / 2, v), (length / 2, v)]) for v in np.arange(-1.5, 1.6, 0.8)]
    site.canvas.lines(pipes, 0.4, Material((0.45, 0.44, 0.40)), opacity=0.7)


def containers(site: Site, block: Block) -> None:
    """A container yard in lanes."""
    site.pave(block.ring(1.0))
    pose, length, width = block.long_pose()
    for v in np.arange(-width / 2 + 14, width / 2 - 8, 26.0):
        for u in np.arange(-length / 2 + 32, length / 2 - 25, 64.0):
            if site.rng.random() < 0.85:
                at = pose.at(float(u), float(v))
                if site.canvas.sees(at, 40):
                    buildings.container_stack(site.canvas, site.look, at, int(site.rng.integers(2, 7)), 4)
    for _ in range(int(site.rng.poisson(length * width / 2500))):
        at = pose.at(float(site.rng.uniform(-0.45, 0.45)) * length, -width / 2 + 4.0)
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
    """A car park that fills the block."""
    site.cover(block.ring(), "grass", site.look.grass.jittered(site.rng))
    pose, length, width = block.long_pose()
    parking_rows(site, pose, length - 4, width - 4, has_trees=True)


def retail(site: Site, block: Block) -> None:
    """A flat store at one end and its car park."""
    site.pave(block.ring(1.0), site.look.asphalt.jittered(site.rng))
    pose, length, width = block.long_pose()
    deep = length * 0.38
    hall = pose.at(-length / 2 + deep / 2 + 3, 0.0, math.pi / 2)
    buildings.warehouse(site.canvas, site.look, hall, width * 0.8, deep * 0.9)
    parking_rows(site, pose.at(deep / 2 + 2, 0.0), length - deep - 10, width - 6, has_trees=True)


def parking_rows(site: Site, pose: Pose, length: float, width: float, *, has_trees: bool = False) -> None:
    """Bays on both sides of aisles along u, filled to a drawn share; the label is the whole lot."""
    canvas, rng = site.canvas, site.rng
    ring = pose.points(rectangle(length, width))
    if length < 10 or width < 10 or not canvas.sees(pose, math.hypot(length, width) / 2):
        return
    surface = (site.look.asphalt if rng.random() < 0.7 else site.look.street).jittered(rng, 0.18)
    canvas.fill(ring, surface, label=canvas.label("parking_lot", pose=pose), spares_reserved=True)
    bay_u, bay_v = PARKING_BAY_M
    share, lines = float(rng.beta(1.6, 1.3)), []
    for row_v, facing in _bay_rows(width):
        for u in np.arange(-length / 2 + 2 + bay_u / 2, length / 2 - 2, bay_u):
            edge = u - bay_u / 2
            lines.append(pose.points([(edge, row_v - bay_v / 2), (edge, row_v + bay_v / 2)]))
            at = pose.at(float(u) + float(rng.normal(0, 0.1)), row_v + float(rng.normal(0, 0.2)), facing)
            if rng.random() < share and canvas.sees(at, 3) and not canvas.is_reserved_at(at.x_m, at.y_m):
                vehicles.car(canvas, site.look, at if rng.random() < 0.75 else at.at(0, 0, math.pi))
            elif has_trees and rng.random() < 0.03:
                site.grove.plant(at.x_m, at.y_m, float(rng.uniform(1.5, 2.8)))
    canvas.lines(lines, 0.12, site.look.marking, opacity=float(rng.uniform(0.4, 0.9)))


def _bay_rows(width: float) -> list[tuple[float, float]]:
    rows, v, bay_v = [], -width / 2 + 0.3, PARKING_BAY_M[1]
    while v + bay_v + PARKING_AISLE_M * 0.9 <= width / 2:
        rows.append((v + bay_v / 2, -math.pi / 2))
        v += bay_v + PARKING_AISLE_M
        if v + bay_v <= width / 2:
            rows.append((v + bay_v / 2, math.pi / 2))
        v += bay_v
    return rows


def park(site: Site, block: Block) -> None:
    """Lawns, winding paths, a pond perhaps, and trees."""
    rng, canvas = site.rng, site.canvas
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng))
    length, width = block.size_m
    for _ in range(int(rng.integers(1, 4))):
        ends = [
            block.frame.points((block.u0_m + s * length, block.v0_m + t * width))
            for s, t in rng.uniform(0, 1, (3, 2))
        ]
        canvas.fill(
            ribbon(_bezier(ends), 2.2), site.look.gravel, label=canvas.label("path"), spares_reserved=True
        )
    if rng.random() < 0.3 and min(block.size_m) > 60:
        centre = block.pose(*(float(share) for share in rng.uniform(0.35, 0.65, 2)))
        nature.paint_water(canvas, site.look, [centre.points(blob(rng, min(length, width) * 0.16))], "pond")
    if rng.random() < 0.3:
        sports.playground_pad(canvas, block.pose(0.25, 0.25), 14.0)
    site.grove.scatter(block.ring(4.0), float(rng.uniform(12, 60)))


def _bezier(ends: list[PointsN2]) -> PointsN2:
    t = np.linspace(0, 1, 24)[:, None]
    return np.asarray((1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2], np.float64)


def courts(site: Site, block: Block) -> None:
    """Tennis and basketball courts in rows beside a car park."""
    rng = site.rng
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng))
    length, width = block.size_m
    cells_u, cells_v = max(1, int(length / 62)), max(1, int(width / 46))
    for u in range(cells_u):
        for v in range(cells_v):
            at = block.pose((u + 0.5) / cells_u, (v + 0.5) / cells_v)
            draw = rng.random()
            num = max(1, min(int(width / cells_v / 19), int(rng.integers(1, 4))))
            if draw < 0.5:
                sports.tennis_courts(site.canvas, site.look, at, num)
            elif draw < 0.85:
                sports.basketball_courts(site.canvas, site.look, at, min(num, 2))
            else:
                parking_rows(site, at, 46, 34)
    site.grove.scatter(block.ring(2.0), 5.0)
    _edge_trees(site, block)


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
    _edge_trees(site, block)


def stadium(site: Site, block: Block) -> None:
    """A running track around a pitch, with a stand; football where the block is too small."""
    rng = site.rng
    pose, length, width = block.long_pose()
    if length < 184 or width < 98:
        football(site, block)
        return
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng))
    sports.track_field(site.canvas, site.look, pose)
    if width > 124:
        site.pave(pose.at(0, 53).points(rectangle(80, 10)), site.look.concrete.scaled(1.1))
        for v in (-3.0, -1.0, 1.0, 3.0):
            ring = pose.at(0, 53 + v).points(rectangle(78, 1.4))
            site.canvas.fill(ring, site.look.concrete.jittered(rng), height_m=3 + v)
    if length > 230:
        parking_rows(site, pose.at(length / 2 - 18, 0.0, math.pi / 2), width * 0.8, 26, has_trees=True)
    _edge_trees(site, block)


def football(site: Site, block: Block) -> None:
    """As many pitches as fit, else courts."""
    pose, length, width = block.long_pose()
    if length < 106 or width < 68:
        courts(site, block)
        return
    site.cover(block.ring(), "grass", site.look.grass.jittered(site.rng))
    num = int(width / 80) or 1
    for index in range(num):
        at = pose.at(0.0, ((index + 0.5) / num - 0.5) * width)
        size = (min(105.0, length - 4), min(68.0, width / num - 3))
        sports.football_pitch(site.canvas, site.look, at, size_m=size)
    _edge_trees(site, block)


def baseball(site: Site, block: Block) -> None:
    """One to four diamonds, headed to the middle of the block."""
    rng = site.rng
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng))
    length, width = block.size_m
    corners = [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]
    num = 1 if min(length, width) < 120 else int(rng.integers(1, 5 if min(length, width) > 190 else 3))
    for share_u, share_v in corners[:num]:
        inset = 16.0
        u, v = abs(share_u - inset / length), abs(share_v - inset / width)
        turn = math.atan2((0.5 - v) * width, (0.5 - u) * length)
        sports.baseball_diamond(site.canvas, site.look, block.pose(u, v, turn))
    site.grove.scatter(block.ring(0.0), 3.0)
    _edge_trees(site, block)


def fields(site: Site, block: Block) -> None:
    """One to four fields with rows along or across the block."""
    rng = site.rng
    pose, length, width = block.long_pose()
    num = int(rng.integers(1, 5))
    cuts = np.concatenate([[0.0], np.sort(rng.uniform(0.15, 0.85, num - 1)), [1.0]])
    for low, high in pairwise(cuts.tolist()):
        at = pose.at(((low + high) / 2 - 0.5) * length, 0.0)
        ring = at.points(rectangle((high - low) * length - 1.5, width - 1.5))
        turn = 0.0 if rng.random() < 0.5 else math.pi / 2
        if site.canvas.sees(at, max(length, width)):
            nature.paint_field(site.canvas, site.look, ring, at.heading_rad + turn)
    if rng.random() < 0.35:
        _edge_trees(site, block, spacing_m=7.0)


def woods(site: Site, block: Block) -> None:
    """Closed forest, sometimes with a clearing."""
    site.grove.forest(block.ring(float(site.rng.uniform(0, 6))))


def meadow(site: Site, block: Block) -> None:
    """Open grass with a few trees."""
    choice = site.look.grass if site.rng.random() < 0.6 else site.look.dry_grass
    site.cover(block.ring(), "grass", choice.jittered(site.rng, 0.12))
    site.grove.scatter(block.ring(2.0), float(site.rng.uniform(0.5, 9)))


def scrub(site: Site, block: Block) -> None:
    """Bare ground that shrubs return to."""
    site.cover(block.ring(1.0), "bare_land", site.look.soil.jittered(site.rng, 0.15))
    for _ in range(int(site.rng.integers(1, 5))):
        at = block.pose(*(float(share) for share in site.rng.uniform(0.2, 0.8, 2)))
        patch = blob(site.rng, min(block.size_m) * float(site.rng.uniform(0.05, 0.2)))
        site.cover(at.points(patch), "grass", site.look.dry_grass.jittered(site.rng))
    site.grove.scatter(block.ring(3.0), 10.0, radius_m=(0.8, 2.2))


def construction(site: Site, block: Block) -> None:
    """A building site: raw soil, ruts, a shell, containers and machines."""
    rng = site.rng
    site.cover(block.ring(2.0), "bare_land", site.look.soil.jittered(rng))
    pose, length, width = block.long_pose()
    for _ in range(3):
        ends = [pose.points((s * length, t * width)) for s, t in rng.uniform(-0.5, 0.5, (3, 2))]
        site.canvas.fill(
            ribbon(_bezier(ends), 3.5), site.look.soil.jittered(rng, 0.3), opacity=0.7, spares_reserved=True
        )
    buildings.container_stack(site.canvas, site.look, pose.at(-length * 0.3, width * 0.3), 2, 2)
    for _ in range(4):
        x, y = rng.uniform(-0.4, 0.4, 2)
        vehicles.truck(
            site.canvas, site.look, pose.at(float(x) * length, float(y) * width, float(rng.uniform(0, 6.28)))
        )


def farm(site: Site, block: Block) -> None:
    """A farmstead: barns, a house, silos, trees, and a field behind."""
    rng = site.rng
    fields(site, block)
    centre = block.pose(*(float(share) for share in rng.uniform(0.3, 0.7, 2)), float(rng.uniform(0, 6.28)))
    site.cover(centre.points(rounded(75, 60, 15)), "bare_land", site.look.gravel.jittered(rng))
    for u, v, turn in ((-18, -12, 0.0), (14, -14, math.pi / 2), (-12, 14, 0.0)):
        if rng.random() < 0.8:
            size = (float(rng.uniform(18, 36)), float(rng.uniform(10, 16)))
            buildings.warehouse(site.canvas, site.look, centre.at(u, v, turn), *size)
    buildings.house(site.canvas, site.look, centre.at(22, 16))
    for index in range(int(rng.integers(0, 5))):
        buildings.silo(site.canvas, site.look, centre.at(30 + 8.5 * (index % 2), -6 + 9 * (index // 2)))
    ring = centre.points(ellipse(44, 36))
    site.grove.row(np.concatenate([ring, ring[:1]]), 8.0, gap_share=0.5)


def greenhouses(site: Site, block: Block) -> None:
    """Rows of greenhouses."""
    rng = site.rng
    site.cover(block.ring(), "bare_land", site.look.soil.jittered(rng))
    pose, length, width = block.long_pose()
    step_v, step_u = float(rng.uniform(22, 46)), float(rng.uniform(50, 110))
    for u in np.arange(-length / 2 + step_u / 2, length / 2 - step_u / 2 + 1, step_u):
        for v in np.arange(-width / 2 + step_v / 2, width / 2 - step_v / 2 + 1, step_v):
            if rng.random() < 0.85:
                buildings.greenhouse(
                    site.canvas, site.look, pose.at(float(u), float(v)), step_u - 6, step_v - 5
                )


def solar(site: Site, block: Block) -> None:
    """A ground-mounted solar park."""
    rng = site.rng
    site.cover(block.ring(), "grass", site.look.dry_grass.jittered(rng))
    pose, length, width = block.long_pose()
    table_m, pitch_m = float(rng.uniform(3.2, 6.6)), float(rng.uniform(6.5, 11.0))
    run = float(rng.uniform(24, 60))
    for v in np.arange(-width / 2 + 6, width / 2 - 5, max(pitch_m, table_m + 2.0)):
        for u in np.arange(-length / 2 + run / 2 + 5, length / 2 - run / 2 - 3, run + 5):
            at = pose.at(float(u), float(v))
            if site.canvas.is_free(at.points(rectangle(run, table_m))):
                buildings.solar_table(site.canvas, at, run, table_m, height_m=2.2)


USES: dict[str, Callable[[Site, Block], None]] = {
    use.__name__: use
    for use in (
        *(
            residential,
            apartments,
            halls,
            tanks,
            containers,
            lorries,
            parking,
            retail,
            park,
            courts,
            school,
            stadium,
        ),
        *(football, baseball, fields, woods, meadow, scrub, construction, farm, greenhouses, solar),
    )
}
"""Every use a block can have, by the name that `plan.THEMES` calls it."""
