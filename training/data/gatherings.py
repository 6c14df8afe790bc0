"""What can truly be said of several objects together: counted ones, rows, groups, and what stands apart.

As in `referring`, an expression is given only where nobody would read it otherwise. Objects belong together
when a chain of small gaps joins them, and the same chains must come out when gaps twice as wide may join.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from geophrase.training.data.grammar import Wording, number_word
from geophrase.training.data.referring import (
    Expression,
    colour_expressions,
    order_expressions,
    place_expressions,
    size_expressions,
)
from geophrase.training.data.things import MIN_VISIBLE_FRACTION, Group, Thing
from geophrase.training.data.zones import ZONES

_JOINING_GAP = 0.75  # in the median of the objects' longer sides
_MAX_COUNT = 8
_ROW_FLATNESS = 0.15
_LIKE_AREAS = 1.8
_GROUPS = ("group", "cluster", "bunch")
_LONE = (
    "lone {}", "isolated {}", "solitary {}", "{} on its own", "{} by itself", "{} standing alone",
    "{} away from the others", "{} apart from the rest", "{} set apart", "remote {}",
)  # fmt: skip
_ROWS = (
    "row of {}", "line of {}", "row of {number} {}", "line of {number} {}", "{} in a row", "{} in a line",
    "{number} {} in a row", "{} lined up", "{} that form a row", "{number} {} side by side",
)  # fmt: skip
_PAIRS = (
    "pair of {}", "pair of {}", "two {} next to each other", "two {} side by side", "two {} close together",
    "{} next to each other", "two neighbouring {}", "two adjacent {}",
)  # fmt: skip
_EXCEPT = (
    "all {} except the one {}", "all {} but the one {}", "all the {} apart from the one {}",
    "{} besides the one {}", "the {} without the one {}", "{} excluding the one {}",
)  # fmt: skip


def counted_place_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Two to eight objects by their number and the part of the image, or by the side they are nearest to."""
    if not _is_whole(group.things):
        return
    for words, strict, loose in ZONES:
        inside = [thing for thing in group.things if strict(thing)]
        if 2 <= len(inside) <= _MAX_COUNT and len(inside) == sum(map(loose, group.things)):
            text = f"{_counted(len(inside), rng)} {group.noun(rng, plural=True)} {rng.choice(words)}"
            yield _complete(text, inside, "place", group)
    yield from _outermost(group, rng)


def _outermost(group: Group, rng: random.Random) -> Iterator[Expression]:
    """The two or three objects nearest to a side, where a clear gap sets them off."""
    for axis, sign, side, extreme in (
        ("x", 1, "left", "leftmost"), ("x", -1, "right", "rightmost"),
        ("y", 1, "top", "topmost"), ("y", -1, "bottom", "bottommost"),
    ):  # fmt: skip
        ranked = sorted(group.things, key=lambda thing: sign * getattr(thing, axis))
        for count in range(2, min(4, len(ranked))):
            if abs(getattr(ranked[count], axis) - getattr(ranked[count - 1], axis)) < 0.06:
                continue
            noun, number = group.noun(rng, plural=True), number_word(count, rng)
            patterns = (
                f"the {number} {extreme} {noun}", f"{number} {extreme} {noun}",
                f"the {extreme} {number} {noun}", f"the {number} {noun} nearest the {side}",
                f"the {number} {noun} closest to the {side} edge",
            )  # fmt: skip
            yield _complete(rng.choice(patterns), ranked[:count], "place", group)


def middle_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """The one between the other two of a class of three that lie along a line."""
    if len(group.things) != 3 or not _is_whole(group.things):
        return
    for axis, other in (("x", "y"), ("y", "x")):
        first, middle, last = sorted(group.things, key=lambda thing: float(getattr(thing, axis)))
        spread = getattr(last, axis) - getattr(first, axis)
        across = [getattr(thing, other) for thing in group.things]
        share = (getattr(middle, axis) - getattr(first, axis)) / max(spread, 1e-6)
        if spread > 0.15 and max(across) - min(across) < 0.4 * spread and 0.25 < share < 0.75:
            one, many = group.noun(rng, plural=False), group.noun(rng, plural=True)
            patterns = (f"the middle {one}", f"middle {one}", f"the middle one of the three {many}",
                        f"the {one} between the other two", f"the central {one}")  # fmt: skip
            yield _complete(rng.choice(patterns), [middle], "place", group)


