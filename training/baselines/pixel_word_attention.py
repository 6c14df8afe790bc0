"""How words enter the pixels of a trunk's stage: LAVT's pixel-word attention and its language gate.

Shape letters: Q queries, C channels, H height, W width, N pixels, L words.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from geophrase.engine.model.rsam.text_encoder import TextFeatures


class PixelWordAttention(nn.Module):
    """Every pixel gathers what the words say about it, and the visual feature gates that.

    Args:
        channels: Of the stage's map.
        text_width: Of the words.

    Source: LAVT, Yang et al. 2022, Section 3.1, equations 1 to 5, one head.
    """

    def __init__(self, channels: int, *, text_width: int) -> None:
        super().__init__()
        self.query = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.InstanceNorm2d(channels))
        self.key = nn.Linear(text_width, channels)
        self.value = nn.Linear(text_width, channels)
        self.gathered = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.InstanceNorm2d(channels))
        self.visual = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU())
        self.joint = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU())

    def forward(self, x_QCHW: Tensor, text: TextFeatures) -> Tensor:
        """Returns the multimodal map of Q queries, shape unchanged.

        Args:
            x_QCHW: The stage's map, for each query its own.
            text: The words of each query.
        """
        query_QNC = self.query(x_QCHW).flatten(2).transpose(1, 2)
        key_QLC, value_QLC = self.key(text.tokens_BLD), self.value(text.tokens_BLD)
        is_word_Q1L = ~text.is_padding_BL[:, None]
        gathered_QNC = F.scaled_dot_product_attention(query_QNC, key_QLC, value_QLC, attn_mask=is_word_Q1L)
        gathered_QCHW = self.gathered(gathered_QNC.transpose(1, 2).reshape(x_QCHW.shape))
        fused_QCHW: Tensor = self.joint(self.visual(x_QCHW) * gathered_QCHW)
        return fused_QCHW


class LanguageGate(nn.Module):
    """Decides how much of the multimodal map goes into the next stage; nothing at first.

    Source: LAVT, Yang et al. 2022, Section 3.2, equations 6 and 7. The last weights start at zero, which is
    not in the paper, so that a trunk that was trained without words starts undisturbed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.Tanh(),
        )
        last = self.layers[2]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)

    def forward(self, x_QCHW: Tensor, fused_QCHW: Tensor) -> Tensor:
        """Returns the stage's map with the gated multimodal one added."""
        gated_QCHW: Tensor = x_QCHW + self.layers(fused_QCHW) * fused_QCHW
        return gated_QCHW
