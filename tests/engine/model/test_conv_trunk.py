"""The small trunk's mean over mirrorings."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ConvTrunkConfig

_TINY = ConvTrunkConfig(stem_channels=8, channels=(8, 8, 16, 16), depths=(1, 1, 1, 1), gate_ratio=2)


def trunks(**changes):
    torch.manual_seed(0)
    plain = ConvTrunk(replace(_TINY, **changes)).eval()
    averaged = ConvTrunk(replace(_TINY, is_mirror_averaged=True, **changes)).eval()
    averaged.load_state_dict(plain.state_dict())
    return plain, averaged


@pytest.mark.parametrize("axes", [(2,), (3,), (2, 3)])
def test_a_mirrored_image_has_mirrored_maps(axes):
    plain, averaged = trunks()
    image = torch.rand(2, 3, 64, 96)
    for trunk, is_same in ((averaged, True), (plain, False)):
        maps, mirrored = trunk(image), trunk(image.flip(axes))
        for before, after in zip(maps, mirrored, strict=True):
            assert torch.allclose(before.flip(axes), after, atol=1e-5) == is_same


def test_maps_are_the_mean_of_four_and_positions_come_after():
    plain, averaged = trunks(position_grid=4)
    image = torch.rand(1, 3, 64, 64)
    expected = sum(plain(image.flip(axes))[0].flip(axes) for axes in ((), (2,), (3,), (2, 3))) / 4
    torch.testing.assert_close(averaged(image)[0], expected)
    without, with_positions = trunks()[1](image)[2], averaged(image)[2]
    shift = with_positions - without
    assert shift.abs().max() > 0.1
    assert not torch.allclose(shift, shift.flip(3), atol=1e-3)


def test_training_sees_an_image_once():
    plain, averaged = trunks()
    image = torch.rand(2, 3, 64, 64)
    for before, after in zip(plain.train()(image), averaged.train()(image), strict=True):
        assert torch.equal(before, after)
