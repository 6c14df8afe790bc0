"""The look of one scene: its sun, its season and the materials that its makers had at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from geophrase.training.scenes.geometry import Pose
from geophrase.training.scenes.texture import Hsv, Material, Stripes, across

_LUSH = Hsv((62, 112), (0.16, 0.44), (0.25, 0.45))
_DRY = Hsv((36, 66), (0.14, 0.36), (0.40, 0.64))
_CROWN = Hsv((68, 125), (0.18, 0.46), (0.20, 0.38))
_AUTUMN = Hsv((18, 62), (0.35, 0.70), (0.32, 0.58))
_BARE_CROWN = Hsv((20, 45), (0.10, 0.28), (0.30, 0.46))
_SOIL = Hsv((14, 42), (0.15, 0.45), (0.38, 0.72))
_SAND = Hsv((30, 48), (0.12, 0.32), (0.66, 0.90))
_ASPHALT = Hsv((180, 300), (0.0, 0.07), (0.22, 0.58))
_CONCRETE = Hsv((25, 60), (0.01, 0.12), (0.55, 0.82))
_WATER = (
    Hsv((190, 215), (0.35, 0.75), (0.18, 0.42)),
    Hsv((150, 190), (0.25, 0.65), (0.20, 0.45)),
    Hsv((60, 120), (0.20, 0.45), (0.16, 0.34)),
    Hsv((25, 48), (0.30, 0.60), (0.26, 0.48)),
    Hsv((170, 260), (0.05, 0.25), (0.10, 0.24)),
)
_ROOF_TILES: tuple[tuple[str, Hsv], ...] = (
    ("red", Hsv((4, 15), (0.50, 0.74), (0.48, 0.70))),
    ("orange", Hsv((18, 27), (0.45, 0.68), (0.62, 0.82))),
    ("brown", Hsv((14, 30), (0.25, 0.48), (0.28, 0.48))),
    ("gray", Hsv((190, 280), (0.0, 0.08), (0.28, 0.52))),
    ("black", Hsv((200, 280), (0.0, 0.10), (0.12, 0.22))),
    ("blue", Hsv((205, 225), (0.30, 0.62), (0.38, 0.62))),
    ("green", Hsv((120, 165), (0.20, 0.45), (0.34, 0.52))),
    ("", Hsv((25, 45), (0.12, 0.32), (0.45, 0.72))),
)
_FLAT_ROOFS: tuple[tuple[str, Hsv], ...] = (
    ("white", Hsv((0, 360), (0.0, 0.05), (0.84, 0.97))),
    ("gray", Hsv((0, 360), (0.0, 0.06), (0.36, 0.66))),
    ("", Hsv((25, 50), (0.06, 0.22), (0.50, 0.78))),
    ("blue", Hsv((200, 225), (0.35, 0.70), (0.45, 0.75))),
    ("green", Hsv((130, 175), (0.22, 0.45), (0.40, 0.60))),
    ("red", Hsv((0, 14), (0.50, 0.72), (0.45, 0.68))),
    ("black", Hsv((0, 360), (0.0, 0.08), (0.12, 0.22))),
)
_PAINTS: tuple[tuple[str, Hsv, float], ...] = (
    ("white", Hsv((0, 360), (0.0, 0.03), (0.86, 0.97)), 0.28),
    ("black", Hsv((0, 360), (0.0, 0.10), (0.06, 0.17)), 0.20),
    ("gray", Hsv((190, 250), (0.0, 0.07), (0.40, 0.68)), 0.28),
    ("blue", Hsv((212, 228), (0.55, 0.85), (0.30, 0.62)), 0.09),
    ("red", Hsv((352, 366), (0.68, 0.88), (0.42, 0.72)), 0.09),
    ("green", Hsv((130, 160), (0.40, 0.70), (0.25, 0.45)), 0.02),
    ("yellow", Hsv((46, 54), (0.70, 0.90), (0.75, 0.92)), 0.02),
    ("", Hsv((28, 42), (0.12, 0.30), (0.55, 0.75)), 0.02),
)
_BOX_PAINTS: tuple[tuple[str, Hsv], ...] = (
    ("red", Hsv((2, 12), (0.60, 0.85), (0.45, 0.68))),
    ("blue", Hsv((208, 225), (0.50, 0.85), (0.35, 0.65))),
    ("green", Hsv((125, 165), (0.40, 0.70), (0.28, 0.50))),
    ("orange", Hsv((18, 27), (0.65, 0.85), (0.65, 0.85))),
    ("white", Hsv((0, 360), (0.0, 0.04), (0.78, 0.93))),
    ("gray", Hsv((0, 360), (0.0, 0.06), (0.40, 0.62))),
    ("brown", Hsv((12, 24), (0.40, 0.62), (0.30, 0.44))),
    ("yellow", Hsv((46, 53), (0.65, 0.85), (0.72, 0.90))),
)
SEASONS = ("summer", "dry", "autumn", "winter")


@dataclass(frozen=True)
class Painted:
    """A surface with a colour word that is true of it; "" where people would disagree."""

    colour: str
    material: Material


@dataclass(frozen=True)
class Sun:
    """Where the light comes from.

    Attributes:
        azimuth_rad: Direction towards the sun in the image plane, from x towards y.
        elevation_rad: Above the horizon.
    """

    azimuth_rad: float
    elevation_rad: float

    def facet(self, downhill_rad: float, slope_rad: float) -> float:
        """Light on a facet relative to flat ground: Lambert's cosine with a floor for light from the sky.

        Args:
            downhill_rad: Direction in which the facet falls, in the image plane.
            slope_rad: Its slope.
        """
        level = math.cos(slope_rad)
        lean = math.sin(slope_rad) * math.cos(downhill_rad - self.azimuth_rad) / math.tan(self.elevation_rad)
        return float(np.clip(level + lean, 0.12, 1.75))


@dataclass(frozen=True)
class Look:
    """A scene's sun, season and base materials."""

    sun: Sun
    season: str
    grass: Material
    dry_grass: Material
    soil: Material
    sand: Material
    asphalt: Material
    street: Material
    concrete: Material
    water: Material
    gravel: Material
    marking: Material
    roof_shares: tuple[float, ...]
    crowns: tuple[Material, ...]

    def roof(self, rng: np.random.Generator) -> Painted:
        """A pitched roof's tiles; a neighbourhood favours a few colours."""
        return _painted(rng, _ROOF_TILES, self.roof_shares, Material((0, 0, 0), 0.07, 0.05, 0.04))

    def flat_roof(self, rng: np.random.Generator) -> Painted:
        """A flat or metal roof."""
        shares = (0.30, 0.26, 0.16, 0.10, 0.05, 0.06, 0.07)
        return _painted(rng, _FLAT_ROOFS, shares, Material((0, 0, 0), 0.03, 0.03, 0.06))

    def car_paint(self, rng: np.random.Generator) -> Painted:
        """A car's paint at the shares seen on roads."""
        table = tuple((colour, hsv) for colour, hsv, _ in _PAINTS)
        return _painted(
            rng, table, tuple(share for _, _, share in _PAINTS), Material((0, 0, 0), 0.02, 0.0, 0.0)
        )

    def box_paint(self, rng: np.random.Generator) -> Painted:
        """The paint of containers, trailers and sheds."""
        shares = (1 / len(_BOX_PAINTS),) * len(_BOX_PAINTS)
        return _painted(rng, _BOX_PAINTS, shares, Material((0, 0, 0), 0.03, 0.03, 0.0))

    def crop(self, rng: np.random.Generator, heading_rad: float) -> tuple[str, Material]:
        """A field's surface and what it also counts as: "vegetation", "bare_land" or ""."""
        kind = str(rng.choice(["green", "ripe", "ploughed", "stubble"], p=_crop_shares(self.season)))
        box = {
            "green": Hsv((70, 128), (0.28, 0.60), (0.30, 0.55)),
            "ripe": Hsv((38, 56), (0.28, 0.52), (0.58, 0.80)),
            "ploughed": _SOIL,
            "stubble": Hsv((34, 52), (0.14, 0.34), (0.52, 0.76)),
        }[kind]
        period_m = float(rng.choice([0.75, 1.5, 2.5, 4.0, 9.0, 18.0]))
        stripes = Stripes(period_m, heading_rad, float(rng.uniform(0.04, 0.28)))
        material = Material(box.draw(rng), 0.05, 0.06, 0.06, float(rng.uniform(0.03, 0.10)), stripes)
        return {"green": "vegetation", "ploughed": "bare_land"}.get(kind, ""), material


