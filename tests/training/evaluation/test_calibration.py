import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import mannwhitneyu, pearsonr

from geophrase.training.evaluation.calibration import (
    Observation,
    calibration_report,
    expected_calibration_error,
    reliability_bins,
    threshold_at_false_alarm_rate,
)


def test_bins_counted_by_hand():
    estimates = [0.05, 0.05, 0.1, 0.31, 0.39, 0.95, 1.0]
    truths = [0, 1, 0, 1, 0, 1, 1]
    bins = reliability_bins(estimates, truths)
    assert [row.count for row in bins] == [2, 1, 0, 2, 0, 0, 0, 0, 0, 2]
    assert bins[0].mean_estimate == pytest.approx(0.05)
    assert bins[0].mean_truth == pytest.approx(0.5)
    assert bins[3].mean_estimate == pytest.approx(0.35)
    assert bins[3].mean_truth == pytest.approx(0.5)
    assert bins[9].mean_estimate == pytest.approx(0.975)
    assert bins[2].mean_truth is None
    assert (bins[9].low, bins[9].high) == (0.9, 1.0)
    # 2/7 * .45 + 1/7 * .1 + 2/7 * .15 + 2/7 * .025
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.45 + 0.1 + 2 * 0.15 + 2 * 0.025) / 7)


def test_probabilities_that_are_true_have_no_calibration_error():
    rng = np.random.default_rng(0)
    estimates = rng.random(200_000)
    bins = reliability_bins(estimates, rng.random(200_000) < estimates)
    assert expected_calibration_error(bins) < 0.01
    assert expected_calibration_error(reliability_bins([], [])) is None


def test_no_more_than_the_rate_of_absent_phrases_is_above_the_threshold():
    rng = np.random.default_rng(1)
    absent = rng.integers(-20, 20, 100).astype(float).tolist()  # with ties
    for rate in (0.0, 0.05, 0.07, 0.5, 0.99):
        threshold = threshold_at_false_alarm_rate(absent, rate)
        assert sum(value > threshold for value in absent) <= round(rate * 100)
        lower = [value for value in absent if value < threshold]
        if lower:  # the next lower threshold would let too many through
            assert sum(value > max(lower) for value in absent) > round(rate * 100)
    assert threshold_at_false_alarm_rate([], 0.1) is None
    with pytest.raises(ValueError, match="less than 1"):
        threshold_at_false_alarm_rate(absent, 1.0)


def test_a_report_against_scipy_and_closed_forms():
    rng = np.random.default_rng(2)
    present, absent = rng.normal(1, 2, 80), rng.normal(-1, 2, 50)
    ious = rng.random(80)
    predicted = np.clip(ious + rng.normal(0.1, 0.1, 80), 0, 1)
    observations = [Observation(*row) for row in zip(present, predicted, ious, strict=True)]
    observations += [Observation(value, 0.3, None) for value in absent]
    report = calibration_report(observations, false_alarm_rates=(0.1,))
    objectness = report["objectness"]
    statistic = mannwhitneyu(present, absent).statistic
    assert objectness["auc"] == pytest.approx(statistic / (80 * 50))
    probability = 1 / (1 + np.exp(-np.concatenate([present, absent])))
    truth = np.array([1] * 80 + [0] * 50)
    assert objectness["brier"] == pytest.approx(((probability - truth) ** 2).mean())
    assert sum(row["count"] for row in objectness["bins"]) == 130
    point = objectness["at_false_alarm_rate"]["0.1"]
    assert (absent > point["threshold_logit"]).sum() == 5
    assert point["found"] == pytest.approx((present > point["threshold_logit"]).mean())
    assert logit(point["threshold_probability"]) == pytest.approx(point["threshold_logit"])
    assert report["iou"]["masks"] == 80
    assert report["iou"]["correlation"] == pytest.approx(pearsonr(predicted, ious).statistic)
    assert report["iou"]["bias"] == pytest.approx((predicted - ious).mean())
    assert report["iou"]["mean_absolute_error"] == pytest.approx(np.abs(predicted - ious).mean())


def test_extreme_logits_and_nothing_at_all():
    certain = [Observation(5000.0, 1.0, 1.0), Observation(-5000.0, 0.0, None)]
    report = calibration_report(certain, false_alarm_rates=(0.05,))
    assert report["objectness"]["brier"] == report["objectness"]["ece"] == 0.0
    assert report["objectness"]["at_false_alarm_rate"]["0.05"]["found"] == 1.0
    assert report["iou"]["correlation"] is None
    nothing = calibration_report([], false_alarm_rates=(0.05,))
    assert nothing["objectness"]["ece"] is None
    assert nothing["objectness"]["at_false_alarm_rate"]["0.05"]["threshold_logit"] is None
