"""Phrases for an image, true of it: drawn afresh on every call from what can be said about its objects."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from geophrase.training.data import gatherings, referring
from geophrase.training.data.cover import (
    cover_place_expressions,
    cover_relation_expressions,
    cover_size_expressions,
    covers_of,
    in_stretches,
)
from geophrase.training.data.grammar import Wording, choose_noun, indefinite, roughen, sentence
from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.lexicon import SURELY_ABSENT, may_be_confused, words_for
from geophrase.training.data.referring import Expression
from geophrase.training.data.risors import KINDS, Phrase
from geophrase.training.data.things import Group, general_groups, group_things


@dataclass(frozen=True)
class Utterance:
    """A typed phrase and what it means.

    Attributes:
        text: The phrase.
        kind: One of `risors.KINDS`.
        name: Key of the class, or keys with a plus between.
        targets: Indexes of the objects meant; none when it names something absent.
        landmark: Key or keys of what it tells them by ("next to the pond"); empty without such.
        is_landmark_known: False where it may tell them by something that isn't labelled.
        fellows: Indexes of the objects that its noun names ("propeller planes"), of which the targets are
            some; None for all of the classes.
    """

    text: str
    kind: str
    name: str
    targets: tuple[int, ...]
    landmark: str = ""
    is_landmark_known: bool = True
    fellows: tuple[int, ...] | None = None

    @property
    def is_absent(self) -> bool:
        """Whether it means nothing in the image."""
        return not self.targets


@dataclass(frozen=True)
class SamplerConfig:
    """How often each kind is drawn and how roughly it is typed; a kind with nothing to say gives way.

    Attributes:
        class_weight: Plain class names.
        synonym_weight: Other names of the class.
        place_weight: Parts of the image and order along it.
        size_weight: Largest, smallest, big, small.
        relation_weight: By another object.
        attribute_weight: Colour and shape.
        plural_weight: Counted sets, all but one, two classes at once.
        absent_weight: Things that are not there.
        typo_rate: Share of phrases with one slip of the keyboard.
    """

    class_weight: float = 3.0
    synonym_weight: float = 2.5
    place_weight: float = 1.2
    size_weight: float = 0.8
    relation_weight: float = 0.8
    attribute_weight: float = 0.7
    plural_weight: float = 0.7
    absent_weight: float = 1.3
    typo_rate: float = 0.05

    def weight(self, kind: str) -> float:
        """The weight of one of `risors.KINDS`."""
        return float(getattr(self, f"{kind}_weight"))


class PhraseSampler:
    """Draws phrases for an image's objects; the same generator state gives the same phrases.

    Args:
        instances: The objects as they lie in the image that the phrases are for, areas in their stretches
            (see `cover.in_stretches`) if these are to be told apart.
        width_px: Its width.
        height_px: Its height.
        classes_labelled: Classes whose every object is among the instances: only these may be absent.
        colour_ok: False where colours are not natural.
        config: Shares of the kinds.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        *,
        width_px: int,
        height_px: int,
        classes_labelled: Iterable[str],
        colour_ok: bool = True,
        config: SamplerConfig | None = None,
    ) -> None:
        self._instances = instances
        self._colour_ok = colour_ok
        self._config = config or SamplerConfig()
        self._by_name: dict[str, list[int]] = {}
        for index, instance in enumerate(instances):
            self._by_name.setdefault(instance.name, []).append(index)
        self._labelled = sorted(classes_labelled)
        self._groups = group_things(instances, width_px, height_px)
        self._general = general_groups(self._groups, self._labelled)
        self._size_xy_px = width_px, height_px
        self._covers = covers_of(instances, width_px, height_px)

    def sample(self, rng: random.Random, count: int) -> list[Utterance]:
        """At most `count` distinct phrases; fewer only when the image offers nothing more to say."""
        drawn: dict[str, Utterance] = {}
        for _ in range(4 * count):
            if len(drawn) == count:
                break
            utterance = self.draw(rng)
            if utterance is not None:
                drawn.setdefault(utterance.text.lower(), utterance)
        return list(drawn.values())

    def sample_exactly(self, rng: random.Random, count: int) -> list[Utterance]:
        """`count` phrases, distinct as far as the image allows; an empty image gets absent ones."""
        drawn = self.sample(rng, count)
        while len(drawn) < count:
            again = self.draw(rng)
            drawn.append(again or _surely_absent(rng))
        return drawn

    def draw(self, rng: random.Random, kind: str | None = None) -> Utterance | None:
        """One phrase of the kind asked for, or of a drawn kind; None when there is nothing of it to say."""
        kind = kind or rng.choices(KINDS, [self._config.weight(each) for each in KINDS])[0]
        expression = self._sources()[kind](rng)
        if expression is None:
            return None
        text = roughen(sentence(expression.wording, rng), rng, typo_rate=self._config.typo_rate)
        return Utterance(
            text, expression.kind, expression.name, expression.targets, landmark=expression.landmark
        )

    def plain_class(self, name: str) -> Utterance:
        """The class's plain name for all its objects, or for none."""
        words = words_for(name)
        targets = tuple(self._by_name.get(name, ()))
        text = words.plural[0] if len(targets) != 1 else words.singular[0]
        return Utterance(text, "class" if targets else "absent", name, targets)

    def absent_classes(self) -> list[str]:
        """Classes that the image surely does not show under any name somebody might use."""
        return [
            name
            for name in self._labelled
            if name not in self._by_name and not any(may_be_confused(name, there) for there in self._by_name)
        ]

    def _sources(self) -> dict[str, Callable[[random.Random], Expression | None]]:
        return {
            "class": lambda rng: self._class(rng, "class"),
            "synonym": lambda rng: self._class(rng, "synonym"),
            "place": self._place,
            "size": self._size,
            "relation": lambda rng: self._relation(rng, wants_absent=False),
            "attribute": lambda rng: self._from_group(rng, self._attribute_sources(), wants_absent=False),
            "plural": self._plural,
            "absent": self._absent,
        }

    def _attribute_sources(self) -> tuple[_Source, ...]:
        shape: tuple[_Source, ...] = (referring.shape_expressions,)
        colour = (referring.colour_expressions, gatherings.colour_in_place_expressions)
        return (*colour, *shape) if self._colour_ok else shape

    def _class(self, rng: random.Random, kind: str) -> Expression | None:
        if not self._by_name:
            return None
        if kind == "synonym" and self._general and rng.random() < _GENERAL_SHARE:
            return referring.whole_expression(rng.choice(self._general), rng)
        name = rng.choice(sorted(self._by_name))
        words, targets = words_for(name), tuple(self._by_name[name])
        is_crowd = any(self._instances[index].is_crowd for index in targets)
        plural = words.is_countable and rng.random() < (0.3 if len(targets) == 1 and not is_crowd else 0.7)
        names = words.plural if plural else words.singular
        if kind == "synonym" and len(names) == 1:
            return None
        noun = names[0] if kind == "class" else rng.choice(names[1:])
        is_unique = len(targets) == 1 and not plural and not is_crowd
        wording = Wording(
            noun,
            is_plural=plural,
            is_definite=is_unique and rng.random() < 0.5,
            is_countable=words.is_countable,
        )
        return Expression(wording, targets, kind, name)

    def _from_group(
        self, rng: random.Random, sources: Sequence[_Source], *, wants_absent: bool
    ) -> Expression | None:
        if not self._groups:
            return None
        is_general = self._general and rng.random() < _GENERAL_SHARE
        group = rng.choice(self._general if is_general else self._groups)
        found = (expression for source in sources for expression in source(group, rng))
        return _drawn(found, rng, wants_absent=wants_absent)

    def _place(self, rng: random.Random) -> Expression | None:
        if self._is_about_cover(rng):
            found = cover_place_expressions(rng.choice(self._covers), rng)
            return _drawn(found, rng, wants_absent=False)
        sources = _PLACES if rng.random() < 0.7 else _PLACES_OF_SEVERAL
        return self._from_group(rng, sources, wants_absent=False)

    def _size(self, rng: random.Random) -> Expression | None:
        if self._is_about_cover(rng):
            found = cover_size_expressions(rng.choice(self._covers), rng)
            return _drawn(found, rng, wants_absent=False)
        return self._from_group(rng, _SIZES, wants_absent=False)

    def _is_about_cover(self, rng: random.Random) -> bool:
        return bool(self._covers) and (not self._groups or rng.random() < _COVER_SHARE)

    def _relation(self, rng: random.Random, *, wants_absent: bool) -> Expression | None:
        if self._is_about_cover(rng):
            found = cover_relation_expressions(
                self._covers, self._groups, self._instances, self._size_xy_px, rng
            )
            return _drawn(found, rng, wants_absent=wants_absent)
        if len(self._groups) < 2 or (not wants_absent and rng.random() < 0.3):
            return self._from_group(rng, (gatherings.gathered_expressions,), wants_absent=wants_absent)
        targets, *anchors = rng.sample(self._groups, min(3, len(self._groups)))
        anchors = [gatherings.as_one(group) or group for group in anchors]
        expressions = _told_by(referring.relation_expressions(targets, anchors[0], rng), anchors[:1])
        if len(anchors) > 1:
            between = referring.between_expressions(targets, anchors[0], anchors[1], rng)
            expressions = itertools.chain(_told_by(between, anchors), expressions)
        return _drawn(expressions, rng, wants_absent=wants_absent)

    def _plural(self, rng: random.Random) -> Expression | None:
        if len(self._by_name) > 1 and rng.random() < 0.3:
            return self._two_classes(rng)
        return self._from_group(
            rng,
            (referring.count_expressions, referring.except_expressions, gatherings.all_but_expressions),
            wants_absent=False,
        )

    def _two_classes(self, rng: random.Random) -> Expression:
        first, second = rng.sample(sorted(self._by_name), 2)
        nouns = [choose_noun(words_for(name), rng, plural=True) for name in (first, second)]
        joint = rng.choice(("and", "and", "and also", "as well as", "or"))
        article = rng.choice(("", "the "))
        wording = Wording(f"{nouns[0]} {joint} {article}{nouns[1]}", is_plural=True)
        return Expression(
            wording, (*self._by_name[first], *self._by_name[second]), "plural", f"{first}+{second}"
        )

    def _absent(self, rng: random.Random) -> Expression | None:
        roll = rng.random()
        if roll < 0.04:
            wording = Wording(rng.choice(SURELY_ABSENT), is_plural=True, is_complete=True)
            return Expression(wording, (), "absent", "")
        if roll < 0.35:
            expression = self._absent_of_kind(rng)
            if expression is not None:
                return expression
        elif roll < 0.5:
            expression = self._relation(rng, wants_absent=True)
            if expression is not None:
                return expression
        names = self.absent_classes()
        return _absent_class(rng.choice(names), rng) if names else None

    def _absent_of_kind(self, rng: random.Random) -> Expression | None:
        """Something by its place or colour where only others of its kind are."""
        if self._is_about_cover(rng):
            found = cover_place_expressions(rng.choice(self._covers), rng)
            return _drawn(found, rng, wants_absent=True)
        sources: tuple[_Source, ...] = (referring.place_expressions,)
        if self._colour_ok:
            sources = (*sources, referring.colour_expressions)
        return self._from_group(rng, sources, wants_absent=True)


