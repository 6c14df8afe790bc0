"""Which of the objects a phrase means: a small network over what tells them apart, beyond the papers.

A mask decoder says what each pixel shows; it hardly learns that "the second tank from the left" is one of the
objects whose pixels all look alike. Choosing among objects takes no image: it is learned from layouts alone.

Shape letters: Q queries, O objects, F descriptors, L tokens, D width, S summaries,
E all summaries.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from geophrase.engine.model.rsam.config import ChooserConfig
from geophrase.engine.model.rsam.scene_objects import NUM_DESCRIPTORS
from geophrase.engine.model.rsam.text_encoder import TextFeatures


class ObjectChooser(nn.Module):
    """Gives every object a logit that the phrase means it; a new one gives 0, no opinion.

    Args:
        config: Sizes.
        text_width: Channels of the text encoder's tokens.
    """

    def __init__(self, config: ChooserConfig, *, text_width: int) -> None:
        super().__init__()
        width = config.width
        self.text_projection = nn.Linear(text_width, width)
        self.text_layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, config.num_heads, config.mlp_dim, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(config.num_text_layers)
        )
        self.summary_queries = nn.Parameter(torch.zeros(config.num_summaries, width))
        nn.init.trunc_normal_(self.summary_queries, std=0.02)
        self.text_norm = nn.LayerNorm(width)
        self.object_projection = nn.Linear(NUM_DESCRIPTORS, width)
        self.blocks = nn.ModuleList(
            _PhraseConditionedBlock(width, config.num_summaries * width) for _ in range(config.num_blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, descriptors_QOF: Tensor, text: TextFeatures) -> Tensor:
        """Returns the logits, shape (Q, O).

        Args:
            descriptors_QOF: Objects of each query as :func:`scene_objects.describe` tells them; rows of
                padding may hold anything.
            text: The queries' phrases.
        """
        return self.opinions(descriptors_QOF, self.summary(text))

    def opinions(self, descriptors_QOF: Tensor, summary_QE: Tensor) -> Tensor:
        """Returns the logits, shape (Q, O), for phrases that were summed up before.

        Args:
            descriptors_QOF: As for :meth:`forward`.
            summary_QE: What :meth:`summary` gave.
        """
        summary_Q1D = summary_QE[:, None]
        x_QOD = self.object_projection(descriptors_QOF)
        for block in self.blocks:
            x_QOD = block(x_QOD, summary_Q1D)
        logits_QO: Tensor = self.head(self.norm(x_QOD))[..., 0]
        return logits_QO

    def summary(self, text: TextFeatures) -> Tensor:
        """Sums up each phrase in a few vectors side by side, shape (Q, E = S * D)."""
        tokens_QLD = self.text_projection(text.tokens_BLD)
        for layer in self.text_layers:
            tokens_QLD = layer(tokens_QLD, src_key_padding_mask=text.is_padding_BL)
        tokens_QLD = self.text_norm(tokens_QLD)
        weights_QSL = self.summary_queries @ tokens_QLD.transpose(1, 2)
        weights_QSL = weights_QSL.masked_fill(text.is_padding_BL[:, None], float("-inf")).softmax(-1)
        summary_QE: Tensor = (weights_QSL @ tokens_QLD).flatten(1)
        return summary_QE


class _PhraseConditionedBlock(nn.Module):
    """A residual MLP whose hidden units the phrase scales and shifts.

    Source: Perez et al. 2018, FiLM, Section 2.1.
    """

    def __init__(self, width: int, phrase_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.modulation = nn.Linear(phrase_width, 2 * width)
        self.outer = nn.Linear(width, width)

    def forward(self, x_QOD: Tensor, phrase_Q1P: Tensor) -> Tensor:
        scale_Q1D, shift_Q1D = self.modulation(phrase_Q1P).chunk(2, dim=-1)
        hidden_QOD = self.inner(self.norm(x_QOD)) * (1 + scale_Q1D) + shift_Q1D
        updated_QOD: Tensor = x_QOD + self.outer(nn.functional.gelu(hidden_QOD))
        return updated_QOD
