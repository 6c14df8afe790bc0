"""What is said of several objects together, in scenes where people would agree on the answer."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from geophrase.training.data import gatherings
from geophrase.training.data.instances import Instance
from geophrase.training.data.referring import Expression
from geophrase.training.data.things import Group, group_things

Source = Callable[[Group, random.Random], Iterator[Expression]]
NUMBERS = {"pair": 2, "both": 2, "two": 2, "three": 3, "four": 4, "2": 2, "3": 3, "4": 4}
GRAY, RED = (120.0, 120.0, 120.0), (200.0, 30.0, 30.0)


def group_at(
    places: list[tuple[int, int]],
    *,
    sides: list[int] | None = None,
    rgbs: list[tuple[float, ...]] | None = None,
) -> Group:
    """Squares, 10 of 200 pixels wide unless said otherwise, with these top left corners."""
    instances = [
        Instance("storage_tank", np.ones((side, side), np.uint8), left, top, mean_rgb=rgb)
        for (left, top), side, rgb in zip(
            places, sides or [10] * len(places), rgbs or [GRAY] * len(places), strict=True
        )
    ]
    return group_things(instances, 200, 200)[0]


def said(source: Source, group: Group, *, num_times: int = 60) -> dict[str, set[tuple[int, ...]]]:
    """Every wording that came out and what it meant."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for seed in range(num_times):
        for expression in source(group, random.Random(seed)):
            found.setdefault(expression.wording.bare, set()).add(expression.targets)
    return found


ROW = [(20, 50), (35, 50), (50, 51), (65, 50)]


def test_a_row_and_the_one_apart_from_it_are_told_from_each_other() -> None:
    found = said(gatherings.gathered_expressions, group_at([*ROW, (160, 170)]))
    rows = [meant for text, meant in found.items() if re.search(r"\b(row|line|lined)\b", text)]
    lone = [meant for text, meant in found.items() if re.search(r"\b(lone|isolated|own|itself)\b", text)]
    assert rows
    assert lone
    assert all(meant == {(0, 1, 2, 3)} for meant in rows)
    assert all(meant == {(4,)} for meant in lone)


def test_a_block_is_no_row() -> None:
    found = said(
        gatherings.gathered_expressions, group_at([(20, 20), (35, 20), (20, 35), (35, 35), (170, 170)])
    )
    assert found
    assert not any(re.search(r"\b(row|line|lined|side)\b", text) for text in found)


def test_groups_of_other_sizes_are_named_by_their_number() -> None:
    pair, three = [(20, 20), (35, 20)], [(150, 150), (165, 150), (155, 165)]
    found = said(gatherings.gathered_expressions, group_at(pair + three))
    for text, meant in found.items():
        count = next(NUMBERS[word] for word in text.split() if word in NUMBERS)
        assert meant == {(0, 1) if count == 2 else (2, 3, 4)}, text
    assert {len(targets) for meant in found.values() for targets in meant} == {2, 3}


@pytest.mark.parametrize("gap_px", [9, 12, 14])
def test_gaps_that_could_be_read_either_way_are_not_spoken_of(gap_px: int) -> None:
    places = [(20, 20), (34, 20), (34 + 10 + gap_px, 20)]
    assert not said(gatherings.gathered_expressions, group_at(places))


def test_equal_groups_are_not_told_apart() -> None:
    found = said(gatherings.gathered_expressions, group_at([(20, 20), (35, 20), (150, 150), (165, 150)]))
    assert not found


def test_numbers_with_places_are_true_of_all_and_only_those() -> None:
    group = group_at([(10, 10), (20, 40), (170, 30), (160, 160), (180, 180)])
    centres = {thing.index: (thing.x, thing.y) for thing in group.things}
    found = said(gatherings.counted_place_expressions, group)
    assert len(found) > 30
    for text, meant in found.items():
        (targets,) = meant
        assert next(NUMBERS[word] for word in text.split() if word in NUMBERS) == len(targets)
        if "left" in text and not re.search(r"top|upper|bottom|lower", text):
            assert max(centres[one][0] for one in targets) < min(
                centres[one][0] for one in centres if one not in targets
            )


def test_the_middle_one_lies_between_the_others() -> None:
    found = said(gatherings.middle_expressions, group_at([(150, 60), (20, 50), (90, 55)]))
    assert set().union(*found.values()) == {(2,)}
    assert not said(gatherings.middle_expressions, group_at([(20, 20), (90, 150), (150, 20)]))
    assert not said(gatherings.middle_expressions, group_at([(20, 20), (32, 20), (150, 20)]))


def test_all_but_one_leaves_out_the_one_in_the_named_part() -> None:
    group = group_at([(10, 10), (170, 150), (160, 170), (180, 180)])
    found = said(gatherings.all_but_expressions, group)
    assert any("not" in text.split() for text in found)
    assert any(re.search(r"\bone\b", text) for text in found)
    assert set().union(*found.values()) >= {(1, 2, 3)}
    for text, meant in found.items():
        if re.search(r"\bone\b.*\bleft\b", text):
            assert meant == {(1, 2, 3)}


def test_colour_and_place_hold_together() -> None:
    group = group_at([(10, 10), (20, 170), (170, 10), (180, 170)], rgbs=[RED, GRAY, RED, GRAY])
    found = said(gatherings.colour_in_place_expressions, group)
    red_left = {text: meant for text, meant in found.items() if "red" in text.split() and "left" in text}
    assert red_left
    assert all(meant == {(0,)} for text, meant in red_left.items() if "from" not in text)


def test_size_and_place_hold_together() -> None:
    group = group_at([(10, 10), (12, 160), (160, 10), (170, 170)], sides=[30, 10, 30, 10])
    found = said(gatherings.size_in_place_expressions, group)
    for text, meant in found.items():
        is_big = bool(re.search(r"\b(big|large|bigger|larger)\b", text))
        assert all({*targets} <= ({0, 2} if is_big else {1, 3}) for targets in meant), text
    assert {targets for meant in found.values() for targets in meant} >= {(0,), (1,), (2,), (3,)}


def test_only_what_lies_together_is_one_anchor() -> None:
    together = gatherings.as_one(group_at(ROW))
    assert together is not None
    (thing,) = together.things
    assert together.is_set
    assert (thing.left, thing.right) == (0.1, 0.375)
    assert gatherings.as_one(group_at([(20, 20), (150, 150)])) is None
