"""What can truly be said about the objects of an image, by geometry with margins.

Every function takes the objects and returns the expressions that are true and unambiguous: the object meant
satisfies the strict test and every other object of the class fails even the loose one. What lies between is
not said. Coordinates are fractions of the image, x right, y down.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from geophrase.training.data import colours
from geophrase.training.data.grammar import Wording, number_word
from geophrase.training.data.things import MIN_VISIBLE_FRACTION, Group, Thing
from geophrase.training.data.zones import ZONES


@dataclass(frozen=True)
class Expression:
    """Something to say, and what it means.

    Attributes:
        wording: How to say it.
        targets: Indexes of the objects meant; none when the image has no such thing.
        kind: One of `risors.KINDS`.
        name: Key of the class, or keys with a plus between.
        landmark: Likewise of what the objects are told by; empty without such.
    """

    wording: Wording
    targets: tuple[int, ...]
    kind: str
    name: str
    landmark: str = ""


def place_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Objects by the part of the image they lie in; also parts where there are none (absent)."""
    for words, strict, loose in ZONES:
        inside = [thing for thing in group.things if strict(thing)]
        if any(loose(thing) and thing not in inside for thing in group.things):
            continue
        if any(thing.visible_fraction < MIN_VISIBLE_FRACTION for thing in inside):
            continue
        plural = len(inside) != 1 and not (not inside and rng.random() < 0.5)
        noun, place = group.noun(rng, plural=plural), rng.choice(words)
        wording = _placed(noun, place, plural=plural, rng=rng)
        yield Expression(wording, _indexes(inside), "place" if inside else "absent", group.name)


_SIDES = {
    "on the left": ("left", "left hand", "left-hand"),
    "on the right": ("right", "right hand", "right-hand"),
    "in the upper half": ("upper",),
    "in the lower half": ("lower",),
    "in the west": ("western", "west"),
    "in the east": ("eastern", "east"),
    "in the north": ("northern", "north"),
    "in the south": ("southern", "south"),
}


def _placed(noun: str, place: str, *, plural: bool, rng: random.Random) -> Wording:
    side = _SIDES.get(place)
    if side is not None and rng.random() < 0.5:
        return Wording(noun, before=rng.choice(side), is_plural=plural)
    short = place.removeprefix("in the ").removesuffix(" corner")
    if place.startswith("in the ") and len(short.split()) == 2 and "the" not in short and rng.random() < 0.25:
        return Wording(noun, before=short, is_plural=plural)
    return Wording(noun, after=place, is_plural=plural)


_ORDINALS = (("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th"), ("fifth", "5th"))
_ENDS: tuple[tuple[str, bool, str, str], ...] = (
    ("x", False, "left", "leftmost|westernmost|far left|left most"),
    ("x", True, "right", "rightmost|easternmost|far right|right most"),
    ("y", False, "top", "topmost|uppermost|northernmost|top|top most|highest"),
    ("y", True, "bottom", "bottommost|southernmost|lowermost|bottom|bottom most|lowest"),
)


def whole_expression(group: Group, rng: random.Random) -> Expression:
    """All objects of a group by its name alone."""
    wording = Wording(group.noun(rng, plural=True), is_plural=True, is_definite=False)
    return Expression(wording, _indexes(group.things), "synonym", group.name)


_EXTREMES = {
    "left": ("furthest to the left", "on the far left", "furthest west", "nearest the left edge"),
    "right": ("furthest to the right", "on the far right", "furthest east", "nearest the right edge"),
    "top": ("nearest the top", "at the very top", "furthest north", "closest to the top edge"),
    "bottom": ("nearest the bottom", "at the very bottom", "furthest south", "closest to the bottom edge"),
}


