"""Training folders for a fine-tuning: the corrections, and what the starting model says of everything else.

A model that learns one class from a few images forgets others. So it is asked about those, too, and the
starting model's own answers are what it should say: on the corrected images and on procedural scenes.

Shape letters: H height, W width.

Source: Li and Hoiem 2016, "Learning without forgetting", with answers as hard labels.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
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


def other_classes(corrected: Collection[str]) -> list[str]:
    """The lexicon's classes that no correction can be about."""
    return sorted(key for key in LEXICON if not any(is_akin(key, each) for each in corrected))


def write_corrections(
    folder: Path, images: Sequence[RisorsImage], starting: Segmenter, config: RehearsalConfig
) -> None:
    """Writes the images as a training folder in which classes are objects, which can be cut and turned.

    Phrases that place, compare or count hold for the whole image alone; they get a sample of their own, and
    so do phrases that no labelled object's class names.

    Raises:
        RisorsError: An image cannot be read.
    """
    others, rng = other_classes(corrected_classes(images)), random.Random(config.seed)
    stems = []
    for number, image in enumerate(tqdm(images, desc="corrections", unit="image", leave=False)):
        objects, labelled = _own_objects(image)
        if objects or labelled:
            asked = rng.sample(others, min(config.classes_per_image, len(others)))
            found = found_by(starting, read_image(image.path), asked)
            facts = SampleFacts(labelled | set(asked), image.is_true_colour, image.is_approximate)
            stems.append(f"{number:04d}")
            _write_objects(folder, stems[-1], image.path, objects + found, facts)
        covered = {each.name for each in objects} | labelled
        whole = [phrase for phrase in image.phrases if class_key(phrase.text) not in covered]
        if whole:
            stems.append(f"{number:04d}_whole")
            write_sample(folder, stems[-1], image.path, whole)
    write_split(folder, "train", stems)


def write_scenes(
    folder: Path, corrected: Collection[str], starting: Segmenter, config: RehearsalConfig
) -> None:
    """Writes procedural scenes as a training folder, with the starting model's answers as their objects."""
    others, stems = other_classes(corrected), []
    seeds = range(config.seed, config.seed + config.num_scenes)
    for seed in tqdm(seeds, desc="scenes", unit="scene", leave=False):
        rng, scene = random.Random(seed), generate_rehearsal_scene(seed, config)
        drawn = {each.name for each in training_instances(scene)}
        asked = [name for name in others if name in drawn]
        asked += rng.sample(others, min(config.classes_per_image, len(others)))
        found = found_by(starting, scene.image_HWC, sorted(set(asked)))
        stems.append(f"scene_{seed}")
        _write_objects(folder, stems[-1], scene.image_HWC, found, SampleFacts(frozenset(asked)))
    write_split(folder, "train", stems)


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


def generate_rehearsal_scene(seed: int, config: RehearsalConfig) -> Scene:
    """The procedural scene of a seed, at a scale that depends on the seed alone."""
    gsd_m = random.Random(f"scale {seed}").uniform(*_SCENE_GSD_M)
    return generate_scene(SceneConfig(size_px=config.scene_px, gsd_m=gsd_m, seed=seed))


def found_by(segmenter: Segmenter, image_HWC: ImageHWC, classes: Sequence[str]) -> list[Instance]:
    """What a model finds of some classes: an area for each that it says is there."""
    if not classes:
        return []
    height_px, width_px = image_HWC.shape[:2]
    answers = segmenter.encode(image_HWC).ask(Prompts(texts=[plain_name(name) for name in classes]))
    masks = answers.present_masks((height_px, width_px))
    areas = [
        Instance.from_mask(name, mask_HW, is_crowd=True) for name, mask_HW in zip(classes, masks, strict=True)
    ]
    return [area for area in areas if area is not None]


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