def draw_look(rng: np.random.Generator) -> Look:
    """A scene's look, drawn from the whole of what aerial pictures show."""
    season = str(rng.choice(SEASONS, p=[0.52, 0.20, 0.16, 0.12]))
    sun = Sun(float(rng.uniform(0, 2 * math.pi)), math.radians(float(rng.uniform(27, 68))))
    lush = Material(_LUSH.draw(rng), 0.10, 0.08, 0.08, 0.06)
    dry = Material(_DRY.draw(rng), 0.09, 0.08, 0.08, 0.06)
    between = tuple(0.55 * green + 0.45 * pale for green, pale in zip(lush.rgb, dry.rgb, strict=True))
    grass = (
        lush
        if season in ("summer", "autumn")
        else replace(lush, second_rgb=(between[0], between[1], between[2]))
    )
    if season == "dry":
        grass = replace(dry, second_rgb=(between[0], between[1], between[2]) if rng.random() < 0.4 else None)
    asphalt = Material(_ASPHALT.draw(rng), 0.05, 0.04, 0.07, 0.05)
    return Look(
        sun=sun,
        season=season,
        grass=grass,
        dry_grass=dry,
        soil=Material(_SOIL.draw(rng), 0.07, 0.08, 0.10, 0.05),
        sand=Material(_SAND.draw(rng), 0.04, 0.04, 0.06),
        asphalt=asphalt,
        street=asphalt.jittered(rng, 0.25),
        concrete=Material(_CONCRETE.draw(rng), 0.04, 0.04, 0.06, 0.04),
        water=Material(_WATER[int(rng.integers(len(_WATER)))].draw(rng), 0.05, 0.03, 0.04, 0.10),
        gravel=Material(Hsv((20, 50), (0.04, 0.20), (0.48, 0.72)).draw(rng), 0.10, 0.06, 0.05),
        marking=Material((0.72, 0.72, 0.70), 0.06, 0.0, 0.0),
        roof_shares=tuple(float(share) for share in rng.dirichlet([1.2, 1.1, 1.6, 1.6, 0.5, 0.3, 0.2, 1.4])),
        crowns=_crowns(rng, season),
    )


