import pytest
import torch

from geophrase.training.objective.clicks import (
    ClickConfig,
    jittered_boxes,
    sample_correction_points,
    single_parts,
)


def pixel_of(point_xy):
    col, row = point_xy.long().tolist()
    return row, col


def test_points_come_from_errors_and_are_labelled_by_the_truth():
    torch.manual_seed(0)
    reference = torch.rand(64, 12, 20) > 0.5
    predicted = torch.rand(64, 12, 20) > 0.5
    points, labels = sample_correction_points(predicted, reference)
    for query, (point, label) in enumerate(zip(points, labels, strict=True)):
        row, col = pixel_of(point)
        assert predicted[query, row, col] != reference[query, row, col]
        assert bool(label) == bool(reference[query, row, col])


def test_missed_and_wrongly_marked_pixels_are_drawn_by_their_area():
    torch.manual_seed(1)
    reference, predicted = (
        torch.zeros(4000, 8, 8, dtype=torch.bool),
        torch.zeros(4000, 8, 8, dtype=torch.bool),
    )
    reference[:, 0, :6] = True  # six missed pixels
    predicted[:, 7, :2] = True  # two wrong ones
    _, labels = sample_correction_points(predicted, reference)
    assert labels.float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_a_point_is_whole_at_the_centre_of_its_pixel_as_in_sams_frame():
    reference = torch.zeros(1, 4, 4, dtype=torch.bool)
    reference[0, 1, 2] = True
    points, labels = sample_correction_points(torch.zeros_like(reference), reference)
    assert points.tolist() == [[2.0, 1.0]]
    assert labels.tolist() == [1]


def test_a_perfect_mask_gets_a_background_point_and_a_full_one_an_object_point():
    reference = torch.zeros(2, 4, 4, dtype=torch.bool)
    reference[0, :, :2] = True
    reference[1] = True
    points, labels = sample_correction_points(reference.clone(), reference)
    assert labels.tolist() == [0, 1]
    assert points[0, 0] >= 2


def test_one_part_of_each_reference_is_drawn_whole_and_evenly():
    torch.manual_seed(2)
    reference = torch.zeros(600, 24, 24, dtype=torch.bool)
    reference[:, 2:8, 2:8] = True  # 36 pixels
    reference[:, 10:22, 10:22] = True  # 144 pixels
    reference[:, 0, 23] = True  # a crumb
    parts = single_parts(reference)
    sizes = parts.flatten(1).sum(1)
    assert set(sizes.tolist()) == {36, 144}
    assert not (parts & ~reference).any()
    assert (sizes == 36).float().mean().item() == pytest.approx(0.5, abs=0.07)


def test_a_reference_of_crumbs_alone_or_of_nothing_stays_usable():
    reference = torch.zeros(2, 8, 8, dtype=torch.bool)
    reference[0, 0, 0:3] = reference[0, 5, 5:8] = True
    parts = single_parts(reference)
    assert parts.flatten(1).sum(1).tolist() == [3, 0]


def test_boxes_without_noise_name_the_first_and_last_pixel():
    reference = torch.zeros(2, 10, 12, dtype=torch.bool)
    reference[0, 3:5, 4:9] = True
    reference[1, 0, 0] = reference[1, 9, 11] = True
    boxes = jittered_boxes(reference, ClickConfig(box_jitter=0.0))
    assert boxes.tolist() == [[4, 3, 8, 4], [0, 0, 11, 9]]


def test_noisy_boxes_stay_close_and_inside():
    torch.manual_seed(2)
    reference = torch.zeros(200, 64, 64, dtype=torch.bool)
    reference[:, 1:63, 20:60] = True
    boxes = jittered_boxes(reference, ClickConfig(box_jitter=0.1, max_box_jitter_px=3.0))
    exact = torch.tensor([20.0, 1.0, 59.0, 62.0])
    assert (boxes - exact).abs().max() <= 3.0
    assert (boxes - exact).abs().amax(0).min() > 0.5
    assert boxes.min() >= 0
    assert boxes.max() <= 63


def test_an_empty_mask_has_no_box():
    with pytest.raises(ValueError, match="empty"):
        jittered_boxes(torch.zeros(1, 4, 4, dtype=torch.bool), ClickConfig())
