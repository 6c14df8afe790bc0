"""Phrases followed by simulated points, drawn from what the answer before still has wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geophrase.training.data.risors import Phrase, RisorsImage
from geophrase.training.evaluation.interaction import (
    ChooseClick,
    Click,
    Interaction,
    central_error_click,
    random_error_click,
)
from geophrase.training.evaluation.metrics import MaskScores, intersection_and_union
from geophrase.training.evaluation.resolution import NATIVE, Resolution
from geophrase.training.evaluation.segmenter import MAX_QUERIES, EncodedImage

PointChoice = Literal["random", "central"]


class PointsMeasure:
    """Scores present phrases with 0, 1, 2 … points after the phrase.

    Points are chosen at native resolution, from the mask that the model gave just before: at random from all
    wrong pixels, as in the paper, or at the centre of the largest error, where a person would click. A
    phrase that is answered without an error gets no further point. A draw depends on the seed, the image and
    the phrase alone.

    Args:
        num_points: The largest number of points.
        choice: Where points come from.
        resolutions: Where masks are compared.
        seed: Of random points.

    Source: RSAM Section 3.3.5, Table 14.
    """

    def __init__(
        self,
        num_points: int,
        *,
        choice: PointChoice = "random",
        resolutions: Sequence[Resolution] = (NATIVE,),
        seed: int = 0,
    ) -> None:
        self._choice = choice
        self._seed = seed
        self._scores = {
            resolution: [MaskScores() for _ in range(num_points + 1)] for resolution in resolutions
        }
        self._num_points = num_points

    def add(self, image: RisorsImage, encoded: EncodedImage) -> None:
        """Asks the present phrases of one image, and points at what is wrong."""
        numbered = [(i, phrase) for i, phrase in enumerate(image.phrases) if not phrase.is_absent]
        for start in range(0, len(numbered), MAX_QUERIES):
            part = numbered[start : start + MAX_QUERIES]
            choose = self._chooser(image.image_id, [number for number, _ in part])
            self._interact(encoded, [phrase for _, phrase in part], choose)

    def report(self) -> dict[str, Any]:
        """By name of the resolution, then by number of points, the usual measures."""
        return {
            str(resolution): {str(number): scores.summary() for number, scores in enumerate(by_points)}
            for resolution, by_points in self._scores.items()
        }

    def _interact(self, encoded: EncodedImage, phrases: Sequence[Phrase], choose: ChooseClick) -> None:
        masks = [phrase.mask() for phrase in phrases]
        references = [mask_HW > 0 for mask_HW in masks]
        texts = [phrase.text for phrase in phrases]
        interaction = Interaction(encoded, references, texts=texts, choose=choose)
        for number in range(self._num_points + 1):
            if number:
                interaction.click(range(len(phrases)))
            self._count(number, interaction, encoded.hw_px)

    def _count(self, number: int, interaction: Interaction, native_hw_px: tuple[int, int]) -> None:
        for resolution, by_points in self._scores.items():
            predicted = interaction.masks_at(resolution.hw_px(native_hw_px))
            for mask_HW, reference_HW in zip(predicted, interaction.references, strict=True):
                counts = intersection_and_union(mask_HW, resolution.reference(reference_HW))
                by_points[number].add(*counts)

    def _chooser(self, image_id: int, numbers: Sequence[int]) -> ChooseClick:
        generators = [np.random.default_rng([self._seed, image_id, number]) for number in numbers]

        def choose(
            query: int, mask_HW: NDArray[np.bool_], reference_HW: NDArray[np.bool_], clicked: Sequence[Click]
        ) -> Click | None:
            if self._choice == "central":
                return central_error_click(mask_HW, reference_HW, clicked)
            return random_error_click(mask_HW, reference_HW, generators[query])

        return choose
