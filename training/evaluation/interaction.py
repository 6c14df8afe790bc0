"""Simulated clicks: where somebody who knows the reference clicks next, and what the model makes of it.

Shape letters: H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from geophrase.training.evaluation.segmenter import Answers, EncodedImage, Prompts

_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Click:
    """A click on the centre of a pixel.

    Attributes:
        x_px: Column.
        y_px: Row.
        is_positive: Whether the pixel is to be added, rather than taken away.
    """

    x_px: int
    y_px: int
    is_positive: bool


ChooseClick = Callable[[int, _Mask, _Mask, Sequence[Click]], Click | None]
"""From the number of a query, its mask, its reference and its clicks so far to the next click."""


def random_error_click(
    predicted_HW: _Mask, reference_HW: _Mask, generator: np.random.Generator
) -> Click | None:
    """Returns a pixel drawn uniformly from where mask and reference differ, None where they are equal.

    Source: RSAM Section 3.3.5; ``sample_random_points_from_errors`` of ``sam2/modeling/sam2_utils.py`` has
    the same distribution.
    """
    wrong = np.flatnonzero(predicted_HW != reference_HW)
    if not len(wrong):
        return None
    y_px, x_px = divmod(int(generator.choice(wrong)), reference_HW.shape[1])
    return Click(x_px, y_px, bool(reference_HW[y_px, x_px]))


def central_error_click(
    predicted_HW: _Mask, reference_HW: _Mask, clicked: Sequence[Click] = ()
) -> Click | None:
    """Returns the pixel deepest inside the largest error, None where mask and reference are equal.

    Missed and wrongly marked pixels are different errors, the image's edge is an edge of both, and a pixel
    is not clicked twice.

    Source: Sofiiuk et al. 2022 (RITM), Section 3.1, and its ``isegm/inference/clicker.py``;
    ``sample_one_point_from_error_center`` of ``sam2/modeling/sam2_utils.py``.
    """
    missed = _deepest(reference_HW & ~predicted_HW, clicked)
    excess = _deepest(predicted_HW & ~reference_HW, clicked)
    depth_px, x_px, y_px = missed if missed[0] > excess[0] else excess
    return Click(x_px, y_px, bool(reference_HW[y_px, x_px])) if depth_px > 0 else None


def _deepest(region_HW: _Mask, clicked: Sequence[Click]) -> tuple[float, int, int]:
    """The depth, x and y of a region's deepest pixel that was not clicked; a depth of 0 where there is none.

    Only the region's bounding box is looked at; what is around it is outside.
    """
    rows, columns = np.flatnonzero(region_HW.any(1)), np.flatnonzero(region_HW.any(0))
    if not len(rows):
        return 0.0, 0, 0
    top, left = int(rows[0]), int(columns[0])
    padded_HW = np.pad(region_HW[top : rows[-1] + 1, left : columns[-1] + 1], 1).astype(np.uint8)
    depth_HW = np.asarray(cv2.distanceTransform(padded_HW, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    depth_HW = np.pad(depth_HW[1:-1, 1:-1], ((top, 0), (left, 0)))
    for click in clicked:
        if click.y_px < depth_HW.shape[0] and click.x_px < depth_HW.shape[1]:
            depth_HW[click.y_px, click.x_px] = 0
    y_px, x_px = divmod(int(depth_HW.argmax()), depth_HW.shape[1])
    return float(depth_HW[y_px, x_px]), x_px, y_px


class Interaction:
    """Queries about one image, refined click by click, all of them at once.

    Every question repeats the phrase and all clicks, and hands the logits of the answer before back in. A
    click says that the object is there, so that a mask is taken from then on whatever the objectness says,
    as the plugin does.

    Args:
        encoded: The image.
        references: What each query should give, at the image's size and not empty.
        texts: A phrase for each, asked at once; None to begin with a click.
        choose: Where to click next.

    Attributes:
        references: As given.
        masks: The present mask of each query at the image's size; empty before the first answer.
        clicks: The clicks of each query so far.
    """

    def __init__(
        self,
        encoded: EncodedImage,
        references: Sequence[_Mask],
        *,
        texts: Sequence[str] | None,
        choose: ChooseClick,
    ) -> None:
        self.references = references
        self.masks: list[_Mask] = [np.zeros_like(reference_HW) for reference_HW in references]
        self.clicks: list[list[Click]] = [[] for _ in references]
        self._encoded = encoded
        self._texts = texts
        self._choose = choose
        self._answers: dict[int, Answers] = {}
        if texts is not None:
            self._take(range(len(references)), encoded.ask(Prompts(texts=texts)))

    def click(self, wanted: Sequence[int]) -> None:
        """Clicks once for each of some queries; those without an error stay as they are.

        A query that was left out once must not be asked for again, so that all have equally many clicks.
        """
        chosen = {i: self._choose(i, self.masks[i], self.references[i], self.clicks[i]) for i in wanted}
        clicks = {number: click for number, click in chosen.items() if click is not None}
        if clicks:
            for number, click in clicks.items():
                self.clicks[number].append(click)
            answers = self._encoded.ask(self._prompts(list(clicks)))
            self._take(clicks, replace(answers, objectness_Q=np.full(len(clicks), np.inf, np.float32)))

    def masks_at(self, hw_px: tuple[int, int]) -> list[_Mask]:
        """The present masks at another size; every query must have been answered."""
        return [self._answers[number].present_masks(hw_px)[0] for number in range(len(self.references))]

    def _prompts(self, asked: Sequence[int]) -> Prompts:
        clicks = [self.clicks[number] for number in asked]
        points = [[(click.x_px + 0.5, click.y_px + 0.5) for click in row] for row in clicks]
        has_previous = asked[0] in self._answers
        return Prompts(
            texts=None if self._texts is None else [self._texts[number] for number in asked],
            points_xy_QNC=np.array(points, np.float32),
            point_labels_QN=np.array([[click.is_positive for click in row] for row in clicks], np.int64),
            previous_QHW=torch.cat([self._answers[i].feedback() for i in asked]) if has_previous else None,
        )

    def _take(self, asked: Iterable[int], answers: Answers) -> None:
        for row, number in enumerate(asked):
            self._answers[number] = answers.one(row)
            self.masks[number] = self._answers[number].present_masks(self._encoded.hw_px)[0]
