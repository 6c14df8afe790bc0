"""Pictures of what a model answers, for a person to look at: reference beside prediction, phrase above.

Shape letters: H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from geophrase.engine.atomic_file import write_atomically
from geophrase.training.data.risors import Phrase, RisorsImage, read_image
from geophrase.training.evaluation.metrics import intersection_and_union
from geophrase.training.evaluation.segmenter import Prompts, Segmenter

_SIDE_PX = 320
_CAPTION_PX = 22
_COLUMNS = 3
_REFERENCE_RGB = (60, 220, 90)
_PREDICTED_RGB = (255, 70, 200)


@dataclass(frozen=True)
class PanelPhrase:
    """A phrase and the image it is asked of."""

    image: RisorsImage
    phrase: Phrase


def choose_panels(images: Sequence[RisorsImage], count: int) -> list[PanelPhrase]:
    """Returns phrases of as many kinds and classes as possible, the same for the same images."""
    rows = [PanelPhrase(image, phrase) for image in images for phrase in image.phrases]
    seen: dict[tuple[str, str], int] = {}
    ranked = []
    for row in rows:
        key = (row.phrase.kind, row.phrase.name)
        seen[key] = seen.get(key, 0) + 1
        ranked.append((seen[key], row))
    ranked.sort(key=lambda item: item[0])  # stable: first of each kind and class, then the second of each
    chosen = [row for _, row in ranked]
    stride = max(1, sum(rank == 1 for rank, _ in ranked) // max(1, count))
    return chosen[::stride][:count]


def draw_panels(segmenter: Segmenter, panels: Sequence[PanelPhrase], path: Path) -> None:
    """Writes a PNG with one pair of pictures per phrase.

    Raises:
        RisorsError: An image file cannot be read.
    """
    pairs = [_pair(segmenter, panel) for panel in panels]
    while len(pairs) % _COLUMNS:
        pairs.append(np.zeros_like(pairs[0]))
    rows = [np.concatenate(pairs[i : i + _COLUMNS], axis=1) for i in range(0, len(pairs), _COLUMNS)]
    is_written, data = cv2.imencode(".png", np.concatenate(rows)[..., ::-1])
    assert is_written
    write_atomically(path, lambda part: part.write_bytes(data.tobytes()))


def _pair(segmenter: Segmenter, panel: PanelPhrase) -> NDArray[np.uint8]:
    image_HWC = read_image(panel.image.path)
    encoded = segmenter.encode(image_HWC)
    answers = encoded.ask(Prompts(texts=[panel.phrase.text]))
    reference_HW, predicted_HW = panel.phrase.mask() > 0, answers.present_masks(encoded.hw_px)[0]
    intersection_px, union_px = intersection_and_union(predicted_HW, reference_HW)
    score = f"IoU {intersection_px / union_px:.2f}" if union_px else "absent, rightly"
    pictures = [
        _overlay(image_HWC, reference_HW, _REFERENCE_RGB),
        _overlay(image_HWC, predicted_HW, _PREDICTED_RGB),
    ]
    caption_HWC = np.zeros((_CAPTION_PX, 2 * _SIDE_PX, 3), np.uint8)
    text = f"{panel.phrase.text}  [{panel.phrase.kind}]  {score}  obj {answers.objectness_Q[0]:+.1f}"
    cv2.putText(caption_HWC, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([caption_HWC, np.concatenate(pictures, axis=1)])


def _overlay(
    image_HWC: NDArray[np.uint8], mask_HW: NDArray[np.bool_], rgb: tuple[int, int, int]
) -> NDArray[np.uint8]:
    side_yx = (_SIDE_PX, _SIDE_PX)
    resized_HWC = cv2.resize(image_HWC, side_yx, interpolation=cv2.INTER_AREA)
    picture_HWC = np.asarray(resized_HWC, np.uint8).copy()
    mask_u8_HW = cv2.resize(mask_HW.astype(np.uint8), side_yx, interpolation=cv2.INTER_NEAREST)
    inside_HW = mask_u8_HW > 0
    picture_HWC[inside_HW] = (0.6 * picture_HWC[inside_HW] + 0.4 * np.array(rgb)).astype(np.uint8)
    outlines, _ = cv2.findContours(mask_u8_HW, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture_HWC, outlines, -1, rgb, 1)
    return picture_HWC
