"""A whole scene from a seed: laid out, painted, exposed and labelled.

Letters of the shapes: H, W rows and columns; h, w of an instance's bounding box; C = 3 RGB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pyproj import CRS
from scipy import ndimage

from geophrase.protocol.grid import RasterGrid
from geophrase.training.data.instances import Instance
from geophrase.training.scenes import nature, places
from geophrase.training.scenes.canvas import Canvas, LabelRecord
from geophrase.training.scenes.geometry import Pose
from geophrase.training.scenes.kinds import EXPORTED, KINDS, PAVEMENT, Layer, lineage
from geophrase.training.scenes.look import draw_look
from geophrase.training.scenes.nature import Grove
from geophrase.training.scenes.plan import TownPlan, draw_plan
from geophrase.training.scenes.roads import paint_roads
from geophrase.training.scenes.sensor import draw_sensor, expose
from geophrase.training.scenes.site import Site
from geophrase.training.scenes.themes import THEME_SHARES, THEMES, Theme
from geophrase.training.scenes.uses import USES

MIN_GSD_M, MAX_GSD_M = 0.05, 2.0
_MIN_VISIBLE_PX = 6


@dataclass(frozen=True)
class SceneConfig:
    """What a scene is made from; the same configuration gives the same pixels.

    Attributes:
        size_px: Side of the square picture.
        gsd_m: Ground sampling distance, metres per pixel.
        seed: Of everything that is drawn by chance.
        theme: Key of `themes.THEMES`, or "" for one drawn by the seed.
    """

    size_px: int = 800
    gsd_m: float = 0.3
    seed: int = 0
    theme: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            ValueError: Size, sampling distance, seed or theme out of range.
        """
        if not 64 <= self.size_px <= 8192:
            raise ValueError(f"size_px must lie between 64 and 8192, got {self.size_px}")
        if not MIN_GSD_M <= self.gsd_m <= MAX_GSD_M:
            raise ValueError(f"gsd_m must lie between {MIN_GSD_M} and {MAX_GSD_M} m, got {self.gsd_m}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if self.theme and self.theme not in THEMES:
            raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {self.theme!r}")


@dataclass(frozen=True, eq=False)
class SceneInstance:
    """A labelled thing of a scene.

    Attributes:
        instance: Its kind and its visible pixels, with the mean colour in the picture.
        colour: A colour word that the painter vouches for, or "".
        heading_deg: Clockwise from image-right, for what has a heading; None otherwise.
        also: A kind that it counts as beside its lineage, or "".
    """

    instance: Instance
    colour: str = ""
    heading_deg: float | None = None
    also: str = ""

    @property
    def name(self) -> str:
        """Its kind, the most special one."""
        return self.instance.name

    def names(self) -> tuple[str, ...]:
        """Every kind that it is one of."""
        return (*lineage(self.name), *((self.also,) if self.also else ()))


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, where it lies and everything in it.

    Attributes:
        image_HWC: RGB uint8.
        grid: Its place in a UTM zone.
        instances: Everything labelled, of every layer.
        config: What it was made from, with the theme that was drawn.
    """

    image_HWC: npt.NDArray[np.uint8]
    grid: RasterGrid
    instances: tuple[SceneInstance, ...]
    config: SceneConfig

    def of_kind(self, name: str) -> list[SceneInstance]:
        """The instances that are of a kind, or of one that it covers.

        Raises:
            ValueError: Scenes know no such kind.
        """
        if name not in EXPORTED:
            raise ValueError(f"scenes know no kind {name!r}; they know {', '.join(sorted(EXPORTED))}")
        return [each for each in self.instances if name in each.names()]


def generate_scene(config: SceneConfig) -> Scene:
    """The scene of a configuration."""
    rng = np.random.default_rng([config.seed, config.size_px, round(config.gsd_m * 1e4)])
    name = config.theme or _draw_theme(rng)
    canvas = Canvas(config.size_px, config.gsd_m, rng)
    look = draw_look(rng)
    site = Site(canvas, look, Grove(canvas, look))
    plan = draw_plan(canvas, THEMES[name])
    nature.paint_ground(canvas, look)
    _paint_water(site, plan, name)
    paint_roads(canvas, look, list(plan.roads), list(plan.roundabouts))
    if name == "airfield":
        places.airfield(site)
    _build_blocks(site, plan, THEMES[name])
    image_HWC = expose(canvas, look.sun, draw_sensor(rng))
    grid = _draw_grid(rng, config)
    return Scene(image_HWC, grid, tuple(_instances(canvas, image_HWC)), replace(config, theme=name))


def _draw_theme(rng: np.random.Generator) -> str:
    shares = np.asarray(list(THEME_SHARES.values()))
    return str(rng.choice(list(THEME_SHARES), p=shares / shares.sum()))


def _paint_water(site: Site, plan: TownPlan, theme_name: str) -> None:
    rng, theme = site.rng, THEMES[theme_name]
    is_there = rng.random(3) < theme.water
    if is_there[2]:
        side_m = float(rng.uniform(-0.05, 0.3)) * site.canvas.extent_m
        middle = site.canvas.extent_m / 2
        turn = plan.frame.origin.heading_rad + float(rng.choice([0.0, 0.5, 1.0, 1.5])) * math.pi
        shore = Pose(middle, middle, turn).at(0.0, side_m)
        places.sea(site, shore, is_built=theme_name in ("harbour", "refinery"))
        if theme_name == "harbour" or rng.random() < 0.25:
            places.harbour(site, shore)
    if is_there[0]:
        places.river(site)
    if is_there[1]:
        places.lake(site)


def _build_blocks(site: Site, plan: TownPlan, theme: Theme) -> None:
    names = list(theme.uses)
    shares = np.asarray([theme.uses[name] for name in names], np.float64)
    for block in plan.blocks:
        use = str(site.rng.choice(names, p=shares / shares.sum()))
        if plan.focus is not None and block is plan.focus[0]:
            use = plan.focus[1]
        if block.touches(site.canvas):
            USES[use](site, block)


def _draw_grid(rng: np.random.Generator, config: SceneConfig) -> RasterGrid:
    """A place on land latitudes in a UTM zone, on whole metres."""
    zone, is_north = int(rng.integers(1, 61)), bool(rng.random() < 0.7)
    easting, northing = float(rng.integers(300_000, 700_000)), float(rng.integers(1_000_000, 6_500_000))
    crs = CRS.from_epsg((32600 if is_north else 32700) + zone)
    affine = (config.gsd_m, 0.0, easting, 0.0, -config.gsd_m, northing if is_north else northing + 2_500_000)
    return RasterGrid(config.size_px, config.size_px, affine, crs.to_wkt())


def _instances(canvas: Canvas, image_HWC: npt.NDArray[np.uint8]) -> list[SceneInstance]:
    """Every label with enough visible pixels, the upper layers cut out of the lower ones."""
    hides = np.asarray([KINDS[each.kind].hides_below if each.kind else False for each in canvas.records])
    is_hidden_HW = hides[canvas.labels_LHW[Layer.OBJECT]]
    found = []
    for layer in Layer:
        labels_HW = canvas.labels_LHW[layer]
        if layer != Layer.OBJECT:
            labels_HW = np.where(is_hidden_HW, 0, labels_HW)
        for index, window in enumerate(ndimage.find_objects(labels_HW), start=1):
            if window is not None and canvas.records[index].kind != PAVEMENT:
                patch_hw = (labels_HW[window] == index).astype(np.uint8)
                if np.count_nonzero(patch_hw) >= _MIN_VISIBLE_PX:
                    found.append(_instance(canvas.records[index], patch_hw, window, image_HWC))
    return found


def _instance(
    record: LabelRecord,
    patch_hw: npt.NDArray[np.uint8],
    window: tuple[slice, slice],
    image_HWC: npt.NDArray[np.uint8],
) -> SceneInstance:
    pixels = image_HWC[window][patch_hw != 0]
    mean = pixels.mean(axis=0)
    visible = min(1.0, float(len(pixels)) / record.painted_px) if record.painted_px > 0 else 1.0
    instance = Instance(
        record.kind,
        patch_hw,
        window[1].start,
        window[0].start,
        mean_rgb=(float(mean[0]), float(mean[1]), float(mean[2])),
        is_crowd=KINDS[record.kind].is_cover,
        visible_fraction=visible,
    )
    heading = None if record.pose is None else math.degrees(record.pose.heading_rad) % 360.0
    return SceneInstance(instance, record.colour, heading, record.also)
