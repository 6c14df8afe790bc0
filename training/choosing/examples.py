"""Examples of choosing: a phrase, the objects of the kind it names as a mask shows them, and which it means.

Letters of the shapes: H, W rows and columns of the decoder's grid; O objects, F descriptors.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from geophrase.engine.model.rsam.scene_objects import SceneObjects, describe, objects_of_mask
from geophrase.training.choosing.layouts import GRID_CELLS, SIDE_PX, Layout, cells_of, colours_of
from geophrase.training.choosing.loose_phrases import loose_phrases
from geophrase.training.data.cover import in_stretches
from geophrase.training.data.instances import Instance
from geophrase.training.data.phrase_scope import names_colour
from geophrase.training.data.phrases import PhraseSampler, SamplerConfig, Utterance
from geophrase.training.data.typed_phrases import TypedPhrase

PHRASES = SamplerConfig(
    class_weight=0.7,
    synonym_weight=0.5,
    place_weight=3.0,
    size_weight=2.5,
    relation_weight=2.5,
    attribute_weight=2.0,
    plural_weight=1.3,
    absent_weight=1.5,
)
"""Mostly what tells objects of a kind apart; of what is absent only parts of a kind that is there."""

_MEANT_ABOVE, _OTHER_BELOW = 0.7, 0.3  # share of an object's cells that the phrase means
_MAX_OBJECTS = 60
_MIN_SHOWN = 0.5  # of what a phrase means; less, and the mask has lost what it speaks of
_SMALL_CELLS = 12

_Named = tuple[str, tuple[int, ...] | None]
"""What a noun names: classes with a plus between, and which of their objects; None for all."""


@dataclass(frozen=True)
class NoiseConfig:
    """How the masks differ from the truth, each with its probability per mask or per object.

    Attributes:
        lost: A small object isn't in the mask.
        thickened: All objects are a cell wider, so that neighbours merge.
        thinned: All objects are a cell narrower.
        specks: The mask has one to four parts of a few cells that are nothing.
        cut: An object is cut in two.
    """

    lost: float = 0.03
    thickened: float = 0.12
    thinned: float = 0.08
    specks: float = 0.2
    cut: float = 0.04


NO_NOISE = NoiseConfig(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Example:
    """One phrase about one layout.

    Attributes:
        text: The phrase.
        kind: One of `risors.KINDS`.
        descriptors_OF: What `describe` says of each object of the kind.
        is_meant_O: 1 for those that the phrase means, 0 for others.
        weights_O: Weights in the loss, in sum 1; 0 for an object that is partly meant.
        num_cells_O: Cells of each object.
        num_meant_cells_O: Those of them that the phrase means.
        num_target_cells: All cells that the phrase means, whether an object has them or not.
    """

    text: str
    kind: str
    descriptors_OF: NDArray[np.float32]
    is_meant_O: NDArray[np.float32]
    weights_O: NDArray[np.float32]
    num_cells_O: NDArray[np.int64]
    num_meant_cells_O: NDArray[np.int64]
    num_target_cells: int


def draw_examples(
    layout: Layout,
    rng: random.Random,
    count: int,
    *,
    phrases: SamplerConfig = PHRASES,
    noise: NoiseConfig = NO_NOISE,
    num_loose: int = 0,
    num_typed: int = 0,
) -> list[Example]:
    """Up to `count` examples with different phrases; fewer where the layout offers no more.

    Args:
        layout: The objects.
        rng: The only source of chance.
        count: Phrases to draw.
        phrases: Shares of their kinds.
        noise: How the masks that the objects are found in differ from the truth.
        num_loose: Phrases to draw besides, of places and sizes as people use them.
        num_typed: Phrases to draw besides of those that people typed.
    """
    instances = in_stretches(layout.instances, height_px=SIDE_PX, width_px=SIDE_PX)
    layout = replace(layout, instances=tuple(instances))
    sampler = PhraseSampler(
        layout.instances,
        width_px=SIDE_PX,
        height_px=SIDE_PX,
        classes_labelled=layout.classes_labelled,
        colour_ok=layout.has_colours,
        config=phrases,
    )
    found = _FoundObjects(layout, rng, noise)
    drawn = [found.example(utterance) for utterance in sampler.sample(rng, count)]
    for loose in loose_phrases(layout.instances, SIDE_PX, rng, num_loose):
        drawn.append(found.example(loose.utterance, unsure=loose.unsure))
    for phrase in rng.sample(layout.typed, min(num_typed, len(layout.typed))):
        drawn.append(found.typed_example(phrase))
    return [example for example in drawn if example is not None]


@dataclass
class _FoundObjects:
    """The objects of a layout by name as masks show them, each mask made once."""

    layout: Layout
    rng: random.Random
    noise: NoiseConfig
    _found: dict[_Named, tuple[SceneObjects, NDArray[np.int32]]] = field(default_factory=dict)
    _truths: dict[_Named, NDArray[np.bool_]] = field(default_factory=dict)
    _described: dict[tuple[_Named, str], NDArray[np.float32]] = field(default_factory=dict)

    def typed_example(self, phrase: TypedPhrase) -> Example | None:
        """The example of a phrase that somebody typed; None where the layout lacks what it speaks of."""
        utterance = phrase.among(self.layout.instances)
        is_of_looks = phrase.kind == "attribute" or names_colour(phrase.text)
        if utterance is None or (is_of_looks and not self.layout.has_colours):
            return None
        is_of_a_sort = utterance.fellows is not None and len(utterance.fellows) < len(
            self.layout.named(utterance.name)
        )
        return None if is_of_a_sort and self.layout.masks is not None else self.example(utterance)

    def example(self, utterance: Utterance, *, unsure: frozenset[int] = frozenset()) -> Example | None:
        """The example of a phrase; None where it is about nothing that the masks show.

        Args:
            utterance: The phrase and the objects that it means.
            unsure: Objects that it may mean or not.
        """
        named = {*utterance.name.split("+"), *filter(None, utterance.landmark.split("+"))}
        if not named <= self.layout.names:
            return None
        kind_named = utterance.name, utterance.fellows
        kind, labels_HW = self._objects(kind_named)
        if not 1 <= len(kind) <= _MAX_OBJECTS:
            return None
        target_HW = cells_of(self.layout.instances[index] for index in utterance.targets)
        num_true_O = _cells_by_object(labels_HW, self._truths[kind_named], len(kind))
        num_meant_O = _cells_by_object(labels_HW, target_HW, len(kind))
        num_target = int(target_HW.sum())
        if num_meant_O.sum() < _MIN_SHOWN * num_target:
            return None
        share_O = num_meant_O / np.maximum(num_true_O, 1)
        weights_O = _weights(share_O)
        if unsure:
            unsure_HW = cells_of(self.layout.instances[index] for index in unsure)
            weights_O = weights_O * (_cells_by_object(labels_HW, unsure_HW, len(kind)) == 0)
        if not weights_O.any():
            return None
        return Example(
            text=utterance.text,
            kind=utterance.kind,
            descriptors_OF=self._descriptors(kind_named, utterance.landmark),
            is_meant_O=(share_O > 0.5).astype(np.float32),
            weights_O=weights_O,
            num_cells_O=np.bincount(labels_HW.ravel(), minlength=len(kind) + 1)[1:],
            num_meant_cells_O=num_meant_O,
            num_target_cells=num_target,
        )

    @cached_property
    def _colours(self) -> NDArray[np.float32] | None:
        return colours_of(self.layout, self.rng) if self.layout.has_colours else None

    def _objects(self, named: _Named) -> tuple[SceneObjects, NDArray[np.int32]]:
        if named not in self._found:
            names, fellows = named
            instances = self.layout.named(names)
            if fellows is not None:
                instances = [self.layout.instances[index] for index in fellows]
            mask_HW = self._truths[named] = cells_of(instances)
            if self.layout.masks is not None:
                masks = [self.layout.masks[name] for name in names.split("+")]
                mask_HW = np.logical_or.reduce(masks)
            elif self.noise is not NO_NOISE:
                mask_HW = _disturbed(instances, self.noise, self.rng)
            self._found[named] = objects_of_mask(mask_HW, colours_CHW=self._colours)
        return self._found[named]

    def _descriptors(self, named: _Named, landmark: str) -> NDArray[np.float32]:
        key = named, landmark
        if key not in self._described:
            kind, labels_HW = self._objects(named)
            others, other_labels_HW = self._objects((landmark, None)) if landmark else _NONE
            joined = SceneObjects.joined(
                kind, others, kind_labels_HW=labels_HW, landmark_labels_HW=other_labels_HW
            )
            self._described[key] = describe(joined)[: len(kind)]
        return self._described[key]


_NONE = objects_of_mask(np.zeros((1, 1), bool))


def _cells_by_object(
    labels_HW: NDArray[np.int32], mask_HW: NDArray[np.bool_], num_objects: int
) -> NDArray[np.int64]:
    """How many cells of each object a mask has."""
    return np.bincount(labels_HW[mask_HW], minlength=num_objects + 1)[1:]


def _weights(share_O: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights in the loss, in sum 1, or all 0 where there is nothing to learn."""
    is_clear_O = (share_O > _MEANT_ABOVE) | (share_O < _OTHER_BELOW)
    weights_O: NDArray[np.float32] = (is_clear_O / max(is_clear_O.sum(), 1)).astype(np.float32)
    return weights_O


