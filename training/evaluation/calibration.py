"""Whether the model's own estimates are true: objectness as a probability, and the predicted IoU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from geophrase.training.evaluation.metrics import area_under_roc

NUM_BINS = 10


@dataclass(frozen=True)
class Observation:
    """One phrase.

    Attributes:
        objectness: The model's logit that the object is there.
        predicted_iou: The model's estimate of its mask's IoU.
        iou: IoU of the mask as it was decoded, whatever the objectness; None where the object is absent.
    """

    objectness: float
    predicted_iou: float
    iou: float | None


@dataclass(frozen=True)
class Bin:
    """Estimates between two bounds, the upper one belonging to the next bin but for the last.

    Attributes:
        low: Lower bound.
        high: Upper bound.
        count: Estimates in the bin.
        mean_estimate: Their mean, None in an empty bin.
        mean_truth: Mean of what was true of them, None in an empty bin.
    """

    low: float
    high: float
    count: int
    mean_estimate: float | None
    mean_truth: float | None


def reliability_bins(estimates: ArrayLike, truths: ArrayLike, *, num_bins: int = NUM_BINS) -> list[Bin]:
    """Returns equally wide bins of estimates in [0, 1] beside what was true.

    Source: DeGroot and Fienberg 1983; Guo et al. 2017, Section 2.
    """
    estimate_N, truth_N = np.asarray(estimates, np.float64), np.asarray(truths, np.float64)
    place_N = np.clip((estimate_N * num_bins).astype(np.int64), 0, num_bins - 1)
    bins = []
    for place in range(num_bins):
        is_inside_N = place_N == place
        bins.append(
            Bin(
                low=place / num_bins,
                high=(place + 1) / num_bins,
                count=int(is_inside_N.sum()),
                mean_estimate=_mean(estimate_N[is_inside_N]),
                mean_truth=_mean(truth_N[is_inside_N]),
            )
        )
    return bins


def expected_calibration_error(bins: Sequence[Bin]) -> float | None:
    """Returns the mean distance between estimate and truth over the bins, weighted by their counts.

    Source: Naeini et al. 2015; Guo et al. 2017, equation 3.
    """
    num_all = sum(row.count for row in bins)
    gaps = [
        row.count * abs(row.mean_estimate - row.mean_truth)
        for row in bins
        if row.mean_estimate is not None and row.mean_truth is not None
    ]
    return sum(gaps) / num_all if num_all else None


def threshold_at_false_alarm_rate(absent_logits: Sequence[float], rate: float) -> float | None:
    """Returns the lowest threshold that no more than a share of the absent phrases is above.

    A phrase counts as found where its logit is above the threshold, not at it. None without absent phrases.

    Raises:
        ValueError: The rate is not in [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a false-alarm rate is at least 0 and less than 1, not {rate}")
    if not absent_logits:
        return None
    num_allowed = math.floor(rate * len(absent_logits) + 1e-9)  # .07 * 100 is a little less than 7
    return sorted(absent_logits, reverse=True)[num_allowed]


def calibration_report(
    observations: Sequence[Observation], *, false_alarm_rates: Sequence[float]
) -> dict[str, Any]:
    """Returns what the model's objectness and its IoU estimates are worth, as nested plain values.

    Args:
        observations: Phrases with and without an object.
        false_alarm_rates: Rates to give thresholds of the objectness for.
    """
    return {
        "objectness": _objectness_report(observations, false_alarm_rates),
        "iou": _iou_report([row for row in observations if row.iou is not None]),
    }


def _objectness_report(observations: Sequence[Observation], rates: Sequence[float]) -> dict[str, Any]:
    present = [row.objectness for row in observations if row.iou is not None]
    absent = [row.objectness for row in observations if row.iou is None]
    logit_N = np.array([*present, *absent], np.float64)
    truth_N = np.array([1.0] * len(present) + [0.0] * len(absent))
    probability_N = expit(logit_N)
    bins = reliability_bins(probability_N, truth_N)
    return {
        "present": len(present),
        "absent": len(absent),
        "ece": expected_calibration_error(bins),
        "brier": _mean((probability_N - truth_N) ** 2),
        "auc": area_under_roc(present, absent),
        "at_false_alarm_rate": {f"{rate:g}": _operating_point(present, absent, rate) for rate in rates},
        "bins": [vars(row) for row in bins],
    }


def _operating_point(present: Sequence[float], absent: Sequence[float], rate: float) -> dict[str, Any]:
    threshold = threshold_at_false_alarm_rate(absent, rate)
    is_found_N = np.array([threshold is not None and logit > threshold for logit in present], np.float64)
    return {
        "threshold_logit": threshold,
        "threshold_probability": None if threshold is None else float(expit(threshold)),
        "found": None if threshold is None else _mean(is_found_N),
    }


def _iou_report(observations: Sequence[Observation]) -> dict[str, Any]:
    estimate_N = np.array([row.predicted_iou for row in observations], np.float64)
    truth_N = np.array([row.iou for row in observations], np.float64)
    bins = reliability_bins(estimate_N, truth_N)
    return {
        "masks": len(observations),
        "ece": expected_calibration_error(bins),
        "mean_absolute_error": _mean(np.abs(estimate_N - truth_N)),
        "bias": _mean(estimate_N - truth_N),
        "correlation": _correlation(estimate_N, truth_N),
        "bins": [vars(row) for row in bins],
    }


def _correlation(first_N: NDArray[np.float64], second_N: NDArray[np.float64]) -> float | None:
    if len(first_N) < 2 or not first_N.std() or not second_N.std():
        return None
    return float(np.corrcoef(first_N, second_N)[0, 1])


def _mean(values_N: NDArray[np.float64]) -> float | None:
    return float(values_N.mean()) if len(values_N) else None
