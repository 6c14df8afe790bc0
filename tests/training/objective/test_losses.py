import math

import pytest
import torch

from geophrase.training.objective.losses import (
    LossConfig,
    dice_loss,
    mask_iou,
    match_resolution,
    referent_loss,
    segmentation_loss,
    sigmoid_focal_loss,
)


def logit(p):
    return math.log(p / (1 - p))


def test_focal_loss_by_hand():
    # foreground at p = .8: .25 * .2^2 * -ln .8; background at p = .3: .75 * .3^2 * -ln .7; mean of the two
    expected = (0.25 * 0.04 * -math.log(0.8) + 0.75 * 0.09 * -math.log(0.7)) / 2
    logits = torch.tensor([[logit(0.8), logit(0.3)]])
    loss = sigmoid_focal_loss(logits, torch.tensor([[1.0, 0.0]]), alpha=0.25, gamma=2.0)
    assert loss.tolist() == pytest.approx([expected], rel=1e-5)


def test_focal_loss_without_focus_is_half_the_cross_entropy():
    torch.manual_seed(0)
    logits, targets = torch.randn(3, 50), (torch.rand(3, 50) > 0.5).float()
    loss = sigmoid_focal_loss(logits, targets, alpha=0.5, gamma=0.0)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)
    torch.testing.assert_close(loss, bce / 2)


@pytest.mark.parametrize("scale", [30.0, 1000.0])
def test_focal_loss_extremes_stay_finite(scale):
    targets = torch.tensor([[1.0, 0.0]])
    right = ((targets * 2 - 1) * scale).requires_grad_()
    wrong = (-(targets * 2 - 1) * scale).requires_grad_()
    assert sigmoid_focal_loss(right, targets, alpha=0.25, gamma=2.0).item() == pytest.approx(0, abs=1e-6)
    loss = sigmoid_focal_loss(wrong, targets, alpha=0.25, gamma=2.0)
    assert loss.item() == pytest.approx(scale * (0.25 + 0.75) / 2, rel=1e-4)
    loss.sum().backward()
    assert torch.isfinite(wrong.grad).all()


def test_dice_loss_by_hand_and_at_its_extremes():
    logits = torch.tensor([[logit(0.9), logit(0.2), logit(0.4)]])
    targets = torch.tensor([[1.0, 0.0, 1.0]])
    expected = 1 - (2 * (0.9 + 0.4) + 1) / (0.9 + 0.2 + 0.4 + 2 + 1)
    assert dice_loss(logits, targets, smoothing=1.0).item() == pytest.approx(expected, rel=1e-5)
    sure = torch.full((1, 100), 50.0)
    assert dice_loss(sure, torch.ones(1, 100), smoothing=1.0).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(sure, torch.zeros(1, 100), smoothing=1.0).item() == pytest.approx(1 - 1 / 101, rel=1e-5)
    assert dice_loss(-sure, torch.zeros(1, 100), smoothing=1.0).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", ["focal", "dice"])
def test_gradients_match_finite_differences(loss):
    torch.manual_seed(1)
    logits = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(2, 6, dtype=torch.float64)
    functions = {
        "focal": lambda x: sigmoid_focal_loss(x, targets, alpha=0.25, gamma=2.0),
        "dice": lambda x: dice_loss(x, targets, smoothing=1.0),
    }
    assert torch.autograd.gradcheck(functions[loss], logits)


def test_descending_the_loss_reaches_the_reference():
    torch.manual_seed(2)
    reference = torch.zeros(1, 8, 8)
    reference[:, 2:5, 3:7] = 1
    logits = torch.zeros(1, 8, 8, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.3)
    for _ in range(60):
        terms = segmentation_loss(
            LossConfig(),
            mask_logits_QHW=logits,
            iou_Q=torch.ones(1),
            objectness_Q=torch.zeros(1),
            targets_QHW=reference,
            is_absent_Q=torch.tensor([False]),
        )
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
    assert torch.equal(logits > 0, reference > 0)


def two_queries(is_absent):
    torch.manual_seed(3)
    return {
        "mask_logits_QHW": torch.randn(2, 4, 4, requires_grad=True),
        "iou_Q": torch.tensor([0.25, 0.75], requires_grad=True),
        "objectness_Q": torch.tensor([1.5, -0.5], requires_grad=True),
        "targets_QHW": (torch.rand(2, 4, 4) > 0.5).float(),
        "is_absent_Q": torch.tensor(is_absent),
    }


