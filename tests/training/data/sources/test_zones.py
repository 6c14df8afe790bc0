"""Splits of one raster's images: each an area of its own."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from geophrase.training.data.sources.zones import split_by_zones

CELLS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), unique=True, max_size=120)


@given(CELLS)
def test_no_image_has_a_neighbour_in_another_split(cells: list[tuple[int, int]]) -> None:
    split_of = dict(zip(cells, split_by_zones(cells), strict=True))
    for (row, col), split in split_of.items():
        near = {(row + down, col + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
        assert {split_of[cell] for cell in near & split_of.keys()} <= {split, ""} or split == ""


@given(CELLS)
def test_training_is_never_empty(cells: list[tuple[int, int]]) -> None:
    splits = split_by_zones(cells)
    assert ("train" in splits) == bool(cells)


def test_shares_of_a_large_area_are_those_asked_for() -> None:
    cells = [(row, col) for row in range(20) for col in range(40)]
    counts = Counter(split_by_zones(cells))
    assert counts["test"] == 0.15 * 800
    assert counts["val"] == 0.10 * 800
    assert counts[""] == 2 * 20
    turned = Counter(split_by_zones([(col, row) for row, col in cells]))
    assert turned == counts


def test_a_gap_without_images_costs_none() -> None:
    cells = [(0, col) for col in (*range(12), 13, 14, 16, 17, 18)]
    splits = dict(zip(cells, split_by_zones(cells), strict=True))
    assert splits[0, 16] == splits[0, 17] == splits[0, 18] == "test"
    assert splits[0, 13] == splits[0, 14] == "val"
    assert "" not in splits.values()


def test_small_areas_keep_what_they_can() -> None:
    assert split_by_zones([(0, 0), (0, 1)]) == ["train", "train"]
    assert split_by_zones([(0, col) for col in range(4)]) == ["train", "train", "", "val"]
    assert split_by_zones([(0, col) for col in range(5)]) == ["train", "", "val", "", "test"]
