"""Scores phrases on whole images: each phrase, and beside it a phrase of another class on the same mask.

A model that ignores its text scores alike on both; the gap is what it understands.

Shape letters: H height, W width.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geophrase.training.data.risors import Phrase, RisorsImage
from geophrase.training.evaluation.calibration import Observation
from geophrase.training.evaluation.measure import measure_images
from geophrase.training.evaluation.metrics import ReferringScores, iou_of
from geophrase.training.evaluation.resolution import NATIVE, Resolution
from geophrase.training.evaluation.segmenter import Answers, EncodedImage, Prompts, Segmenter

Replacements = Mapping[Path, Sequence[str | None]]
"""By image file and phrase the text to ask instead, None to leave the phrase out."""

_Reference = tuple[Phrase, NDArray[np.bool_]]


class PhraseMeasure:
    """Asks every phrase by text alone.

    Args:
        resolutions: Where masks are compared.
        replacements: Other texts for the same masks.

    Attributes:
        scores: By resolution.
        observations: What the model said of itself, and what was true at the first resolution.
    """

    def __init__(
        self, resolutions: Sequence[Resolution] = (NATIVE,), *, replacements: Replacements | None = None
    ) -> None:
        self.scores = {resolution: ReferringScores() for resolution in resolutions}
        self.observations: list[Observation] = []
        self._replacements = replacements

    def add(self, image: RisorsImage, encoded: EncodedImage) -> None:
        """Asks the phrases of one image."""
        texts: Sequence[str | None] = [phrase.text for phrase in image.phrases]
        if self._replacements is not None:
            texts = self._replacements[image.path]
        pairs = zip(image.phrases, texts, strict=True)
        asked = [(phrase, text) for phrase, text in pairs if text is not None]
        if not asked:
            return
        answers = encoded.ask(Prompts(texts=[text for _, text in asked]))
        references = [(phrase, phrase.mask()) for phrase, _ in asked]
        for number, (resolution, scores) in enumerate(self.scores.items()):
            masks = answers.masks(resolution.hw_px(encoded.hw_px))
            rows = [(phrase, resolution.reference(mask_HW)) for phrase, mask_HW in references]
            _count(scores, rows, answers, masks)
            if number == 0:
                self._observe(rows, answers, masks)

    def _observe(
        self, rows: Sequence[_Reference], answers: Answers, masks: Sequence[NDArray[np.bool_]]
    ) -> None:
        for number, ((phrase, reference_HW), mask_HW) in enumerate(zip(rows, masks, strict=True)):
            iou = None if phrase.is_absent else iou_of(mask_HW, reference_HW)
            self.observations.append(
                Observation(float(answers.objectness_Q[number]), float(answers.iou_Q[number]), iou)
            )

    def report(self) -> dict[str, Any]:
        """The scores by name of the resolution."""
        return {str(resolution): scores.report() for resolution, scores in self.scores.items()}


def _count(
    scores: ReferringScores, rows: Sequence[_Reference], answers: Answers, masks: Sequence[NDArray[np.bool_]]
) -> None:
    predicted = answers.without_absent(masks)
    for (phrase, reference_HW), mask_HW, objectness in zip(
        rows, predicted, answers.objectness_Q.tolist(), strict=True
    ):
        if phrase.is_absent:
            scores.add_absent(mask_HW, objectness=objectness)
        else:
            scores.add_present(
                mask_HW, reference_HW, objectness=objectness, kind=phrase.kind, class_name=phrase.name
            )


def score_images(
    segmenter: Segmenter,
    images: Sequence[RisorsImage],
    *,
    replacements: Replacements | None = None,
    is_quiet: bool = True,
) -> ReferringScores:
    """Returns the scores of a segmenter on images with phrases, by text alone and at native resolution.

    Args:
        segmenter: The model.
        images: Images of one split.
        replacements: Other texts for the same masks.
        is_quiet: Whether to show no progress bar.

    Raises:
        RisorsError: An image file cannot be read.
    """
    measure = PhraseMeasure(replacements=replacements)
    measure_images(segmenter, images, [measure], is_quiet=is_quiet)
    return measure.scores[NATIVE]


def shuffled_phrases(images: Sequence[RisorsImage], *, seed: int = 0) -> dict[Path, list[str | None]]:
    """Returns for every present phrase one of another class from the same data, of the same kind if any.

    Absent phrases give None, and so do phrases where the data have no other class. The same data and seed
    give the same phrases.
    """
    pool = sorted(
        {
            (phrase.kind, phrase.name, phrase.text)
            for image in images
            for phrase in image.phrases
            if not phrase.is_absent
        }
    )
    rng = random.Random(seed)
    return {image.path: [_replacement(phrase, pool, rng) for phrase in image.phrases] for image in images}


def _replacement(phrase: Phrase, pool: Sequence[tuple[str, str, str]], rng: random.Random) -> str | None:
    if phrase.is_absent:
        return None
    classes = _classes(phrase.name)
    others = [row for row in pool if not classes & _classes(row[1])]
    alike = [row for row in others if row[0] == phrase.kind]
    return rng.choice(alike or others)[2] if others else None


def _classes(name: str) -> set[str]:
    return set(name.split("+"))  # a phrase for two classes carries both names
