"""The countable objects of an image in fractions of it, by class, as phrases speak of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from geophrase.training.data.grammar import choose_noun
from geophrase.training.data.instances import Instance
from geophrase.training.data.lexicon import GENERAL, words_for

MIN_VISIBLE_FRACTION = 0.6
"""Of an object that is not cut off so far that its place and size are anybody's guess."""


@dataclass(frozen=True)
class Thing:
    """An object in fractions of the image."""

    index: int
    x: float
    y: float
    left: float
    top: float
    right: float
    bottom: float
    area: float
    visible_fraction: float
    rgb: tuple[float, float, float] | None

    @classmethod
    def of(cls, index: int, instance: Instance, *, width_px: int, height_px: int) -> Thing:
        """The object of an image of that size, under its number among the instances."""
        x, y = instance.centroid_xy
        return cls(
            index=index,
            x=x / width_px,
            y=y / height_px,
            left=instance.left_px / width_px,
            top=instance.top_px / height_px,
            right=instance.right_px / width_px,
            bottom=instance.bottom_px / height_px,
            area=instance.area_px / (width_px * height_px),
            visible_fraction=instance.visible_fraction,
            rgb=instance.mean_rgb,
        )

    @property
    def side(self) -> float:
        """The longer side of its box."""
        return max(self.right - self.left, self.bottom - self.top)

    def gap_to(self, other: Thing) -> float:
        """Distance between the two boxes; 0 when they touch."""
        dx = max(self.left - other.right, other.left - self.right, 0.0)
        dy = max(self.top - other.bottom, other.top - self.bottom, 0.0)
        return float((dx * dx + dy * dy) ** 0.5)


@dataclass(frozen=True)
class Group:
    """All objects of one countable class in the image, or of several that one word names.

    Attributes:
        name: The class's key, or the keys with a plus between.
        things: The objects; at least one.
        is_set: Whether the one thing stands for several, which the plural names.
        general: Key of the word in `lexicon.GENERAL`; empty for the class's own words.
    """

    name: str
    things: tuple[Thing, ...]
    is_set: bool = False
    general: str = ""

    def noun(self, rng: random.Random, *, plural: bool) -> str:
        """A name of the class."""
        words = GENERAL[self.general][0] if self.general else words_for(self.name)
        return choose_noun(words, rng, plural=plural)


def group_things(instances: Sequence[Instance], width_px: int, height_px: int) -> list[Group]:
    """The countable classes whose objects can be told apart, in a stable order."""
    crowded = {instance.name for instance in instances if instance.is_crowd}
    groups: dict[str, list[Thing]] = {}
    for index, instance in enumerate(instances):
        if instance.name in crowded or not words_for(instance.name).is_countable:
            continue
        thing = Thing.of(index, instance, width_px=width_px, height_px=height_px)
        groups.setdefault(instance.name, []).append(thing)
    return [Group(name, tuple(things)) for name, things in sorted(groups.items())]


def general_groups(groups: Sequence[Group], labelled: Iterable[str]) -> list[Group]:
    """What general words name ("courts") where the image labels every class that they include.

    Args:
        groups: The image's groups by class.
        labelled: Classes of which every object is among them.
    """
    surely_known, found = frozenset(labelled), []
    for general, (_, names) in GENERAL.items():
        included = [group for group in groups if group.name in names]
        if included and names <= surely_known:
            name = "+".join(group.name for group in included)
            things = tuple(thing for group in included for thing in group.things)
            found.append(Group(name, things, general=general))
    return found
