"""Places and sizes as people use them, less strictly than the grammar, which says what nobody could dispute.

"The car on the right" is the rightmost one although another is a little right of the middle, and "planes on
the left" leaves open whether one in between is meant. Only the choice learns them, no mask does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from geophrase.training.data.grammar import Wording, number_word, roughen, sentence
from geophrase.training.data.instances import Instance
from geophrase.training.data.phrases import Utterance
from geophrase.training.data.things import Group, Thing, group_things
from geophrase.training.data.zones import ZONES

_TYPO_RATE = 0.05
_LEAST_STEP = 0.06  # between the last that is meant and the next, in shares of the image
_LEAST_RATIO = 1.33  # of areas
_MAX_COUNT = 4
_SUPERLATIVES = ((1, ("largest", "biggest")), (-1, ("smallest", "tiniest")))


@dataclass(frozen=True)
class LoosePhrase:
    """A phrase, and the objects of which nobody knows whether it means them."""

    utterance: Utterance
    unsure: frozenset[int] = frozenset()


def loose_phrases(
    instances: Sequence[Instance], side_px: int, rng: random.Random, count: int
) -> list[LoosePhrase]:
    """Up to `count` phrases about objects on a square canvas."""
    groups = [group for group in group_things(instances, side_px, side_px) if len(group.things) > 1]
    if not groups:
        return []
    drawn = []
    for _ in range(count):
        group = rng.choice(groups)
        found = [*_placed(group, rng), *_sized(group, rng)]
        if found:
            drawn.append(rng.choice(found))
    return drawn


def _placed(group: Group, rng: random.Random) -> Iterator[LoosePhrase]:
    for words, strict, loose in ZONES:
        rank = _direction(words[0])
        ranked = sorted(group.things, key=rank, reverse=True)
        inside = [thing for thing in ranked if strict(thing)]
        place = rng.choice(words)
        for count in range(1, min(len(inside), _MAX_COUNT) + 1):
            if count < len(ranked) and rank(ranked[count - 1]) - rank(ranked[count]) < _LEAST_STEP:
                continue
            text = group.noun(rng, plural=count > 1)
            text = f"{number_word(count, rng)} {text}" if count > 1 else text
            yield LoosePhrase(_said(group, ranked[:count], text, f" {place}", "place", rng))
        if len(inside) > 1:
            unsure = frozenset(thing.index for thing in ranked if loose(thing) and not strict(thing))
            said = _said(group, inside, group.noun(rng, plural=True), f" {place}", "place", rng)
            yield LoosePhrase(said, unsure)


def _direction(words: str) -> Callable[[Thing], float]:
    """How far an object lies towards the part of the image that words name."""
    across = ("right" in words) - ("left" in words)
    down = ("bottom" in words or "lower" in words) - ("top" in words or "upper" in words)
    if across or down:
        return lambda thing: (across * thing.x + down * thing.y) / math.hypot(across, down)
    return lambda thing: -math.hypot(thing.x - 0.5, thing.y - 0.5)


def _sized(group: Group, rng: random.Random) -> Iterator[LoosePhrase]:
    """The two, three or four largest or smallest."""
    for sign, superlatives in _SUPERLATIVES:
        ranked = sorted(group.things, key=lambda thing: sign * thing.area, reverse=True)
        for count in range(2, min(len(ranked) - 1, _MAX_COUNT) + 1):
            if (ranked[count - 1].area / ranked[count].area) ** sign < _LEAST_RATIO:
                continue
            text = f"{number_word(count, rng)} {rng.choice(superlatives)} {group.noun(rng, plural=True)}"
            yield LoosePhrase(_said(group, ranked[:count], text, "", "size", rng))


def _said(
    group: Group, meant: Sequence[Thing], noun: str, place: str, kind: str, rng: random.Random
) -> Utterance:
    text = f"{rng.choice(('the ', 'the ', ''))}{noun}{place}"
    wording = Wording(text, is_plural=len(meant) > 1, is_complete=True)
    typed = roughen(sentence(wording, rng), rng, typo_rate=_TYPO_RATE)
    return Utterance(typed, kind, group.name, tuple(sorted(thing.index for thing in meant)))