def tiled(material: Material, pose: Pose, period_m: float, depth: float, duty: float = 0.5) -> Material:
    """The material with bands that run along a pose's heading."""
    return replace(material, stripes=Stripes(period_m, across(pose), depth, duty))


def _crowns(rng: np.random.Generator, season: str) -> tuple[Material, ...]:
    boxes = {
        "summer": [_CROWN],
        "dry": [_CROWN],
        "autumn": [_CROWN, _AUTUMN],
        "winter": [_CROWN, _BARE_CROWN],
    }[season]
    drawn = [boxes[int(rng.integers(len(boxes)))].draw(rng) for _ in range(5)]
    return tuple(Material(rgb, 0.10, 0.05, 0.0) for rgb in drawn)


def _crop_shares(season: str) -> list[float]:
    return {
        "summer": [0.5, 0.25, 0.15, 0.10],
        "dry": [0.2, 0.25, 0.35, 0.20],
        "autumn": [0.25, 0.10, 0.40, 0.25],
        "winter": [0.25, 0.0, 0.50, 0.25],
    }[season]


def _painted(
    rng: np.random.Generator, table: tuple[tuple[str, Hsv], ...], shares: tuple[float, ...], base: Material
) -> Painted:
    total = sum(shares)
    colour, box = table[int(rng.choice(len(table), p=[share / total for share in shares]))]
    return Painted(colour, replace(base, rgb=box.draw(rng)))