def test_the_total_is_the_papers_weighted_sum():
    terms = segmentation_loss(LossConfig(), **two_queries([False, False]))
    assert terms.total.item() == pytest.approx(
        20 * terms.focal.item() + terms.dice.item() + terms.objectness.item() + terms.iou.item(), rel=1e-5
    )


def test_an_absent_query_only_trains_objectness():
    inputs = two_queries([False, True])
    terms = segmentation_loss(LossConfig(), **inputs)
    terms.total.backward()
    assert inputs["mask_logits_QHW"].grad[1].abs().max() == 0
    assert inputs["mask_logits_QHW"].grad[0].abs().min() > 0
    assert inputs["iou_Q"].grad[1] == 0
    present, absent = math.log1p(math.exp(-1.5)), math.log1p(math.exp(-0.5))
    assert terms.objectness.item() == pytest.approx((present + absent) / 2, rel=1e-5)
    alone = segmentation_loss(LossConfig(), **{k: v[:1] for k, v in two_queries([False, False]).items()})
    assert terms.dice.item() == pytest.approx(alone.dice.item() / 2, rel=1e-5)


def test_the_iou_term_is_the_distance_to_the_true_iou():
    logits = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]])
    targets = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    assert mask_iou(logits.flatten(1), targets.flatten(1)).tolist() == pytest.approx([1 / 3])
    terms = segmentation_loss(
        LossConfig(),
        mask_logits_QHW=logits,
        iou_Q=torch.tensor([0.9]),
        objectness_Q=torch.zeros(1),
        targets_QHW=targets,
        is_absent_Q=torch.tensor([False]),
    )
    assert terms.iou.item() == pytest.approx(0.9 - 1 / 3, rel=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_match_resolution_keeps_the_covered_area(stride):
    masks = torch.rand(3, 16, 16) > 0.6
    logits, targets = match_resolution(torch.randn(3, 4, 4), masks, stride)
    assert logits.shape == targets.shape == (3, 16 // stride, 16 // stride)
    torch.testing.assert_close(targets.mean((1, 2)), masks.float().mean((1, 2)))


def test_match_resolution_refuses_a_stride_that_does_not_fit():
    with pytest.raises(ValueError, match="cells of 4"):
        match_resolution(torch.zeros(1, 4, 4), torch.zeros(1, 18, 16), 4)


def test_the_loss_of_referents_by_hand():
    config = LossConfig(focal_weight=2.0, dice_weight=3.0, focal_alpha=0.5, dice_smoothing=1.0)
    logits = torch.tensor([[[logit(0.8), logit(0.3)]], [[logit(0.8), logit(0.3)]], [[9.0, -9.0]]])
    targets = torch.tensor([[[1.0, 0.0]], [[0.0, 0.0]], [[0.0, 1.0]]])
    focal_shown = (0.5 * 0.04 * -math.log(0.8) + 0.5 * 0.09 * -math.log(0.7)) / 2
    dice_shown = 1 - (2 * 0.8 + 1) / (1.1 + 1 + 1)
    focal_empty = (0.5 * 0.64 * -math.log(0.2) + 0.5 * 0.09 * -math.log(0.7)) / 2
    expected = (2 * focal_shown + 3 * dice_shown + 2 * focal_empty) / 3  # the third isn't known
    loss = referent_loss(config, logits, targets, is_known_M=torch.tensor([True, True, False]))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_where_the_kind_is_shown_a_phrase_that_means_none_of_it_learns_an_empty_mask():
    config = LossConfig(focal_alpha=0.5)
    masks = torch.tensor([[[logit(0.8), logit(0.3)]]])
    focal = (0.5 * 0.64 * -math.log(0.2) + 0.5 * 0.09 * -math.log(0.7)) / 2
    terms = segmentation_loss(
        config,
        mask_logits_QHW=masks,
        iou_Q=torch.tensor([0.4]),
        objectness_Q=torch.tensor([logit(0.9)]),
        targets_QHW=torch.zeros(1, 1, 2),
        is_absent_Q=torch.tensor([True]),
        has_kind_Q=torch.tensor([True]),
    )
    assert float(terms.focal) == pytest.approx(focal, rel=1e-5)
    assert float(terms.objectness) == pytest.approx(-math.log(0.9), rel=1e-5)
    assert float(terms.dice) == float(terms.iou) == 0.0
