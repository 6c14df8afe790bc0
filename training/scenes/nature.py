"""Trees, woods, water and open ground."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from geophrase.training.scenes.canvas import Canvas, Coverage
from geophrase.training.scenes.dimensions import TREE_RADIUS_M
from geophrase.training.scenes.geometry import PointsN2, Pose, blob
from geophrase.training.scenes.look import Look, Sun
from geophrase.training.scenes.texture import FloatHW, Hsv, Material

_CROWN_PX = 56
_NUM_CROWNS = 14


@dataclass(frozen=True)
class Crown:
    """A tree crown seen from above on a unit square: coverage, height as a share of the top, and light."""

    alpha_hw: FloatHW
    height_hw: FloatHW
    light_hw: FloatHW


class Grove:
    """The crowns of one scene, modelled once under its sun and planted many times."""

    def __init__(self, canvas: Canvas, look: Look) -> None:
        self._canvas = canvas
        self._look = look
        self._crowns = tuple(_grow_crown(canvas.rng, look.sun) for _ in range(_NUM_CROWNS))

    def plant(self, x_m: float, y_m: float, radius_m: float | None = None, *, kind: str = "tree") -> None:
        """One tree or bush, unless reserved ground is under its stem."""
        canvas, rng = self._canvas, self._canvas.rng
        radius_m = float(rng.uniform(*TREE_RADIUS_M)) if radius_m is None else radius_m
        crown = self._crowns[int(rng.integers(_NUM_CROWNS))]
        species = self._look.crowns[int(rng.integers(len(self._look.crowns)))].jittered(rng, 0.14)
        pose = Pose(x_m, y_m)
        if not canvas.sees(pose, radius_m) or canvas.is_reserved_at(x_m, y_m):
            return
        placed = self._placed(crown, pose, radius_m)
        if placed is None:
            return
        found, height_hw, light_hw = placed
        top_m = radius_m * float(rng.uniform(1.4, 2.4)) if kind == "tree" else radius_m
        label = canvas.label(kind, pose=pose)
        canvas.records[label].painted_px = float(crown.alpha_hw.mean()) * (2 * radius_m / canvas.gsd_m) ** 2
        canvas.paint(found, species, label=label, height_m=height_hw * np.float32(top_m), light=light_hw)

    def _placed(self, crown: Crown, pose: Pose, radius_m: float) -> tuple[Coverage, FloatHW, FloatHW] | None:
        canvas = self._canvas
        scale = 2 * radius_m / canvas.gsd_m / _CROWN_PX
        left, top = (pose.x_m - radius_m) / canvas.gsd_m, (pose.y_m - radius_m) / canvas.gsd_m
        col0, row0 = max(0, math.floor(left)), max(0, math.floor(top))
        col1 = min(canvas.size_px, math.ceil(left + scale * _CROWN_PX))
        row1 = min(canvas.size_px, math.ceil(top + scale * _CROWN_PX))
        if col1 <= col0 or row1 <= row0:
            return None
        to_window = np.asarray(
            [[scale, 0, left - col0 + scale / 2 - 0.5], [0, scale, top - row0 + scale / 2 - 0.5]], np.float64
        )
        shrinks = max(1, round(0.7 / scale)) if scale < 0.7 else 1
        stack = np.dstack([crown.alpha_hw, crown.height_hw, crown.light_hw])
        if shrinks > 1:
            stack = np.asarray(cv2.blur(stack, (shrinks, shrinks)), np.float32)
        moved = cv2.warpAffine(stack, to_window, (col1 - col0, row1 - row0), flags=cv2.INTER_LINEAR)
        found = Coverage(slice(row0, row1), slice(col0, col1), np.ascontiguousarray(moved[..., 0]))
        share = np.maximum(moved[..., 0], 1e-3)
        height_hw, light_hw = (np.asarray(moved[..., at] / share, np.float32) for at in (1, 2))
        return found, height_hw, light_hw

    def scatter(
        self,
        ring: PointsN2,
        per_hectare: float,
        *,
        radius_m: tuple[float, float] | None = None,
        clear: bool = False,
    ) -> None:
        """Trees here and there inside an outline, on unpaved ground only when `clear` is asked for."""
        canvas, rng = self._canvas, self._canvas.rng
        low, high = ring.min(axis=0), ring.max(axis=0)
        area_ha = float(np.prod(high - low)) / 1e4
        contour = ring.astype(np.float32)
        for _ in range(int(rng.poisson(per_hectare * area_ha))):
            x, y = (float(value) for value in rng.uniform(low, high))
            if canvas.sees(Pose(x, y), 8.0) and cv2.pointPolygonTest(contour, (x, y), False) > 0:
                if clear and not canvas.is_on(x, y, "grass"):
                    continue
                self.plant(x, y, None if radius_m is None else float(rng.uniform(*radius_m)))

    def row(self, line_N2: PointsN2, spacing_m: float, *, gap_share: float = 0.25) -> None:
        """Trees along a line, some missing."""
        rng = self._canvas.rng
        radius_m = float(rng.uniform(2.0, 4.2))
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line_N2, axis=0), axis=1))])
        for at in np.arange(spacing_m / 2, along[-1], spacing_m):
            if rng.random() < gap_share:
                continue
            x = float(np.interp(at, along, line_N2[:, 0])) + rng.normal(0, 0.4)
            y = float(np.interp(at, along, line_N2[:, 1])) + rng.normal(0, 0.4)
            self.plant(x, y, radius_m * float(rng.uniform(0.75, 1.2)))

    def forest(self, ring: PointsN2) -> None:
        """A closed canopy inside an outline: crowns as the cells of jittered seeds."""
        canvas, rng = self._canvas, self._canvas.rng
        found = canvas.coverage(ring)
        if found is None:
            return
        spacing_px = max(2.0, float(rng.uniform(4.0, 8.0)) / canvas.gsd_m)
        dome_hw, cells_hw = _canopy(rng, found.alpha_hw.shape, spacing_px)
        dome_hw += 0.10 * canvas.noise.fine_HW[found.rows, found.cols]
        edge_hw = found.alpha_hw + 0.35 * (canvas.noise.mid_HW[found.rows, found.cols]) * (found.alpha_hw > 0)
        inside_hw = (cv2.GaussianBlur(edge_hw, (0, 0), max(0.5, spacing_px / 6)) > 0.45).astype(np.float32)
        inside_hw *= canvas.reserved_HW[found.rows, found.cols] < 0.5
        species = self._look.crowns[0]
        material = replace(species, second_rgb=self._look.crowns[1].rgb, mid=0.08, broad=0.08)
        tint = np.exp(rng.normal(0, 0.16, int(cells_hw.max()) + 1)).astype(np.float32)
        light_hw = np.maximum(_shaded(dome_hw, self._look.sun, spacing_px * 0.35), 0.08) * tint[cells_hw]
        height_hw = np.float32(rng.uniform(9, 20)) * (0.55 + 0.45 * dome_hw)
        label = canvas.label("forest")
        canvas.records[label].painted_px += float(inside_hw.sum())
        canvas.paint(
            Coverage(found.rows, found.cols, inside_hw),
            material,
            label=label,
            height_m=height_hw,
            light=light_hw,
        )


def _grow_crown(rng: np.random.Generator, sun: Sun) -> Crown:
    """A crown from a few dozen leaf clusters on a dome, or the spiky cone of a conifer."""
    y, x = (np.mgrid[0:_CROWN_PX, 0:_CROWN_PX].astype(np.float32) + 0.5) * 2 / _CROWN_PX - 1
    if rng.random() < 0.18:
        angle, reach = np.arctan2(y, x), np.hypot(x, y)
        spikes = 0.86 + 0.10 * np.cos(angle * float(rng.integers(7, 12)) + rng.uniform(0, 6))
        height = np.clip(1 - reach / spikes, 0, 1).astype(np.float32)
        steepness = 1.5
    else:
        height = np.zeros_like(x)
        for _ in range(int(rng.integers(16, 42))):
            reach, angle = 0.72 * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
            radius, top = (
                rng.uniform(0.16, 0.34),
                0.35 + 0.65 * math.sqrt(1 - reach**2) * rng.uniform(0.8, 1.0),
            )
            away = ((x - reach * math.cos(angle)) ** 2 + (y - reach * math.sin(angle)) ** 2) / radius**2
            height = np.maximum(
                height, np.where(away < 1, top * (0.55 + 0.45 * np.sqrt(np.clip(1 - away, 0, 1))), 0)
            )
        steepness = 0.5
    alpha = np.clip(height / 0.12, 0, 1).astype(np.float32)
    solid = cv2.GaussianBlur(height, (0, 0), 1.0)
    light = np.maximum(_shaded(solid, sun, steepness * _CROWN_PX / 4), 0.15)
    return Crown(alpha, height * alpha, (light * (0.6 + 0.5 * height)).astype(np.float32) * alpha)


def _shaded(height_hw: FloatHW, sun: Sun, relief_px: float) -> FloatHW:
    """Lambert shading of a height field relative to flat ground, softened by light from the sky."""
    slope_x = cv2.Sobel(height_hw, cv2.CV_32F, 1, 0, scale=relief_px / 8)
    slope_y = cv2.Sobel(height_hw, cv2.CV_32F, 0, 1, scale=relief_px / 8)
    towards = -(slope_x * math.cos(sun.azimuth_rad) + slope_y * math.sin(sun.azimuth_rad))
    level = 1 + towards / math.tan(sun.elevation_rad)
    return np.asarray(np.clip(level / np.sqrt(1 + slope_x**2 + slope_y**2), 0, 1.7), np.float32)


def _canopy(
    rng: np.random.Generator, shape_yx: tuple[int, ...], spacing_px: float
) -> tuple[FloatHW, np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
    seeds = np.full(shape_yx, 255, np.uint8)
    rows = np.arange(spacing_px / 2, shape_yx[0], spacing_px)
    cols = np.arange(spacing_px / 2, shape_yx[1], spacing_px)
    grid = np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1).reshape(-1, 2)
    grid = grid + rng.uniform(-0.42, 0.42, grid.shape) * spacing_px
    at = np.clip(grid.astype(int), 0, np.asarray(shape_yx) - 1)
    seeds[0, 0] = 0
    seeds[at[:, 0], at[:, 1]] = 0
    away, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    size = rng.uniform(0.55, 0.85, int(cells.max()) + 1).astype(np.float32)[cells] * np.float32(spacing_px)
    dome_HW = np.sqrt(np.clip(1 - (away / size) ** 2, 0, 1)).astype(np.float32)
    return dome_HW, cells.astype(np.int32)


def paint_ground(canvas: Canvas, look: Look) -> None:
    """The land under everything: grass with bare or dry patches."""
    rng = canvas.rng
    canvas.fill(canvas.everything(), look.grass, label=canvas.label("grass"))
    for _ in range(int(rng.poisson(1.5))):
        centre = rng.uniform(0, canvas.extent_m, 2)
        patch = blob(rng, float(rng.uniform(0.03, 0.12)) * canvas.extent_m + 4.0) + centre
        canvas.fill(patch, look.soil.jittered(rng), label=canvas.label("bare_land"))


def paint_water(canvas: Canvas, look: Look, rings: list[PointsN2], kind: str) -> None:
    """A water body with a bank, ripples, a lighter shallow edge and sometimes glint; it is reserved."""
    rng = canvas.rng
    found = canvas.coverage(rings)
    if found is None:
        return
    inside = (found.alpha_hw > 0.5).astype(np.uint8)
    bank_px = max(1, int(rng.uniform(1.0, 5.0) / canvas.gsd_m))
    bank = cv2.dilate(
        inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * bank_px + 1, 2 * bank_px + 1))
    )
    shore = look.sand if kind == "sea" else [look.soil, look.sand, look.dry_grass][int(rng.integers(3))]
    shore_kind = "beach" if kind == "sea" else "bare_land"
    bank_label = canvas.label(shore_kind) if shore is not look.dry_grass else canvas.label("grass")
    canvas.paint(Coverage(found.rows, found.cols, bank.astype(np.float32)), shore, label=bank_label)
    label = canvas.label(kind)
    canvas.records[label].painted_px = float(inside.sum())
    canvas.paint(found, look.water, label=label)
    _shallows(canvas, look, found, inside)
    _glint(canvas, look, found)
    kept = canvas.reserved_HW[found.rows, found.cols]
    np.maximum(kept, found.alpha_hw, out=kept)


def _shallows(
    canvas: Canvas, look: Look, found: Coverage, inside: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    rng = canvas.rng
    depth_m = cv2.distanceTransform(inside, cv2.DIST_L2, 3) * np.float32(canvas.gsd_m)
    reach_m = float(rng.uniform(2, 25))
    wobble = 1 + 0.35 * canvas.noise.coarse_HW[found.rows, found.cols]
    near = np.exp(-depth_m / np.maximum(reach_m * wobble, 0.5)) * (inside > 0)
    light = Material(tuple(0.6 * w + 0.4 * s for w, s in zip(look.water.rgb, look.sand.rgb, strict=True)))  # type: ignore[arg-type]
    canvas.paint(
        Coverage(found.rows, found.cols, near.astype(np.float32)), light, opacity=float(rng.uniform(0, 0.7))
    )


def _glint(canvas: Canvas, look: Look, found: Coverage) -> None:
    rng = canvas.rng
    strength = float(rng.choice([0.0, 0.10, 0.30, 0.9], p=[0.35, 0.35, 0.2, 0.1]))
    if strength == 0.0:
        return
    window = (found.rows, found.cols)
    waves = (
        canvas.noise.fine_HW[window] + 0.8 * canvas.noise.mid_HW[window] + 0.5 * canvas.noise.broad_HW[window]
    )
    sparkle = np.clip((waves - rng.uniform(1.4, 2.4)) * 0.8, 0, 1) * found.alpha_hw
    canvas.paint(
        Coverage(*window, np.asarray(sparkle, np.float32)), Material((0.9, 0.9, 0.86)), opacity=strength
    )


def paint_field(canvas: Canvas, look: Look, ring: PointsN2, heading_rad: float) -> None:
    """A field of one crop with rows along a heading."""
    also, material = look.crop(canvas.rng, heading_rad + math.pi / 2)
    label = canvas.label("field")
    canvas.records[label].also = also
    canvas.fill(ring, material, label=label, spares_reserved=True)


POOL_WATER = Hsv((182, 202), (0.40, 0.70), (0.70, 0.92))
"""The range of a swimming pool's colour."""