_GENERAL_SHARE = 0.15
_COVER_SHARE = 0.5
_Source = Callable[[Group, random.Random], Iterable[Expression]]
_PLACES: tuple[_Source, ...] = (referring.place_expressions, referring.order_expressions)
_PLACES_OF_SEVERAL: tuple[_Source, ...] = (
    gatherings.counted_place_expressions,
    gatherings.middle_expressions,
    referring.order_expressions,
    referring.comparative_expressions,
)
_SIZES: tuple[_Source, ...] = (referring.size_expressions, gatherings.size_in_place_expressions)


def _drawn(expressions: Iterable[Expression], rng: random.Random, *, wants_absent: bool) -> Expression | None:
    found = [one for one in expressions if (not one.targets) == wants_absent]
    return rng.choice(found) if found else None


def _told_by(expressions: Iterable[Expression], anchors: Sequence[Group]) -> Iterator[Expression]:
    landmark = "+".join(group.name for group in anchors)
    return (replace(expression, landmark=landmark) for expression in expressions)


def _surely_absent(rng: random.Random) -> Utterance:
    return Utterance(roughen(rng.choice(SURELY_ABSENT), rng), "absent", "", ())


def _absent_class(name: str, rng: random.Random) -> Expression:
    words = words_for(name)
    plural = words.is_countable and rng.random() < 0.6
    noun = choose_noun(words, rng, plural=plural)
    if words.is_countable and not plural and rng.random() < 0.3:
        noun = indefinite(noun)
        return Expression(Wording(noun, is_complete=True), (), "absent", name)
    before = (
        "" if rng.random() < 0.85 else rng.choice(("largest", "leftmost", "small", "white", "big", "gray"))
    )
    wording = Wording(
        noun, before=before, is_plural=plural, is_definite=bool(before), is_countable=words.is_countable
    )
    return Expression(wording, (), "absent", name)


