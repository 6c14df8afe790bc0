"""The multimodal mask decoder of Figure 10: SAM 2's mask decoder with text on its mask token.

Its parameters carry sam2's names, so that official checkpoints load by name, and without text it computes
what sam2's decoder does.

Shape letters: Q queries, D model width, S sparse tokens, T output tokens, M masks, R referents, H height,
W width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from sam2.modeling.sam.transformer import Attention, TwoWayTransformer
from sam2.modeling.sam2_utils import MLP, LayerNorm2d
from torch import Tensor, nn
from torch.nn import functional as F

from geophrase.engine.model.rsam.attention import AttentionLayers, attend
from geophrase.engine.model.rsam.config import DecoderConfig
from geophrase.engine.model.rsam.image_encoder import ImageFeatures

ABSENT_LOGIT = -1024.0
NUM_REFERENTS = 2  # the kind and the landmarks


@dataclass(frozen=True)
class MaskOutput:
    """What the decoder says about Q queries.

    Attributes:
        mask_logits_QMHW: Masks at stride 4; positive is foreground.
        iou_QM: Predicted IoU of each mask, in [0, 1].
        objectness_Q1: Logit that the object is in the image at all.
        referent_logits_QRHW: Masks of all objects of the kind that a text names, and of the landmarks that it
            tells them by; None from a decoder without them or without text.
    """

    mask_logits_QMHW: Tensor
    iou_QM: Tensor
    objectness_Q1: Tensor
    referent_logits_QRHW: Tensor | None = None

    def without_absent(self) -> MaskOutput:
        """Sets the masks of objects that are judged absent to -1024, as SAM 2 does at inference.

        Source: sam2/modeling/sam2_base.py, NO_OBJ_SCORE.
        """
        is_present_Q111 = (self.objectness_Q1 > 0)[..., None, None]
        masks = self.mask_logits_QMHW.where(is_present_Q111, ABSENT_LOGIT)
        return replace(self, mask_logits_QMHW=masks)


class TokenAttention(nn.Module):
    """Takes over the layers of one of sam2's attentions and computes the same by :func:`attend`."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.num_heads: int = attention.num_heads
        self.q_proj: nn.Linear = attention.q_proj
        self.k_proj: nn.Linear = attention.k_proj
        self.v_proj: nn.Linear = attention.v_proj
        self.out_proj: nn.Linear = attention.out_proj

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Returns what the queries (Q, N, D) gather; the arguments have sam2's names."""
        layers = AttentionLayers(self.q_proj, self.k_proj, self.v_proj, self.out_proj, self.num_heads)
        return attend(layers, q, key_QMD=k, value_QMD=v)


