"""A small U-Net that goes over the mask decoder's answer to points and boxes.

SAM 2's decoder says where a point is by tokens at stride 16 and learns from millions of prompts to answer it
to the pixel. A small model that has seen thousands finds the edge around a click with convolutions: they see
the prompts as maps beside the image's own features, the answer so far and the decoder's.

Source: Sofiiuk et al. 2021 (RITM) for clicks as maps beside the previous mask; Ronneberger et al. 2015,
Figure 1, for the U-Net; neither SAM 2 nor the paper has one.

Shape letters: Q queries, M masks, N points, C coordinates or channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geophrase.engine.model.rsam.config import RefinerConfig
from geophrase.engine.model.rsam.conv_trunk import ResidualBlock
from geophrase.engine.model.rsam.drawn_prompts import prompt_maps
from geophrase.engine.model.rsam.image_encoder import ImageFeatures

_LIMIT_LOGIT = 8.0  # of what comes in
_NUM_PROMPT_MAPS = 5
_NUM_COLOURS = 3
_NUM_SIMILARITIES = 2


class PromptRefiner(nn.Module):
    """Adds to the decoder's logits what points and boxes, seen as maps, say about them.

    Args:
        config: Widths.
        width: Channels of the deep features.
    """

    def __init__(self, config: RefinerConfig, *, width: int) -> None:
        super().__init__()
        fine, middle, deep = config.channels
        maps_in = _NUM_PROMPT_MAPS + 2 + _NUM_COLOURS + width // 8
        self.narrow_deep = nn.Conv2d(width, config.deep_channels, 1)
        self.down4 = _block(maps_in, fine)
        self.down8 = _block(fine + width // 4, middle)
        self.down16 = _block(middle + config.deep_channels + _NUM_SIMILARITIES, deep)
        self.bottom32 = _block(deep, deep)
        self.up16 = _block(deep, deep)
        self.to8 = nn.Conv2d(deep, middle, 1)
        self.up8 = _block(middle, middle)
        self.to4 = nn.Conv2d(middle, fine, 1)
        self.up4 = _block(fine, fine)
        self.head = nn.Conv2d(fine, 1, 1)
        nn.init.zeros_(self.head.weight)  # starts as the decoder's answer
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        answer_QMHW: Tensor,
        features: ImageFeatures,
        points_xy_QNC: Tensor,
        labels_QN: Tensor,
        *,
        previous_Q1HW: Tensor | None,
    ) -> Tensor:
        """Returns the refined logits, shape (Q, M, H, W).

        Args:
            answer_QMHW: The decoder's logits at stride 4.
            features: The image's features for each query, as the image encoder left them.
            points_xy_QNC: Points in pixels of the model's input.
            labels_QN: 1 foreground, 0 background, 2 and 3 the corners of a box, -1 padding.
            previous_Q1HW: Logits of the answer before, at stride 4; None for the first.
        """
        num_masks = answer_QMHW.shape[1]
        mask_hw = (answer_QMHW.shape[-2], answer_QMHW.shape[-1])
        prompts_QCHW = prompt_maps(
            points_xy_QNC, labels_QN, input_hw_px=features.input_hw_px, mask_hw=mask_hw
        )
        if previous_Q1HW is None:
            previous_Q1HW = prompts_QCHW.new_zeros((len(prompts_QCHW), 1, *mask_hw))
        elif tuple(previous_Q1HW.shape[-2:]) != mask_hw:
            previous_Q1HW = F.interpolate(previous_Q1HW.float(), mask_hw, mode="bilinear", antialias=True)
        answer_X1HW = answer_QMHW.flatten(0, 1)[:, None].float().clamp(-_LIMIT_LOGIT, _LIMIT_LOGIT)
        given_QCHW = torch.cat([prompts_QCHW, torch.tanh(previous_Q1HW.float() / 2)], 1)
        given_XCHW = given_QCHW.repeat_interleave(num_masks, 0)
        if num_masks > 1:
            features = features.map(lambda x_QCHW: x_QCHW.repeat_interleave(num_masks, 0))
        return (answer_X1HW + self._change(answer_X1HW, given_XCHW, features)).view(answer_QMHW.shape)

    def _change(self, answer_X1HW: Tensor, given_XCHW: Tensor, features: ImageFeatures) -> Tensor:
        assert features.colours_BCHW is not None
        seen = (features.colours_BCHW, features.shallow4_BDHW, given_XCHW, torch.tanh(answer_X1HW / 2))
        dtype = features.shallow4_BDHW.dtype
        fine_XCHW = self.down4(torch.cat([map_XCHW.to(dtype) for map_XCHW in seen], 1))
        middle_XCHW = self.down8(torch.cat([F.avg_pool2d(fine_XCHW, 2), features.shallow8_BDHW], 1))
        narrow_XCHW = self.narrow_deep(features.deep_BDHW)
        alike_XCHW = _similarities(narrow_XCHW, given_XCHW[:, :2])
        deep_XCHW = self.down16(torch.cat([F.avg_pool2d(middle_XCHW, 2), narrow_XCHW, alike_XCHW], 1))
        bottom_XCHW = self.bottom32(F.avg_pool2d(deep_XCHW, 2))
        deep_XCHW = self.up16(deep_XCHW + _doubled(bottom_XCHW))
        middle_XCHW = self.up8(middle_XCHW + _doubled(self.to8(deep_XCHW)))
        fine_XCHW = self.up4(fine_XCHW + _doubled(self.to4(middle_XCHW)))
        change_X1HW: Tensor = self.head(fine_XCHW).float()
        return change_X1HW


def _block(in_channels: int, out_channels: int) -> ResidualBlock:
    return ResidualBlock(in_channels, out_channels, stride=1, gate_ratio=None)


def _doubled(x_QCHW: Tensor) -> Tensor:
    return F.interpolate(x_QCHW, scale_factor=2.0, mode="bilinear", align_corners=False)


def _similarities(deep_QCHW: Tensor, clicks_Q2HW: Tensor) -> Tensor:
    """Cosines of each deep cell with what lies under the positive and the negative clicks; 0 without."""
    deep_hw = (deep_QCHW.shape[-2], deep_QCHW.shape[-1])
    weights_Q2HW = F.adaptive_avg_pool2d(clicks_Q2HW.float(), deep_hw)
    unit_QCHW = F.normalize(deep_QCHW.float(), dim=1, eps=1e-3)
    under_Q2C = torch.einsum("qnhw,qchw->qnc", weights_Q2HW, unit_QCHW)
    cosines_Q2HW = torch.einsum("qnc,qchw->qnhw", F.normalize(under_Q2C, dim=2, eps=1e-3), unit_QCHW)
    return cosines_Q2HW.to(deep_QCHW.dtype)