def order_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """The outermost object of a side, and the second, third … counted from it."""
    count = len(group.things)
    if not 2 <= count <= 8:
        return
    for axis, is_descending, side, extremes in _ENDS:
        ranked = sorted(group.things, key=lambda t: getattr(t, axis), reverse=is_descending)
        gaps = [abs(getattr(a, axis) - getattr(b, axis)) for a, b in itertools.pairwise(ranked)]
        for rank in range(min(count, 4)):
            if min(gaps[max(rank - 1, 0) : rank + 1]) < 0.04 or (rank and min(gaps[:rank]) < 0.025):
                continue
            if any(thing.visible_fraction < MIN_VISIBLE_FRACTION for thing in ranked[: rank + 2]):
                continue
            yield Expression(
                _ordered(group.noun(rng, plural=False), rank, side, extremes.split("|"), rng),
                (ranked[rank].index,), "place", group.name,
            )  # fmt: skip


def _ordered(noun: str, rank: int, side: str, extremes: list[str], rng: random.Random) -> Wording:
    if rank == 0 and rng.random() < 0.75:
        roll = rng.random()
        if roll < 0.7:
            return Wording(noun, before=rng.choice(extremes))
        return Wording(noun, after=rng.choice(_EXTREMES[side]))
    ordinal = _ORDINALS[rank][rng.random() < 0.15]
    if rng.random() < 0.5:
        return Wording(noun, before=ordinal, after=f"from the {side}")
    return Wording(noun, after=f"that is {ordinal} from the {side}")


_COMPARATIVES = (
    ("x", 1, "left|left hand|western", "further left|further west|to the left of the other"),
    ("x", -1, "right|right hand|eastern", "further right|further east|to the right of the other"),
    ("y", 1, "upper|northern", "further up|further north|above the other"),
    ("y", -1, "lower|southern", "further down|further south|below the other"),
)


def comparative_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """One of two objects by where the other is: "the upper of the two ships", "the ship further north"."""
    if len(group.things) != 2 or any(thing.visible_fraction < MIN_VISIBLE_FRACTION for thing in group.things):
        return
    for axis, sign, adjectives, places in _COMPARATIVES:
        first, second = sorted(group.things, key=lambda thing: float(sign * getattr(thing, axis)))
        if abs(getattr(first, axis) - getattr(second, axis)) < 0.08:
            continue
        one, two = group.noun(rng, plural=False), group.noun(rng, plural=True)
        adjective, place = rng.choice(adjectives.split("|")), rng.choice(places.split("|"))
        patterns = (f"the {adjective} of the two {two}", f"the {adjective} {one}", f"the {one} {place}",
                    f"the {adjective} one of the {two}")  # fmt: skip
        wording = Wording(rng.choice(patterns), is_complete=True)
        yield Expression(wording, (first.index,), "place", group.name)


def size_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """The largest and the smallest object where the areas differ by a third or more."""
    if len(group.things) < 2:
        return
    ranked = sorted(group.things, key=lambda t: t.area, reverse=True)
    if ranked[0].area >= 1.33 * ranked[1].area and ranked[1].visible_fraction > 0.9:
        yield _sized(group, ranked[0], ("largest", "biggest", "most extensive"), ("larger", "bigger"), rng)
    if ranked[-2].area >= 1.33 * ranked[-1].area and ranked[-1].visible_fraction > 0.9:
        yield _sized(group, ranked[-1], ("smallest", "tiniest", "littlest"), ("smaller",), rng)
    yield from _size_classes(group, ranked, rng)


def _sized(
    group: Group,
    thing: Thing,
    superlatives: tuple[str, ...],
    comparatives: tuple[str, ...],
    rng: random.Random,
) -> Expression:
    if len(group.things) == 2 and rng.random() < 0.6:
        if rng.random() < 0.4:
            after = f"of the two {group.noun(rng, plural=True)}"
            wording = Wording(rng.choice(comparatives), after=after)
        else:
            wording = Wording(group.noun(rng, plural=False), before=rng.choice(comparatives))
    else:
        after = "" if rng.random() < 0.8 else rng.choice(("of all", "in size", "by area"))
        wording = Wording(group.noun(rng, plural=False), before=rng.choice(superlatives), after=after)
    return Expression(wording, (thing.index,), "size", group.name)


