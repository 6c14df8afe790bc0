"""The exam of the guard: what is asked of the starting model before and of the fine-tuned one after.

Shape letters: H height, W width.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from geophrase.training.corrections.guard import ABSENT, OTHER, Answer, answers_of
from geophrase.training.corrections.rehearsal import Rehearsal
from geophrase.training.corrections.wording import is_akin, plain_name
from geophrase.training.data.instances import union_mask
from geophrase.training.data.lexicon import SURELY_ABSENT
from geophrase.training.data.risors import Phrase, RisorsImage, read_sample, write_sample
from geophrase.training.evaluation.segmenter import Segmenter
from geophrase.training.scenes.write import training_instances

_MIN_AREA_PX = 100
_NUM_ABSENT_IN_IMAGE, _NUM_ABSENT_IN_SCENE = 3, 10


@dataclass(frozen=True)
class Exam:
    """Images with questions, and the starting model's answers.

    Attributes:
        images: With the phrases to ask.
        before: How the starting model answers.
    """

    images: tuple[RisorsImage, ...]
    before: tuple[Answer, ...]

    def answers(self, segmenter: Segmenter) -> tuple[Answer, ...]:
        """How a model answers, in the order of ``before``."""
        return tuple(answers_of(segmenter, self.images))


def build_exam(folder: Path, held_out: Sequence[RisorsImage], rehearsal: Rehearsal) -> Exam:
    """Makes the exam: images that were held back with their phrases, and scenes of other classes.

    Of an image nobody knows what else it shows, so what is absent there is far-fetched; of a scene everything
    is known.

    Args:
        folder: Where the scenes are written.
        held_out: Corrections that nothing learns from.
        rehearsal: Says which scenes are rehearsed; the exam's come after them.

    Raises:
        RisorsError: An image cannot be read.
    """
    first = rehearsal.config.seed + rehearsal.config.num_scenes
    seeds = range(first, first + rehearsal.config.num_exam_scenes)
    images = [_with_far_fetched(image, number) for number, image in enumerate(held_out)]
    images += [
        _scene(folder, seed, rehearsal) for seed in tqdm(seeds, desc="exam", disable=None, leave=False)
    ]
    return Exam(tuple(images), tuple(answers_of(rehearsal.starting, images)))


def _with_far_fetched(image: RisorsImage, number: int) -> RisorsImage:
    texts = random.Random(number).sample(SURELY_ABSENT, _NUM_ABSENT_IN_IMAGE)
    absent = _absent_phrases(texts, (image.height_px, image.width_px))
    return replace(image, phrases=(*image.phrases, *absent))


def _scene(folder: Path, seed: int, rehearsal: Rehearsal) -> RisorsImage:
    """A scene with its truth: every other class that it shows, and some that it doesn't."""
    scene, stem, others = rehearsal.scene(seed), f"scene_{seed}", rehearsal.others
    hw_px = scene.image_HWC.shape[:2]
    instances = training_instances(scene)
    shown = sorted({each.name for each in instances})
    phrases = []
    for name in shown:
        own = [each for each in instances if each.name == name]
        mask_HW = union_mask(own, height_px=hw_px[0], width_px=hw_px[1])
        if name in others and mask_HW.sum() >= _MIN_AREA_PX:
            phrases.append(Phrase.from_mask(plain_name(name), mask_HW, kind=OTHER, name=name))
    absent = [name for name in others if not any(is_akin(name, each) for each in shown)]
    absent = random.Random(seed).sample(absent, min(_NUM_ABSENT_IN_SCENE, len(absent)))
    phrases += _absent_phrases([plain_name(name) for name in absent], hw_px)
    write_sample(folder, stem, scene.image_HWC, ())
    return replace(read_sample(folder, stem), phrases=tuple(phrases))


def _absent_phrases(texts: Sequence[str], hw_px: tuple[int, ...]) -> list[Phrase]:
    empty_HW = np.zeros(hw_px, np.uint8)
    return [Phrase.from_mask(text, empty_HW, kind=ABSENT) for text in texts]
