"""The drawing surface of a scene: reflectance, height, facet light and labels, painted with exact coverage.

Letters of the shapes: H, W rows and columns of the scene; h, w of a window; N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.training.scenes.geometry import PointsN2, Pose, polygon_area
from geophrase.training.scenes.kinds import KINDS, Layer
from geophrase.training.scenes.texture import FloatHW, Material, NoiseFields

_SHIFT_BITS = 8
_SUPERSAMPLED_PX = 220


@dataclass
class LabelRecord:
    """What the painter knows of a labelled thing beyond its pixels.

    Attributes:
        kind: Key of `KINDS`.
        colour: A colour word that the painter vouches for, or "".
        pose: Where it stands and how it is turned, when that means something.
        painted_px: Area painted under the label, in pixels, outside the image included.
        also: A kind that this very one counts as beside its lineage: a green field is vegetation.
    """

    kind: str
    colour: str = ""
    pose: Pose | None = None
    painted_px: float = 0.0
    also: str = ""


@dataclass(frozen=True)
class Coverage:
    """How much of each pixel of a window a figure covers, float32 in [0, 1]."""

    rows: slice
    cols: slice
    alpha_hw: FloatHW


class Canvas:
    """Layers that figures given in metres are painted on, in drawing order.

    Args:
        size_px: Side of the scene.
        gsd_m: Metres per pixel.
        rng: The scene's generator; the only source of chance.
    """

    def __init__(self, size_px: int, gsd_m: float, rng: np.random.Generator) -> None:
        self.size_px = size_px
        self.gsd_m = gsd_m
        self.extent_m = size_px * gsd_m
        self.rng = rng
        self.noise = NoiseFields(rng, size_px, gsd_m)
        shape = (size_px, size_px)
        self.reflectance_HWC = np.zeros((*shape, 3), np.float32)
        self.height_HW = np.zeros(shape, np.float32)
        self.light_HW = np.ones(shape, np.float32)
        self.reserved_HW = np.zeros(shape, np.float32)
        self.labels_LHW = np.zeros((len(Layer), *shape), np.int32)
        self.records: list[LabelRecord] = [LabelRecord("")]
        self._shared: dict[str, int] = {}

    def shows(self, size_m: float) -> bool:
        """Whether something of this size is worth drawing at this ground sampling distance."""
        return size_m > 0.6 * self.gsd_m

    def sees(self, pose: Pose, reach_m: float) -> bool:
        """Whether something within `reach_m` of a pose can touch the image."""
        low, high = -reach_m, self.extent_m + reach_m
        return low < pose.x_m < high and low < pose.y_m < high

    def label(self, kind: str, *, colour: str = "", pose: Pose | None = None) -> int:
        """A new label; covers (grass, road) share one for the whole scene."""
        if KINDS[kind].is_cover and kind in self._shared:
            return self._shared[kind]
        self.records.append(LabelRecord(kind, colour, pose))
        if KINDS[kind].is_cover:
            self._shared[kind] = len(self.records) - 1
        return len(self.records) - 1

    def coverage(self, rings: PointsN2 | Sequence[PointsN2]) -> Coverage | None:
        """The covered share of each pixel, by the even-odd rule; None outside the image.

        OpenCV's filled polygons include the pixels under their outline, half a pixel too wide on every side,
        so the outline counts half: areas come out unbiased.
        """
        each = [rings] if isinstance(rings, np.ndarray) else list(rings)
        px = [ring / self.gsd_m for ring in each]
        low = np.floor(np.min([ring.min(axis=0) for ring in px], axis=0)).astype(int) - 1
        high = np.ceil(np.max([ring.max(axis=0) for ring in px], axis=0)).astype(int) + 1
        col0, row0 = max(0, int(low[0])), max(0, int(low[1]))
        col1, row1 = min(self.size_px, int(high[0])), min(self.size_px, int(high[1]))
        if col1 <= col0 or row1 <= row0:
            return None
        width, height = col1 - col0, row1 - row0
        fine = 4 if max(width, height) <= _SUPERSAMPLED_PX else 2
        mask = np.zeros((height * fine, width * fine), np.uint8)
        points = [_fixed_point((ring - (col0, row0)) * fine - 0.5) for ring in px]
        cv2.fillPoly(mask, points, 254, shift=_SHIFT_BITS)
        cv2.polylines(mask, points, True, 127, shift=_SHIFT_BITS)
        share = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        return Coverage(slice(row0, row1), slice(col0, col1), share * np.float32(1 / 254))

    def fill(
        self,
        rings: PointsN2 | Sequence[PointsN2],
        material: Material | None,
        *,
        label: int = 0,
        height_m: float | None = None,
        light: float | None = None,
        opacity: float = 1.0,
        spares_reserved: bool = False,
    ) -> None:
        """Paint a figure.

        Args:
            rings: Ground-frame outline, or several under the even-odd rule.
            material: Its surface; None leaves the reflectance as it is.
            label: The label that its pixels take (those at least half covered); 0 leaves labels alone.
            height_m: Its top above the ground; None leaves heights alone.
            light: Sunlight on its facet relative to flat ground; None leaves it alone.
            opacity: Weight of the new reflectance.
            spares_reserved: Leaves water, highways and runways as they are.
        """
        found = self.coverage(rings)
        if label:
            each = [rings] if isinstance(rings, np.ndarray) else rings
            self.records[label].painted_px += sum(polygon_area(ring) for ring in each) / self.gsd_m**2
        if found is not None:
            self.paint(
                found,
                material,
                label=label,
                height_m=height_m,
                light=light,
                opacity=opacity,
                spares_reserved=spares_reserved,
            )

    def paint(
        self,
        found: Coverage,
        material: Material | None,
        *,
        label: int = 0,
        height_m: float | FloatHW | None = None,
        light: float | FloatHW | None = None,
        opacity: float = 1.0,
        spares_reserved: bool = False,
    ) -> None:
        """Paint a coverage; the arguments are those of `fill`, height and light also per pixel."""
        window = (found.rows, found.cols)
        alpha = found.alpha_hw
        if spares_reserved:
            alpha = alpha * (1 - self.reserved_HW[window])
        if material is not None:
            below = self.reflectance_HWC[window]
            weight = alpha if opacity == 1.0 else alpha * np.float32(opacity)
            below += weight[..., None] * (self.noise.render(material, *window) - below)
        inside = alpha >= 0.5
        if height_m is not None:
            self.height_HW[window][inside] = (
                height_m if np.isscalar(height_m) else np.asarray(height_m)[inside]
            )
        if light is not None:
            lit = self.light_HW[window]
            lit += alpha * (np.asarray(light, np.float32) - lit)
        if label:
            self.labels_LHW[KINDS[self.records[label].kind].layer][window][inside] = label

    def lines(
        self,
        polylines: Sequence[PointsN2],
        width_m: float,
        material: Material,
        *,
        is_closed: bool = False,
        opacity: float = 0.9,
        spares_reserved: bool = False,
    ) -> None:
        """Paint thin lines of a true width: below a pixel they fade instead of thickening."""
        width_px = width_m / self.gsd_m
        px = [line / self.gsd_m for line in polylines]
        if not px or width_px < 0.12:
            return
        low = np.floor(np.min([line.min(axis=0) for line in px], axis=0)).astype(int) - 2
        high = np.ceil(np.max([line.max(axis=0) for line in px], axis=0)).astype(int) + 3
        col0, row0 = np.maximum(low, 0)
        col1, row1 = np.minimum(high, self.size_px)
        if col1 <= col0 or row1 <= row0:
            return
        mask = np.zeros((row1 - row0, col1 - col0), np.uint8)
        points = [_fixed_point(line - (col0, row0) - 0.5) for line in px]
        thickness = max(1, round(width_px))
        cv2.polylines(mask, points, is_closed, 255, thickness, cv2.LINE_AA, _SHIFT_BITS)
        rows, cols = np.nonzero(mask)
        weight = mask[rows, cols].astype(np.float32) * np.float32(opacity * min(1.0, width_px) / 255)
        rows, cols = rows + row0, cols + col0
        if spares_reserved:
            weight = weight * (1 - self.reserved_HW[rows, cols])
        below = self.reflectance_HWC[rows, cols]
        level = 1 + np.float32(material.fine) * self.noise.fine_HW[rows, cols]
        colour = level[:, None] * np.asarray(material.rgb, np.float32)
        self.reflectance_HWC[rows, cols] = below + weight[:, None] * (colour - below)

    def reserve(self, rings: PointsN2 | Sequence[PointsN2]) -> None:
        """Keep later `spares_reserved` paint and `is_free` things off a figure."""
        found = self.coverage(rings)
        if found is not None:
            kept = self.reserved_HW[found.rows, found.cols]
            np.maximum(kept, found.alpha_hw, out=kept)

    def is_free(self, ring: PointsN2, *, share: float = 0.02) -> bool:
        """Whether hardly any of a figure lies on reserved ground; true outside the image."""
        low = np.floor(ring.min(axis=0) / self.gsd_m).astype(int)
        high = np.ceil(ring.max(axis=0) / self.gsd_m).astype(int) + 1
        low, high = np.maximum(low, 0), np.minimum(high, self.size_px)
        if (high <= low).any():
            return True
        if not self.reserved_HW[low[1] : high[1], low[0] : high[0]].any():
            return True
        found = self.coverage(ring)
        if found is None:
            return True
        taken = float((found.alpha_hw * self.reserved_HW[found.rows, found.cols]).sum())
        return taken <= share * max(float(found.alpha_hw.sum()), 1e-6)

    def is_clear(self, ring: PointsN2) -> bool:
        """Whether no labelled object is under a figure yet."""
        found = self.coverage(ring)
        if found is None:
            return True
        there = self.labels_LHW[Layer.OBJECT, found.rows, found.cols] > 0
        return not bool((there & (found.alpha_hw > 0.3)).any())

    def is_afloat(self, ring: PointsN2) -> bool:
        """Whether a figure lies on reserved ground, asked while only water is, and clear of objects."""
        found = self.coverage(ring)
        if found is None:
            return True
        wet = float((found.alpha_hw * self.reserved_HW[found.rows, found.cols]).sum())
        return wet >= 0.97 * float(found.alpha_hw.sum()) and self.is_clear(ring)

    def is_reserved_at(self, x_m: float, y_m: float) -> bool:
        """Whether a point inside the image lies on reserved ground."""
        col, row = int(x_m / self.gsd_m), int(y_m / self.gsd_m)
        inside = 0 <= col < self.size_px and 0 <= row < self.size_px
        return inside and bool(self.reserved_HW[row, col] > 0.3)

    def is_on(self, x_m: float, y_m: float, kind: str) -> bool:
        """Whether the ground at a point inside the image is of a kind; true outside."""
        col, row = int(x_m // self.gsd_m), int(y_m // self.gsd_m)
        if not (0 <= col < self.size_px and 0 <= row < self.size_px):
            return True
        return bool(self.records[self.labels_LHW[Layer.SURFACE, row, col]].kind == kind)

    def everything(self) -> PointsN2:
        """The scene's own outline, a little larger."""
        low, high = -1.0, self.extent_m + 1.0
        return np.asarray([(low, low), (high, low), (high, high), (low, high)], np.float64)


def _fixed_point(points_N2: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    limited = np.clip(points_N2, -60_000.0, 60_000.0)
    return np.round(limited * (1 << _SHIFT_BITS)).astype(np.int32)
