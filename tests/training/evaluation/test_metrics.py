import numpy as np
import pytest
from pycocotools import mask as coco

from geophrase.training.evaluation.metrics import (
    MaskScores,
    ReferringScores,
    area_under_roc,
    intersection_and_union,
)


def random_masks(seed, num=40):
    rng = np.random.default_rng(seed)
    reference = rng.random((num, 24, 31)) < rng.uniform(0.05, 0.95, (num, 1, 1))
    flips = rng.random((num, 24, 31)) < rng.uniform(0, 0.5, (num, 1, 1))
    reference[:, 0, 0] = True
    return reference ^ flips, reference


def encoded(mask):
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))


def test_ious_equal_pycocotools():
    for predicted, reference in zip(*random_masks(0), strict=True):
        intersection, union = intersection_and_union(predicted, reference)
        expected = coco.iou([encoded(predicted)], [encoded(reference)], [0])[0, 0]
        assert intersection / union == pytest.approx(expected, abs=1e-12)


def test_summary_equals_measures_from_pycocotools_areas():
    scores, ious, intersections, unions = MaskScores(), [], 0, 0
    for predicted, reference in zip(*random_masks(1), strict=True):
        a, b = encoded(predicted), encoded(reference)
        intersections += coco.area(coco.merge([a, b], intersect=True))
        unions += coco.area(coco.merge([a, b]))
        ious.append(coco.iou([a], [b], [0])[0, 0])
        scores.add(*intersection_and_union(predicted, reference))
    summary = scores.summary()
    assert summary["phrases"] == 40
    assert summary["mIoU"] == pytest.approx(np.mean(ious))
    assert summary["oIoU"] == pytest.approx(intersections / unions)
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
        assert summary[f"P@{threshold}"] == pytest.approx(np.mean(np.array(ious) >= threshold))


def test_precision_counts_an_iou_of_exactly_the_threshold():
    scores = MaskScores()
    scores.add(1, 2)
    summary = scores.summary()
    assert summary["P@0.5"] == 1.0
    assert summary["P@0.6"] == 0.0


def test_a_reference_that_vanished_in_resizing_is_an_iou_of_zero():
    mask = np.zeros((2, 2), bool)
    for predicted in (mask, ~mask):
        scores = ReferringScores()
        scores.add_present(predicted, mask, objectness=1.0, kind="class", class_name="ship")
        report = scores.report()
        assert report["phrases"] == 1
        assert report["mIoU"] == 0.0
        assert report["P@0.5"] == 0.0


def test_auc_against_all_pairs():
    rng = np.random.default_rng(2)
    positive, negative = rng.integers(0, 6, 30) + 1.0, rng.integers(0, 6, 20) * 1.0
    pairs = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    assert area_under_roc(positive, negative) == pytest.approx(pairs.mean())
    assert area_under_roc([2.0], [1.0]) == 1.0
    assert area_under_roc([1.0], [2.0]) == 0.0
    assert area_under_roc([1.0], []) is None


def test_reports_by_kind_by_class_and_false_alarms():
    scores = ReferringScores()
    full, half = np.ones((2, 2), bool), np.array([[1, 1], [0, 0]], bool)
    scores.add_present(full, full, objectness=2.0, kind="class", class_name="ship")
    scores.add_present(half, full, objectness=1.0, kind="place", class_name="ship")
    scores.add_absent(~full, objectness=-1.0)
    scores.add_absent(half, objectness=1.5)
    report = scores.report()
    assert report["mIoU"] == pytest.approx(0.75)
    assert report["by_kind"]["place"]["mIoU"] == pytest.approx(0.5)
    assert report["by_class"] == {"ship": report["by_kind"]["class"]}
    assert report["absent"] == {"phrases": 2, "false_alarm_rate": 0.5}
    assert report["objectness_auc"] == pytest.approx(0.75)


def test_nothing_counted_is_none_and_not_zero():
    report = ReferringScores().report()
    assert report["mIoU"] is None
    assert report["absent"]["false_alarm_rate"] is None
