"""Which phrases name a class, and which hold for one picture alone."""

from __future__ import annotations

import pytest

from geophrase.training.corrections.wording import class_key, is_akin, plain_name
from geophrase.training.data.lexicon import LEXICON


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Buildings", "building"),
        ("the swimming pools", "swimming_pool"),
        ("all rooftops", "building"),
        ("blue tarps", "blue_tarps"),
        ("vessels", "ship"),
        ("water", "water"),
    ],
)
def test_a_class_is_known_by_any_of_its_names_or_by_its_own_words(text, key):
    assert class_key(text) == key


@pytest.mark.parametrize(
    "text",
    [
        "the white building north of the river",
        "largest ship",
        "the tank in the top left corner",
        "three cars",
        "trees along the road",
        "please show me every single roof here",
        "",
    ],
)
def test_what_places_compares_or_counts_is_no_class(text):
    assert class_key(text) is None


def test_every_class_of_the_lexicon_is_known_by_its_plain_name():
    assert all(class_key(plain_name(key)) == key for key in LEXICON)


def test_what_may_mean_the_same_is_akin():
    assert is_akin("building", "warehouse")
    assert is_akin("pools", "swimming_pool")
    assert not is_akin("building", "airplane")
    assert not is_akin("blue_tarps", "tennis_court")
