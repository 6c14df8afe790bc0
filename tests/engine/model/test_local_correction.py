"""What a click changes, with answers that would change much more."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geophrase.engine.model.rsam.local_correction import CellClick, clicks_on_mask, corrected_locally
from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput

SIDE = 32
LEFT, RIGHT, BELOW = np.s_[8:16, 2:10], np.s_[8:16, 20:28], np.s_[24:30, 4:12]


def logits_of(*windows, logit=5.0):
    mask = torch.full((SIDE, SIDE), -5.0)
    for window in windows:
        mask[window] = logit
    return mask


def corrected(before, answer, *clicks, kind=None):
    referents = None if kind is None else torch.stack([kind, logits_of()])[None]
    output = MaskOutput(answer[None, None], torch.ones(1, 1), torch.ones(1, 1), referents)
    masks = corrected_locally(output, before[None, None], [[CellClick(*click) for click in clicks]])
    masks = masks.mask_logits_QMHW
    return (masks[0, 0] > 0).numpy()


def shown(*windows):
    mask = np.zeros((SIDE, SIDE), bool)
    for window in windows:
        mask[window] = True
    return mask


def test_only_the_clicked_part_of_a_change_is_taken_over():
    before, answer = logits_of(LEFT), logits_of(RIGHT, BELOW)
    assert np.array_equal(corrected(before, answer, (12, 24, True)), shown(LEFT, RIGHT))
    assert np.array_equal(corrected(before, answer, (12, 5, False)), shown())
    assert np.array_equal(corrected(before, answer, (26, 8, True)), shown(LEFT, BELOW))


def test_a_click_beside_the_change_still_takes_it():
    assert np.array_equal(
        corrected(logits_of(LEFT), logits_of(RIGHT), (7, 19, True)), shown(LEFT, np.s_[6:9, 18:21], RIGHT)
    )


@pytest.mark.parametrize("is_positive", [True, False])
def test_a_click_that_the_model_ignores_changes_its_own_cells(is_positive):
    mask = logits_of(LEFT)
    row, col = (26, 26) if is_positive else (12, 5)
    changed = corrected(mask, mask, (row, col, is_positive)) != shown(LEFT)
    assert np.array_equal(changed, shown(np.s_[row - 1 : row + 2, col - 1 : col + 2]))


def test_in_its_middle_a_click_puts_a_whole_object_in_or_out():
    half = np.s_[8:16, 20:23]
    kind = logits_of(LEFT, RIGHT)
    assert np.array_equal(
        corrected(logits_of(LEFT), logits_of(half), (12, 24, True), kind=kind), shown(LEFT, RIGHT)
    )
    assert np.array_equal(
        corrected(logits_of(LEFT, RIGHT), logits_of(LEFT), (12, 24, False), kind=kind), shown(LEFT)
    )


def test_at_its_edge_a_click_is_about_the_edge():
    strip = np.s_[8:16, 9:10]
    before, answer = logits_of(LEFT), logits_of(np.s_[8:16, 2:9])
    assert np.array_equal(
        corrected(before, answer, (12, 9, False), kind=logits_of(LEFT)), shown(LEFT) & ~shown(strip)
    )


def test_an_object_that_is_already_in_is_corrected_in_detail():
    before, answer = logits_of(np.s_[8:16, 2:8]), logits_of(LEFT, RIGHT)
    assert np.array_equal(corrected(before, answer, (12, 9, True), kind=logits_of(LEFT)), shown(LEFT))


def test_an_answer_of_another_size_is_brought_to_the_masks():
    before = torch.nn.functional.interpolate(logits_of(LEFT)[None, None], scale_factor=2.0)
    output = MaskOutput(logits_of(RIGHT)[None, None], torch.ones(1, 1), torch.ones(1, 1))
    masks = corrected_locally(output, before, [[CellClick(12, 24, is_positive=True)]]).mask_logits_QMHW
    assert np.array_equal((masks[0, 0] > 0).numpy(), shown(LEFT, RIGHT))


def test_an_earlier_click_in_an_object_keeps_it_from_being_put_out_whole():
    kind, before = logits_of(RIGHT), logits_of(RIGHT)
    answer = logits_of(np.s_[8:16, 20:23])
    assert np.array_equal(corrected(before, answer, (12, 24, False), kind=kind), shown())
    clicked = corrected(before, answer, (12, 21, True), (12, 24, False), kind=kind)
    assert np.array_equal(clicked, shown(np.s_[8:16, 20:23]))


def test_clicks_are_in_order_and_corners_and_padding_are_none():
    points = torch.tensor([[[0.0, 0.0], [50.0, 90.0], [10.0, 30.0], [999.0, -5.0]]])
    sizes = {"input_hw_px": (100, 100), "mask_hw": (10, 10)}
    first, second = CellClick(0, 0, is_positive=True), CellClick(9, 5, is_positive=False)
    assert clicks_on_mask(points, torch.tensor([[1, 0, -1, 2]]), **sizes) == [[first, second]]
    last = CellClick(0, 9, is_positive=True)
    assert clicks_on_mask(points, torch.tensor([[1, 0, 3, 1]]), **sizes) == [[first, second, last]]
    assert clicks_on_mask(points, torch.tensor([[2, 3, -1, -1]]), **sizes) is None
