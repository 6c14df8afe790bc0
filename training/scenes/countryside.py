"""Fields, woods, farms and what stands between them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from geophrase.training.scenes import buildings, installations, nature
from geophrase.training.scenes.geometry import blob, ellipse, rectangle, rounded
from geophrase.training.scenes.plan import Block
from geophrase.training.scenes.site import Site, edge_trees


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
        edge_trees(site, block, spacing_m=7.0)


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


def farm(site: Site, block: Block) -> None:
    """A farmstead: barns, a house, silos, trees, and a field behind."""
    rng = site.rng
    fields(site, block)
    u_share, v_share = (float(share) for share in rng.uniform(0.3, 0.7, 2))
    centre = block.pose(u_share, v_share, float(rng.uniform(0, 6.28)))
    site.cover(centre.points(rounded(75, 60, 15)), "bare_land", site.look.gravel.jittered(rng))
    for u, v, turn in ((-18, -12, 0.0), (14, -14, math.pi / 2), (-12, 14, 0.0)):
        if rng.random() < 0.8:
            size = (float(rng.uniform(18, 36)), float(rng.uniform(10, 16)))
            buildings.warehouse(site.canvas, site.look, centre.at(u, v, turn), *size)
    buildings.house(site.canvas, site.look, centre.at(22, 16))
    for index in range(int(rng.integers(1, 7))):
        installations.silo(site.canvas, site.look, centre.at(30 + 8.5 * (index % 2), -6 + 9 * (index // 2)))
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
                installations.greenhouse(
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
                installations.solar_table(site.canvas, at, run, table_m, height_m=2.2)
