"""What the words of a phrase say about the rest of its image."""

from __future__ import annotations

import pytest

from geophrase.training.data.phrase_scope import is_true_in_crops, names_colour, needs_whole_image


@pytest.mark.parametrize(
    "text",
    [
        "a white airplane",
        "the baseball field",
        "expressway service area",
        "overpass",
        "water",
        "forest",
        "a ship",
    ],
)
def test_names_and_looks_are_true_in_crops(text: str) -> None:
    assert is_true_in_crops(text)


@pytest.mark.parametrize(
    "text",
    [
        "the plane on the left",
        "The Upper Left tank",
        "largest ship",
        "a small vehicle",
        "a tank next to the building",
        "the second car",
        "all but one plane",
        "the center tank",
        "the northernmost pond",
        "vehicle near a bridge",
        "three ships",
        "the bigger of the two",
        "a building surrounded by trees",
    ],
)
def test_places_sizes_relations_and_numbers_need_the_whole_image(text: str) -> None:
    assert not is_true_in_crops(text)


@pytest.mark.parametrize(
    ("text", "is_needed"),
    [
        ("A basketball court", False),
        ("the red storage tank", False),
        ("an oval stadium with a white roof", False),
        ("the overpass", False),
        ("the vehicle on the lower left", True),
        ("the bridge in the center", True),
        ("the second court from the top", True),
        ("the largest ship", True),
        ("The small ground track field is to the right of the bridge", True),
        ("a ship near the harbour", True),
        ("the northernmost tank", True),
    ],
)
def test_a_phrase_that_speaks_of_its_surroundings_is_known(text: str, is_needed: bool) -> None:
    assert needs_whole_image(text) is is_needed


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("a greyish roof", True),
        ("dark water", True),
        ("the coloured courts", True),
        ("the blackberry field", False),
    ],
)
def test_words_of_colour_are_known(text: str, is_named: bool) -> None:
    assert names_colour(text) is is_named
