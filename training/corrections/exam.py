"""The exam of the guard: what is asked of the starting model before and of the fine-tuned one after."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from geophrase.training.corrections.guard import Answer, answers_of, with_questions
from geophrase.training.corrections.rehearsal import (
    RehearsalConfig,
    corrected_classes,
    generate_rehearsal_scene,
    other_classes,
)
from geophrase.training.corrections.wording import plain_name
from geophrase.training.data.lexicon import SURELY_ABSENT
from geophrase.training.data.risors import RisorsImage, read_sample, write_sample
from geophrase.training.evaluation.segmenter import Segmenter

_NUM_ABSENT = 3


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


def build_exam(
    folder: Path, held_out: Sequence[RisorsImage], starting: Segmenter, config: RehearsalConfig
) -> Exam:
    """Makes the exam of images that were held back and of scenes that are not rehearsed.

    Args:
        folder: Where the scenes are written.
        held_out: Corrections that nothing learns from.
        starting: The starting model, whose answers of other classes are to be kept.
        config: Says which scenes are rehearsed; the exam's come after them.

    Raises:
        RisorsError: An image cannot be read.
    """
    others = [plain_name(key) for key in other_classes(corrected_classes(held_out))]
    first = config.seed + config.num_scenes
    scenes = [_scene(folder, seed, config) for seed in range(first, first + config.num_exam_scenes)]
    images = []
    for number, image in enumerate(tqdm([*held_out, *scenes], desc="exam", unit="image", leave=False)):
        absent = random.Random(number).sample(SURELY_ABSENT, _NUM_ABSENT)
        images.append(with_questions(image, starting, others=others, absent=absent))
    return Exam(tuple(images), tuple(answers_of(starting, images)))


def _scene(folder: Path, seed: int, config: RehearsalConfig) -> RisorsImage:
    stem = f"scene_{seed}"
    write_sample(folder, stem, generate_rehearsal_scene(seed, config).image_HWC, ())
    return read_sample(folder, stem)
