"""Points and boxes drawn into the mask prompt, for a model that has seen few of them.

SAM 2 says where a point is by its Fourier position alone, and its attention learns from millions of prompts
to look there. A convolution finds a spot in a map at once.

Source: Sofiiuk et al. 2021 (RITM), where clicks are discs in a map beside the previous mask.

Shape letters: Q queries, N points, C coordinates (x, y), H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from geophrase.engine.model.rsam.prompt_encoder import LABELS_BOX_CORNERS

_SPOT_CELLS = 2.0  # standard deviation of a spot
_WIDE_SPOT_CELLS = 10.0
_SPOT_LOGIT = 12.0
_MASK_LOGIT = 8.0  # bound of a previous mask, so that spots stand out of it
_BOX_LOGIT = 4.0


def draw_prompts(
    mask_logits_Q1HW: Tensor | None,
    points_xy_QNC: Tensor,
    labels_QN: Tensor,
    *,
    input_hw_px: tuple[int, int],
    mask_hw: tuple[int, int],
) -> Tensor:
    """Returns the mask prompt with boxes and then points drawn into it, float32 logits (Q, 1, H, W).

    Args:
        mask_logits_Q1HW: An earlier answer, or None to draw on an empty map.
        points_xy_QNC: Points in pixels of the model's input, whole numbers being pixel centres.
        labels_QN: 1 foreground, 0 background, 2 and 3 the corners of a box, -1 padding.
        input_hw_px: Height and width of the model's input.
        mask_hw: Height and width of the map.
    """
    if mask_logits_Q1HW is None:
        canvas_QHW = points_xy_QNC.new_zeros((len(points_xy_QNC), *mask_hw), dtype=torch.float32)
    else:
        resized_Q1HW = mask_logits_Q1HW.float().clamp(-_MASK_LOGIT, _MASK_LOGIT)
        if tuple(resized_Q1HW.shape[-2:]) != mask_hw:
            resized_Q1HW = F.interpolate(resized_Q1HW, mask_hw, mode="bilinear", antialias=True)
        canvas_QHW = resized_Q1HW[:, 0]
    xy_QNC = _in_cells(points_xy_QNC, input_hw_px, mask_hw)
    has_box = bool((labels_QN == LABELS_BOX_CORNERS[0]).any())
    if has_box:
        canvas_QHW = canvas_QHW + _BOX_LOGIT * _box_sides(xy_QNC, labels_QN, mask_hw)
    for xy_QC, label_Q in zip(xy_QNC.unbind(1), labels_QN.unbind(1), strict=True):
        canvas_QHW = _with_spots(canvas_QHW, xy_QC, label_Q)
    return canvas_QHW[:, None]


def prompt_maps(
    points_xy_QNC: Tensor, labels_QN: Tensor, *, input_hw_px: tuple[int, int], mask_hw: tuple[int, int]
) -> Tensor:
    """Returns points and boxes as maps of their own, float32 (Q, 5, H, W).

    The maps are spots of the positive and of the negative points, wider spots of both, and the box, 1 inside
    and -1 outside; a map without prompts is 0.

    Args:
        points_xy_QNC: Points in pixels of the model's input, whole numbers being pixel centres.
        labels_QN: 1 foreground, 0 background, 2 and 3 the corners of a box, -1 padding.
        input_hw_px: Height and width of the model's input.
        mask_hw: Height and width of the maps.
    """
    xy_QNC = _in_cells(points_xy_QNC, input_hw_px, mask_hw)
    x_11W, y_1H1 = _cell_centres(xy_QNC.new_empty((1, *mask_hw)))
    squared_QNHW = (x_11W - xy_QNC[..., 0, None, None]) ** 2 + (y_1H1 - xy_QNC[..., 1, None, None]) ** 2
    maps = []
    for cells in (_SPOT_CELLS, _WIDE_SPOT_CELLS):
        for label in (1, 0):
            spots_QNHW = torch.exp(squared_QNHW / (-2 * cells**2)) * (labels_QN == label)[..., None, None]
            maps.append(spots_QNHW.amax(1))
    maps.append(_box_sides(xy_QNC, labels_QN, mask_hw))
    return torch.stack(maps, 1)


def _in_cells(points_xy_QNC: Tensor, input_hw_px: tuple[int, int], mask_hw: tuple[int, int]) -> Tensor:
    """Points in cells of a map, whose first cell's corner is the origin."""
    cells_per_px_C = points_xy_QNC.new_tensor(
        [mask_hw[1] / input_hw_px[1], mask_hw[0] / input_hw_px[0]], dtype=torch.float32
    )
    return (points_xy_QNC.float() + 0.5) * cells_per_px_C  # from corner to centre of a pixel


def _cell_centres(like_QHW: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of the columns (1, 1, W) and rows (1, H, 1), in cells."""
    height, width = like_QHW.shape[-2:]
    x_W, y_H = (torch.arange(side, device=like_QHW.device) + 0.5 for side in (width, height))
    return x_W[None, None, :], y_H[None, :, None]


def _with_spots(canvas_QHW: Tensor, xy_QC: Tensor, label_Q: Tensor) -> Tensor:
    """Draws one point per query; corners and padding leave the map as it is."""
    x_11W, y_1H1 = _cell_centres(canvas_QHW)
    x_Q11, y_Q11 = xy_QC[:, 0, None, None], xy_QC[:, 1, None, None]
    squared_QHW = (x_11W - x_Q11) ** 2 + (y_1H1 - y_Q11) ** 2
    is_click_Q = (label_Q == 0) | (label_Q == 1)
    share_QHW = torch.exp(squared_QHW / (-2 * _SPOT_CELLS**2)) * is_click_Q[:, None, None]
    spot_Q11 = (_SPOT_LOGIT * (2.0 * (label_Q == 1) - 1))[:, None, None]
    return canvas_QHW + share_QHW * (spot_Q11 - canvas_QHW)


def _box_sides(xy_QNC: Tensor, labels_QN: Tensor, mask_hw: tuple[int, int]) -> Tensor:
    """1 inside of each query's box, -1 outside, 0 without one; its corners are its first two points."""
    like_QHW = xy_QNC.new_zeros((len(xy_QNC), *mask_hw))
    if xy_QNC.shape[1] < len(LABELS_BOX_CORNERS):
        return like_QHW
    x_11W, y_1H1 = _cell_centres(like_QHW)
    (left_Q, top_Q), (right_Q, bottom_Q) = (xy_QNC[:, corner].unbind(1) for corner in (0, 1))
    is_inside_QHW = (
        (x_11W >= left_Q[:, None, None])
        & (x_11W <= right_Q[:, None, None])
        & (y_1H1 >= top_Q[:, None, None])
        & (y_1H1 <= bottom_Q[:, None, None])
    )
    is_box_Q11 = (labels_QN[:, 0] == LABELS_BOX_CORNERS[0])[:, None, None]
    return is_box_Q11 * (2.0 * is_inside_QHW - 1)
