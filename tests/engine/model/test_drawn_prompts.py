"""Spots and boxes lie where the prompts are, at any size, and leave the rest of the previous mask alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from geophrase.engine.model.rsam.config import PRESETS, ConvTrunkConfig
from geophrase.engine.model.rsam.drawn_prompts import draw_prompts
from geophrase.engine.model.rsam.rsam import Rsam

CLICKS = torch.tensor([[[100.0, 40.0], [20.0, 90.0]]])
BOX = torch.tensor([[[32.0, 16.0], [95.0, 63.0]]])


def _drawn(points, labels, *, previous=None, input_px=128, mask_px=32):
    return draw_prompts(
        previous,
        points,
        torch.tensor([labels]),
        input_hw_px=(input_px, input_px),
        mask_hw=(mask_px, mask_px),
    )[0, 0]


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_spot_is_centred_on_its_point_at_any_size(scale):
    points = (CLICKS + 0.5) * scale - 0.5
    canvas = _drawn(points, [1, 0], input_px=128 * scale, mask_px=32 * scale)
    row, col = divmod(int(canvas.argmax()), canvas.shape[1])
    assert (col, row) == (int(100.5 * scale // 4), int(40.5 * scale // 4))
    row, col = divmod(int(canvas.argmin()), canvas.shape[1])
    assert (col, row) == (int(20.5 * scale // 4), int(90.5 * scale // 4))


def test_a_box_is_raised_inside_and_lowered_outside():
    canvas = _drawn(BOX, [2, 3])
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[4:16, 8:24] = True  # pixels 16 to 63 and 32 to 95, four of them to a cell
    assert torch.equal(canvas > 0, inside)


def test_a_previous_mask_stays_except_under_the_points():
    torch.manual_seed(0)
    previous = torch.randn(1, 1, 32, 32)
    canvas = _drawn(CLICKS, [0, 1], previous=previous)
    assert canvas[10, 25] < -8
    assert canvas[22, 5] > 8
    torch.testing.assert_close(canvas[:, 12:16], previous[0, 0, :, 12:16], atol=0.05, rtol=0)
    padded = _drawn(CLICKS, [-1, -1], previous=previous)
    assert torch.equal(padded, previous[0, 0])


def test_only_a_model_that_says_so_draws():
    trunk = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))
    small = replace(PRESETS["rsam_small"], trunk=trunk, image_px=128, chooser=None)
    answers = {}
    for is_drawn in (True, False):
        torch.manual_seed(0)
        rsam = Rsam(replace(small, is_prompt_drawn=is_drawn)).eval()
        with torch.no_grad():
            features = rsam.encode_image(torch.zeros(1, 3, 128, 128))
            click = {"points_xy_QNC": CLICKS, "point_labels_QN": torch.tensor([[1, 0]])}
            drawn = _drawn(CLICKS, [1, 0])[None, None]
            answers[is_drawn] = rsam.decode(features, **click).mask_logits_QMHW
            answers[is_drawn, "by hand"] = rsam.decode(
                features, **click, mask_logits_Q1HW=drawn
            ).mask_logits_QMHW
    torch.testing.assert_close(answers[True], answers[False, "by hand"], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(answers[True], answers[False], atol=1e-3)
    assert not any(config.is_prompt_drawn for name, config in PRESETS.items() if name != "rsam_small")
