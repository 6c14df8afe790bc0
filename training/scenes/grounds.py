"""Parks and sports grounds."""

from __future__ import annotations

import math

from geophrase.training.scenes import nature, sports
from geophrase.training.scenes.geometry import blob, curve, rectangle, ribbon
from geophrase.training.scenes.plan import Block
from geophrase.training.scenes.site import Site, edge_trees, parking_rows


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
            ribbon(curve(ends), 2.2), site.look.gravel, label=canvas.label("path"), spares_reserved=True
        )
    if rng.random() < 0.3 and min(block.size_m) > 60:
        centre = block.pose(*(float(share) for share in rng.uniform(0.35, 0.65, 2)))
        nature.paint_water(canvas, site.look, [centre.points(blob(rng, min(length, width) * 0.16))], "pond")
    if rng.random() < 0.3:
        sports.playground_pad(canvas, block.pose(0.25, 0.25), 14.0)
    site.grove.scatter(block.ring(4.0), float(rng.uniform(15, 110)), clear=True)


def courts(site: Site, block: Block) -> None:
    """Tennis and basketball courts in rows beside a car park."""
    rng = site.rng
    site.cover(block.ring(), "grass", site.look.grass.jittered(rng))
    length, width = block.size_m
    cells_u, cells_v = max(1, int(length / 46)), max(1, int(width / 42))
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
                parking_rows(site, at, 40, 34)
    site.grove.scatter(block.ring(2.0), 12.0, clear=True)
    edge_trees(site, block)


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
    edge_trees(site, block)


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
    edge_trees(site, block)


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
    site.grove.scatter(block.ring(0.0), 5.0, clear=True)
    edge_trees(site, block)