def _size_classes(group: Group, ranked: Sequence[Thing], rng: random.Random) -> Iterator[Expression]:
    """Big and small ones, where a factor of two parts them and each side agrees within itself."""
    for cut in range(1, len(ranked)):
        big, small = ranked[:cut], ranked[cut:]
        if big[-1].area < 2.0 * small[0].area or small[0].visible_fraction < 0.9:
            continue
        if any(thing.visible_fraction < 0.9 for thing in small):
            continue
        if big[0].area > 1.8 * big[-1].area or small[0].area > 1.8 * small[-1].area:
            continue
        for adjectives, part in (
            (("big", "large", "bigger", "larger"), big),
            (("small", "little", "smaller"), small),
        ):
            noun = group.noun(rng, plural=len(part) > 1)
            wording = Wording(noun, before=rng.choice(adjectives), is_plural=len(part) > 1)
            yield Expression(wording, _indexes(part), "size", group.name)


def colour_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Objects by the colour that they have and the others surely have not; now and then one colour of none.

    Seldom: if most images said what colours their objects have not, a colour would come to mean absence.
    """
    coloured = [(thing, thing.rgb) for thing in group.things if thing.rgb is not None]
    if len(coloured) < len(group.things) or not colours.MOTLEY.isdisjoint(group.name.split("+")):
        return
    missing = rng.choice(("red", "orange", "yellow", "green", "blue")) if rng.random() < 0.5 else None
    for colour, synonyms in colours.WORDS.items():
        sure = [
            thing
            for thing, rgb in coloured
            if colour in (colours.certain_name(rgb), colours.likely_name(rgb))
        ]
        if any(colour in colours.possible_names(rgb) and thing not in sure for thing, rgb in coloured):
            continue
        if not sure and (colour != missing or len(group.things) > 8):
            continue
        plural = len(sure) > 1 or (not sure and rng.random() < 0.5)
        word = synonyms[0] if rng.random() < 0.6 else rng.choice(synonyms)
        noun = group.noun(rng, plural=plural)
        wording = Wording(noun, before=word, is_plural=plural)
        if rng.random() < 0.12:
            wording = Wording(noun, after=f"{'that are' if plural else 'that is'} {word}", is_plural=plural)
        yield Expression(wording, _indexes(sure), "attribute" if sure else "absent", group.name)


def shape_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Long ones among compact ones, by the boxes' ratios."""
    whole = [thing for thing in group.things if thing.visible_fraction > 0.95]
    if len(whole) < len(group.things) or len(whole) < 2:
        return
    ranked = sorted(whole, key=lambda t: t.side, reverse=True)
    if ranked[0].side >= 1.4 * ranked[1].side and ranked[0].area > ranked[1].area:
        wording = Wording(group.noun(rng, plural=False), before=rng.choice(("longest", "long")))
        yield Expression(wording, (ranked[0].index,), "attribute", group.name)
    yield from _lying(group, rng)


_LYING = (
    (1, "horizontal", "running east-west|running left to right|lying horizontally"),
    (-1, "vertical", "running north-south|running up and down|standing vertically"),
)


