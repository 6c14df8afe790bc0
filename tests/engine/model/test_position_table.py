"""Tables of positions: waves by formula, stretched like any image, and handed out by the small trunk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ConvTrunkConfig
from geophrase.engine.model.rsam.position_table import on_grid, position_waves
from geophrase.engine.model.rsam.two_way_guidance import PositionPair

_TINY = ConvTrunkConfig(stem_channels=8, channels=(8, 8, 16, 16), depths=(1, 1, 1, 1), gate_ratio=2)


def test_waves_are_the_formula() -> None:
    table_DHW = position_waves(16, (6, 10))[0].numpy()
    periods_K = 0.25 * 32 ** (np.arange(4) / 3)
    for row, column in ((0, 0), (2, 7), (5, 9)):
        for offset, place in ((0, (row + 0.5) / 6), (8, (column + 0.5) / 10)):
            phases_K = 2 * np.pi * periods_K * place
            expected = np.sqrt(2) * np.concatenate([np.sin(phases_K), np.cos(phases_K)])
            np.testing.assert_allclose(table_DHW[offset : offset + 8, row, column], expected, atol=1e-4)


def test_every_cell_has_a_position_of_its_own() -> None:
    cells_ND = position_waves(64, (32, 32))[0].flatten(1).T
    distances_NN = torch.cdist(cells_ND, cells_ND) + 1e6 * torch.eye(len(cells_ND))
    assert distances_NN.min() > 0.5


def test_another_grid_gets_the_same_waves() -> None:
    table_1DHW = position_waves(64, (32, 32))
    assert on_grid(table_1DHW, (32, 32)) is table_1DHW
    slow = slice(0, 8)  # under a period long: coarse grids can hold those
    coarse, exact = on_grid(table_1DHW, (20, 20)), position_waves(64, (20, 20))
    inner = (slice(None), slow, slice(2, -2), slice(2, -2))
    assert (coarse[inner] - exact[inner]).abs().max() < 0.02


def test_only_the_deep_map_carries_positions() -> None:
    torch.manual_seed(0)
    plain = ConvTrunk(_TINY).eval()
    placed = ConvTrunk(replace(_TINY, position_grid=4)).eval()
    placed.load_state_dict(plain.state_dict(), strict=False)
    image_BCHW = torch.rand(2, 3, 64, 96)
    before, after = plain(image_BCHW), placed(image_BCHW)
    for index in (0, 1, 3):
        assert torch.equal(before[index], after[index])
    assert placed.position_1CHW is not None
    assert torch.allclose(after[2] - before[2], on_grid(placed.position_1CHW, (4, 6)), atol=1e-5)


def test_weights_from_before_positions_keep_their_shape() -> None:
    config = PRESETS["rsam_small"]
    text = config.to_json()
    assert RsamConfig.from_json(text) == config
    old = text.replace(', "position_grid": 32', "")
    assert old != text
    trunk = RsamConfig.from_json(old).trunk
    assert isinstance(trunk, ConvTrunkConfig)
    assert trunk.position_grid == 0
    assert ConvTrunk(trunk).position_1CHW is None


@pytest.mark.parametrize("name", ["rsam_base_plus", "rsam_small"])
def test_guidance_starts_with_positions_that_weigh_something(name: str) -> None:
    config = PRESETS[name]
    assert config.guidance is not None
    assert config.text is not None
    pair = PositionPair(config.width, grid_hw=(32, 32), max_tokens=config.text.max_tokens)
    assert float(pair.image_1DHW.detach().std()) == pytest.approx(0.5, abs=0.05)
