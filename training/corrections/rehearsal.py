"""Training folders for a fine-tuning: the corrections, and what the starting model says of everything else.

A model that learns one class from a few images forgets others. So it is asked about those, too, and the
starting model's own answers are what it should say: on the corrected images and on procedural scenes.

Shape letters: H height, W width.

Source: Li and Hoiem 2016, "Learning without forgetting", with answers as hard labels.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from geophrase.training.corrections.wording import class_key, is_akin, plain_name
from geophrase.training.data.augment import ImageHWC
from geophrase.training.data.instances import Instance
from geophrase.training.data.lexicon import LEXICON
from geophrase.training.data.risors import (
    Phrase,
    RisorsImage,
    SampleFacts,
    read_image,
    write_sample,
    write_split,
)
from geophrase.training.evaluation.segmenter import Prompts, Segmenter
from geophrase.training.scenes.scene import Scene, SceneConfig, generate_scene
from geophrase.training.scenes.write import training_instances

_SCENE_GSD_M = (0.15, 0.6)


@dataclass(frozen=True)
class RehearsalConfig:
    """How much the model is asked to keep.

    Attributes:
        num_scenes: Procedural scenes to train with.
        num_exam_scenes: Further ones to judge with.
        scene_px: Side of each.
        classes_per_image: Other classes that the starting model is asked for on each image; 0 for none.
        tuned_share: Share of the trained weights in their mean with the starting model's, which is what is
            judged and installed.
        seed: Of the first scene; the others follow.
    """

    num_scenes: int = 24
    num_exam_scenes: int = 16
    scene_px: int = 640
    classes_per_image: int = 4
    tuned_share: float = 0.5
    seed: int = 1_000_000


def corrected_classes(images: Sequence[RisorsImage]) -> frozenset[str]:
    """The classes that the corrections say something about, whatever it is."""
    named = {class_key(phrase.text) for image in images for phrase in image.phrases}
    labelled = {instance.name for image in images for instance in image.instances}
    labelled |= {name for image in images for name in image.classes_labelled}
    return frozenset(name for name in named | labelled if name)


@dataclass(frozen=True)
class Rehearsal:
    """What is asked beside the corrections, and who answers.

    Attributes:
        starting: The starting model.
        corrected: The classes that corrections say something about; it answers for the others alone.
        config: How much is asked.
    """

    starting: Segmenter
    corrected: frozenset[str]
    config: RehearsalConfig

    @property
    def others(self) -> list[str]:
        """The lexicon's classes that no correction can be about."""
        return sorted(key for key in LEXICON if not any(is_akin(key, each) for each in self.corrected))

    def write_corrections(self, folder: Path, images: Sequence[RisorsImage]) -> None:
        """Writes the images as a training folder in which classes are objects, which can be cut and turned.

        Phrases that place, compare or count hold for the whole image alone; they get a sample of their own,
        and so do phrases that no labelled object's class names.

        Raises:
            RisorsError: An image cannot be read.
        """
        rng, stems = random.Random(self.config.seed), []
        for number, image in enumerate(
            tqdm(images, desc="corrections", unit="image", disable=None, leave=False)
        ):
            objects, labelled = _own_objects(image)
            if objects or labelled:
                asked = self._some_others(rng)
                found = self._found(read_image(image.path), asked)
                facts = SampleFacts(labelled | set(asked), image.is_true_colour, image.is_approximate)
                stems.append(f"{number:04d}")
                _write_objects(folder, stems[-1], image.path, objects + found, facts)
            covered = {each.name for each in objects} | labelled
            whole = [phrase for phrase in image.phrases if class_key(phrase.text) not in covered]
            if whole:
                stems.append(f"{number:04d}_whole")
                write_sample(folder, stems[-1], image.path, whole)
        write_split(folder, "train", stems)

    def write_scenes(self, folder: Path) -> None:
        """Writes procedural scenes as a training folder, the starting model's answers as their objects."""
        stems = []
        seeds = range(self.config.seed, self.config.seed + self.config.num_scenes)
        for seed in tqdm(seeds, desc="scenes", unit="scene", disable=None, leave=False):
            scene = self.scene(seed)
            drawn = {each.name for each in training_instances(scene)}
            asked = {name for name in self.others if name in drawn}
            asked |= set(self._some_others(random.Random(seed)))
            found = self._found(scene.image_HWC, sorted(asked))
            stems.append(f"scene_{seed}")
            _write_objects(folder, stems[-1], scene.image_HWC, found, SampleFacts(frozenset(asked)))
        write_split(folder, "train", stems)

    def scene(self, seed: int) -> Scene:
        """The procedural scene of a seed, at a scale that depends on the seed alone."""
        gsd_m = random.Random(f"scale {seed}").uniform(*_SCENE_GSD_M)
        return generate_scene(SceneConfig(size_px=self.config.scene_px, gsd_m=gsd_m, seed=seed))

    def _some_others(self, rng: random.Random) -> list[str]:
        others = self.others
        return rng.sample(others, min(self.config.classes_per_image, len(others)))

    def _found(self, image_HWC: ImageHWC, classes: Sequence[str]) -> list[Instance]:
        """What the starting model finds of some classes: an area for each that it says is there."""
        if not classes:
            return []
        height_px, width_px = image_HWC.shape[:2]
        texts = [plain_name(name) for name in classes]
        masks = self.starting.encode(image_HWC).ask(Prompts(texts=texts)).present_masks((height_px, width_px))
        pairs = zip(classes, masks, strict=True)
        areas = [Instance.from_mask(name, mask_HW, is_crowd=True) for name, mask_HW in pairs]
        return [area for area in areas if area is not None]


def _write_objects(
    folder: Path, stem: str, image: ImageHWC | Path, objects: Sequence[Instance], facts: SampleFacts
) -> None:
    """Writes an image with its objects; one without any says in phrases what is not there."""
    phrases: list[Phrase] = []
    if not objects:
        pixels_HWC = read_image(image) if isinstance(image, Path) else image
        empty_HW = np.zeros(pixels_HWC.shape[:2], np.uint8)
        names = sorted(facts.classes_labelled)
        phrases = [Phrase.from_mask(plain_name(name), empty_HW, kind="absent", name=name) for name in names]
    write_sample(folder, stem, image, phrases, instances=objects, facts=facts)


def _own_objects(image: RisorsImage) -> tuple[list[Instance], frozenset[str]]:
    """The corrected objects by class, and the classes of which there are no others in the image.

    A folder of the plugin has phrases alone; the mask of one is an area of its class.
    """
    if image.instances:
        decoded = (stored.decoded() for stored in image.instances)
        return [each for each in decoded if each is not None], image.classes_labelled
    objects, labelled = [], set()
    for phrase in image.phrases:
        name = class_key(phrase.text)
        if name is None or name in labelled:
            continue
        labelled.add(name)
        area = Instance.from_mask(name, phrase.mask(), is_crowd=True)
        objects += [] if area is None else [area]
    return objects, frozenset(labelled)
