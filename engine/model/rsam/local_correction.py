"""A click changes a phrase's mask where it was made and nowhere else.

A small model answers a click with another mask, which may be better around the click and worse elsewhere.
What was right before the click is kept: in the middle of an object the click puts the whole object in or out,
unless an earlier click in the object said otherwise, and elsewhere only the part of the change that the click
lies in is taken over.

Source: the progressive merge of FocalClick, Chen et al. 2022, for the part of the change.

Shape letters: Q queries, M masks, N points, C coordinates, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.object_choice import sure_parts
from geophrase.engine.model.rsam.scene_objects import objects_of_mask

_INNER_DEPTH = 0.8  # of an object's deepest cell: a click nearer to the edge is about the edge
_SURE_LOGIT = 3.0
_OUT_LOGIT = -4.0
_TOUCHING = np.ones((3, 3), bool)

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class CellClick:
    """The cell of a mask that was clicked, and whether it is to be in."""

    row: int
    col: int
    is_positive: bool


def clicks_on_mask(
    points_xy_QNC: Tensor, labels_QN: Tensor, *, input_hw_px: tuple[int, int], mask_hw: tuple[int, int]
) -> list[list[CellClick]] | None:
    """Returns the clicks of each query in the order made, None where a query has none.

    Args:
        points_xy_QNC: Points in pixels of the model's input.
        labels_QN: 1 foreground, 0 background; others are no clicks.
        input_hw_px: The input's height and width.
        mask_hw: The mask's.
    """
    found = []
    for points_NC, labels_N in zip(points_xy_QNC.tolist(), labels_QN.tolist(), strict=True):
        clicks = []
        for (x_px, y_px), label in zip(points_NC, labels_N, strict=True):
            if label in (0, 1):
                row = min(max(int(y_px / input_hw_px[0] * mask_hw[0]), 0), mask_hw[0] - 1)
                col = min(max(int(x_px / input_hw_px[1] * mask_hw[1]), 0), mask_hw[1] - 1)
                clicks.append(CellClick(row, col, label == 1))
        if not clicks:
            return None
        found.append(clicks)
    return found


def corrected_locally(
    output: MaskOutput, previous_Q1HW: Tensor, clicks: Sequence[Sequence[CellClick]]
) -> MaskOutput:
    """Returns the output with each mask as it was before, but for what its latest click changes.

    Args:
        output: What the decoder answered to all clicks; with referents, the kind's are the objects.
        previous_Q1HW: The answers before the latest click.
        clicks: The clicks of each query, the latest last.
    """
    masks_QMHW = _array(output.mask_logits_QMHW).copy()
    height, width = masks_QMHW.shape[2:]
    if previous_Q1HW.shape[-2:] != (height, width):
        previous_Q1HW = F.interpolate(previous_Q1HW.float(), (height, width), mode="bilinear")
    previous_QHW = _array(previous_Q1HW[:, 0])
    for query, made in enumerate(clicks):
        kind_HW = None
        if output.referent_logits_QRHW is not None:
            kind_HW = _array(output.referent_logits_QRHW[query, 0])
        for mask in range(masks_QMHW.shape[1]):
            masks_QMHW[query, mask] = _merged(previous_QHW[query], masks_QMHW[query, mask], made, kind_HW)
    return replace(output, mask_logits_QMHW=torch.from_numpy(masks_QMHW).to(output.mask_logits_QMHW))


def _merged(
    previous_HW: FloatArray, answer_HW: FloatArray, made: Sequence[CellClick], kind_HW: FloatArray | None
) -> FloatArray:
    *earlier, click = made
    object_HW = None if kind_HW is None else _clicked_object(kind_HW, previous_HW > 0, click)
    if object_HW is not None and any(_contradicts(one, click, object_HW) for one in earlier):
        object_HW = None
    merged_HW = previous_HW.copy()
    if object_HW is None:
        is_taken_HW = _clicked_change(answer_HW > 0, previous_HW > 0, click)
    elif click.is_positive:
        assert kind_HW is not None
        merged_HW[object_HW] = np.maximum(answer_HW, kind_HW)[object_HW]
        is_taken_HW = _parts_touching(object_HW, (answer_HW > 0) & (previous_HW <= 0))
    else:
        merged_HW[object_HW] = np.minimum(answer_HW, _OUT_LOGIT)[object_HW]
        is_taken_HW = _parts_touching(object_HW, (answer_HW <= 0) & (previous_HW > 0))
    if object_HW is not None:
        is_taken_HW &= ~object_HW
    merged_HW[is_taken_HW] = answer_HW[is_taken_HW]
    if (merged_HW[click.row, click.col] > 0) != click.is_positive:
        around = np.s_[max(click.row - 1, 0) : click.row + 2, max(click.col - 1, 0) : click.col + 2]
        merged_HW[around] = _SURE_LOGIT if click.is_positive else -_SURE_LOGIT
    return merged_HW


def _clicked_object(kind_HW: FloatArray, was_in_HW: BoolArray, click: CellClick) -> BoolArray | None:
    """The object of the kind that was clicked in its middle and was mostly not as the click says."""
    _, labels_HW = objects_of_mask(sure_parts(kind_HW))
    number = labels_HW[click.row, click.col]
    if not number:
        return None
    is_object_HW: BoolArray = labels_HW == number
    if (was_in_HW[is_object_HW].mean() > 0.5) == click.is_positive:
        return None
    depth_HW = ndimage.distance_transform_edt(np.pad(is_object_HW, 1))[1:-1, 1:-1]
    return is_object_HW if depth_HW[click.row, click.col] >= _INNER_DEPTH * depth_HW.max() else None


def _contradicts(earlier: CellClick, click: CellClick, object_HW: BoolArray) -> bool:
    """Whether an earlier click says that some of the object is not as the latest says."""
    return earlier.is_positive != click.is_positive and bool(object_HW[earlier.row, earlier.col])


def _clicked_change(is_in_HW: BoolArray, was_in_HW: BoolArray, click: CellClick) -> BoolArray:
    """The parts of what changed as the click says that it lies in or beside, and the cells around them."""
    is_changed_HW = (is_in_HW & ~was_in_HW) if click.is_positive else (was_in_HW & ~is_in_HW)
    is_clicked_HW = np.zeros_like(was_in_HW)
    is_clicked_HW[click.row, click.col] = True
    return _parts_touching(is_clicked_HW, is_changed_HW)


def _parts_touching(seed_HW: BoolArray, is_changed_HW: BoolArray) -> BoolArray:
    labels_HW, _ = ndimage.label(is_changed_HW, _TOUCHING)
    numbers = np.unique(labels_HW[ndimage.binary_dilation(seed_HW, _TOUCHING)])
    taken_HW: BoolArray = ndimage.binary_dilation(np.isin(labels_HW, numbers[numbers > 0]))
    return taken_HW


def _array(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().float().cpu().numpy()
    return array