def _lying(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Those much wider than high among those that are not, and the other way round."""
    wides = [math.log((t.right - t.left) / max(t.bottom - t.top, 1e-6)) for t in group.things]
    for sign, adjective, phrases in _LYING:
        chosen = [thing for thing, wide in zip(group.things, wides, strict=True) if sign * wide > 0.7]
        rest = [sign * wide for thing, wide in zip(group.things, wides, strict=True) if thing not in chosen]
        if not chosen or not rest or max(rest) > 0.15:
            continue
        noun = group.noun(rng, plural=len(chosen) > 1)
        wording = Wording(noun, before=adjective, is_plural=len(chosen) > 1)
        if rng.random() < 0.4:
            wording = Wording(noun, after=rng.choice(phrases.split("|")), is_plural=len(chosen) > 1)
        yield Expression(wording, _indexes(chosen), "attribute", group.name)


def count_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """All objects by their number: "both ships", "the four tanks"."""
    count = len(group.things)
    if not 2 <= count <= 8 or any(thing.visible_fraction < MIN_VISIBLE_FRACTION for thing in group.things):
        return
    noun = group.noun(rng, plural=True)
    if count == 2 and rng.random() < 0.5:
        text = rng.choice((f"both {noun}", f"both of the {noun}", f"both the {noun}"))
    else:
        text = f"{rng.choice(('', 'the ', 'all ' if count > 2 else 'the '))}{number_word(count, rng)} {noun}"
    wording = Wording(text, is_plural=True, is_complete=True)
    yield Expression(wording, _indexes(group.things), "plural", group.name)


def except_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """All objects but one that can be named."""
    if len(group.things) < 3:
        return
    single = [
        expression
        for source in (size_expressions, order_expressions)
        for expression in source(group, rng)
        if len(expression.targets) == 1
        and expression.wording.before.endswith(("est", "most"))
        and not expression.wording.after
    ]
    if not single:
        return
    left_out = rng.choice(single)
    rest = tuple(thing.index for thing in group.things if thing.index not in left_out.targets)
    joint = rng.choice(
        ("except the", "but not the", "other than the", "without the", "apart from the", "besides the")
    )
    after = f"{joint} {left_out.wording.before} one"
    yield Expression(
        Wording(group.noun(rng, plural=True), after=after, is_plural=True), rest, "plural", group.name
    )


_Relation = tuple[str, Callable[[Thing, Thing], bool], Callable[[Thing, Thing], bool]]
_RELATIONS: tuple[_Relation, ...] = (
    ("left of|to the left of|on the left of|west of|to the west of|on the left side of",
     lambda a, b: b.left - a.right > -0.01 and b.x - a.x > 1.2 * abs(b.y - a.y), lambda a, b: a.x < b.x),
    ("right of|to the right of|on the right of|east of|to the east of|on the right side of",
     lambda a, b: a.left - b.right > -0.01 and a.x - b.x > 1.2 * abs(b.y - a.y), lambda a, b: a.x > b.x),
    ("above|north of|to the north of|higher up than",
     lambda a, b: b.top - a.bottom > -0.01 and b.y - a.y > 1.2 * abs(b.x - a.x), lambda a, b: a.y < b.y),
    ("below|south of|to the south of|under",
     lambda a, b: a.top - b.bottom > -0.01 and a.y - b.y > 1.2 * abs(b.x - a.x), lambda a, b: a.y > b.y),
    ("next to|beside|near|close to|adjacent to|by|right next to|in the vicinity of|alongside|at|adjoining",
     lambda a, b: 0.0 < a.gap_to(b) < 0.5 * max(a.side, min(b.side, 0.15)),
     lambda a, b: a.gap_to(b) < max(2.0 * max(a.side, min(b.side, 0.15)), 0.2)),
)  # fmt: skip


def relation_expressions(targets: Group, anchors: Group, rng: random.Random) -> Iterator[Expression]:
    """Objects of one class by where they lie from the only object of another; also none there (absent)."""
    if len(anchors.things) != 1 or anchors.things[0].visible_fraction < MIN_VISIBLE_FRACTION:
        return
    anchor = anchors.things[0]
    anchor_text = f"the {anchors.noun(rng, plural=anchors.is_set)}"
    for words, strict, loose in _RELATIONS:
        chosen = [thing for thing in targets.things if strict(thing, anchor)]
        if any(loose(thing, anchor) and thing not in chosen for thing in targets.things):
            continue
        yield _related(targets, chosen, f"{rng.choice(words.split('|'))} {anchor_text}", rng)
    yield from _by_distance(targets, anchor, anchor_text, rng)


def between_expressions(
    targets: Group, first: Group, second: Group, rng: random.Random
) -> Iterator[Expression]:
    """Objects of one class between the only objects of two others."""
    if any(len(group.things) != 1 for group in (first, second)):
        return
    ends = first.things[0], second.things[0]
    if any(end.visible_fraction < MIN_VISIBLE_FRACTION for end in ends) or ends[0].gap_to(ends[1]) < 0.1:
        return
    chosen = [thing for thing in targets.things if _is_between(thing, *ends, margin=0.25, aside=0.2)]
    if not chosen or len(chosen) < sum(
        _is_between(thing, *ends, margin=0.0, aside=0.5) for thing in targets.things
    ):
        return
    nouns = [group.noun(rng, plural=group.is_set) for group in (first, second)]
    words = rng.choice(("between", "between", "in between"))
    yield _related(targets, chosen, f"{words} the {' and the '.join(nouns)}", rng)


def _is_between(thing: Thing, first: Thing, second: Thing, *, margin: float, aside: float) -> bool:
    """Whether a centre lies on the line of two others, off its ends, not aside, in shares of its length."""
    along = complex(second.x - first.x, second.y - first.y)
    place = complex(thing.x - first.x, thing.y - first.y) / along
    return margin < place.real < 1 - margin and abs(place.imag) < aside


def _by_distance(targets: Group, anchor: Thing, anchor_text: str, rng: random.Random) -> Iterator[Expression]:
    if len(targets.things) < 2:
        return
    ranked = sorted(targets.things, key=lambda t: t.gap_to(anchor))
    distances = [thing.gap_to(anchor) for thing in ranked]
    yield from _several_nearest(targets, ranked, distances, anchor_text, rng)
    if distances[1] > 0.05 and distances[1] > 1.5 * distances[0]:
        words = rng.choice(("closest to", "nearest to", "nearest", "closest by"))
        yield _related(targets, ranked[:1], f"{words.removesuffix(' by')} {_to(words)}{anchor_text}", rng)
    if distances[-1] > 1.35 * distances[-2] + 0.03:
        words = rng.choice(("farthest from", "furthest from", "furthest away from", "most distant from"))
        yield _related(targets, ranked[-1:], f"{words} {anchor_text}", rng)


def _several_nearest(
    group: Group, ranked: Sequence[Thing], distances: Sequence[float], anchor_text: str, rng: random.Random
) -> Iterator[Expression]:
    """The two or three next to the anchor, where the following one is clearly farther off."""
    for count in range(2, min(4, len(ranked))):
        if distances[count] > 1.6 * distances[count - 1] + 0.05:
            number = number_word(count, rng) if count > 2 or rng.random() < 0.7 else "pair of"
            link = rng.choice(("nearest", "nearest to", "closest to", "nearer to", "closer to"))
            text = f"the {number} {group.noun(rng, plural=True)} {link} {anchor_text}"
            wording = Wording(text, is_plural=True, is_complete=True)
            yield Expression(wording, _indexes(ranked[:count]), "relation", group.name)


def _to(words: str) -> str:
    return "to " if words.endswith(" by") else ""


def _related(group: Group, chosen: Sequence[Thing], relation: str, rng: random.Random) -> Expression:
    plural = len(chosen) > 1 or (not chosen and rng.random() < 0.5)
    link = rng.choice(("", "", "", "that are " if plural else "that is ", "lying ", "located "))
    wording = Wording(group.noun(rng, plural=plural), after=f"{link}{relation}", is_plural=plural)
    return Expression(wording, _indexes(chosen), "relation" if chosen else "absent", group.name)


def _indexes(things: Sequence[Thing]) -> tuple[int, ...]:
    return tuple(thing.index for thing in things)
