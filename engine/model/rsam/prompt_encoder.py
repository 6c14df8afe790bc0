"""The prompt encoder of Figure 8: points and boxes to sparse tokens, masks to a dense map, as in SAM 2.

Its parameters carry sam2's names, so that official checkpoints load by name. Unlike sam2's module it takes
the input's size with every call, so that it works at any input size.

Shape letters: Q queries, N points, C coordinates (x, y), D model width, S sparse tokens, H height, W width.
"""

from __future__ import annotations

import math

import torch
from sam2.modeling.sam2_utils import LayerNorm2d
from torch import Tensor, nn
from torch.nn import functional as F

LABEL_NOT_A_POINT = -1
LABELS_BOX_CORNERS = (2, 3)
_NUM_LABELS = 4  # negative, positive, top-left corner, bottom-right corner
_MASK_CHANNELS = 16


class FourierPosition(nn.Module):
    """Positions as sines and cosines of random frequencies, which are a buffer and never trained.

    The phases are products, not a matrix product, so that autocast leaves them in float32: in bfloat16, as
    sam2 computes them there, a point moves by several pixels.

    Source: sam2/modeling/position_encoding.py, PositionEmbeddingRandom; Tancik et al. 2020.
    """

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, width // 2))

    def forward(self, xy: Tensor) -> Tensor:
        """Encodes coordinates in [0, 1], shape (..., 2), as vectors (..., D)."""
        x_frequency, y_frequency = self.positional_encoding_gaussian_matrix
        centred = 2 * xy - 1
        phase_rad = 2 * math.pi * (centred[..., :1] * x_frequency + centred[..., 1:] * y_frequency)
        return torch.cat([phase_rad.sin(), phase_rad.cos()], dim=-1)


class PromptEncoder(nn.Module):
    """Embeds points, boxes and masks.

    The paper's learnable vectors for absent prompts are SAM 2's own: ``not_a_point_embed`` where there is no
    point or box, ``no_mask_embed`` where there is no mask.

    Source: paper, Section 3.2.1 (4); sam2/modeling/sam/prompt_encoder.py.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pe_layer = FourierPosition(width)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(_NUM_LABELS))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, _MASK_CHANNELS // 4, kernel_size=2, stride=2),
            LayerNorm2d(_MASK_CHANNELS // 4),
            nn.GELU(),
            nn.Conv2d(_MASK_CHANNELS // 4, _MASK_CHANNELS, kernel_size=2, stride=2),
            LayerNorm2d(_MASK_CHANNELS),
            nn.GELU(),
            nn.Conv2d(_MASK_CHANNELS, width, kernel_size=1),
        )
        self.no_mask_embed = nn.Embedding(1, width)

    def encode_points(self, xy_QNC: Tensor, label_QN: Tensor, *, input_hw_px: tuple[int, int]) -> Tensor:
        """Embeds labelled points and one closing not-a-point token, as sam2's image predictor does.

        Args:
            xy_QNC: Coordinates in pixels of the model's input; N may be 0.
            label_QN: 1 foreground, 0 background, 2 and 3 the corners of a box, -1 padding.
            input_hw_px: Height and width of the model's input.

        Returns:
            Sparse tokens (Q, N + 1, D).
        """
        height_px, width_px = input_hw_px
        scale_C = xy_QNC.new_tensor([width_px, height_px], dtype=torch.float32)
        position_QND = self.pe_layer((xy_QNC.float() + 0.5) / scale_C)  # from corner to centre of a pixel
        by_label_KD = torch.cat(list(self.point_embeddings.parameters()))
        is_point_QN1 = (label_QN != LABEL_NOT_A_POINT)[..., None]
        token_QND = position_QND + by_label_KD[label_QN.clamp(min=0).long()]
        token_QND = torch.where(is_point_QN1, token_QND, self.not_a_point_embed.weight)
        closing_Q1D = self.not_a_point_embed.weight.expand(len(token_QND), 1, -1)
        return torch.cat([token_QND, closing_Q1D], dim=1)

    def encode_masks(self, mask_logits_Q1HW: Tensor, *, grid_hw: tuple[int, int]) -> Tensor:
        """Embeds masks as a dense map (Q, D, H, W) on the deep features' grid.

        Masks that are not at four times the grid are resampled to it, as SAM2Base does.
        """
        size_hw = (4 * grid_hw[0], 4 * grid_hw[1])
        if tuple(mask_logits_Q1HW.shape[-2:]) != size_hw:
            mask_logits_Q1HW = F.interpolate(
                mask_logits_Q1HW.float(), size=size_hw, mode="bilinear", align_corners=False, antialias=True
            )
        dense_QDHW: Tensor = self.mask_downscaling(mask_logits_Q1HW)
        return dense_QDHW

    def no_mask(self) -> Tensor:
        """The null vector for an absent mask, shape (1, D, 1, 1)."""
        return self.no_mask_embed.weight[..., None, None]

    def image_position(self, grid_hw: tuple[int, int]) -> Tensor:
        """Positions of the deep grid in the points' Fourier basis, shape (1, D, H, W)."""
        device = self.no_mask_embed.weight.device
        y_H, x_W = ((torch.arange(side, device=device) + 0.5) / side for side in grid_hw)
        y_HW, x_HW = torch.meshgrid(y_H, x_W, indexing="ij")
        position_HWD: Tensor = self.pe_layer(torch.stack([x_HW, y_HW], dim=-1))
        return position_HWD.permute(2, 0, 1)[None]


def join_boxes(
    boxes_xyxy_QC: Tensor | None, points_xy_QNC: Tensor | None, point_labels_QN: Tensor | None
) -> tuple[Tensor, Tensor] | None:
    """Writes boxes as two labelled points in front of the clicks, as sam2's image predictor does.

    Returns:
        Coordinates (Q, N, 2) and labels (Q, N), or None without either prompt.

    Raises:
        ValueError: Where points come without labels or the shapes disagree.
    """
    if (points_xy_QNC is None) != (point_labels_QN is None):
        raise ValueError("points and point labels come together")
    parts = []
    if boxes_xyxy_QC is not None:
        labels_QN = torch.tensor(LABELS_BOX_CORNERS, device=boxes_xyxy_QC.device)
        parts.append((boxes_xyxy_QC.reshape(-1, 2, 2), labels_QN.expand(len(boxes_xyxy_QC), -1)))
    if points_xy_QNC is not None and point_labels_QN is not None:
        if points_xy_QNC.shape[:-1] != point_labels_QN.shape:
            raise ValueError(
                f"{tuple(points_xy_QNC.shape)} points cannot have {tuple(point_labels_QN.shape)} labels"
            )
        parts.append((points_xy_QNC, point_labels_QN))
    if not parts:
        return None
    return torch.cat([xy for xy, _ in parts], dim=1), torch.cat([label for _, label in parts], dim=1)
