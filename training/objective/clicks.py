"""Simulated prompts for training: corrections clicked where the mask is wrong, and roughly drawn boxes.

Points and boxes are in the frame that SAM 2's prompt encoder takes: pixels of the model's input, whole
numbers being pixel centres, boxes naming their first and last pixel.

Shape letters: Q queries, N points of a query, C coordinates, H height, W width, P pixels of a flattened mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

MIN_PART_PX = 32
"""Smaller parts of a reference are crumbs at an edge, not objects that anybody clicks on."""


@dataclass(frozen=True)
class ClickConfig:
    """How often and how far text prompts are refined with simulated prompts.

    Attributes:
        batch_probability: Chance that a batch gets corrections at all.
        sample_fraction: Share of the present phrases of such a batch that get them.
        max_rounds: Corrections are repeated 1 to this many times, each on the mask of the one before.
        box_probability: Chance that the first prompt is the object's box and not a point.
        object_probability: Chance that the prompts ask for one object anew, instead of correcting what the
            phrase gave: the reference is then one connected part of the phrase's, and no mask goes in.
        textless_probability: Chance that the phrase is withheld where one object is asked for.
        box_jitter: Largest displacement of a box's side, as a share of the box's extent.
        max_box_jitter_px: The same in pixels; the smaller bound holds.

    Source: RSAM Section 3.3 (a random subset, points by comparison with the reference); probabilities, seven
    corrections and box noise: SAM 2 Appendix D.2.1 and ``sam2/modeling/sam2_utils.py``.
    """

    batch_probability: float = 0.5
    sample_fraction: float = 0.5
    max_rounds: int = 7
    box_probability: float = 0.5
    object_probability: float = 0.5
    textless_probability: float = 0.5
    box_jitter: float = 0.1
    max_box_jitter_px: float = 20.0


def sample_correction_points(
    predicted_QHW: Tensor, reference_QHW: Tensor, *, chance_Q: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Draws one point per query, uniformly from where prediction and reference differ.

    A missed pixel gives a positive point, a wrongly marked one a negative point. Where nothing is wrong the
    point comes from the background, and where there is no background either, from the object.

    Args:
        predicted_QHW: Boolean masks of the model, at the input's resolution: on a coarser grid the smallest
            objects would have no pixel to be clicked on.
        reference_QHW: Boolean reference masks at the same.
        chance_Q: Uniform numbers in [0, 1) that decide; torch's generator where there are none.

    Returns:
        Points (Q, 2) float32 xy in input pixels and labels (Q,) int32: 1 positive, 0 negative.

    Source: ``sample_random_points_from_errors`` in sam2's ``sam2_utils.py`` has the same distribution.
    """
    width = reference_QHW.shape[-1]
    reference_QP = reference_QHW.flatten(1)
    candidates_QP = predicted_QHW.flatten(1) != reference_QP
    for fallback_QP in (~reference_QP, reference_QP):
        candidates_QP = torch.where(candidates_QP.any(1, keepdim=True), candidates_QP, fallback_QP)
    rank_QP = candidates_QP.cumsum(1, dtype=torch.int32)
    number_Q1 = _choice(_chances(chance_Q, candidates_QP[:, 0]), rank_QP[:, -1])[:, None]
    index_Q1 = (rank_QP <= number_Q1).sum(1, keepdim=True)
    labels_Q = reference_QP.gather(1, index_Q1).squeeze(1).to(torch.int32)
    return torch.cat([index_Q1 % width, index_Q1 // width], 1).float(), labels_Q


def _chances(chance: Tensor | None, like: Tensor) -> Tensor:
    """The given uniform numbers on the device of a tensor, or new ones of its shape."""
    return torch.rand_like(like, dtype=torch.float32) if chance is None else chance.to(like.device)


def _choice(chance_Q: Tensor, count_Q: Tensor) -> Tensor:
    """Numbers in [0, count), each as likely as the others."""
    return (chance_Q * count_Q).long().minimum(count_Q - 1)


def single_parts(reference_QHW: Tensor, *, chance_Q: Tensor | None = None) -> Tensor:
    """Returns masks (Q, H, W) of one connected part of each reference, each part as likely as the others.

    Clicking on one of many objects means that one: a mask and a phrase together say that all are meant.
    Parts under MIN_PART_PX are left out unless there are no others.

    Args:
        reference_QHW: Boolean masks; an empty one stays empty.
        chance_Q: Uniform numbers in [0, 1) that decide; torch's generator where there are none.
    """
    chances = _chances(chance_Q, torch.empty(len(reference_QHW))).tolist()
    masks = reference_QHW.cpu().numpy() > 0
    parts = [_single_part(mask_HW, chance) for mask_HW, chance in zip(masks, chances, strict=True)]
    return torch.from_numpy(np.stack(parts)).to(reference_QHW.device, reference_QHW.dtype)


def _single_part(mask_HW: NDArray[np.bool_], chance: float) -> NDArray[np.bool_]:
    label_HW, num_parts = ndimage.label(mask_HW)
    if num_parts < 2:
        return mask_HW
    num_px_L = np.bincount(label_HW.ravel())[1:]
    candidates = np.flatnonzero(num_px_L >= min(MIN_PART_PX, num_px_L.max())) + 1
    chosen: NDArray[np.bool_] = label_HW == candidates[int(chance * len(candidates))]
    return chosen


def jittered_boxes(reference_QHW: Tensor, config: ClickConfig, *, chance_QC: Tensor | None = None) -> Tensor:
    """Returns each reference's bounding box as a person would draw it, (Q, 4) xyxy in input pixels.

    Args:
        reference_QHW: Boolean masks at the input's resolution, none of them empty.
        config: Size of the noise.
        chance_QC: Uniform numbers in [0, 1) for the four sides; torch's generator where there are none.

    Raises:
        ValueError: A mask is empty.
    """
    if not bool(reference_QHW.flatten(1).any(1).all()):
        raise ValueError("an empty mask has no box")
    height, width = reference_QHW.shape[-2:]
    left_Q, right_Q = _extent(reference_QHW.any(1))
    top_Q, bottom_Q = _extent(reference_QHW.any(2))
    edges_QC = torch.stack([left_Q, top_Q, right_Q, bottom_Q], 1).float()
    boxes_QC = edges_QC - edges_QC.new_tensor([0.0, 0.0, 1.0, 1.0])
    extent_QC = (boxes_QC[:, 2:] - boxes_QC[:, :2]).repeat(1, 2)
    bound_QC = (config.box_jitter * extent_QC).clamp(max=config.max_box_jitter_px)
    noise_QC = (2 * _chances(chance_QC, boxes_QC) - 1) * bound_QC
    limit_C = boxes_QC.new_tensor([width, height, width, height]) - 1
    return (boxes_QC + noise_QC).clamp(min=0).minimum(limit_C)


def _extent(occupied_QL: Tensor) -> tuple[Tensor, Tensor]:
    """First and one past the last True along a line."""
    length = occupied_QL.shape[1]
    flags_QL = occupied_QL.to(torch.int32)
    return flags_QL.argmax(1), length - flags_QL.flip(1).argmax(1)
