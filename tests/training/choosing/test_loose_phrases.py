"""Loose phrases mean what a person would point at: checked from the texts and the objects' places."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from geophrase.training.choosing.examples import draw_examples
from geophrase.training.choosing.layouts import Layout
from geophrase.training.choosing.loose_phrases import loose_phrases
from geophrase.training.data.instances import Instance

CANVAS_PX = 320
# Five tanks: two on the left, one left of the middle, two on the right; areas fall in steps from the left.
PLACES_XY_SIDE = ((20, 40, 60), (60, 220, 44), (140, 140, 34), (210, 60, 26), (270, 200, 20))
TANKS = tuple(
    Instance("storage_tank", np.ones((side, side), np.uint8), x, y) for x, y, side in PLACES_XY_SIDE
)


def drawn(pattern: str):
    found = [
        one
        for seed in range(400)
        for one in loose_phrases(TANKS, CANVAS_PX, random.Random(seed), 2)
        if re.search(pattern, one.utterance.text.lower())
    ]
    assert found
    return found


@pytest.mark.parametrize(
    ("pattern", "targets"),
    [
        (r"\b(two|2) (largest|biggest) ", (0, 1)),
        (r"\b(three|3) (smallest|tiniest) ", (2, 3, 4)),
        (r"^(the )?storage tank (on|at) the right( side)?$", (4,)),
        (r"^(?!.*(two|2))[a-z ]*\btanks (on|at|in|to) the right( side| half)?$", (3, 4)),
    ],
)
def test_what_is_meant(pattern, targets):
    for one in drawn(pattern):
        assert one.utterance.targets == targets


def test_an_object_between_left_and_middle_is_left_out_of_the_loss():
    plural = [one for one in drawn(r"tanks on the left( side)?$") if len(one.utterance.targets) == 2]
    unsure = [one for one in plural if one.unsure]
    assert unsure
    assert all(one.unsure == {2} and one.utterance.targets == (0, 1) for one in unsure)
    layout = Layout(TANKS, frozenset({"storage_tank"}))
    examples = [
        one for seed in range(300) for one in draw_examples(layout, random.Random(seed), 0, num_loose=2)
    ]
    cells = 17 * 17
    weights = {
        float(one.weights_O[one.num_cells_O == cells][0])
        for one in examples
        if re.search(r"tanks on the left( side)?$", one.text.lower()) and "two" not in one.text.lower()
    }
    assert 0.0 in weights


def test_a_lone_object_needs_no_telling_apart():
    assert loose_phrases(TANKS[:1], CANVAS_PX, random.Random(0), 5) == []
