"""The refiner sees prompts where they are, leaves phrases alone, and learns which square was clicked."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from geophrase.engine.model.rsam.config import PRESETS, ConvTrunkConfig, RefinerConfig
from geophrase.engine.model.rsam.drawn_prompts import prompt_maps
from geophrase.engine.model.rsam.image_encoder import ImageFeatures
from geophrase.engine.model.rsam.prompt_refiner import PromptRefiner
from geophrase.engine.model.rsam.rsam import Rsam

SIDE_PX, WIDTH = 128, 16
SMALL = RefinerConfig(channels=(8, 8, 8), deep_channels=8)


def _features(image_QCHW: torch.Tensor) -> ImageFeatures:
    """Features that are nothing but the image's mean colours, repeated."""
    pooled = [F.avg_pool2d(image_QCHW, stride)[:, :1] for stride in (16, 8, 4)]
    deep, shallow8, shallow4 = (
        x.expand(-1, n, -1, -1) for x, n in zip(pooled, (WIDTH, WIDTH // 4, WIDTH // 8), strict=True)
    )
    return ImageFeatures(deep, shallow8, shallow4, None, F.avg_pool2d(image_QCHW, 4))


@pytest.mark.parametrize("scale", [1, 2])
def test_each_kind_of_prompt_has_its_own_map(scale):
    points = (torch.tensor([[[16.0, 16.0], [95.0, 63.0], [100.0, 40.0], [20.0, 90.0]]]) + 0.5) * scale - 0.5
    labels = torch.tensor([[2, 3, 1, 0]])
    side_px = SIDE_PX * scale
    maps = prompt_maps(points, labels, input_hw_px=(side_px, side_px), mask_hw=(side_px // 4, side_px // 4))[
        0
    ]
    for number, (x, y) in ((0, (100.5, 40.5)), (1, (20.5, 90.5)), (2, (100.5, 40.5)), (3, (20.5, 90.5))):
        row, col = divmod(int(maps[number].argmax()), maps.shape[-1])
        assert (col, row) == (int(x * scale // 4), int(y * scale // 4))
    inside = torch.full_like(maps[4], -1)
    inside[4 * scale : 16 * scale, 4 * scale : 24 * scale] = 1
    assert torch.equal(maps[4], inside)


def test_padding_and_absent_prompts_leave_maps_empty():
    maps = prompt_maps(torch.zeros(1, 1, 2), torch.tensor([[-1]]), input_hw_px=(64, 64), mask_hw=(16, 16))
    assert not maps.any()


def test_a_new_refiner_repeats_the_decoder():
    torch.manual_seed(0)
    refiner = PromptRefiner(SMALL, width=WIDTH).eval()
    answer = torch.randn(2, 3, 32, 32)
    features = _features(torch.randn(2, 3, SIDE_PX, SIDE_PX))
    points, labels = torch.full((2, 1, 2), 40.0), torch.ones(2, 1)
    refined = refiner(answer, features, points, labels, previous_Q1HW=torch.randn(2, 1, 16, 16))
    torch.testing.assert_close(refined, answer)


def test_it_learns_which_of_two_squares_was_clicked():
    """The decoder's answer marks both squares; only the prompt's map tells them apart."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    refiner = PromptRefiner(SMALL, width=WIDTH)
    optimizer = torch.optim.AdamW(refiner.parameters(), lr=1e-2)
    for step in range(80):
        image, squares, points = _two_squares(8, generator)
        if step == 79:
            refiner.eval()
        both = torch.where(squares.sum(1, keepdim=True) > 0, 2.0, -2.0)
        labels = torch.ones(len(image), 1)
        refined = refiner(both, _features(image), points, labels, previous_Q1HW=None)[:, 0]
        loss = F.binary_cross_entropy_with_logits(refined, squares[:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found, wanted = refined > 0, squares[:, 0] > 0
    iou = (found & wanted).sum((1, 2)) / (found | wanted).sum((1, 2))
    assert float(iou.mean()) > 0.8  # both squares together reach 0.5


def _two_squares(
    num_images: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images, the clicked square and the other on cells of 4 px, and a click in the former."""
    squares = torch.zeros(num_images, 2, 32, 32)
    points = torch.zeros(num_images, 1, 2)
    for number in range(num_images):
        rows = torch.randint(0, 22, (2,), generator=generator).tolist()
        cols = torch.randint(0, 6, (2,), generator=generator).tolist()
        is_left_clicked = bool(torch.rand((), generator=generator) < 0.5)
        for place in (0, 1):
            col = cols[place] + 16 * place
            which = int(is_left_clicked == bool(place))
            squares[number, which, rows[place] : rows[place] + 10, col : col + 10] = 1
            if which == 0:
                points[number, 0] = torch.tensor([4.0 * (col + 5), 4.0 * (rows[place] + 5)])
    image = F.interpolate(squares.sum(1, keepdim=True), scale_factor=4.0).expand(-1, 3, -1, -1)
    return image, squares, points


@pytest.mark.parametrize("has_chooser", [False, True])
def test_phrases_without_clicks_never_meet_the_refiner(has_chooser):
    trunk = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))
    config = replace(PRESETS["rsam_small"], trunk=trunk, image_px=SIDE_PX, refiner=SMALL)
    config = config if has_chooser else replace(config, chooser=None)
    torch.manual_seed(0)
    rsam = Rsam(config).eval()
    torch.nn.init.constant_(rsam.refiner.head.bias, 3.0)
    without = Rsam(replace(config, refiner=None)).eval()
    own = {name: value for name, value in rsam.own_state_dict().items() if not name.startswith("refiner.")}
    without.load_own_state_dict(own)
    image = torch.randn(1, 3, SIDE_PX, SIDE_PX)
    click = {"points_xy_QNC": torch.full((1, 1, 2), 40.0), "point_labels_QN": torch.ones(1, 1)}
    with torch.no_grad():
        text = rsam.encode_text(["a pond"])
        answers = [
            [m.decode(m.encode_image(image), **p) for p in ({"text": text}, click)] for m in (rsam, without)
        ]
    (text_with, click_with), (text_without, click_without) = answers
    torch.testing.assert_close(text_with.mask_logits_QMHW, text_without.mask_logits_QMHW)
    change = click_with.mask_logits_QMHW - click_without.mask_logits_QMHW
    torch.testing.assert_close(change, torch.full_like(change, 3.0))
