"""The multimodal mask decoder of Figure 10: SAM 2's mask decoder with text on its mask token.

Its parameters carry sam2's names, so that official checkpoints load by name, and without text it computes
what sam2's decoder does.

Shape letters: Q queries, D model width, S sparse tokens, T output tokens, M masks, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sam2.modeling.sam.transformer import TwoWayTransformer
from sam2.modeling.sam2_utils import MLP, LayerNorm2d
from torch import Tensor, nn

from geophrase.engine.model.rsam.config import DecoderConfig
from geophrase.engine.model.rsam.image_encoder import ImageFeatures

ABSENT_LOGIT = -1024.0


@dataclass(frozen=True)
class MaskOutput:
    """What the decoder says about Q queries.

    Attributes:
        mask_logits_QMHW: Masks at stride 4; positive is foreground.
        iou_QM: Predicted IoU of each mask, in [0, 1].
        objectness_Q1: Logit that the object is in the image at all.
    """

    mask_logits_QMHW: Tensor
    iou_QM: Tensor
    objectness_Q1: Tensor

    def without_absent(self) -> MaskOutput:
        """Sets the masks of objects that are judged absent to -1024, as SAM 2 does at inference.

        Source: sam2/modeling/sam2_base.py, NO_OBJ_SCORE.
        """
        is_present_Q111 = (self.objectness_Q1 > 0)[..., None, None]
        masks = self.mask_logits_QMHW.where(is_present_Q111, ABSENT_LOGIT)
        return MaskOutput(masks, self.iou_QM, self.objectness_Q1)


class MultimodalMaskDecoder(nn.Module):
    """Decodes masks, their IoU and the objectness from image features, text and other prompts.

    The decoding tokens are E = concat(t_obj, t_iou, t_mask + TG, Ps).

    Source: paper, Section 3.2.3; sam2/modeling/sam/mask_decoder.py.
    """

    def __init__(self, width: int, config: DecoderConfig, *, is_text_added_to_mask_token: bool) -> None:
        super().__init__()
        self.config = config
        self.is_text_added_to_mask_token = is_text_added_to_mask_token
        self.transformer = TwoWayTransformer(
            depth=config.depth,
            embedding_dim=width,
            num_heads=config.num_heads,
            mlp_dim=config.mlp_dim,
            attention_downsample_rate=config.attention_downsample,
        )
        self.obj_score_token = nn.Embedding(1, width)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(config.num_mask_tokens, width)
        self.conv_s0 = nn.Conv2d(width, width // 8, kernel_size=1)
        self.conv_s1 = nn.Conv2d(width, width // 4, kernel_size=1)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, kernel_size=2, stride=2),
            LayerNorm2d(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(width, width, width // 8, 3) for _ in range(config.num_mask_tokens)
        )
        self.iou_prediction_head = MLP(
            width, config.iou_hidden_dim, config.num_mask_tokens, 3, sigmoid_output=True
        )
        self.pred_obj_score_head = MLP(width, width, 1, 3)

    def forward(
        self,
        features: ImageFeatures,
        *,
        image_position_1DHW: Tensor,
        sparse_QSD: Tensor,
        dense_QDHW: Tensor,
        text_QD: Tensor | None = None,
        multimask: bool = False,
    ) -> MaskOutput:
        """Decodes Q queries.

        Args:
            features: Image features of each query, guided by the text where there is one.
            image_position_1DHW: Positions of the deep grid.
            sparse_QSD: Embedded points and boxes; S may be 0.
            dense_QDHW: Embedded masks, or the null vector broadcast.
            text_QD: The global text token.
            multimask: Whether to return the alternatives instead of the single mask.

        Returns:
            One mask, or the num_mask_tokens - 1 alternatives.

        Raises:
            ValueError: For alternatives of a decoder that has one mask token.
        """
        if multimask and self.config.num_mask_tokens == 1:
            raise ValueError("this model has one mask token and so no alternative masks")
        tokens_QTD = self._decoding_tokens(sparse_QSD, text_QD)
        deep_QDHW = features.deep_BDHW + dense_QDHW
        position_QDHW = image_position_1DHW.expand(len(deep_QDHW), -1, -1, -1)
        tokens_QTD, deep_QND = self.transformer(deep_QDHW, position_QDHW, tokens_QTD)
        deep_QDHW = deep_QND.transpose(1, 2).reshape(deep_QDHW.shape)

        mask_end = 2 + self.config.num_mask_tokens
        fine_QDHW = self._upscale(deep_QDHW, features)
        output = MaskOutput(
            mask_logits_QMHW=self._masks(tokens_QTD[:, 2:mask_end], fine_QDHW),
            iou_QM=self.iou_prediction_head(tokens_QTD[:, 1]),
            objectness_Q1=self.pred_obj_score_head(tokens_QTD[:, 0]),
        )
        return self._choose(output, multimask=multimask)

    def project_shallow(self, stride4_BDHW: Tensor, stride8_BDHW: Tensor) -> tuple[Tensor, Tensor]:
        """Narrows the shallow features to D/8 and D/4, once per image instead of once per query."""
        return self.conv_s0(stride4_BDHW), self.conv_s1(stride8_BDHW)

    def _decoding_tokens(self, sparse_QSD: Tensor, text_QD: Tensor | None) -> Tensor:
        num_queries = len(sparse_QSD)
        fixed_TD = torch.cat([self.obj_score_token.weight, self.iou_token.weight])
        mask_QMD = self.mask_tokens.weight.expand(num_queries, -1, -1)
        parts = [fixed_TD.expand(num_queries, -1, -1), mask_QMD, sparse_QSD]
        if text_QD is not None and self.is_text_added_to_mask_token:
            parts[1] = mask_QMD + text_QD[:, None]
        elif text_QD is not None:
            parts.append(text_QD[:, None])
        return torch.cat([part.to(sparse_QSD.dtype) for part in parts], dim=1)

    def _upscale(self, deep_QDHW: Tensor, features: ImageFeatures) -> Tensor:
        to_stride8, norm, activation, to_stride4, last_activation = self.output_upscaling
        stride8_QDHW = activation(norm(to_stride8(deep_QDHW) + features.shallow8_BDHW))
        fine_QDHW: Tensor = last_activation(to_stride4(stride8_QDHW) + features.shallow4_BDHW)
        return fine_QDHW

    def _masks(self, mask_tokens_QMD: Tensor, fine_QDHW: Tensor) -> Tensor:
        heads = self.output_hypernetworks_mlps
        weights_QMD = torch.stack([head(mask_tokens_QMD[:, i]) for i, head in enumerate(heads)], dim=1)
        return torch.einsum("qmd,qdhw->qmhw", weights_QMD, fine_QDHW)

    def _choose(self, output: MaskOutput, *, multimask: bool) -> MaskOutput:
        if multimask:
            return MaskOutput(output.mask_logits_QMHW[:, 1:], output.iou_QM[:, 1:], output.objectness_Q1)
        single = MaskOutput(output.mask_logits_QMHW[:, :1], output.iou_QM[:, :1], output.objectness_Q1)
        if self.training or self.config.num_mask_tokens == 1:
            return single
        return self._replace_unstable(single, output)

    def _replace_unstable(self, single: MaskOutput, output: MaskOutput) -> MaskOutput:
        """Hands a single mask that a small change of threshold changes over to the best alternative.

        Source: sam2/modeling/sam/mask_decoder.py, _dynamic_multimask_via_stability.
        """
        delta_logit = self.config.stability_delta_logit
        inner_Q1 = (single.mask_logits_QMHW > delta_logit).flatten(2).sum(-1)
        outer_Q1 = (single.mask_logits_QMHW > -delta_logit).flatten(2).sum(-1)
        stability_Q1 = torch.where(outer_Q1 > 0, inner_Q1 / outer_Q1.clamp(min=1), 1.0)
        is_stable_Q1 = stability_Q1 >= self.config.stability_threshold

        best_Q1 = 1 + output.iou_QM[:, 1:].argmax(-1, keepdim=True)
        best_masks_Q1HW = output.mask_logits_QMHW.take_along_dim(best_Q1[..., None, None], dim=1)
        return MaskOutput(
            torch.where(is_stable_Q1[..., None, None], single.mask_logits_QMHW, best_masks_Q1HW),
            torch.where(is_stable_Q1, single.iou_QM, output.iou_QM.take_along_dim(best_Q1, dim=1)),
            output.objectness_Q1,
        )
