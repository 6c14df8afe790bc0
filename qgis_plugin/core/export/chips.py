"""Where the images of a training sample lie: squares around the objects, few and where they were before.

Everything is in pixel edges of one raster grid (`_pix`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

_SAME_PLACE_PX = 1e-3
"""Corners nearer than this are the same: the rounding of coordinates on their way through a file."""


@dataclass(frozen=True)
class ObjectBox:
    """Where an object lies.

    Attributes:
        left_pix: Of its bounding box.
        top_pix: Likewise.
        right_pix: Likewise.
        bottom_pix: Likewise.
        anchor_pix: x, y of a point inside the object: the image that holds it shows the object.
    """

    left_pix: float
    top_pix: float
    right_pix: float
    bottom_pix: float
    anchor_pix: Tuple[float, float]

    def whole_pixels(self) -> Tuple[int, int, int, int]:
        """Left, top, right and bottom of the pixels that the box touches."""
        left, top = (math.floor(value + _SAME_PLACE_PX) for value in (self.left_pix, self.top_pix))
        right, bottom = (math.ceil(value - _SAME_PLACE_PX) for value in (self.right_pix, self.bottom_pix))
        return left, top, right, bottom

    def is_larger_than(self, side_px: int) -> bool:
        """Whether no image of that side shows all of it."""
        left, top, right, bottom = self.whole_pixels()
        return max(right - left, bottom - top) > side_px


@dataclass(frozen=True)
class Chip:
    """The place of one image.

    Attributes:
        left_pix: Its first pixel edge; whole, but for images that are there already.
        top_pix: Likewise.
        existing: Its index among those that are there already; None for a new one.
    """

    left_pix: float
    top_pix: float
    existing: Optional[int] = None

    def holds(self, point_pix: Tuple[float, float], side_px: int) -> bool:
        """Whether a point lies in the image."""
        x, y = point_pix[0] - self.left_pix, point_pix[1] - self.top_pix
        return 0 <= x < side_px and 0 <= y < side_px

    def overlaps(self, other: Chip, side_px: int) -> bool:
        """Whether two images share pixels."""
        distances = abs(self.left_pix - other.left_pix), abs(self.top_pix - other.top_pix)
        return max(distances) < side_px - _SAME_PLACE_PX


def planned_chips(
    boxes: Sequence[ObjectBox],
    existing: Sequence[Chip],
    *,
    side_px: int,
    frame_px: Tuple[int, int],
) -> List[Chip]:
    """Places such that each object's anchor is in one, and the whole object where it fits.

    An object that an existing image shows whole, or as well as any could, stays with it, so that exporting
    the same place again gives the same images. The others are gathered, neighbours together, and each group
    gets an image around its middle that sticks out of the raster as little as it can.

    Args:
        boxes: The objects; their anchors lie on the raster.
        existing: The images that are there already.
        side_px: Side of every image.
        frame_px: Columns and rows of the raster.
    """
    answer: List[Chip] = []
    waiting = []
    for index, box in enumerate(boxes):
        chip = next((chip for chip in existing if _shows_well(chip, box, side_px)), None)
        if chip is None:
            waiting.append(index)
        elif chip not in answer:
            answer.append(chip)
    bounds = np.array([box.whole_pixels() for box in boxes], np.float64).reshape(-1, 4)
    for group in _groups(bounds, sorted(waiting, key=lambda index: boxes[index].anchor_pix[::-1]), side_px):
        answer.append(_chip_around(bounds[group], boxes[group[0]], side_px, frame_px))
    return answer


def _shows_well(chip: Chip, box: ObjectBox, side_px: int) -> bool:
    """Whether the image shows the object whole; one that no image can, with its anchor in the middle half."""
    if box.is_larger_than(side_px):
        x, y = box.anchor_pix[0] - chip.left_pix, box.anchor_pix[1] - chip.top_pix
        return side_px / 4 <= x < side_px * 3 / 4 and side_px / 4 <= y < side_px * 3 / 4
    left, top = chip.left_pix - _SAME_PLACE_PX, chip.top_pix - _SAME_PLACE_PX
    right, bottom = chip.left_pix + side_px + _SAME_PLACE_PX, chip.top_pix + side_px + _SAME_PLACE_PX
    is_inside_x = left <= box.left_pix and box.right_pix <= right
    return is_inside_x and top <= box.top_pix and box.bottom_pix <= bottom


def _groups(bounds: npt.NDArray[np.float64], order: Sequence[int], side_px: int) -> List[List[int]]:
    """Objects that fit an image together: each group is the first that is left and the nearest."""
    left_over = list(order)
    groups = []
    while left_over:
        group, extent = [left_over[0]], bounds[left_over[0]]
        rest = np.array(left_over[1:], np.int64)
        middles = (bounds[rest, :2] + bounds[rest, 2:]) / 2
        distances = np.abs(middles - (extent[:2] + extent[2:]) / 2).max(axis=1, initial=0)
        for index in rest[np.argsort(distances, kind="stable")][: int((distances < side_px).sum())]:
            merged = np.concatenate(
                [np.minimum(extent[:2], bounds[index, :2]), np.maximum(extent[2:], bounds[index, 2:])]
            )
            if (merged[2:] - merged[:2]).max() <= side_px:
                group.append(int(index))
                extent = merged
        taken = set(group)
        left_over = [index for index in left_over if index not in taken]
        groups.append(group)
    return groups


def _chip_around(
    bounds: npt.NDArray[np.float64], first: ObjectBox, side_px: int, frame_px: Tuple[int, int]
) -> Chip:
    """An image around the middle of a group; around the anchor of a single object that is too large."""
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    is_too_large = first.is_larger_than(side_px)
    middle = np.array(first.anchor_pix) if is_too_large else (low + high) / 2
    start = np.round(middle - side_px / 2)
    # Inside the raster where it is large enough, else with the raster in it; never cutting the group.
    slack = np.array(frame_px, np.float64) - side_px
    start = np.clip(start, np.minimum(0, slack), np.maximum(0, slack))
    if not is_too_large:
        start = np.clip(start, np.ceil(high - side_px), np.floor(low))
    return Chip(float(start[0]), float(start[1]))
