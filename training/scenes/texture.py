"""Materials: colours drawn from natural ranges, roughened by noise of several scales and by stripes.

Colours are linear reflectances in [0, 1]; ranges are written in sRGB HSV because people can check
those against a picture.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.training.scenes.geometry import Pose

Rgb = tuple[float, float, float]
FloatHW = npt.NDArray[np.float32]
FloatHWC = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Hsv:
    """A box of sRGB colours: hue in degrees (may run past 360), saturation and value in [0, 1]."""

    hue_deg: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]

    def draw(self, rng: np.random.Generator) -> Rgb:
        """A linear colour from the box."""
        hue = rng.uniform(*self.hue_deg) % 360.0 / 360.0
        srgb = colorsys.hsv_to_rgb(hue, rng.uniform(*self.saturation), rng.uniform(*self.value))
        return linear(srgb)


@dataclass(frozen=True)
class Stripes:
    """Bands across a heading: crop rows, roof seams, mowing, panel joints.

    Attributes:
        period_m: From band to band.
        heading_rad: Direction in which the bands follow each other.
        depth: Relative change of the reflectance, 0 for none.
        duty: Share of the period that is dark; 0.5 makes a sine.
    """

    period_m: float
    heading_rad: float
    depth: float
    duty: float = 0.5


@dataclass(frozen=True)
class Material:
    """A surface: its mean colour and how it varies by pixel, metres, tens and hundreds of metres."""

    rgb: Rgb
    fine: float = 0.03
    mid: float = 0.03
    coarse: float = 0.03
    broad: float = 0.0
    stripes: Stripes | None = None
    second_rgb: Rgb | None = None

    def jittered(self, rng: np.random.Generator, amount: float = 0.08) -> Material:
        """The same surface a little lighter, darker or tinted otherwise."""
        scale = float(np.exp(rng.normal(0.0, amount)))
        tint = np.exp(rng.normal(0.0, amount / 3, 3))
        return replace(self, rgb=_clipped(np.asarray(self.rgb) * scale * tint))

    def scaled(self, factor: float) -> Material:
        """The same surface with its reflectance multiplied."""
        return replace(self, rgb=_clipped(np.asarray(self.rgb) * factor))


class NoiseFields:
    """Zero-mean unit-variance noise over the whole scene at four scales.

    Args:
        rng: The scene's generator.
        size_px: Side of the scene.
        gsd_m: Metres per pixel.
    """

    _SCALES_M = (2.0, 14.0, 70.0)

    def __init__(self, rng: np.random.Generator, size_px: int, gsd_m: float) -> None:
        self._gsd_m = gsd_m
        fine = rng.standard_normal((size_px, size_px), np.float32)
        softened = cv2.GaussianBlur(fine, (0, 0), max(0.4, 0.12 / gsd_m))
        self.fine_HW = normalised(np.asarray(softened, np.float32))
        self.mid_HW, self.coarse_HW, self.broad_HW = (
            octaves(rng, size_px, scale_m / gsd_m) for scale_m in self._SCALES_M
        )

    def render(self, material: Material, rows: slice, cols: slice) -> FloatHWC:
        """The material's reflectance in a window, float32 HWC."""
        level_HW = np.float32(1.0) + np.float32(material.fine) * self.fine_HW[rows, cols]
        for amount, field_HW in (
            (material.mid, self.mid_HW),
            (material.coarse, self.coarse_HW),
            (material.broad, self.broad_HW),
        ):
            if amount:
                level_HW = level_HW + np.float32(amount) * field_HW[rows, cols]
        if material.stripes is not None:
            level_HW = level_HW * self._bands(material.stripes, rows, cols)
        rgb = np.asarray(material.rgb, np.float32)
        level_HW = np.maximum(level_HW, np.float32(0.05))
        if material.second_rgb is None:
            return np.asarray(level_HW[..., None] * rgb, np.float32)
        share_HW = np.clip(0.5 + 0.45 * (self.coarse_HW + 0.6 * self.mid_HW)[rows, cols], 0, 1)[..., None]
        other = np.asarray(material.second_rgb, np.float32)
        return np.asarray(level_HW[..., None] * (rgb + share_HW * (other - rgb)), np.float32)

    def _bands(self, stripes: Stripes, rows: slice, cols: slice) -> FloatHW:
        if stripes.period_m < 1.6 * self._gsd_m:
            return np.ones((1, 1), np.float32)
        y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * self._gsd_m
        x = (np.arange(cols.start, cols.stop, dtype=np.float32) + 0.5) * self._gsd_m
        along = x[None, :] * math.cos(stripes.heading_rad) + y[:, None] * math.sin(stripes.heading_rad)
        cycle = along * np.float32(2 * math.pi / stripes.period_m)
        if stripes.duty == 0.5:
            return np.asarray(1.0 - stripes.depth * (0.5 + 0.5 * np.sin(cycle)), np.float32)
        edge = math.cos(math.pi * stripes.duty)
        sharp = np.clip((np.cos(cycle) - edge) * 4.0, 0.0, 1.0)
        return np.asarray(1.0 - stripes.depth * sharp, np.float32)


def octaves(rng: np.random.Generator, size_px: int, scale_px: float, *, num: int = 3) -> FloatHW:
    """Smooth noise whose largest features are about `scale_px` wide, float32 HW of unit variance."""
    total_HW = np.zeros((size_px, size_px), np.float32)
    for octave in range(num):
        cells = int(np.clip(size_px * 2**octave / max(scale_px, 1.0), 2, size_px)) + 3
        grid = rng.standard_normal((cells, cells), np.float32)
        total_HW += np.float32(0.6**octave) * cv2.resize(
            grid, (size_px, size_px), interpolation=cv2.INTER_CUBIC
        )
    return normalised(total_HW)


def normalised(field_HW: FloatHW) -> FloatHW:
    """The field with mean zero and variance one."""
    return np.asarray((field_HW - field_HW.mean()) / max(float(field_HW.std()), 1e-6), np.float32)


def linear(srgb: tuple[float, float, float]) -> Rgb:
    """Linear reflectance of an sRGB colour in [0, 1]. Source: IEC 61966-2-1."""
    value = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in srgb]
    return value[0], value[1], value[2]


def across(pose: Pose) -> float:
    """The direction in which bands parallel to a pose's heading follow each other."""
    return pose.heading_rad + math.pi / 2


def _clipped(rgb: npt.NDArray[np.float64]) -> Rgb:
    low = np.clip(rgb, 0.003, 0.95)
    return float(low[0]), float(low[1]), float(low[2])
