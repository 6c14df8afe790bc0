"""The loss of a whole batch: every phrase once, then corrections for some of them.

Shape letters: B images, Q queries, S selected queries, C channels or coordinates, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geophrase.engine.model.rsam.image_encoder import ImageFeatures
from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.training.objective.clicks import (
    ClickConfig,
    jittered_boxes,
    sample_correction_points,
    single_parts,
)
from geophrase.training.objective.losses import (
    LossConfig,
    LossTerms,
    mask_iou,
    match_resolution,
    segmentation_loss,
)


@dataclass(frozen=True)
class Queries:
    """The phrases of a batch and what they should give.

    Attributes:
        image_index_Q: Which image each phrase is asked of.
        text: Encoded phrases.
        masks_QHW: Boolean references at the input's resolution.
        is_absent_Q: True where nothing fits the phrase.
    """

    image_index_Q: Tensor
    text: TextFeatures
    masks_QHW: Tensor
    is_absent_Q: Tensor

    def select(self, index_S: Tensor) -> Queries:
        """Gathers some of the queries."""
        return Queries(
            self.image_index_Q[index_S],
            self.text.select(index_S),
            self.masks_QHW[index_S],
            self.is_absent_Q[index_S],
        )

    def __len__(self) -> int:
        return len(self.image_index_Q)


@dataclass(frozen=True)
class BatchLoss:
    """What a batch gives.

    Attributes:
        total: Scalar to descend, corrections included.
        text: Terms of the first round, from text alone.
        mean_iou: Of the present phrases after the first round, a scalar.
    """

    total: Tensor
    text: LossTerms
    mean_iou: Tensor


class Objective:
    """Decodes the queries of a batch and measures the loss, with corrections on a random subset.

    Source: RSAM Section 3.3; SAM 2 Appendix D.2.1 for the rounds, whose losses are summed.
    """

    def __init__(self, loss: LossConfig, clicks: ClickConfig) -> None:
        self._loss = loss
        self._clicks = clicks

    def __call__(self, rsam: Rsam, features: ImageFeatures, queries: Queries) -> BatchLoss:
        """Returns the loss of a batch whose images are encoded.

        Args:
            rsam: The model.
            features: Encodings of the batch's images.
            queries: Its phrases and references.
        """
        output = rsam.decode(features, image_index_Q=queries.image_index_Q, text=queries.text)
        terms, mean_iou = self._round(output, queries)
        total = terms.total
        selected_S = self._select(queries)
        if len(selected_S):
            corrected = self._corrections(
                rsam, features, queries.select(selected_S), output.mask_logits_QMHW[selected_S].detach()
            )
            total = total + corrected * (len(selected_S) / len(queries))
        return BatchLoss(total=total, text=terms, mean_iou=mean_iou)

    def _round(self, output: MaskOutput, queries: Queries) -> tuple[LossTerms, Tensor]:
        logits_QHW, targets_QHW = match_resolution(
            output.mask_logits_QMHW[:, 0], queries.masks_QHW, self._loss.loss_stride
        )
        terms = segmentation_loss(
            self._loss,
            mask_logits_QHW=logits_QHW,
            iou_Q=output.iou_QM[:, 0],
            objectness_Q=output.objectness_Q1[:, 0],
            targets_QHW=targets_QHW,
            is_absent_Q=queries.is_absent_Q,
        )
        iou_Q = mask_iou(logits_QHW.detach().flatten(1), targets_QHW.flatten(1))
        is_present_Q = ~queries.is_absent_Q
        return terms, iou_Q[is_present_Q].sum() / is_present_Q.sum().clamp(min=1)

    def _select(self, queries: Queries) -> Tensor:
        """Indices of the present queries that get corrections; usually none or some of them."""
        if torch.rand(()) >= self._clicks.batch_probability:
            return torch.empty(0, dtype=torch.long, device=queries.is_absent_Q.device)
        is_chosen_Q = torch.rand(len(queries)) < self._clicks.sample_fraction
        is_chosen_Q = is_chosen_Q.to(queries.is_absent_Q.device) & queries.masks_QHW.flatten(1).any(1)
        return torch.nonzero(is_chosen_Q & ~queries.is_absent_Q).squeeze(1)

    def _corrections(
        self, rsam: Rsam, features: ImageFeatures, queries: Queries, text_logits_S1HW: Tensor
    ) -> Tensor:
        """Sum over the rounds of the losses after each prompt, on the phrase's mask or on one object anew."""
        is_one_object = bool(torch.rand(()) < self._clicks.object_probability)
        has_text = not is_one_object or bool(torch.rand(()) >= self._clicks.textless_probability)
        if is_one_object:
            queries = replace(queries, masks_QHW=single_parts(queries.masks_QHW))
        previous_S1HW = None if is_one_object else text_logits_S1HW
        boxes_SC = self._boxes(queries)
        points: list[tuple[Tensor, Tensor]] = []
        total = text_logits_S1HW.new_zeros((), dtype=torch.float32)
        for number in range(int(torch.randint(1, self._clicks.max_rounds + 1, ()))):
            if number > 0 or boxes_SC is None:
                points.append(self._correction_points(queries, previous_S1HW, text_logits_S1HW))
            output = rsam.decode(
                features,
                image_index_Q=queries.image_index_Q,
                text=queries.text if has_text else None,
                points_xy_QNC=torch.stack([xy_SC for xy_SC, _ in points], 1) if points else None,
                point_labels_QN=torch.stack([label_S for _, label_S in points], 1) if points else None,
                boxes_xyxy_QC=boxes_SC,
                mask_logits_Q1HW=previous_S1HW,
            )
            total = total + self._round(output, queries)[0].total
            previous_S1HW = output.mask_logits_QMHW[:, :1].detach()
        return total

    def _boxes(self, queries: Queries) -> Tensor | None:
        if torch.rand(()) >= self._clicks.box_probability:
            return None
        return jittered_boxes(queries.masks_QHW > 0, self._clicks)

    def _correction_points(
        self, queries: Queries, previous_S1HW: Tensor | None, like_S1HW: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One point each, from errors on the grid of the logits; everything is missed before a first mask."""
        logits_SHW = torch.full_like(like_S1HW, -1.0)[:, 0] if previous_S1HW is None else previous_S1HW[:, 0]
        cell_px = queries.masks_QHW.shape[-1] // logits_SHW.shape[-1]
        _, targets_SHW = match_resolution(logits_SHW, queries.masks_QHW, cell_px)
        return sample_correction_points(logits_SHW > 0, targets_SHW >= 0.5, cell_px=cell_px)
