"""The two-way guidance module: how a new one starts, and the positions that it keeps between queries."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from geophrase.engine.model.rsam.config import GuidanceConfig
from geophrase.engine.model.rsam.two_way_guidance import PositionPair, TwoWayGuidance

_WIDTH, _TEXT_WIDTH = 32, 24


def _new_guidance() -> TwoWayGuidance:
    torch.manual_seed(0)
    config = GuidanceConfig(num_heads=4, mlp_dim=64)
    return TwoWayGuidance(_WIDTH, config, text_width=_TEXT_WIDTH, grid_hw=(4, 4), max_tokens=8)


def _guided(guidance: TwoWayGuidance, deep_QDHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Guided features, the global token and the text's tokens."""
    text_QLE = torch.randn(len(deep_QDHW), 5, _TEXT_WIDTH)
    is_padding_QL = torch.zeros(text_QLE.shape[:2], dtype=torch.bool)
    return *guidance(guidance.attend_image(deep_QDHW), text_QLE, is_padding_QL), text_QLE


def test_a_new_module_hands_on_what_it_gets_and_its_weights_learn_from_the_first_update() -> None:
    guidance = _new_guidance()
    deep_QDHW = 3 + 5 * torch.randn(2, _WIDTH, 4, 6)
    guided_QDHW, global_text_QD, text_QLE = _guided(guidance, deep_QDHW)

    as_norms_leave_it = F.layer_norm(deep_QDHW.movedim(1, -1), (_WIDTH,)).movedim(-1, 1)
    torch.testing.assert_close(guided_QDHW, as_norms_leave_it, atol=1e-4, rtol=1e-4)
    first_token_QD = guidance.text_projection(text_QLE[:, 0])
    torch.testing.assert_close(global_text_QD, F.layer_norm(first_token_QD, (_WIDTH,)), atol=1e-3, rtol=1e-3)

    (guided_QDHW * torch.randn_like(guided_QDHW)).sum().backward()
    for layer in guidance.layers:
        for branch in (layer.image_self_attention.out, layer.image_from_text.out, layer.image_mlp.layers[-1]):
            assert branch.weight.grad.abs().max() > 0


def test_a_kept_table_of_positions_follows_the_weights_and_the_grid() -> None:
    torch.manual_seed(0)
    positions = PositionPair(_WIDTH, grid_hw=(4, 4), max_tokens=8)

    def kept(grid_hw: tuple[int, int] = (6, 6), dtype: torch.dtype = torch.float32) -> Tensor:
        with torch.inference_mode():
            return positions.place_image(
                torch.zeros(1, grid_hw[0] * grid_hw[1], _WIDTH, dtype=dtype), grid_hw
            )

    def fresh() -> Tensor:
        return positions.place_image(torch.zeros(1, 36, _WIDTH), (6, 6)).detach()

    assert torch.equal(kept(), fresh())
    assert torch.equal(kept(), fresh())
    assert kept((4, 8)).shape == (1, 32, _WIDTH)
    assert kept(dtype=torch.bfloat16).dtype is torch.bfloat16
    seen = [fresh()]
    for optimizer in (
        torch.optim.SGD(positions.parameters(), lr=0.1),
        torch.optim.AdamW(positions.parameters(), lr=0.1, foreach=True),
        torch.optim.AdamW(positions.parameters(), lr=0.1, fused=True),
    ):
        optimizer.zero_grad()
        (positions.place_image(torch.randn(1, 36, _WIDTH), (6, 6)) ** 2).sum().backward()
        optimizer.step()
        positions.eval()
        assert torch.equal(kept(), fresh())
        seen.append(fresh())
    positions.load_state_dict({name: value + 1 for name, value in positions.state_dict().items()})
    assert torch.equal(kept(), fresh())
    seen.append(fresh())
    assert all(not torch.equal(one, other) for one, other in pairwise(seen))
