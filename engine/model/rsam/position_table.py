"""Learnable positions of a grid, started from waves and stretched to other grids.

Shape letters: D channels, H height, W width, K frequencies, S cells along an axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_PERIODS = (0.25, 8.0)


def position_waves(width: int, grid_hw: tuple[int, int]) -> Tensor:
    """Sines and cosines of unit variance along each axis, a quarter to eight periods long: (1, D, H, W).

    Source: Vaswani et al. 2017, Section 3.5, in two dimensions.
    """
    slowest, fastest = (math.log2(period) for period in _PERIODS)
    periods_K = torch.logspace(slowest, fastest, width // 4, base=2)
    axes = []
    for side in grid_hw:
        phase_KS = 2 * math.pi * periods_K[:, None] * (torch.arange(side) + 0.5) / side
        axes.append(math.sqrt(2) * torch.cat([phase_KS.sin(), phase_KS.cos()]))
    rows_DHW = axes[0][:, :, None].expand(-1, -1, grid_hw[1])
    columns_DHW = axes[1][:, None, :].expand(-1, grid_hw[0], -1)
    return torch.cat([rows_DHW, columns_DHW])[None].contiguous()


def on_grid(table_1DHW: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """A table of positions for a grid of any size, interpolated as ViTs do."""
    if table_1DHW.shape[-2:] == grid_hw:
        return table_1DHW
    return F.interpolate(table_1DHW, size=grid_hw, mode="bicubic", align_corners=False)
