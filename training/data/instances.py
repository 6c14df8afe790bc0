"""One labelled object of an image, held as the small mask patch that its bounding box cuts out.

Letters of the shapes: H, W rows and columns of the image; h, w of the patch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

MaskHW = npt.NDArray[np.uint8]
Rle = dict[str, object]


def encode_rle(mask_HW: npt.NDArray[np.bool_] | MaskHW) -> Rle:
    """COCO's compressed run-length encoding of a mask, its counts as text so that JSON can hold it.

    Args:
        mask_HW: Anything non-zero is inside.

    Source: pycocotools' maskApi.c, the encoding of SA-1B and RISORS.
    """
    rle = coco_mask.encode(np.asfortranarray(mask_HW != 0, dtype=np.uint8))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


def decode_rle(rle: Rle) -> MaskHW:
    """The mask of a COCO RLE, uint8 HW of zeros and ones."""
    mask_HW: MaskHW = coco_mask.decode([rle])[..., 0]
    return np.ascontiguousarray(mask_HW)


@dataclass(frozen=True, eq=False)
class Instance:
    """An object: its class and the pixels it covers.

    Attributes:
        name: Key of the class in `lexicon.LEXICON`.
        patch_HW: uint8 zeros and ones; the part of the image's mask inside the bounding box.
        left_px: Column of the patch's first pixel in the image.
        top_px: Row of the patch's first pixel in the image.
        mean_rgb: Mean colour over the mask, 0–255; None where colours are not to be trusted.
        is_crowd: The mask may hold several objects (a land-cover class, touching roofs), so that counting,
            ordering or comparing it would be untrue.
        visible_fraction: Share of the object that is inside the image, 1 before any crop.
        tag: What phrases that people typed call it by; empty where nobody did.
    """

    name: str
    patch_HW: MaskHW
    left_px: int
    top_px: int
    mean_rgb: tuple[float, float, float] | None = None
    is_crowd: bool = False
    visible_fraction: float = 1.0
    tag: str = ""

    @classmethod
    def from_mask(
        cls,
        name: str,
        mask_HW: npt.NDArray[np.bool_] | MaskHW,
        *,
        image_HWC: npt.NDArray[np.uint8] | None = None,
        is_crowd: bool = False,
    ) -> Instance | None:
        """The object under a whole-image mask, or None when the mask is empty."""
        inside_HW = np.asarray(mask_HW) != 0
        rows = np.flatnonzero(inside_HW.any(axis=1))
        if rows.size == 0:
            return None
        cols = np.flatnonzero(inside_HW[rows[0] : rows[-1] + 1].any(axis=0))
        window = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        instance = cls(
            name, inside_HW[window].astype(np.uint8), int(cols[0]), int(rows[0]), is_crowd=is_crowd
        )
        return instance if image_HWC is None else instance.with_colour_of(image_HWC)

    @classmethod
    def from_rle(cls, name: str, rle: Rle, *, is_crowd: bool = False) -> Instance | None:
        """The object under a COCO RLE, or None when it is empty."""
        left, top, width, height = (int(side) for side in coco_mask.toBbox([rle])[0])
        window = np.s_[top : top + height, left : left + width]
        # The rest of the image is empty: looking through it would be most of the work.
        instance = cls.from_mask(name, coco_mask.decode([rle])[..., 0][window], is_crowd=is_crowd)
        if instance is None:
            return None
        return replace(instance, left_px=instance.left_px + left, top_px=instance.top_px + top)

    @cached_property
    def area_px(self) -> int:
        """Number of pixels inside the mask."""
        return int(np.count_nonzero(self.patch_HW))

    @property
    def right_px(self) -> int:
        """First column right of the object."""
        return self.left_px + int(self.patch_HW.shape[1])

    @property
    def bottom_px(self) -> int:
        """First row below the object."""
        return self.top_px + int(self.patch_HW.shape[0])

    @property
    def bbox_xywh(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels."""
        return self.left_px, self.top_px, self.patch_HW.shape[1], self.patch_HW.shape[0]

    @cached_property
    def centroid_xy(self) -> tuple[float, float]:
        """Centre of mass in pixel-edge coordinates of the image."""
        total = max(self.area_px, 1)
        columns_w = self.patch_HW.sum(axis=0, dtype=np.int64)
        rows_h = self.patch_HW.sum(axis=1, dtype=np.int64)
        x = float(columns_w @ np.arange(columns_w.size)) / total + 0.5
        y = float(rows_h @ np.arange(rows_h.size)) / total + 0.5
        return self.left_px + x, self.top_px + y

    def with_colour_of(self, image_HWC: npt.NDArray[np.uint8]) -> Instance:
        """The same object with its mean colour read from an RGB image."""
        window_hwC = image_HWC[self.top_px : self.bottom_px, self.left_px : self.right_px]
        mean = window_hwC[self.patch_HW != 0].mean(axis=0)
        return replace(self, mean_rgb=(float(mean[0]), float(mean[1]), float(mean[2])))

    def inside(self, left: int, top: int, right: int, bottom: int) -> Instance | None:
        """What a window of the image shows of the object, in the window's pixels; None for nothing."""
        shown_hw = self.patch_HW[
            max(top - self.top_px, 0) : max(bottom - self.top_px, 0),
            max(left - self.left_px, 0) : max(right - self.left_px, 0),
        ]
        part = Instance.from_mask(self.name, shown_hw, is_crowd=self.is_crowd)
        if part is None:
            return None
        return replace(
            part,
            left_px=part.left_px + max(self.left_px - left, 0),
            top_px=part.top_px + max(self.top_px - top, 0),
            mean_rgb=self.mean_rgb,
            visible_fraction=self.visible_fraction * part.area_px / self.area_px,
            tag=self.tag,
        )

    def paint(self, canvas_HW: MaskHW) -> None:
        """Set this object's pixels to one in a whole-image mask."""
        canvas_hw = canvas_HW[self.top_px : self.bottom_px, self.left_px : self.right_px]
        np.maximum(canvas_hw, self.patch_HW, out=canvas_hw)


def union_mask(instances: Iterable[Instance], *, height_px: int, width_px: int) -> MaskHW:
    """The union of objects as one whole-image mask, uint8 HW of zeros and ones."""
    canvas_HW = np.zeros((height_px, width_px), np.uint8)
    for instance in instances:
        instance.paint(canvas_HW)
    return canvas_HW
