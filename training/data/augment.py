"""Changes to an image that keep its phrases true.

Geometry comes first and acts on the image and its objects alike; phrases are drawn from what results, so they
need no mending. For a foreign data set that has only stored phrases `symmetry.turn_text` mends the words.

Letters of the shapes: H, W rows and columns; h, w of a patch; C colours.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.training.data.instances import Instance, MaskHW
from geophrase.training.data.symmetry import Symmetry

ImageHWC = npt.NDArray[np.uint8]

_ROUNDING_PX = 1e-6
_LARGEST_CROP = 1.3  # of the image's longer side: more would show little but black


@dataclass(frozen=True)
class AugmentConfig:
    """What is done to a training sample, each with its probability.

    Attributes:
        whole_image: The whole image squashed to the square, instead of a crop.
        crop_scale: Smallest and largest number of result pixels per native pixel of a crop.
        aspect_jitter: Largest relative difference between the two axes' scales.
        turn: One of the eight turns and mirrors of a square.
        photometric: Brightness, contrast, gamma, saturation and the channels' balance.
        gray: Grayscale.
        swap_infrared: Another order of the channels, as composites have.
        blur: Gaussian blur, or the image scaled down and up again.
        haze: A veil of light that fades to one side.
        noise: Sensor noise.
        jpeg: Compression at quality 35–85.
        paste: Objects of another image pasted in.
        arrangement: Objects of several images set out in clearly different sizes and places.
        mosaic: Views of four images side by side, with phrases that are true of all four together.
        black_boxes: 20–60 boxes of 1/25 of the side set to black in the image alone (RMSIN's form).
        are_black_boxes_fixed: Whether the same samples get them in every pass, a share of ``black_boxes`` of
            all, as in RMSIN's training; their places are drawn anew.
    """

    whole_image: float = 0.4
    crop_scale: tuple[float, float] = (0.5, 2.0)
    aspect_jitter: float = 0.15
    turn: float = 0.75
    photometric: float = 0.8
    gray: float = 0.05
    swap_infrared: float = 0.03
    blur: float = 0.15
    haze: float = 0.08
    noise: float = 0.10
    jpeg: float = 0.10
    paste: float = 0.10
    arrangement: float = 0.0
    mosaic: float = 0.0
    black_boxes: float = 0.10
    are_black_boxes_fixed: bool = False


@dataclass(frozen=True)
class View:
    """Which part of an image fills the square result: a native window, then a symmetry of the square.

    Attributes:
        left: First column, may lie outside the image; what is outside becomes black.
        top: First row.
        width: Width of the window.
        height: Height of the window.
        side_px: Side of the result.
        symmetry: Turn or mirror applied last.
    """

    left: float
    top: float
    width: float
    height: float
    side_px: int
    symmetry: Symmetry = Symmetry.IDENTITY

    def image(self, image_HWC: ImageHWC) -> ImageHWC:
        """The result for an image: averaged when it shrinks, interpolated when it grows."""
        scale = self.side_px / max(self.width, self.height)
        if scale < 0.7:  # plain bilinear sampling would alias
            factor = scale * 1.2
            small_HWC = cv2.resize(image_HWC, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            fx, fy = small_HWC.shape[1] / image_HWC.shape[1], small_HWC.shape[0] / image_HWC.shape[0]
            reduced = replace(
                self, left=self.left * fx, top=self.top * fy, width=self.width * fx, height=self.height * fy
            )
            return reduced._warp_image(np.asarray(small_HWC, np.uint8))
        return self._warp_image(image_HWC)

    def _warp_image(self, image_HWC: ImageHWC) -> ImageHWC:
        matrix = self._result_from_native()
        size = (self.side_px, self.side_px)
        is_inside = self._is_inside(image_HWC.shape[1], image_HWC.shape[0])
        border = cv2.BORDER_REPLICATE if is_inside else cv2.BORDER_CONSTANT
        warped_HWC = cv2.warpAffine(image_HWC, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
        return np.ascontiguousarray(self.symmetry.apply(np.asarray(warped_HWC, np.uint8)))

    def _is_inside(self, width_px: int, height_px: int) -> bool:
        """Whether the window shows nothing beside the image, so that no black may bleed into its edges."""
        return (
            min(self.left, self.top) >= 0
            and self.left + self.width <= width_px + _ROUNDING_PX
            and self.top + self.height <= height_px + _ROUNDING_PX
        )

    def instance(self, instance: Instance) -> Instance | None:
        """The object in the result, or None when nothing of it is left."""
        sx, sy = self.side_px / self.width, self.side_px / self.height
        left, right = (instance.left_px - self.left) * sx, (instance.right_px - self.left) * sx
        top, bottom = (instance.top_px - self.top) * sy, (instance.bottom_px - self.top) * sy
        x0, x1 = max(0, int(np.floor(left))), min(self.side_px, int(np.ceil(right)))
        y0, y1 = max(0, int(np.floor(top))), min(self.side_px, int(np.ceil(bottom)))
        if x1 <= x0 or y1 <= y0:
            return None
        matrix = np.array([[sx, 0.0, left - x0 + 0.5 * sx - 0.5], [0.0, sy, top - y0 + 0.5 * sy - 0.5]])
        patch_hw = cv2.warpAffine(instance.patch_HW * 255, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        return self._placed(instance, (patch_hw > 127).astype(np.uint8), (x0, y0))

    def mask(self, mask_HW: MaskHW) -> MaskHW:
        """The result for a whole-image mask of zeros and ones."""
        matrix, size = self._result_from_native(), (self.side_px, self.side_px)
        warped_HW = cv2.warpAffine(mask_HW * 255, matrix, size, flags=cv2.INTER_LINEAR)
        return np.ascontiguousarray(self.symmetry.apply((warped_HW > 127).astype(np.uint8)))

    def _result_from_native(self) -> npt.NDArray[np.float64]:
        """OpenCV's matrix between pixel centres, for windows given between pixel edges."""
        sx, sy = self.side_px / self.width, self.side_px / self.height
        return np.array(
            [[sx, 0.0, (0.5 - self.left) * sx - 0.5], [0.0, sy, (0.5 - self.top) * sy - 0.5]], np.float64
        )

    def _placed(self, instance: Instance, patch_hw: MaskHW, corner_xy: tuple[int, int]) -> Instance | None:
        rows, cols = np.flatnonzero(patch_hw.any(axis=1)), np.flatnonzero(patch_hw.any(axis=0))
        if rows.size == 0:
            return None
        tight_hw = patch_hw[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        x, y = corner_xy[0] + int(cols[0]), corner_xy[1] + int(rows[0])
        x, y = self.symmetry.box_corner((x, y, tight_hw.shape[1], tight_hw.shape[0]), self.side_px)
        full_px = instance.area_px * (self.side_px / self.width) * (self.side_px / self.height)
        seen = min(1.0, np.count_nonzero(tight_hw) / max(full_px, 1e-6))
        return replace(
            instance,
            patch_HW=np.ascontiguousarray(self.symmetry.apply(tight_hw)),
            left_px=x,
            top_px=y,
            visible_fraction=instance.visible_fraction * (1.0 if seen > 0.93 else seen),
        )


def whole_view(width_px: int, height_px: int, side_px: int) -> View:
    """The whole image squashed to the square, as inference does it."""
    return View(0.0, 0.0, float(width_px), float(height_px), side_px)


def random_view(
    size_yx: tuple[int, int],
    side_px: int,
    config: AugmentConfig,
    rng: random.Random,
    *,
    focus: Instance | None = None,
) -> View:
    """A whole image or a crop, turned or not; a crop holds the centre of `focus` when one is given."""
    height_px, width_px = size_yx
    symmetry = rng.choice(list(Symmetry)) if rng.random() < config.turn else Symmetry.IDENTITY
    if rng.random() < config.whole_image:
        return replace(whole_view(width_px, height_px, side_px), symmetry=symmetry)
    low, high = config.crop_scale
    low = min(high, max(low, side_px / (_LARGEST_CROP * max(size_yx))))
    scale = low * (high / low) ** rng.random()
    stretch = 1.0 + config.aspect_jitter * (2.0 * rng.random() - 1.0)
    width, height = side_px / scale * stretch, side_px / scale / stretch
    x, y = (rng.random() * width_px, rng.random() * height_px) if focus is None else focus.centroid_xy
    left = _start(x - width * rng.uniform(0.1, 0.9), width, width_px)
    top = _start(y - height * rng.uniform(0.1, 0.9), height, height_px)
    return View(left, top, width, height, side_px, symmetry)


def _start(wanted: float, length: float, total: float) -> float:
    """Keep a window inside the image where it fits, and over the whole of it where it doesn't."""
    low, high = sorted((0.0, total - length))
    return min(max(wanted, low), high)


def view_instances(view: View, instances: Sequence[Instance]) -> list[Instance]:
    """The objects that are left in a view."""
    moved = (view.instance(instance) for instance in instances)
    return [instance for instance in moved if instance is not None]


def paste_instances(
    image_HWC: ImageHWC,
    instances: Sequence[Instance],
    donor_HWC: ImageHWC,
    donated: Sequence[Instance],
    rng: random.Random,
) -> tuple[ImageHWC, list[Instance]]:
    """Paste objects of another image of the same size where they touch none of this image's objects.

    Objects that don't fit anywhere in ten tries are left out; their edges are softened over a pixel.
    """
    height_px, width_px = image_HWC.shape[:2]
    taken_HW = np.zeros((height_px, width_px), np.uint8)
    for instance in instances:
        instance.paint(taken_HW)
    result_HWC, pasted = image_HWC.copy(), list(instances)
    for instance in donated:
        _, _, width, height = instance.bbox_xywh
        if instance.visible_fraction < 0.95 or width >= width_px or height >= height_px:
            continue
        for _ in range(10):
            x, y = rng.randrange(width_px - width), rng.randrange(height_px - height)
            if taken_HW[y : y + height, x : x + width].any():
                continue
            source_hwC = donor_HWC[instance.top_px : instance.bottom_px, instance.left_px : instance.right_px]
            blend(result_HWC[y : y + height, x : x + width], source_hwC, instance.patch_HW)
            placed = replace(instance, left_px=x, top_px=y)
            placed.paint(taken_HW)
            pasted.append(placed)
            break
    return result_HWC, pasted


def blend(target_hwC: ImageHWC, source_hwC: ImageHWC, patch_hw: MaskHW) -> None:
    """Lays an object's pixels over part of a picture, in place, its edges softened over a pixel."""
    alpha_hw1 = cv2.GaussianBlur(patch_hw.astype(np.float32), (3, 3), 0)[..., None]
    target_hwC[...] = (source_hwC * alpha_hw1 + target_hwC * (1.0 - alpha_hw1)).astype(np.uint8)


def mosaic(quarters: Sequence[tuple[ImageHWC, Sequence[Instance]]]) -> tuple[ImageHWC, list[Instance]]:
    """Four square images of one size in two rows, and their objects where they then lie.

    An object that was cut at the edge of its image stays cut.

    Source: Bochkovskiy et al. 2020, Section 3.3, with a fixed centre.
    """
    images = [image_hwC for image_hwC, _ in quarters]
    rows = [np.concatenate(images[start : start + 2], axis=1) for start in (0, 2)]
    height_px, width_px = images[0].shape[:2]
    moved = [
        replace(one, left_px=one.left_px + number % 2 * width_px, top_px=one.top_px + number // 2 * height_px)
        for number, (_, instances) in enumerate(quarters)
        for one in instances
    ]
    return np.concatenate(rows), moved


def photometric(image_HWC: ImageHWC, config: AugmentConfig, rng: random.Random) -> ImageHWC:
    """Changes of light, sensor and compression; the shape and the meaning stay."""
    if rng.random() < config.photometric:
        image_HWC = _light(image_HWC, rng)
    if rng.random() < config.swap_infrared:
        image_HWC = image_HWC[..., rng.sample(range(3), 3)]
    if rng.random() < config.gray:
        gray_HW = cv2.cvtColor(np.ascontiguousarray(image_HWC), cv2.COLOR_RGB2GRAY)
        image_HWC = np.repeat(gray_HW[..., None], 3, axis=2)
    if rng.random() < config.blur:
        image_HWC = _soften(image_HWC, rng)
    if rng.random() < config.haze:
        image_HWC = _haze(image_HWC, rng)
    if rng.random() < config.noise:
        generator = np.random.default_rng(rng.getrandbits(32))
        noise_HWC = generator.integers(-9, 10, image_HWC.shape, np.int16)
        image_HWC = np.clip(image_HWC.astype(np.int16) + noise_HWC, 0, 255).astype(np.uint8)
    if rng.random() < config.jpeg:
        coded = cv2.imencode(".jpg", image_HWC, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(35, 85)])[1]
        image_HWC = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(image_HWC)


def black_boxes(image_HWC: ImageHWC, rng: random.Random) -> ImageHWC:
    """20–60 black squares of 1/25 of the side, over the image and not over the masks.

    Source: RMSIN's training on RRSIS-D, boxes of 32 px on images of 800 px.
    """
    result_HWC = image_HWC.copy()
    height_px, width_px = image_HWC.shape[:2]
    box_px = max(1, round(height_px / 25))
    for _ in range(rng.randint(20, 60)):
        x, y = rng.randrange(width_px - box_px + 1), rng.randrange(height_px - box_px + 1)
        result_HWC[y : y + box_px, x : x + box_px] = 0
    return result_HWC


def _light(image_HWC: ImageHWC, rng: random.Random) -> ImageHWC:
    gamma, gain, shift = 2.0 ** rng.uniform(-0.5, 0.5), rng.uniform(0.75, 1.3), rng.uniform(-20.0, 20.0)
    levels = np.linspace(0.0, 1.0, 256) ** gamma
    gains_C = np.array([gain * rng.uniform(0.93, 1.07) for _ in range(3)])
    shifts_C = np.array([110.0 + shift + rng.uniform(-8.0, 8.0) for _ in range(3)])
    table_1LC = np.clip((levels[:, None] * 255.0 - 110.0) * gains_C + shifts_C, 0, 255)[None]
    lit_HWC = cv2.LUT(np.ascontiguousarray(image_HWC), table_1LC.astype(np.uint8))
    saturation = rng.uniform(0.6, 1.4)
    gray_HWC = cv2.cvtColor(cv2.cvtColor(lit_HWC, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(lit_HWC, saturation, gray_HWC, 1.0 - saturation, 0.0), np.uint8)


def _soften(image_HWC: ImageHWC, rng: random.Random) -> ImageHWC:
    image_HWC = np.ascontiguousarray(image_HWC)
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image_HWC, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    height_px, width_px = image_HWC.shape[:2]
    factor = rng.uniform(0.4, 0.9)
    small_HWC = cv2.resize(image_HWC, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small_HWC, (width_px, height_px)), np.uint8)


def _haze(image_HWC: ImageHWC, rng: random.Random) -> ImageHWC:
    height_px, width_px = image_HWC.shape[:2]
    corners = np.array([[rng.random() for _ in range(2)] for _ in range(2)], np.float32) * rng.uniform(
        0.1, 0.45
    )
    veil_HW = cv2.resize(corners, (width_px, height_px), interpolation=cv2.INTER_LINEAR)[..., None]
    return np.asarray(image_HWC * (1.0 - veil_HW) + 235.0 * veil_HW, np.float32).astype(np.uint8)
