"""The two-way guidance module of Figure 9: image and text features guide each other by attention.

Shape letters: Q queries, N image tokens, L text tokens, D model width, H height, W width, E text width.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Self

import torch
from sam2.modeling.sam2_utils import MLP
from torch import Tensor, nn

from geophrase.engine.model.rsam.attention import AttentionLayers, attend
from geophrase.engine.model.rsam.config import GuidanceConfig
from geophrase.engine.model.rsam.position_table import on_grid, position_waves

_POSITION_STRENGTH = 0.5  # standard deviation; what is placed has been normalised to 1


class Attention(nn.Module):
    """Multi-head attention that may narrow its channels and ignores padded keys.

    Source: sam2/modeling/sam/transformer.py, Attention, which has no mask.
    """

    def __init__(self, width: int, *, num_heads: int, downsample: int = 1) -> None:
        super().__init__()
        inner = width // downsample
        if inner % num_heads:
            raise ValueError(f"{num_heads} heads do not divide {inner} channels")
        self.num_heads = num_heads
        self.query = nn.Linear(width, inner)
        self.key = nn.Linear(width, inner)
        self.value = nn.Linear(width, inner)
        self.out = nn.Linear(inner, width)

    def forward(
        self, query_QND: Tensor, *, key_QMD: Tensor, value_QMD: Tensor, is_padding_QM: Tensor | None = None
    ) -> Tensor:
        """Returns what each query gathers from the values, shape (Q, N, D)."""
        layers = AttentionLayers(self.query, self.key, self.value, self.out, self.num_heads)
        return attend(layers, query_QND, key_QMD=key_QMD, value_QMD=value_QMD, is_padding_QM=is_padding_QM)


class PositionPair(nn.Module):
    """Learnable positions of image and text tokens.

    The image's table has the grid of the preset's input; another grid gets it interpolated, as ViTs do, so
    that training at several scales and tiles of other sizes work.

    It starts from waves as strong as half the features. From noise of 0.02, as transformers usually start
    their tables, it had grown to 0.05 after hours of training, and phrases of place and relation were not
    learned (``runs/LOG.md``, 3). The paper doesn't say how it starts.

    The table as the last grid had it is kept outside of training, so that not every use of it in every query
    stretches it anew.
    """

    def __init__(self, width: int, *, grid_hw: tuple[int, int], max_tokens: int) -> None:
        super().__init__()
        self.image_1DHW = nn.Parameter(_POSITION_STRENGTH * position_waves(width, grid_hw))
        self.text_LD = nn.Parameter(torch.empty(max_tokens, width))
        nn.init.trunc_normal_(self.text_LD, std=0.02)
        self._last_on_grid: tuple[Hashable, Tensor] | None = None

    def train(self, mode: bool = True) -> Self:
        """Switches between training and inference, and forgets: fused optimisers change tables unseen."""
        self._last_on_grid = None
        return super().train(mode)

    def place_image(self, image_QND: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Adds the positions of a grid's cells, in the tokens' own format.

        Added in float32 to bfloat16 they would cost four times as much.
        """
        table = self.image_1DHW
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or table.is_inference():
            return image_QND + self._on_grid(grid_hw, image_QND.dtype)
        key = grid_hw, image_QND.dtype, table.device, table.dtype, table._version
        last = self._last_on_grid
        if last is None or last[0] != key:
            last = self._last_on_grid = key, self._on_grid(grid_hw, image_QND.dtype)
        return image_QND + last[1]

    def place_text(self, text_QLD: Tensor) -> Tensor:
        """Adds the positions of the first L tokens."""
        return text_QLD + self.text_LD[: text_QLD.shape[1]].to(text_QLD.dtype)

    def _on_grid(self, grid_hw: tuple[int, int], dtype: torch.dtype) -> Tensor:
        return on_grid(self.image_1DHW, grid_hw).to(dtype).flatten(2).transpose(1, 2).contiguous()


@dataclass(frozen=True)
class _Tokens:
    """Both modalities on their way through the module, with the text's padding."""

    image_QND: Tensor
    text_QLD: Tensor
    is_padding_QL: Tensor


