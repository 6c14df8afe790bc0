"""What every use of a block builds with: the canvas, the look, the trees, and the pieces uses share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geophrase.training.scenes import vehicles
from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import PARKING_AISLE_M, PARKING_BAY_M
from geophrase.training.scenes.geometry import PointsN2, Pose, rectangle
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


def edge_trees(site: Site, block: Block, *, spacing_m: float = 9.0) -> None:
    """A row of trees with gaps around the block, more often than not."""
    ring = block.ring(3.0)
    if site.rng.random() < 0.6:
        site.grove.row(
            np.concatenate([ring, ring[:1]]), spacing_m * float(site.rng.uniform(0.8, 1.6)), gap_share=0.4
        )


def parking_rows(site: Site, pose: Pose, length: float, width: float, *, has_trees: bool = False) -> None:
    """Bays on both sides of aisles along u, filled to a drawn share; the label is the lot."""
    canvas, rng = site.canvas, site.rng
    length, width = min(length, 95.0), min(width, 62.0)
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
    canvas.lines(lines, 0.12, site.look.marking, opacity=float(rng.uniform(0.4, 0.9)), spares_reserved=True)


def _bay_rows(width: float) -> list[tuple[float, float]]:
    rows, v, bay_v = [], -width / 2 + 0.3, PARKING_BAY_M[1]
    while v + bay_v + PARKING_AISLE_M * 0.9 <= width / 2:
        rows.append((v + bay_v / 2, -math.pi / 2))
        v += bay_v + PARKING_AISLE_M
        if v + bay_v <= width / 2:
            rows.append((v + bay_v / 2, math.pi / 2))
        v += bay_v
    return rows
