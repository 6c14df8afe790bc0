"""Everything that can be said about a model on the images of a split, as one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geophrase.training.data.risors import RisorsImage
from geophrase.training.evaluation.calibration import calibration_report
from geophrase.training.evaluation.clicks_to import (
    MAX_CLICKS,
    ClicksToMeasure,
    mask_targets,
    object_targets,
    phrase_targets,
)
from geophrase.training.evaluation.measure import Measure, measure_images
from geophrase.training.evaluation.phrases import PhraseMeasure, shuffled_phrases
from geophrase.training.evaluation.points import PointsMeasure
from geophrase.training.evaluation.resolution import NATIVE, Resolution
from geophrase.training.evaluation.segmenter import Segmenter


@dataclass(frozen=True)
class EvaluationConfig:
    """What is measured.

    Attributes:
        resolutions: Where masks are compared; the first is the report's own.
        is_shuffled: Whether phrases of other classes are asked of the same masks, too.
        num_points: Simulated points after each phrase; 0 for none.
        clicks_to: IoUs in percent for which clicks are counted; empty for none.
        max_clicks: Where counting them ends.
        false_alarm_rates: Rates to give thresholds of the objectness for.
        seed: Of the other phrases and of random points.
    """

    resolutions: tuple[Resolution, ...] = (NATIVE,)
    is_shuffled: bool = True
    num_points: int = 0
    clicks_to: tuple[int, ...] = ()
    max_clicks: int = MAX_CLICKS
    false_alarm_rates: tuple[float, ...] = (0.05, 0.1)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what cannot be measured.

        Raises:
            ValueError: With a sentence for people.
        """
        if not self.resolutions:
            raise ValueError("Masks are compared at one resolution at least: give native or a side.")
        if self.num_points < 0 or self.max_clicks < 1:
            raise ValueError("Points are 0 or more, and clicks at least 1.")
        if any(not 0 < iou <= 100 for iou in self.clicks_to):
            raise ValueError("An IoU to reach is in percent: above 0 and at most 100.")
        if any(not 0 <= rate < 1 for rate in self.false_alarm_rates):
            raise ValueError("A false-alarm rate is at least 0 and less than 1.")


def evaluate(
    segmenter: Segmenter, images: Sequence[RisorsImage], config: EvaluationConfig, *, is_quiet: bool = True
) -> dict[str, Any]:
    """Measures a model, each image encoded once.

    Args:
        segmenter: The model. Without text only its clicks are counted.
        images: Images of one split.
        config: What to measure.
        is_quiet: Whether to show no progress bar.

    Returns:
        Nested plain values: ``right`` and ``shuffled`` scores, ``points`` and ``points_central`` by number
        of points, ``at`` with right and points at the further resolutions, ``clicks_to`` and
        ``calibration``; what was not measured is left out.

    Raises:
        RisorsError: An image file cannot be read.
    """
    right = PhraseMeasure(config.resolutions)
    by_text = {"right": right, **_further_text_measures(images, config)} if segmenter.has_text else {}
    by_clicks = _click_measures(config, has_text=segmenter.has_text)
    measure_images(segmenter, images, [*by_text.values(), *by_clicks.values()], is_quiet=is_quiet)
    report = _by_resolution(by_text, config.resolutions)
    if by_text:
        rates = config.false_alarm_rates
        report["calibration"] = calibration_report(right.observations, false_alarm_rates=rates)
    if by_clicks:
        report["clicks_to"] = {name: measure.report() for name, measure in by_clicks.items()}
    return report


def _further_text_measures(images: Sequence[RisorsImage], config: EvaluationConfig) -> dict[str, Measure]:
    measures: dict[str, Measure] = {}
    if config.is_shuffled:
        replacements = shuffled_phrases(images, seed=config.seed)
        measures["shuffled"] = PhraseMeasure(config.resolutions[:1], replacements=replacements)
    if config.num_points:
        measures["points"] = PointsMeasure(
            config.num_points, resolutions=config.resolutions, seed=config.seed
        )
        measures["points_central"] = PointsMeasure(
            config.num_points, choice="central", resolutions=config.resolutions
        )
    return measures


def _click_measures(config: EvaluationConfig, *, has_text: bool) -> dict[str, Measure]:
    targets = {"clicks": mask_targets, "objects": object_targets}
    if has_text:
        targets = {"phrase": phrase_targets, **targets}
    return {
        name: ClicksToMeasure(choose, config.clicks_to, max_clicks=config.max_clicks)
        for name, choose in targets.items()
        if config.clicks_to
    }


def _by_resolution(measures: Mapping[str, Measure], resolutions: Sequence[Resolution]) -> dict[str, Any]:
    first, *others = (str(resolution) for resolution in resolutions)
    reports = {name: measure.report() for name, measure in measures.items()}
    report: dict[str, Any] = {name: by_resolution[first] for name, by_resolution in reports.items()}
    if measures and others:
        report["at"] = {
            other: {name: rows[other] for name, rows in reports.items() if other in rows} for other in others
        }
    return report
