"""The convolutional trunk of ``rsam_small``: four strides from residual 3x3 stages, quick on a CPU.

The paper's presets keep Hiera. A transformer trunk needs far more imagery than the small model is trained
on, and on CPUs with bfloat16 dot products dense 3x3 convolutions run closest to the machine's peak rate.

Shape letters: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geophrase.engine.model.rsam.position_table import on_grid, position_waves

_POSITION_STRENGTH = 0.7  # standard deviation, about that of the map's channels
_PLACED_STAGE = 2  # stride 16
_MIRRORINGS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))  # axes that are turned around


@dataclass(frozen=True)
class ConvTrunkConfig:
    """Widths and depths of the trunk.

    Attributes:
        stem_channels: Channels after the stride-2 stem.
        channels: Channels of the maps at strides 4, 8, 16 and 32.
        depths: Residual blocks in each of the four stages.
        gate_ratio: Reduction of the channel gate in the two deep stages.
        position_grid: Side of the table of positions that the stride-16 map is handed out with, 0 for none.
            Hiera adds positions to its tokens; attention in guidance and decoder adds them to queries and
            keys alone, so that what it carries would not say where it comes from.
        is_mirror_averaged: Whether maps are the means over an image's four mirrorings, outside training: an
            image from above has no up, so what differs between them is chance. It costs four passes and no
            parameter.
    """

    stem_channels: int = 32
    channels: tuple[int, int, int, int] = (40, 80, 160, 256)
    depths: tuple[int, int, int, int] = (2, 2, 5, 2)
    gate_ratio: int = 8
    position_grid: int = 0
    is_mirror_averaged: bool = False


class ChannelGate(nn.Module):
    """Rescales channels by a gate computed from their means over the image.

    Source: squeeze-and-excitation, Hu et al. 2018, Section 3.
    """

    def __init__(self, channels: int, *, ratio: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // ratio, 1)
        self.excite = nn.Conv2d(channels // ratio, channels, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Returns the input scaled per channel, shape unchanged."""
        pooled_BC11 = x_BCHW.mean((2, 3), keepdim=True)
        return x_BCHW * torch.sigmoid(self.excite(torch.relu(self.squeeze(pooled_BC11))))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the first may halve the resolution.

    Source: He et al. 2016, Figure 2, with average pooling in the shortcut so that no pixel is dropped.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, gate_ratio: int | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        nn.init.zeros_(self.norm2.weight)  # starts as the identity
        self.gate = ChannelGate(out_channels, ratio=gate_ratio) if gate_ratio else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            pool = nn.AvgPool2d(stride) if stride != 1 else nn.Identity()
            projection = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.shortcut = nn.Sequential(pool, projection, nn.BatchNorm2d(out_channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Returns the block's map, at half the resolution where the stride is 2."""
        y_BCHW = torch.relu(self.norm1(self.conv1(x_BCHW)))
        y_BCHW = self.gate(self.norm2(self.conv2(y_BCHW)))
        return torch.relu(y_BCHW + self.shortcut(x_BCHW))


class ConvTrunk(nn.Module):
    """A drop-in for Hiera: an image in, maps at strides 4, 8, 16 and 32 out.

    Attributes:
        channel_list: Channels of the maps, deepest first, as sam2's ``FpnNeck`` expects them.
    """

    def __init__(self, config: ConvTrunkConfig) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, config.stem_channels, 3, 2, 1, bias=False),
            nn.BatchNorm2d(config.stem_channels),
            nn.ReLU(),
        )
        self.stages = nn.ModuleList()
        in_channels = config.stem_channels
        for index, (channels, depth) in enumerate(zip(config.channels, config.depths, strict=True)):
            gate_ratio = config.gate_ratio if index >= 2 else None
            blocks = [
                ResidualBlock(
                    in_channels if block == 0 else channels,
                    channels,
                    stride=2 if block == 0 else 1,
                    gate_ratio=gate_ratio,
                )
                for block in range(depth)
            ]
            self.stages.append(nn.Sequential(*blocks))
            in_channels = channels
        self.channel_list = list(reversed(config.channels))
        self.is_mirror_averaged = config.is_mirror_averaged
        self.position_1CHW: nn.Parameter | None = None
        if config.position_grid:
            waves_1CHW = position_waves(config.channels[_PLACED_STAGE], (config.position_grid,) * 2)
            self.position_1CHW = nn.Parameter(_POSITION_STRENGTH * waves_1CHW)

    def forward(self, image_BCHW: Tensor) -> list[Tensor]:
        """Encodes normalised images.

        Args:
            image_BCHW: Float images with three channels; height and width are multiples of 32.

        Returns:
            Four maps, finest first, at strides 4, 8, 16 and 32.
        """
        if self.is_mirror_averaged and not self.training:
            maps = self._mean_maps(image_BCHW)
        else:
            maps = self._maps(image_BCHW)
        if self.position_1CHW is not None:
            deep_BCHW = maps[_PLACED_STAGE]
            position_1CHW = on_grid(self.position_1CHW, (deep_BCHW.shape[-2], deep_BCHW.shape[-1]))
            maps[_PLACED_STAGE] = deep_BCHW + position_1CHW.to(deep_BCHW.dtype)
        return maps

    def _maps(self, image_BCHW: Tensor) -> list[Tensor]:
        x_BCHW = self.stem(image_BCHW)
        maps = []
        for stage in self.stages:
            x_BCHW = stage(x_BCHW)
            maps.append(x_BCHW)
        return maps

    def _mean_maps(self, image_BCHW: Tensor) -> list[Tensor]:
        sums: list[Tensor] = []
        for axes in _MIRRORINGS:
            maps = [map_BCHW.flip(axes) for map_BCHW in self._maps(image_BCHW.flip(axes))]
            sums = [a + b for a, b in zip(sums, maps, strict=True)] if sums else maps
        return [sum_BCHW / len(_MIRRORINGS) for sum_BCHW in sums]
