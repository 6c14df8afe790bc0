"""How many clicks it takes to reach a given IoU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geophrase.training.data.instances import Rle, decode_rle
from geophrase.training.data.risors import RisorsImage
from geophrase.training.evaluation.interaction import Click, Interaction, central_error_click
from geophrase.training.evaluation.metrics import iou_of
from geophrase.training.evaluation.segmenter import MAX_QUERIES, EncodedImage

MAX_CLICKS = 20


@dataclass(frozen=True)
class Target:
    """Something to be outlined.

    Attributes:
        mask_rle: COCO RLE at the image's size, not empty.
        text: The phrase to begin with, or None to begin with a click.
        weight: How often it is counted.
    """

    mask_rle: Rle
    text: str | None = None
    weight: int = 1

    def mask(self) -> NDArray[np.bool_]:
        """The mask at the image's size."""
        mask_HW: NDArray[np.bool_] = decode_rle(self.mask_rle) > 0
        return mask_HW


ChooseTargets = Callable[[RisorsImage], list[Target]]


def phrase_targets(image: RisorsImage) -> list[Target]:
    """The masks of all present phrases, the phrase first."""
    return [Target(phrase.mask_rle, phrase.text) for phrase in image.phrases if not phrase.is_absent]


def mask_targets(image: RisorsImage) -> list[Target]:
    """The same masks by clicks alone; phrases with one mask in common are asked once and counted as many."""
    weights: dict[str, int] = {}
    masks: dict[str, Rle] = {}
    for phrase in image.phrases:
        if not phrase.is_absent:
            key = str(phrase.mask_rle["counts"])
            weights[key] = weights.get(key, 0) + 1
            masks[key] = phrase.mask_rle
    return [Target(masks[key], weight=weight) for key, weight in weights.items()]


def object_targets(image: RisorsImage) -> list[Target]:
    """The labelled objects by clicks alone, which is what click models are made for; crowds are left out."""
    return [Target(row.mask_rle) for row in image.instances if row.area_px and not row.is_crowd]


class ClicksToMeasure:
    """Clicks on the centre of the largest error until the IoU is reached, or until there were too many.

    The masks are compared at native resolution. With a phrase the count begins after its answer, so that it
    can be 0. A target that is never reached counts as the largest number of clicks and as a failure. Models
    with alternative masks answer with their single one, as the engine does for one mask.

    Args:
        targets: What to outline in an image.
        ious: The IoUs to reach, in percent.
        max_clicks: The largest number of clicks.

    Source: Sofiiuk et al. 2022 (RITM), Section 5 (NoC, 20 clicks at most), and its
    ``isegm/inference/evaluation.py``.
    """

    def __init__(self, targets: ChooseTargets, ious: Sequence[int], *, max_clicks: int = MAX_CLICKS) -> None:
        self._targets = targets
        self._ious = ious
        self._max_clicks = max_clicks
        self._curves: list[tuple[list[float], int]] = []

    def add(self, image: RisorsImage, encoded: EncodedImage) -> None:
        """Clicks on all targets of one image."""
        targets = self._targets(image)
        for start in range(0, len(targets), MAX_QUERIES):
            self._click(targets[start : start + MAX_QUERIES], encoded)

    def report(self) -> dict[str, Any]:
        """Mean clicks and failures for each IoU, and the mean IoU after each number of clicks."""
        weights = [weight for _, weight in self._curves]
        report: dict[str, Any] = {"targets": sum(weights), "max_clicks": self._max_clicks}
        for iou in self._ious:
            counts = [self._clicks_to(curve, iou / 100) for curve, _ in self._curves]
            is_failed = [count is None for count in counts]
            clicks = [self._max_clicks if count is None else count for count in counts]
            report[f"NoC@{iou}"] = _weighted_mean(clicks, weights)
            report[f"failures@{iou}"] = sum(w for w, failed in zip(weights, is_failed, strict=True) if failed)
        report["mIoU_after"] = [
            _weighted_mean([curve[min(number, len(curve) - 1)] for curve, _ in self._curves], weights)
            for number in range(self._max_clicks + 1)
        ]
        return report

    def _click(self, targets: Sequence[Target], encoded: EncodedImage) -> None:
        texts = [target.text for target in targets if target.text is not None]
        interaction = Interaction(
            encoded, [target.mask() for target in targets], texts=texts or None, choose=_choose
        )
        curves = [[iou] for iou in _ious(interaction, range(len(targets)))]
        for _ in range(self._max_clicks):
            short = [i for i, curve in enumerate(curves) if curve[-1] < max(self._ious) / 100]
            interaction.click(short)
            for number, iou in zip(short, _ious(interaction, short), strict=True):
                curves[number].append(iou)
        self._curves += [(curve, target.weight) for curve, target in zip(curves, targets, strict=True)]

    @staticmethod
    def _clicks_to(curve: Sequence[float], iou: float) -> int | None:
        return next((number for number, reached in enumerate(curve) if reached >= iou), None)


def _choose(
    _query: int, mask_HW: NDArray[np.bool_], reference_HW: NDArray[np.bool_], clicked: Sequence[Click]
) -> Click | None:
    return central_error_click(mask_HW, reference_HW, clicked)


def _ious(interaction: Interaction, numbers: Iterable[int]) -> list[float]:
    return [iou_of(interaction.masks[number], interaction.references[number]) for number in numbers]


def _weighted_mean(values: Sequence[float], weights: Sequence[int]) -> float | None:
    return float(np.average(values, weights=weights)) if values else None