class PixelDoubling(nn.ConvTranspose2d):
    """A transposed convolution of size and stride 2 on tokens: a linear layer that makes four of each.

    Its weight has the shape of the convolution's, and the tokens need not lie on a grid.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=2, stride=2)

    def forward(self, x_PD: Tensor) -> Tensor:  # type: ignore[override]  # a grid has nothing to add
        """Returns four tokens, the upper two and the lower two, for each of P: shape (P * 4, D_out)."""
        assert self.bias is not None
        weight_ED = self.weight.permute(2, 3, 1, 0).flatten(0, 2)
        return F.linear(x_PD, weight_ED, self.bias.repeat(4)).view(-1, self.out_channels)


class MultimodalMaskDecoder(nn.Module):
    """Decodes masks, their IoU and the objectness from image features, text and other prompts.

    The decoding tokens are E = concat(t_obj, t_iou, t_mask + TG, Ps). With referents, which the paper
    lacks, two more mask tokens follow the mask's wherever there is a text.

    Source: paper, Section 3.2.3; sam2/modeling/sam/mask_decoder.py.
    """

    def __init__(
        self,
        width: int,
        config: DecoderConfig,
        *,
        is_text_added_to_mask_token: bool,
        has_referents: bool = False,
    ) -> None:
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
        _take_over_attentions(self.transformer)
        self.obj_score_token = nn.Embedding(1, width)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(config.num_mask_tokens, width)
        self.conv_s0 = nn.Conv2d(width, width // 8, kernel_size=1)
        self.conv_s1 = nn.Conv2d(width, width // 4, kernel_size=1)
        self.output_upscaling = nn.Sequential(
            PixelDoubling(width, width // 4),
            LayerNorm2d(width // 4),
            nn.GELU(),
            PixelDoubling(width // 4, width // 8),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(width, width, width // 8, 3) for _ in range(config.num_mask_tokens)
        )
        self.iou_prediction_head = MLP(
            width, config.iou_hidden_dim, config.num_mask_tokens, 3, sigmoid_output=True
        )
        self.pred_obj_score_head = MLP(width, width, 1, 3)
        self.has_referents = has_referents
        if has_referents:
            self.referent_tokens = nn.Embedding(NUM_REFERENTS, width)
            self.referent_hypernetworks_mlps = nn.ModuleList(
                MLP(width, width, width // 8, 3) for _ in range(NUM_REFERENTS)
            )

    def forward(
        self,
        features: ImageFeatures,
        *,
        image_position_1DHW: Tensor,
        sparse_QSD: Tensor,
        dense_QDHW: Tensor,
        text_QD: Tensor | None = None,
        multimask: bool = False,
        is_absent_skipped: bool = False,
    ) -> MaskOutput:
        """Decodes Q queries.

        Args:
            features: Image features of each query, guided by the text where there is one.
            image_position_1DHW: Positions of the deep grid.
            sparse_QSD: Embedded points and boxes; S may be 0.
            dense_QDHW: Embedded masks, or the null vector broadcast.
            text_QD: The global text token.
            multimask: Whether to return the alternatives instead of the single mask.
            is_absent_skipped: Whether to leave out the work on masks of objects that are judged absent; those
                masks are -1024.

        Returns:
            One mask, or the num_mask_tokens - 1 alternatives.

        Raises:
            ValueError: For alternatives of a decoder that has one mask token.
        """
        if multimask and self.config.num_mask_tokens == 1:
            raise ValueError("this model has one mask token and so no alternative masks")
        tokens_QTD = self._decoding_tokens(sparse_QSD, text_QD)
        deep_QDHW = features.deep_BDHW + dense_QDHW
        position_QDHW = image_position_1DHW.to(deep_QDHW.dtype).expand(len(deep_QDHW), -1, -1, -1)
        tokens_QTD, deep_QND = self.transformer(deep_QDHW, position_QDHW, tokens_QTD)
        objectness_Q1 = self.pred_obj_score_head(tokens_QTD[:, 0])
        num_masks = self.config.num_mask_tokens
        num_referents = NUM_REFERENTS if self.has_referents and text_QD is not None else 0
        mask_tokens_QMD = tokens_QTD[:, 2 : 2 + num_masks + num_referents]
        if is_absent_skipped:
            masks_QMHW = self._present_masks(objectness_Q1[:, 0] > 0, mask_tokens_QMD, deep_QND, features)
        else:
            masks_QMHW = self._masks(mask_tokens_QMD, deep_QND, features)
        output = MaskOutput(
            masks_QMHW[:, :num_masks],
            self.iou_prediction_head(tokens_QTD[:, 1]),
            objectness_Q1,
            masks_QMHW[:, num_masks:] if num_referents else None,
        )
        return self._choose(output, multimask=multimask)

    def project_shallow(self, stride4_BDHW: Tensor, stride8_BDHW: Tensor) -> tuple[Tensor, Tensor]:
        """Narrows the shallow features to D/8 and D/4, once per image instead of once per query."""
        return self.conv_s0(stride4_BDHW), self.conv_s1(stride8_BDHW)

    def _decoding_tokens(self, sparse_QSD: Tensor, text_QD: Tensor | None) -> Tensor:
        num_queries = len(sparse_QSD)
        fixed_TD = torch.cat([self.obj_score_token.weight, self.iou_token.weight])
        mask_MD = self.mask_tokens.weight
        if self.has_referents and text_QD is not None:
            mask_MD = torch.cat([mask_MD, self.referent_tokens.weight])
        mask_QMD = mask_MD.expand(num_queries, -1, -1)
        parts = [fixed_TD.expand(num_queries, -1, -1), mask_QMD, sparse_QSD]
        if text_QD is not None and self.is_text_added_to_mask_token:
            parts[1] = mask_QMD + text_QD[:, None]
        elif text_QD is not None:
            parts.append(text_QD[:, None])
        return torch.cat([part.to(sparse_QSD.dtype) for part in parts], dim=1)

    def _present_masks(
        self, is_present_Q: Tensor, mask_tokens_QMD: Tensor, deep_QND: Tensor, features: ImageFeatures
    ) -> Tensor:
        """The masks of objects that are there; the others' are -1024."""
        index_P = is_present_Q.nonzero()[:, 0]
        height, width = features.shallow4_BDHW.shape[-2:]
        masks_QMHW = deep_QND.new_full((*mask_tokens_QMD.shape[:2], height, width), ABSENT_LOGIT)
        if len(index_P):
            masks_PMHW = self._masks(mask_tokens_QMD[index_P], deep_QND[index_P], features.select(index_P))
            masks_QMHW[index_P] = masks_PMHW.to(masks_QMHW.dtype)
        return masks_QMHW

    def _masks(self, mask_tokens_QMD: Tensor, deep_QND: Tensor, features: ImageFeatures) -> Tensor:
        """Refines the deep tokens to stride 4 and takes their products with each mask token's weights.

        The tokens of a deep cell stay together; only the finished logits are put in rows and columns.
        """
        to_stride8, norm, activation, to_stride4, last_activation = self.output_upscaling
        fine_PD = to_stride8(deep_QND.flatten(0, 1))
        fine_PD = fine_PD + _by_cell(features.shallow8_BDHW, 1)
        assert isinstance(norm, LayerNorm2d)
        fine_PD = activation(F.layer_norm(fine_PD, fine_PD.shape[1:], norm.weight, norm.bias, norm.eps))
        fine_PD = last_activation(to_stride4(fine_PD) + _by_cell(features.shallow4_BDHW, 2))
        heads = [*self.output_hypernetworks_mlps]
        if mask_tokens_QMD.shape[1] > len(heads):
            heads += self.referent_hypernetworks_mlps
        weights_QMD = torch.stack([head(mask_tokens_QMD[:, i]) for i, head in enumerate(heads)], dim=1)
        fine_QPD = fine_PD.view(len(weights_QMD), -1, fine_PD.shape[1])
        return _in_rows(fine_QPD @ weights_QMD.transpose(1, 2), features.deep_BDHW.shape)

    def _choose(self, output: MaskOutput, *, multimask: bool) -> MaskOutput:
        masks_QMHW, iou_QM = output.mask_logits_QMHW, output.iou_QM
        if multimask:
            return replace(output, mask_logits_QMHW=masks_QMHW[:, 1:], iou_QM=iou_QM[:, 1:])
        single = replace(output, mask_logits_QMHW=masks_QMHW[:, :1], iou_QM=iou_QM[:, :1])
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
        best_iou_Q1 = output.iou_QM.take_along_dim(best_Q1, dim=1)
        return replace(
            output,
            mask_logits_QMHW=torch.where(
                is_stable_Q1[..., None, None], single.mask_logits_QMHW, best_masks_Q1HW
            ),
            iou_QM=torch.where(is_stable_Q1, single.iou_QM, best_iou_Q1),
        )


