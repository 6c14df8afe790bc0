"""Scores a model on whole images: each phrase, and beside it a phrase of another class on the same mask.

Images are squashed to the model's square input as the papers do, and masks are compared at native
resolution. A model that ignores its text scores alike on both; the gap is what it understands.

Shape letters: Q phrases, H height, W width, C channels.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tqdm import tqdm

from geophrase.engine.input_frame import normalised_input
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.data.risors import Phrase, RisorsImage, read_image
from geophrase.training.evaluation.metrics import ReferringScores
from geophrase.training.fit.texts import TextCache

_MAX_QUERIES = 16  # decoded at once, which bounds memory at native resolution


@dataclass(frozen=True)
class Segmentation:
    """Answers to the phrases asked of one image.

    Attributes:
        masks_QHW: Boolean masks at native resolution, empty where the model says absent.
        objectness_Q: Logits that the object is there.
    """

    masks_QHW: NDArray[np.bool_]
    objectness_Q: NDArray[np.float32]


class PhraseSegmenter(Protocol):
    """Anything that finds phrases in an image."""

    def segment(self, image_HWC: NDArray[np.uint8], texts: Sequence[str]) -> Segmentation:
        """Returns one mask per text at the image's own size."""


class RsamSegmenter:
    """RSAM on whole images: squashed to a square, encoded once, asked every phrase.

    Args:
        rsam: The model in evaluation mode.
        image_px: Side of the square.
        is_bfloat16: Whether matrix products run in bfloat16.
        texts: A cache of encoded phrases to share.
    """

    def __init__(
        self, rsam: Rsam, *, image_px: int, is_bfloat16: bool = True, texts: TextCache | None = None
    ) -> None:
        self._rsam = rsam
        self._image_px = image_px
        self._is_bfloat16 = is_bfloat16
        self._texts = texts or TextCache(rsam)

    @torch.inference_mode()
    def segment(self, image_HWC: NDArray[np.uint8], texts: Sequence[str]) -> Segmentation:
        """Returns one mask per text at the image's own size; absent objects have empty masks."""
        device = self._rsam.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._is_bfloat16):
            image_1CHW = normalised_input(image_HWC[None], image_px=self._image_px, device=device)
            features = self._rsam.encode_image(image_1CHW)
            masks, objectness = [], []
            for start in range(0, len(texts), _MAX_QUERIES):
                text = self._texts.encode(texts[start : start + _MAX_QUERIES])
                output = self._rsam.decode(
                    features,
                    text=text,
                    image_index_Q=torch.zeros(text.num_texts, dtype=torch.long, device=device),
                )
                logits_Q1HW = output.without_absent().mask_logits_QMHW.float()
                logits_Q1HW = F.interpolate(
                    logits_Q1HW, image_HWC.shape[:2], mode="bilinear", align_corners=False
                )
                masks.append((logits_Q1HW[:, 0] > 0).cpu().numpy())
                objectness.append(output.objectness_Q1[:, 0].float().cpu().numpy())
        return Segmentation(np.concatenate(masks), np.concatenate(objectness))


def score_images(
    segmenter: PhraseSegmenter,
    images: Sequence[RisorsImage],
    *,
    replacements: Sequence[Sequence[str | None]] | None = None,
    is_quiet: bool = True,
) -> ReferringScores:
    """Returns the scores of a segmenter on images with phrases.

    Args:
        segmenter: The model.
        images: Images of one split.
        replacements: Per image and phrase the text to ask instead, None to leave the phrase out.
        is_quiet: Whether to show no progress bar.

    Raises:
        RisorsError: An image file cannot be read.
    """
    scores = ReferringScores()
    for index, image in enumerate(tqdm(images, unit="image", disable=is_quiet, leave=False)):
        texts = [phrase.text for phrase in image.phrases] if replacements is None else replacements[index]
        asked = [
            (phrase, text) for phrase, text in zip(image.phrases, texts, strict=True) if text is not None
        ]
        if asked:
            answer = segmenter.segment(read_image(image.path), [text for _, text in asked])
            _count(scores, [phrase for phrase, _ in asked], answer)
    return scores


def _count(scores: ReferringScores, phrases: Iterable[Phrase], answer: Segmentation) -> None:
    for phrase, mask_HW, objectness in zip(phrases, answer.masks_QHW, answer.objectness_Q, strict=True):
        if phrase.is_absent:
            scores.add_absent(mask_HW, objectness=float(objectness))
        else:
            reference_HW = phrase.mask() > 0
            scores.add_present(
                mask_HW, reference_HW, objectness=float(objectness), kind=phrase.kind, class_name=phrase.name
            )


def shuffled_phrases(images: Sequence[RisorsImage], *, seed: int = 0) -> list[list[str | None]]:
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
    return [[_replacement(phrase, pool, rng) for phrase in image.phrases] for image in images]


def _replacement(phrase: Phrase, pool: Sequence[tuple[str, str, str]], rng: random.Random) -> str | None:
    if phrase.is_absent:
        return None
    classes = _classes(phrase.name)
    others = [row for row in pool if not classes & _classes(row[1])]
    alike = [row for row in others if row[0] == phrase.kind]
    return rng.choice(alike or others)[2] if others else None


def _classes(name: str) -> set[str]:
    return set(name.split("+"))  # a phrase for two classes carries both names
