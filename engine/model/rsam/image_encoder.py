"""The image encoder of Figure 8: a hierarchical trunk and a feature pyramid; text never enters it.

Shape letters: B batch, D model width, C colours, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck
from torch import Tensor, nn

from geophrase.engine.model.rsam.config import HieraConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ConvTrunkConfig

DEEP_STRIDE_PX = 16


@dataclass(frozen=True)
class ImageFeatures:
    """Everything that decoding needs of a batch of images.

    Attributes:
        deep_BDHW: Deep features at stride 16, width D.
        shallow8_BDHW: Shallow features at stride 8, width D/4.
        shallow4_BDHW: Shallow features at stride 4, width D/8.
        attended_BDHW: The deep features after the guidance's first image self-attention, which no text
            enters and so no query pays for; None for a model without guidance.
        colours_BCHW: Mean colours at stride 4, normalised as the input is; None for a model with neither
            chooser nor refiner.
    """

    deep_BDHW: Tensor
    shallow8_BDHW: Tensor
    shallow4_BDHW: Tensor
    attended_BDHW: Tensor | None = None
    colours_BCHW: Tensor | None = None

    @property
    def num_images(self) -> int:
        """The number of images, B."""
        return self.deep_BDHW.shape[0]

    @property
    def input_hw_px(self) -> tuple[int, int]:
        """Height and width of the model's input that these features came from."""
        height, width = self.deep_BDHW.shape[-2:]
        return height * DEEP_STRIDE_PX, width * DEEP_STRIDE_PX

    def map(self, function: Callable[[Tensor], Tensor]) -> ImageFeatures:
        """Applies one function to each of the maps."""
        return ImageFeatures(
            function(self.deep_BDHW),
            function(self.shallow8_BDHW),
            function(self.shallow4_BDHW),
            None if self.attended_BDHW is None else function(self.attended_BDHW),
            None if self.colours_BCHW is None else function(self.colours_BCHW),
        )

    def select(self, index_Q: Tensor) -> ImageFeatures:
        """Gathers the features of the images that Q queries ask about."""
        return self.map(lambda x_BDHW: x_BDHW.index_select(0, index_Q))

    def for_guidance(self) -> ImageFeatures:
        """What a query with text needs: the attended features in place of the deep ones."""
        assert self.attended_BDHW is not None, "these features are of a model without guidance"
        return replace(self, deep_BDHW=self.attended_BDHW, attended_BDHW=None)

    def without_attended(self) -> ImageFeatures:
        """What a query without text needs."""
        return replace(self, attended_BDHW=None)

    @staticmethod
    def cat(parts: list[ImageFeatures]) -> ImageFeatures:
        """Joins batches of the same input size, made by the same model."""
        attended = [part.attended_BDHW for part in parts if part.attended_BDHW is not None]
        colours = [part.colours_BCHW for part in parts if part.colours_BCHW is not None]
        return ImageFeatures(
            torch.cat([part.deep_BDHW for part in parts]),
            torch.cat([part.shallow8_BDHW for part in parts]),
            torch.cat([part.shallow4_BDHW for part in parts]),
            torch.cat(attended) if attended else None,
            torch.cat(colours) if colours else None,
        )


class _NoPosition(nn.Module):
    """Stands in for the neck's sine positions.

    Only SAM 2's memory attention reads them, and at stride 4 they would cost as much memory as the features.
    """

    def forward(self, x_BDHW: Tensor) -> Tensor:
        """Returns an empty tensor."""
        return x_BDHW.new_empty(0)


class ImageEncoder(nn.Module):
    """Trunk and neck; three maps of one width at strides 4, 8 and 16.

    Source: paper, Section 3.2.1 (1); sam2/modeling/backbones/image_encoder.py. Deep features take the
    stride-32 map in from above, shallow ones stay lateral, and stride 32 itself is dropped.
    """

    def __init__(self, trunk: HieraConfig | ConvTrunkConfig, *, width: int) -> None:
        super().__init__()
        self.trunk = _build_trunk(trunk)
        self.neck = FpnNeck(
            position_encoding=_NoPosition(),
            d_model=width,
            backbone_channel_list=self.trunk.channel_list,
            fpn_top_down_levels=[2, 3],
            fpn_interp_model="nearest",
        )

    def forward(self, image_BCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encodes normalised images whose sides are multiples of 32.

        Returns:
            Maps of the model's width at strides 4, 8 and 16.
        """
        maps, _ = self.neck(self.trunk(image_BCHW))
        return maps[0], maps[1], maps[2]


def _build_trunk(config: HieraConfig | ConvTrunkConfig) -> nn.Module:
    if isinstance(config, ConvTrunkConfig):
        return ConvTrunk(config)
    trunk: nn.Module = Hiera(
        embed_dim=config.embed_dim,
        num_heads=config.num_heads,
        stages=config.stages,
        global_att_blocks=config.global_blocks,
        window_pos_embed_bkg_spatial_size=config.background_grid,
        window_spec=config.window_sizes,
    )
    return trunk