class TwoWayGuidanceLayer(nn.Module):
    """One TWGT layer: self-attention, cross-attention both ways, MLP; each with residual, then norm.

    Positions are added to queries and keys, never to values. Both cross-attentions read the features as
    self-attention left them, so that neither direction comes first.

    A new layer adds nothing to its residuals, so that the decoder meets the image encoder's own features at
    first. With all of it at random the model learned later than one without guidance (``runs/LOG.md``, 10).
    The paper doesn't say how it starts.

    Source: paper, Section 3.2.2; the start: Zhang et al. 2019, "Fixup initialization", Section 3.
    """

    def __init__(
        self, width: int, config: GuidanceConfig, *, grid_hw: tuple[int, int], max_tokens: int
    ) -> None:
        super().__init__()
        heads, narrow = config.num_heads, config.cross_attention_downsample
        self.positions = nn.ModuleList(
            PositionPair(width, grid_hw=grid_hw, max_tokens=max_tokens)
            for _ in range(config.position_pairs_per_layer)
        )
        self.image_self_attention = Attention(width, num_heads=heads)
        self.text_self_attention = Attention(width, num_heads=heads)
        self.text_from_image = Attention(width, num_heads=heads, downsample=narrow)
        self.image_from_text = Attention(width, num_heads=heads, downsample=narrow)
        self.image_mlp = MLP(width, config.mlp_dim, width, num_layers=2)
        self.text_mlp = MLP(width, config.mlp_dim, width, num_layers=2)
        self.image_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.text_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        attentions = (
            self.image_self_attention,
            self.text_self_attention,
            self.text_from_image,
            self.image_from_text,
        )
        for attention in attentions:
            _start_at_zero(attention.out)
        for mlp in (self.image_mlp, self.text_mlp):
            _start_at_zero(mlp.layers[-1])

    def forward(self, tokens: _Tokens, grid_hw: tuple[int, int]) -> _Tokens:
        """Updates both modalities, the image having been through :meth:`attend_image`."""
        tokens = self._attend_across(self._attend_text(tokens), grid_hw)
        image_QND, text_QLD = tokens.image_QND, tokens.text_QLD
        return _Tokens(
            self.image_norms[2](image_QND + self.image_mlp(image_QND)),
            self.text_norms[2](text_QLD + self.text_mlp(text_QLD)),
            tokens.is_padding_QL,
        )

    def attend_image(self, image_QND: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Self-attention of the image, the layer's first step, apart from the text's."""
        placed_QND = self.position(0).place_image(image_QND, grid_hw)
        attended_QND = self.image_self_attention(placed_QND, key_QMD=placed_QND, value_QMD=image_QND)
        normalised_QND: Tensor = self.image_norms[0](image_QND + attended_QND)
        return normalised_QND

    def position(self, use: int) -> PositionPair:
        """The positions for self-attention (0), text from image (1) or image from text (2)."""
        pair = self.positions[use if len(self.positions) > 1 else 0]
        assert isinstance(pair, PositionPair)
        return pair

    def _attend_text(self, tokens: _Tokens) -> _Tokens:
        text_QLD, is_padding_QL = tokens.text_QLD, tokens.is_padding_QL
        placed_QLD = self.position(0).place_text(text_QLD)
        attended_QLD = self.text_self_attention(
            placed_QLD, key_QMD=placed_QLD, value_QMD=text_QLD, is_padding_QM=is_padding_QL
        )
        return _Tokens(tokens.image_QND, self.text_norms[0](text_QLD + attended_QLD), is_padding_QL)

    def _attend_across(self, tokens: _Tokens, grid_hw: tuple[int, int]) -> _Tokens:
        image_QND, text_QLD, is_padding_QL = tokens.image_QND, tokens.text_QLD, tokens.is_padding_QL
        to_text, to_image = self.position(1), self.position(2)
        asked_QND = to_text.place_image(image_QND, grid_hw)
        asking_QND = asked_QND if to_image is to_text else to_image.place_image(image_QND, grid_hw)
        text = self.text_from_image(to_text.place_text(text_QLD), key_QMD=asked_QND, value_QMD=image_QND)
        image = self.image_from_text(
            asking_QND,
            key_QMD=to_image.place_text(text_QLD),
            value_QMD=text_QLD,
            is_padding_QM=is_padding_QL,
        )
        return _Tokens(
            self.image_norms[1](image_QND + image), self.text_norms[1](text_QLD + text), is_padding_QL
        )


class TwoWayGuidance(nn.Module):
    """N two-way layers and a last text-from-image attention whose first token is the global text token.

    The last attention has no positions of its own: it reuses those of the last layer's text-from-image
    attention. With the paper's widths the module has 12.803 M parameters.

    Source: paper, Section 3.2.2.
    """

    def __init__(
        self,
        width: int,
        config: GuidanceConfig,
        *,
        text_width: int,
        grid_hw: tuple[int, int],
        max_tokens: int,
    ) -> None:
        super().__init__()
        self.text_projection = nn.Linear(text_width, width)
        self.layers = nn.ModuleList(
            TwoWayGuidanceLayer(width, config, grid_hw=grid_hw, max_tokens=max_tokens)
            for _ in range(config.num_layers)
        )
        self.final_text_from_image = Attention(
            width, num_heads=config.num_heads, downsample=config.cross_attention_downsample
        )
        _start_at_zero(self.final_text_from_image.out)
        self.final_norm = nn.LayerNorm(width)

    def attend_image(self, deep_BDHW: Tensor) -> Tensor:
        """The first layer's image self-attention, once per image: no text enters it."""
        image_BND = self._layer(0).attend_image(deep_BDHW.flatten(2).transpose(1, 2), _grid_of(deep_BDHW))
        return image_BND.transpose(1, 2).reshape(deep_BDHW.shape)

    def forward(
        self, attended_QDHW: Tensor, text_QLE: Tensor, is_padding_QL: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Lets Q pairs of image and text guide each other.

        Args:
            attended_QDHW: Deep image features after :meth:`attend_image`.
            text_QLE: Token features at the text encoder's width, global token first.
            is_padding_QL: True at padded tokens, which nothing attends to.

        Returns:
            The guided image features (Q, D, H, W) and the global text token (Q, D).
        """
        grid_hw = _grid_of(attended_QDHW)
        image_QND = attended_QDHW.flatten(2).transpose(1, 2).contiguous()  # what follows goes token by token
        tokens = _Tokens(image_QND, self.text_projection(text_QLE), is_padding_QL)
        for index in range(len(self.layers)):
            layer = self._layer(index)
            if index > 0:
                image_QND = layer.attend_image(tokens.image_QND, grid_hw)
                tokens = _Tokens(image_QND, tokens.text_QLD, is_padding_QL)
            tokens = layer(tokens, grid_hw)
        global_text_QD = self._global_text(tokens, grid_hw)
        return tokens.image_QND.transpose(1, 2).reshape(attended_QDHW.shape), global_text_QD

    def _layer(self, index: int) -> TwoWayGuidanceLayer:
        layer = self.layers[index]
        assert isinstance(layer, TwoWayGuidanceLayer)
        return layer

    def _global_text(self, tokens: _Tokens, grid_hw: tuple[int, int]) -> Tensor:
        position = self._layer(-1).position(1)
        first_Q1D = tokens.text_QLD[:, :1]  # only the first token is asked for
        gathered_Q1D = self.final_text_from_image(
            position.place_text(first_Q1D),
            key_QMD=position.place_image(tokens.image_QND, grid_hw),
            value_QMD=tokens.image_QND,
        )
        global_text_QD: Tensor = self.final_norm(first_Q1D + gathered_Q1D)[:, 0]
        return global_text_QD


def _start_at_zero(layer: nn.Linear) -> None:
    """Lets the branch of a residual that ends in a layer add nothing at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


def _grid_of(deep_BDHW: Tensor) -> tuple[int, int]:
    return deep_BDHW.shape[-2], deep_BDHW.shape[-1]