def _take_over_attentions(transformer: nn.Module) -> None:
    for parent in list(transformer.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Attention):
                setattr(parent, name, TokenAttention(child))


def _by_cell(x_BDHW: Tensor, num_doublings: int) -> Tensor:
    """Orders pixels as :class:`PixelDoubling` makes them: by deep cell, then by quarter, row by row."""
    batch, channels, height, width = x_BDHW.shape
    steps = [2] * num_doublings
    cells_hw = (height >> num_doublings, width >> num_doublings)
    split = x_BDHW.view(batch, channels, cells_hw[0], *steps, cells_hw[1], *steps)
    rows = range(2, 3 + num_doublings)
    columns = (axis + 1 + num_doublings for axis in rows)
    pairs = [axis for pair in zip(rows, columns, strict=True) for axis in pair]
    return split.permute(0, *pairs, 1).reshape(-1, channels)


def _in_rows(logits_QPM: Tensor, deep_shape: torch.Size) -> Tensor:
    """Puts the logits of sixteenths of deep cells in rows and columns, shape (Q, M, H, W)."""
    height, width = deep_shape[-2:]
    num_masks = logits_QPM.shape[2]
    split = logits_QPM.view(-1, height, width, 2, 2, 2, 2, num_masks)
    rows = split.permute(0, 7, 1, 3, 5, 2, 4, 6)
    return rows.reshape(-1, num_masks, 4 * height, 4 * width)