def phrases_for_image(
    instances: Sequence[Instance],
    image_size_yx: tuple[int, int],
    rng: random.Random,
    *,
    classes_labelled: Iterable[str],
    colour_ok: bool = True,
) -> list[Phrase]:
    """The phrases to store with an image: a fixed fare, so that splits can be compared kind by kind.

    Every class once by its plain name and once by a synonym, what can be said of place, size, relation,
    attribute and number (two tries each), and two absent targets where there are any.

    Args:
        instances: All labelled objects of the image.
        image_size_yx: Height and width in pixels.
        rng: The only source of chance.
        classes_labelled: Classes labelled exhaustively.
        colour_ok: False where colours are not natural.
    """
    height_px, width_px = image_size_yx
    instances = in_stretches(instances, height_px=height_px, width_px=width_px)
    sampler = PhraseSampler(
        instances,
        width_px=width_px,
        height_px=height_px,
        classes_labelled=classes_labelled,
        colour_ok=colour_ok,
    )
    names = sorted({instance.name for instance in instances})
    utterances = [sampler.plain_class(name) for name in names]
    extra = [("synonym", len(names))]
    extra += [(kind, 2) for kind in ("place", "size", "relation", "attribute", "plural")]
    utterances += [drawn for kind, tries in extra for _ in range(tries) if (drawn := sampler.draw(rng, kind))]
    absent = rng.sample(sampler.absent_classes(), min(1, len(sampler.absent_classes())))
    utterances += [sampler.plain_class(name) for name in absent]
    utterances += [drawn for _ in absent if (drawn := sampler.draw(rng, "absent"))]
    distinct = {utterance.text.lower(): utterance for utterance in reversed(utterances)}
    return [to_phrase(utterance, instances, image_size_yx) for utterance in reversed(distinct.values())]


def to_phrase(utterance: Utterance, instances: Sequence[Instance], image_size_yx: tuple[int, int]) -> Phrase:
    """The phrase with the union of its objects as mask."""
    height_px, width_px = image_size_yx
    chosen = [instances[index] for index in utterance.targets]
    mask_HW = union_mask(chosen, height_px=height_px, width_px=width_px)
    return Phrase.from_mask(utterance.text, mask_HW, kind=utterance.kind, name=utterance.name)
