"""The field's measures of referring segmentation, accumulated one mask at a time.

Shape letters: H height, W width.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

PRECISION_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


class MaskScores:
    """Running IoU statistics over the masks of present phrases.

    Source: RSAM Section 3.3.1; P@t counts an IoU of exactly t, and an empty union is an IoU of 0, as in
    RMSIN's ``test.py``.
    """

    def __init__(self) -> None:
        self.num_phrases = 0
        self._iou_sum = 0.0
        self._intersection_px = 0
        self._union_px = 0
        self._hits = [0] * len(PRECISION_THRESHOLDS)

    def add(self, intersection_px: int, union_px: int) -> None:
        """Counts one mask; an empty union, of a reference that vanished in resizing, as an IoU of 0."""
        iou = intersection_px / union_px if union_px else 0.0
        self.num_phrases += 1
        self._iou_sum += iou
        self._intersection_px += intersection_px
        self._union_px += union_px
        for index, threshold in enumerate(PRECISION_THRESHOLDS):
            self._hits[index] += iou >= threshold

    def merge(self, other: MaskScores) -> None:
        """Counts the masks that another has counted."""
        self.num_phrases += other.num_phrases
        self._iou_sum += other._iou_sum
        self._intersection_px += other._intersection_px
        self._union_px += other._union_px
        self._hits = [own + theirs for own, theirs in zip(self._hits, other._hits, strict=True)]

    def summary(self) -> dict[str, float | None]:
        """The phrase count and all measures by their usual names, None before the first mask."""
        summary = {
            "phrases": self.num_phrases,
            "oIoU": _ratio(self._intersection_px, self._union_px),
            "mIoU": _ratio(self._iou_sum, self.num_phrases),
        }
        for threshold, hits in zip(PRECISION_THRESHOLDS, self._hits, strict=True):
            summary[f"P@{threshold}"] = _ratio(hits, self.num_phrases)
        return summary


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def intersection_and_union(
    predicted_HW: NDArray[np.bool_], reference_HW: NDArray[np.bool_]
) -> tuple[int, int]:
    """Returns the numbers of pixels in both masks and in either."""
    intersection_px = int(np.count_nonzero(predicted_HW & reference_HW))
    return intersection_px, int(np.count_nonzero(predicted_HW)) + int(
        np.count_nonzero(reference_HW)
    ) - intersection_px


def iou_of(predicted_HW: NDArray[np.bool_], reference_HW: NDArray[np.bool_]) -> float:
    """Returns the IoU of two masks, 0 where both are empty."""
    intersection_px, union_px = intersection_and_union(predicted_HW, reference_HW)
    return intersection_px / union_px if union_px else 0.0


def area_under_roc(positive_scores: Sequence[float], negative_scores: Sequence[float]) -> float | None:
    """Returns the chance that a positive outranks a negative, ties counting half; None without both.

    Source: Mann and Whitney 1947.
    """
    num_positive, num_negative = len(positive_scores), len(negative_scores)
    if not num_positive or not num_negative:
        return None
    ranks = rankdata([*positive_scores, *negative_scores])
    wins = ranks[:num_positive].sum() - num_positive * (num_positive + 1) / 2
    return float(wins / (num_positive * num_negative))


class ReferringScores:
    """Scores of phrases with masks and of absent phrases, in all, by kind of phrase and by class."""

    def __init__(self) -> None:
        self.overall = MaskScores()
        self._by_kind: dict[str, MaskScores] = defaultdict(MaskScores)
        self._by_class: dict[str, MaskScores] = defaultdict(MaskScores)
        self._present_objectness: list[float] = []
        self._absent_objectness: list[float] = []
        self._num_false_alarms = 0

    def add_present(
        self,
        predicted_HW: NDArray[np.bool_],
        reference_HW: NDArray[np.bool_],
        *,
        objectness: float,
        kind: str,
        class_name: str,
    ) -> None:
        """Counts a phrase whose object is there.

        Args:
            predicted_HW: The final mask, already empty where the model says absent.
            reference_HW: The reference; empty only where it vanished in resizing.
            objectness: The model's logit.
            kind: Kind of the phrase. Only class phrases enter the scores by class, so that those say how
                well a class is found and not how well places and sizes are understood.
            class_name: Class of the object.
        """
        counts = intersection_and_union(predicted_HW, reference_HW)
        scores = [self.overall, self._by_kind[kind]]
        if kind == "class":
            scores.append(self._by_class[class_name])
        for score in scores:
            score.add(*counts)
        self._present_objectness.append(objectness)

    def add_absent(self, predicted_HW: NDArray[np.bool_], *, objectness: float) -> None:
        """Counts a phrase for something that is not in the image; any predicted pixel is a false alarm."""
        self._absent_objectness.append(objectness)
        self._num_false_alarms += bool(predicted_HW.any())

    def merge(self, other: ReferringScores) -> None:
        """Counts the phrases that another has counted, of other images."""
        self.overall.merge(other.overall)
        for kind, scores in other._by_kind.items():
            self._by_kind[kind].merge(scores)
        for name, scores in other._by_class.items():
            self._by_class[name].merge(scores)
        self._present_objectness += other._present_objectness
        self._absent_objectness += other._absent_objectness
        self._num_false_alarms += other._num_false_alarms

    def report(self) -> dict[str, Any]:
        """Everything as nested plain values; what was never counted is None."""
        num_absent = len(self._absent_objectness)
        return {
            **self.overall.summary(),
            "by_kind": {kind: scores.summary() for kind, scores in sorted(self._by_kind.items())},
            "by_class": {name: scores.summary() for name, scores in sorted(self._by_class.items())},
            "absent": {
                "phrases": num_absent,
                "false_alarm_rate": _ratio(self._num_false_alarms, num_absent),
            },
            "objectness_auc": area_under_roc(self._present_objectness, self._absent_objectness),
        }