def _disturbed(instances: list[Instance], noise: NoiseConfig, rng: random.Random) -> NDArray[np.bool_]:
    """The cells of objects as an imperfect mask has them, shape (H, W)."""
    shown = [one for one in instances if not (_is_small(one) and rng.random() < noise.lost)]
    mask_HW = cells_of(shown).astype(np.uint8)
    square = np.ones((3, 3), np.uint8)
    roll = rng.random()
    if roll < noise.thickened:
        mask_HW = cv2.dilate(mask_HW, square).astype(np.uint8)
    elif roll < noise.thickened + noise.thinned:
        mask_HW = cv2.erode(mask_HW, square, borderValue=1).astype(np.uint8)
    for instance in shown:
        if rng.random() < noise.cut:
            _cut(mask_HW, instance, rng)
    if rng.random() < noise.specks:
        for _ in range(rng.randint(1, 4)):
            row, col = rng.randrange(GRID_CELLS - 5), rng.randrange(GRID_CELLS - 5)
            mask_HW[row : row + rng.randint(1, 5), col : col + rng.randint(2, 5)] = 1
    return mask_HW.astype(bool)


def _cut(mask_HW: NDArray[np.uint8], instance: Instance, rng: random.Random) -> None:
    """Takes a row or a column of cells out of the middle of an object."""
    left, top, width, height = (side * GRID_CELLS // SIDE_PX for side in instance.bbox_xywh)
    share = rng.uniform(0.3, 0.7)
    if rng.random() < 0.5:
        mask_HW[top : top + height + 1, left + int(share * width)] = 0
    else:
        mask_HW[top + int(share * height), left : left + width + 1] = 0


def _is_small(instance: Instance) -> bool:
    return instance.area_px * GRID_CELLS**2 < _SMALL_CELLS * SIDE_PX**2
