"""RSAM's training objective: focal, dice, objectness and IoU terms over text-prompted masks.

Shape letters: Q queries, M masks, H height, W width, P pixels of a flattened mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class LossConfig:
    """Weights and constants of the objective.

    Attributes:
        loss_stride: Input pixels per pixel of the grid that the mask terms are computed on. 1 upsamples the
            logits to the input's resolution, as SAM 2 does; 4 leaves them where they are and averages the
            reference down to them, which is several times cheaper; 2 lies between.
        referent_weight: Of the masks of kinds and landmarks, in a model that has them; not the papers'.

    Source: RSAM Section 3.2.4 and 3.3 (weights 20, 1, 1, 1); alpha and gamma: Lin et al. 2017, Section 5.1;
    smoothing: SAM 2's ``training/loss_fns.py``.
    """

    focal_weight: float = 20.0
    dice_weight: float = 1.0
    objectness_weight: float = 1.0
    iou_weight: float = 1.0
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0
    dice_smoothing: float = 1.0
    loss_stride: int = 1
    referent_weight: float = 0.5


@dataclass(frozen=True)
class LossTerms:
    """Unweighted means over the queries, each a scalar, and the weighted total to descend."""

    total: Tensor
    focal: Tensor
    dice: Tensor
    objectness: Tensor
    iou: Tensor


def sigmoid_focal_loss(logits_QP: Tensor, targets_QP: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """Returns the focal loss of each query, averaged over its pixels, shape (Q,).

    Args:
        logits_QP: Float logits.
        targets_QP: References in [0, 1]; fractions are the covered share of a coarse pixel.
        alpha: Weight of foreground pixels; background pixels weigh ``1 - alpha``.
        gamma: Exponent that quietens pixels already right.

    Source: Lin et al. 2017, equation 5; the mean over pixels follows SAM 2's ``training/loss_fns.py``.
    """
    probability_QP = logits_QP.sigmoid()
    cross_entropy_QP = F.binary_cross_entropy_with_logits(logits_QP, targets_QP, reduction="none")
    # 1 - p_t and alpha_t of the papers, multiplied out so that fewer full-size tensors are kept.
    error_QP = probability_QP + targets_QP - 2 * probability_QP * targets_QP
    balance_QP = (1 - alpha) + (2 * alpha - 1) * targets_QP
    return (balance_QP * error_QP.pow(gamma) * cross_entropy_QP).mean(1)


def dice_loss(logits_QP: Tensor, targets_QP: Tensor, *, smoothing: float) -> Tensor:
    """Returns one minus the soft Dice coefficient of each query, shape (Q,).

    Source: Milletari et al. 2016 with the smoothing of RSAM Section 3.2.4.
    """
    probability_QP = logits_QP.sigmoid()
    overlap_Q = (probability_QP * targets_QP).sum(1)
    size_Q = probability_QP.sum(1) + targets_QP.sum(1)
    return 1 - (2 * overlap_Q + smoothing) / (size_Q + smoothing)


def mask_iou(logits_QP: Tensor, targets_QP: Tensor) -> Tensor:
    """Returns the IoU of the thresholded masks of each query, shape (Q,); 0 where both are empty."""
    predicted_QP, reference_QP = logits_QP > 0, targets_QP >= 0.5
    intersection_Q = (predicted_QP & reference_QP).sum(1)
    union_Q = (predicted_QP | reference_QP).sum(1)
    return intersection_Q / union_Q.clamp(min=1)


def match_resolution(mask_logits_QHW: Tensor, masks_QHW: Tensor, loss_stride: int) -> tuple[Tensor, Tensor]:
    """Brings logits and references to the grid of the mask terms, both float32 (Q, H, W).

    Logits are interpolated bilinearly, references averaged over the pixels of a cell.

    Args:
        mask_logits_QHW: Logits at a quarter of the input.
        masks_QHW: References at the input's resolution, boolean or 0 and 1.
        loss_stride: Input pixels per cell.

    Raises:
        ValueError: The input's side is no multiple of the stride.
    """
    height, width = masks_QHW.shape[-2:]
    if height % loss_stride or width % loss_stride:
        raise ValueError(f"masks of {height} x {width} pixels cannot be averaged in cells of {loss_stride}")
    shape_yx = (height // loss_stride, width // loss_stride)
    logits_Q1HW = mask_logits_QHW.float().unsqueeze(1)
    if logits_Q1HW.shape[-2:] != shape_yx:
        logits_Q1HW = F.interpolate(logits_Q1HW, shape_yx, mode="bilinear", align_corners=False)
    targets_Q1HW = masks_QHW.float().unsqueeze(1)
    if loss_stride > 1:
        targets_Q1HW = F.avg_pool2d(targets_Q1HW, loss_stride)
    return logits_Q1HW.squeeze(1), targets_Q1HW.squeeze(1)


def segmentation_loss(
    config: LossConfig,
    *,
    mask_logits_QHW: Tensor,
    iou_Q: Tensor,
    objectness_Q: Tensor,
    targets_QHW: Tensor,
    is_absent_Q: Tensor,
    has_kind_Q: Tensor | None = None,
) -> LossTerms:
    """Returns the objective over a batch of queries.

    The mask, dice and IoU terms of an absent query are zero, and every term is averaged over all queries.

    Args:
        config: Weights and constants.
        mask_logits_QHW: Logits on the grid of ``match_resolution``.
        iou_Q: The model's own estimate of its IoU, in [0, 1].
        objectness_Q: Logits that the described object is there at all.
        targets_QHW: References on the same grid, in [0, 1].
        is_absent_Q: True where nothing in the image fits the phrase.
        has_kind_Q: For a model that chooses among objects: True where the image shows the kind that a phrase
            names, whether one is meant or not. The objectness is then the kind's, and a mask that means none
            of it has the focal term, to stay empty. None as in the paper.

    Source: RSAM Section 3.2.4; zero terms for absent objects: SAM 2 Appendix D.2.2.
    """
    logits_QP, targets_QP = mask_logits_QHW.float().flatten(1), targets_QHW.float().flatten(1)
    is_present_Q = (~is_absent_Q).float()
    focal_Q = sigmoid_focal_loss(logits_QP, targets_QP, alpha=config.focal_alpha, gamma=config.focal_gamma)
    dice_Q = dice_loss(logits_QP, targets_QP, smoothing=config.dice_smoothing)
    iou_error_Q = (iou_Q.float() - mask_iou(logits_QP.detach(), targets_QP)).abs()
    dice, iou = (torch.mean(term_Q * is_present_Q) for term_Q in (dice_Q, iou_error_Q))
    is_there_Q = is_present_Q if has_kind_Q is None else has_kind_Q.float()
    focal = torch.mean(focal_Q * is_there_Q)
    objectness = F.binary_cross_entropy_with_logits(objectness_Q.float(), is_there_Q)
    total = (
        config.focal_weight * focal
        + config.dice_weight * dice
        + config.objectness_weight * objectness
        + config.iou_weight * iou
    )
    return LossTerms(total=total, focal=focal, dice=dice, objectness=objectness, iou=iou)


def referent_loss(
    config: LossConfig, mask_logits_MHW: Tensor, targets_MHW: Tensor, *, is_known_M: Tensor
) -> Tensor:
    """Returns the loss of kinds' and landmarks' masks, a scalar: the weighted focal and dice terms.

    A mask without a single pixel has the focal term alone; the mean is over all masks, known or not.

    Args:
        config: Weights and constants.
        mask_logits_MHW: Logits on the grid of ``match_resolution``.
        targets_MHW: References on the same grid, in [0, 1].
        is_known_M: False where there is no reference.
    """
    logits_MP, targets_MP = mask_logits_MHW.float().flatten(1), targets_MHW.float().flatten(1)
    focal_M = sigmoid_focal_loss(logits_MP, targets_MP, alpha=config.focal_alpha, gamma=config.focal_gamma)
    dice_M = dice_loss(logits_MP, targets_MP, smoothing=config.dice_smoothing) * (targets_MP.amax(1) > 0)
    return torch.mean((config.focal_weight * focal_M + config.dice_weight * dice_M) * is_known_M)
