"""The loss of a whole batch: every phrase once, then corrections for some of them.

Shape letters: B images, Q queries, S selected queries, R referents, C channels or coordinates, H height,
W width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.training.baselines.models import Answering
from geophrase.training.objective.clicks import (
    ClickConfig,
    jittered_boxes,
    sample_correction_points,
    single_parts,
)
from geophrase.training.objective.draws import Draws
from geophrase.training.objective.losses import (
    LossConfig,
    LossTerms,
    mask_iou,
    match_resolution,
    referent_loss,
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
        referents_QRHW: Boolean references of the kind and the landmarks, likewise; None without them.
        has_referents_QR: True where those are known.
    """

    image_index_Q: Tensor
    text: TextFeatures
    masks_QHW: Tensor
    is_absent_Q: Tensor
    referents_QRHW: Tensor | None = None
    has_referents_QR: Tensor | None = None

    @property
    def has_kind_Q(self) -> Tensor | None:  # noqa: N802 a shape suffix
        """True where the kind is shown, or, where that isn't known, what is meant; None without referents."""
        if self.referents_QRHW is None or self.has_referents_QR is None:
            return None
        is_shown_Q = self.referents_QRHW[:, 0].flatten(1).any(1)
        return torch.where(self.has_referents_QR[:, 0], is_shown_Q, ~self.is_absent_Q)

    def select(self, index_S: Tensor) -> Queries:
        """Gathers some of the queries."""
        return Queries(
            self.image_index_Q[index_S],
            self.text.select(index_S),
            self.masks_QHW[index_S],
            self.is_absent_Q[index_S],
            None if self.referents_QRHW is None else self.referents_QRHW[index_S],
            None if self.has_referents_QR is None else self.has_referents_QR[index_S],
        )

    def __len__(self) -> int:
        return len(self.image_index_Q)


@dataclass(frozen=True)
class BatchLoss:
    """What a batch gives.

    Attributes:
        total: Scalar to descend, corrections included.
        text: Terms of the first round, from text alone.
        iou_sum: Over the present phrases after the first round, a scalar.
        num_present: How many phrases are present, a scalar.
    """

    total: Tensor
    text: LossTerms
    iou_sum: Tensor
    num_present: Tensor


class Objective:
    """Decodes the queries of a batch and measures the loss, with corrections on a random subset.

    Source: RSAM Section 3.3; SAM 2 Appendix D.2.1 for the rounds, whose losses are summed.
    """

    def __init__(self, loss: LossConfig, clicks: ClickConfig) -> None:
        self._loss = loss
        self._clicks = clicks

    def __call__(self, rsam: Answering, features: Any, queries: Queries, draws: Draws) -> BatchLoss:
        """Returns the loss of a batch whose images are encoded.

        Args:
            rsam: The model.
            features: Encodings of the batch's images.
            queries: Its phrases and references.
            draws: Chance for the corrections.
        """
        output = rsam.decode(features, image_index_Q=queries.image_index_Q, text=queries.text)
        terms, iou_sum = self._round(output, queries)
        total = terms.total
        if draws.corrections < self._clicks.batch_probability:
            total = total + self._corrected(rsam, features, queries, draws, output.mask_logits_QMHW.detach())
        return BatchLoss(total, terms, iou_sum, (~queries.is_absent_Q).sum())

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
            has_kind_Q=None if output.referent_logits_QRHW is None else queries.has_kind_Q,
        )
        iou_Q = mask_iou(logits_QHW.detach().flatten(1), targets_QHW.flatten(1))
        terms = self._with_referents(terms, output, queries)
        return terms, iou_Q[~queries.is_absent_Q].sum()

    def _with_referents(self, terms: LossTerms, output: MaskOutput, queries: Queries) -> LossTerms:
        logits_QRHW = output.referent_logits_QRHW
        if logits_QRHW is None or queries.referents_QRHW is None or queries.has_referents_QR is None:
            return terms
        referents = referent_loss(
            self._loss,
            *match_resolution(
                logits_QRHW.flatten(0, 1), queries.referents_QRHW.flatten(0, 1), self._loss.loss_stride
            ),
            is_known_M=queries.has_referents_QR.flatten(),
        )
        return replace(terms, total=terms.total + self._loss.referent_weight * referents)

    def _corrected(
        self, rsam: Answering, features: Any, queries: Queries, draws: Draws, logits_QMHW: Tensor
    ) -> Tensor:
        """The corrections' share of the loss.

        Where no query gets any, the first stands in at no weight: processes that divide a batch must all
        compute with the same parameters.
        """
        is_chosen_Q = (draws.select_Q < self._clicks.sample_fraction).to(queries.is_absent_Q.device)
        is_chosen_Q = is_chosen_Q & queries.masks_QHW.flatten(1).any(1) & ~queries.is_absent_Q
        index_S = torch.nonzero(is_chosen_Q).squeeze(1)
        weight = len(index_S) / len(queries)
        chosen = queries.select(index_S)
        if not len(index_S):
            index_S = torch.zeros(1, dtype=torch.long, device=index_S.device)
            chosen = queries.select(index_S)
            whole = torch.ones_like(chosen.masks_QHW)
            chosen = replace(chosen, masks_QHW=whole, is_absent_Q=torch.zeros_like(chosen.is_absent_Q))
        return weight * self._corrections(
            rsam, features, chosen, draws.select(index_S), logits_QMHW[index_S, :1]
        )

    def _corrections(
        self, rsam: Answering, features: Any, queries: Queries, draws: Draws, text_logits_S1HW: Tensor
    ) -> Tensor:
        """Sum over the rounds of the losses after each prompt, on the phrase's mask or on one object anew."""
        is_one_object = draws.one_object < self._clicks.object_probability
        has_text = not is_one_object or draws.text >= self._clicks.textless_probability
        if is_one_object:
            queries = replace(queries, masks_QHW=single_parts(queries.masks_QHW, chance_Q=draws.part_Q))
        previous_S1HW = None if is_one_object else text_logits_S1HW
        boxes_SC = self._boxes(queries, draws)
        points: list[tuple[Tensor, Tensor]] = []
        total = text_logits_S1HW.new_zeros((), dtype=torch.float32)
        for number in range(1 + int(draws.rounds * self._clicks.max_rounds)):
            if number > 0 or boxes_SC is None:
                points.append(self._correction_points(queries, previous_S1HW, draws.point_QR[:, number]))
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

    def _boxes(self, queries: Queries, draws: Draws) -> Tensor | None:
        if draws.box >= self._clicks.box_probability:
            return None
        return jittered_boxes(queries.masks_QHW > 0, self._clicks, chance_QC=draws.box_QC)

    def _correction_points(
        self, queries: Queries, previous_S1HW: Tensor | None, chance_S: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One point each, from the errors of a mask; everything is missed before a first mask."""
        masks_SHW = queries.masks_QHW > 0
        predicted_SHW = torch.zeros_like(masks_SHW)
        if previous_S1HW is not None:
            predicted_SHW = match_resolution(previous_S1HW[:, 0], masks_SHW, 1)[0] > 0
        return sample_correction_points(predicted_SHW, masks_SHW, chance_Q=chance_S)