def gathered_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Rows, pairs and groups of a class, each the only one of its sort, and the one that stands apart."""
    if len(group.things) < 2 or not _is_whole(group.things):
        return
    chains = clear_chains(group.things)
    for chain in chains:
        has_equal = any(len(other) == len(chain) for other in chains if other is not chain)
        has_company = any(len(other) > 1 for other in chains if other is not chain)
        if len(chain) > 2 and not has_company and is_row(chain):
            yield _gathered(rng.choice(_ROWS), chain, group, rng)
        if len(chains) > 1 and not has_equal:
            yield _gathered(_pattern(len(chain), rng, has_company=has_company), chain, group, rng)


def _pattern(size: int, rng: random.Random, *, has_company: bool) -> str:
    """How a chain is told from the others; where those hold several too, its number must be said."""
    if size == 1:
        return rng.choice(_LONE)
    if size == 2:
        return _PAIRS[0] if has_company else rng.choice(_PAIRS)
    number = "" if not has_company and rng.random() < 0.5 else "{number} "
    return f"{rng.choice(_GROUPS)} of {number}{{}}"


def all_but_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """All objects but the only one in a part of the image, and those outside a part."""
    if len(group.things) < 3 or not _is_whole(group.things):
        return
    for words, strict, loose in ZONES:
        inside = [thing for thing in group.things if strict(thing)]
        rest = [thing for thing in group.things if thing not in inside]
        if not inside or not rest or any(map(loose, rest)):
            continue
        place = rng.choice(words)
        if len(inside) == 1 and rng.random() < 0.7:
            text = rng.choice(_EXCEPT).format(group.noun(rng, plural=True), place)
            yield _complete(text, rest, "plural", group)
        else:
            text = f"{group.noun(rng, plural=True)} {rng.choice(('not', 'that are not'))} {place}"
            yield _complete(text, rest, "plural", group)


def colour_in_place_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Objects by colour and place at once: "the white plane on the left" where others stand there too."""
    yield from _narrowed(group, colour_expressions(group, rng), rng)


def size_in_place_expressions(group: Group, rng: random.Random) -> Iterator[Expression]:
    """Big or small objects by place: "the big tanks at the top" beside small ones."""
    classes = (one for one in size_expressions(group, rng) if len(one.targets) > 1)
    yield from _narrowed(group, classes, rng)


def _narrowed(group: Group, adjectives: Iterable[Expression], rng: random.Random) -> Iterator[Expression]:
    """Those of the objects with an adjective that lie somewhere, named by both."""
    for described in adjectives:
        adjective = described.wording.before
        chosen = tuple(thing for thing in group.things if thing.index in described.targets)
        if not 2 <= len(chosen) < len(group.things) or not adjective or adjective.endswith("er"):
            continue  # "the larger ones" compares already
        part = replace(group, things=chosen)
        sources: tuple[Callable[[Group, random.Random], Iterator[Expression]], ...] = (
            place_expressions,
            order_expressions,
        )
        for expression in itertools.chain.from_iterable(source(part, rng) for source in sources):
            if expression.targets:
                before = f"{expression.wording.before} {adjective}".strip()
                wording = replace(expression.wording, before=before)
                yield replace(expression, wording=wording, kind=described.kind)


def as_one(group: Group) -> Group | None:
    """The objects as one anchor for relations ("the tennis courts"), or None where they lie scattered."""
    things = group.things
    if not 2 <= len(things) <= 2 * _MAX_COUNT or len(_chains(things, _JOINING_GAP)) > 1:
        return None
    left, top = min(thing.left for thing in things), min(thing.top for thing in things)
    right, bottom = max(thing.right for thing in things), max(thing.bottom for thing in things)
    whole = Thing(
        index=-1, x=(left + right) / 2, y=(top + bottom) / 2, left=left, top=top, right=right, bottom=bottom,
        area=sum(thing.area for thing in things), rgb=None,
        visible_fraction=min(thing.visible_fraction for thing in things),
    )  # fmt: skip
    return Group(group.name, (whole,), is_set=True)


def clear_chains(things: Sequence[Thing]) -> list[list[Thing]]:
    """The objects parted into chains of neighbours; none where some gaps could be read either way."""
    chains = _chains(things, _JOINING_GAP)
    return chains if len(chains) == len(_chains(things, 2 * _JOINING_GAP)) else []


def is_row(things: Sequence[Thing]) -> bool:
    """Whether three or more objects of like size lie along a straight line."""
    areas = [thing.area for thing in things]
    if len(things) < 3 or max(areas) > _LIKE_AREAS * min(areas):
        return False
    centres_N2 = np.array([(thing.x, thing.y) for thing in things])
    spreads = np.linalg.svd(centres_N2 - centres_N2.mean(axis=0), compute_uv=False)
    return bool(spreads[1] < _ROW_FLATNESS * spreads[0])


def _chains(things: Sequence[Thing], joining_gap: float) -> list[list[Thing]]:
    limit = joining_gap * float(np.median([thing.side for thing in things]))
    chains: list[list[Thing]] = []
    for thing in things:
        joined = [chain for chain in chains if any(thing.gap_to(other) <= limit for other in chain)]
        chains = [chain for chain in chains if chain not in joined]
        chains.append([thing, *itertools.chain.from_iterable(joined)])
    return chains


def _is_whole(things: Iterable[Thing]) -> bool:
    return all(thing.visible_fraction >= MIN_VISIBLE_FRACTION for thing in things)


def _counted(count: int, rng: random.Random) -> str:
    number = number_word(count, rng)
    joint = ("both", "both the") if count == 2 else (f"all {number}", number)
    return rng.choice((f"the {number}", f"the {number}", number, *joint))


def _gathered(pattern: str, things: Sequence[Thing], group: Group, rng: random.Random) -> Expression:
    noun = group.noun(rng, plural=len(things) > 1)
    text = pattern.format(noun, number=number_word(len(things), rng))
    return _complete(f"{rng.choice(('the ', 'the ', ''))}{text}", things, "relation", group)


def _complete(text: str, things: Sequence[Thing], kind: str, group: Group) -> Expression:
    wording = Wording(text, is_plural=len(things) > 1, is_complete=True)
    return Expression(wording, tuple(sorted(thing.index for thing in things)), kind, group.name)
