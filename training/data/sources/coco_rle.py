"""Masks of COCO annotations, however they are written, as one compressed run-length encoding."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from geophrase.training.data.instances import Rle, decode_rle, encode_rle
from geophrase.training.data.risors import Phrase

_MIN_RING_NUMBERS = 6  # three corners; less encloses nothing
_MOST_PX = 2**30  # as many as an image that OpenCV reads has


def rle_of(segmentation: Any, *, height_px: int, width_px: int) -> Rle:
    """The mask of a COCO `segmentation` at the image's size: the union of its parts, of those that have area.

    Args:
        segmentation: A run-length encoding, compressed or not, a list of them, or a list of polygons.
        height_px: Of the image. Encodings of another size are squashed to it, as loaders do that bring image
            and mask to one size; polygons are rasterised by COCO's own rule.
        width_px: Of the image.

    Raises:
        ValueError: It is none of these, its runs don't fill its size, or that is no image's.

    Source: the refer API's getMask; pycocotools.
    """
    parts = segmentation if isinstance(segmentation, list) else [segmentation]
    parts = [part for part in parts if not isinstance(part, list) or len(part) >= _MIN_RING_NUMBERS]
    if not parts:
        return encode_rle(np.zeros((height_px, width_px), np.uint8))
    try:
        rle = coco_mask.merge([_compressed(part, height_px=height_px, width_px=width_px) for part in parts])
        counts = rle["counts"]
        rle = {"size": [int(side) for side in rle["size"]], "counts": _text(counts)}
        mask_HW = decode_rle(rle)
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"{error!r} is missing or malformed in a mask") from error
    if not mask_HW.size:
        raise ValueError("parts of different sizes in a mask")
    if mask_HW.shape == (height_px, width_px):
        return rle
    resized_HW = cv2.resize(mask_HW, (width_px, height_px), interpolation=cv2.INTER_NEAREST_EXACT)
    return encode_rle(np.asarray(resized_HW, np.uint8))


def phrase_of_rle(text: str, rle: Rle, *, kind: str, name: str) -> Phrase:
    """A phrase for an encoded whole-image mask; area and box come from the encoding."""
    x, y, width, height = (float(value) for value in coco_mask.toBbox(rle))
    return Phrase(text, kind, rle, int(coco_mask.area(rle)), (x, y, width, height), name=name)


def rle_area_px(rle: Rle) -> int:
    """Pixels inside a compressed encoding.

    Raises:
        ValueError: Its runs don't fill its size.
    """
    return int(np.count_nonzero(decode_rle(rle)))


def _compressed(part: Any, *, height_px: int, width_px: int) -> Any:
    if isinstance(part, list):
        return coco_mask.frPyObjects([part], height_px, width_px)[0]
    rows, columns = (int(side) for side in part["size"])
    if min(rows, columns) < 1 or rows * columns > _MOST_PX:
        raise ValueError(f"a mask of {rows} x {columns} pixels")
    return coco_mask.frPyObjects(part, rows, columns) if isinstance(part["counts"], list) else part


def _text(counts: str | bytes) -> str:
    return counts if isinstance(counts, str) else counts.decode("ascii")
