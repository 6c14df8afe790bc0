"""Phrases of foreign folders stay true of every view that they are asked of."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.dataset import PhraseDataset
from geophrase.training.data.risors import Phrase, read_split, write_sample, write_split
from geophrase.training.data.stored_phrases import draw_stored

HEIGHT_PX, WIDTH_PX = 120, 160
CROPS = AugmentConfig(whole_image=0.0, crop_scale=(1.0, 2.0), turn=0.5)


def box(left: int, top: int, side_px: int = 24) -> np.ndarray:
    mask_HW = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    mask_HW[top : top + side_px, left : left + side_px] = 1
    return mask_HW


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A plane at the left, a tank at the right, nothing else; RISORS as others write it, without objects."""
    plane_HW, tank_HW = box(10, 12), box(120, 80)
    image_HWC = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    image_HWC[plane_HW > 0, 0] = 255
    image_HWC[tank_HW > 0, 1] = 255
    phrases = [
        Phrase.from_mask("a red plane", plane_HW, kind="class", name="airplane"),
        Phrase.from_mask("the tank on the right", tank_HW, kind="class", name="storage_tank"),
        Phrase.from_mask("a ship", np.zeros_like(plane_HW), kind="absent", name="ship"),
    ]
    write_sample(tmp_path, "a", image_HWC, phrases)
    write_split(tmp_path, "train", ["a"])
    return tmp_path


def test_a_crop_shows_its_phrase_and_others_are_asked_of_the_whole_image(root: Path) -> None:
    (record,) = read_split(root, "train")
    seen: dict[str, set[bool]] = {}
    for seed in range(120):
        view, usable = draw_stored(record, 64, CROPS, random.Random(seed))
        is_whole = (view.left, view.top, view.width, view.height) == (0, 0, WIDTH_PX, HEIGHT_PX)
        assert usable
        for phrase, _ in usable:
            shown_px = np.count_nonzero(view.mask(phrase.mask()))
            assert phrase.is_absent == (shown_px == 0)
            seen.setdefault(phrase.text, set()).add(is_whole)
    assert seen["the tank on the right"] == {True}
    assert seen["a red plane"] == seen["a ship"] == {True, False}


def test_phrases_of_colour_keep_theirs(root: Path) -> None:
    always = AugmentConfig(
        whole_image=0.0, crop_scale=(1.0, 2.0), gray=1.0, swap_infrared=1.0, black_boxes=0.0
    )
    data = PhraseDataset([root], "train", image_px=64, queries_per_image=1, augment=always, seed=1)
    num_red = num_other = 0
    for epoch in range(40):
        data.set_epoch(epoch)
        (query,) = data[0].queries
        inside_PC = data[0].image_HWC[query.mask_HW > 0].astype(int)
        if query.text == "a red plane":
            red, green, blue = inside_PC.mean(axis=0)
            assert red > max(green, blue) + 40
            num_red += 1
        elif not query.is_absent:
            assert np.ptp(inside_PC, axis=1).max() < 40  # made gray
            num_other += 1
    assert min(num_red, num_other) >= 3


def test_masks_follow_the_object_through_crops_and_turns(root: Path) -> None:
    data = PhraseDataset([root], "train", image_px=64, queries_per_image=5, augment=CROPS, seed=1)
    plain = {"photometric", "gray", "swap_infrared", "blur", "haze", "noise", "jpeg", "black_boxes"}
    data._augment = AugmentConfig(
        whole_image=0.0, crop_scale=(1.0, 2.0), turn=0.5, **dict.fromkeys(sorted(plain), 0.0)
    )
    sides = set()
    for epoch in range(60):
        data.set_epoch(epoch)
        sample = data[0]
        assert len(sample.queries) == 5
        for query in sample.queries:
            channel = {"airplane": 0, "storage_tank": 1, "ship": 2}[query.name]
            shown_HW = sample.image_HWC[..., channel] > 127
            differing_px = np.count_nonzero(shown_HW != (query.mask_HW > 0))
            assert differing_px <= 2 * np.sqrt(max(shown_HW.sum(), 1)) + 2, query.text
            if query.name == "storage_tank":
                sides.add(query.text.split()[-1])
    assert sides == {"left", "right", "top", "bottom"}


def test_what_vanishes_where_the_view_shrinks_is_not_asked_for(root: Path) -> None:
    (record,) = read_split(root, "train")
    speck_HW = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    speck_HW[1, 1] = 1
    phrases = [
        *record.phrases,
        Phrase.from_mask("a buoy", speck_HW, kind="class", name="buoy"),
    ]
    write_sample(root, "a", np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8), phrases)
    dataset = PhraseDataset([root], "train", image_px=32, queries_per_image=4, augment=None, seed=0)
    asked = set()
    for epoch in range(10):
        dataset.set_epoch(epoch)
        queries = dataset[0].queries
        assert len(queries) == 4
        assert all(query.is_absent == (not query.mask_HW.any()) for query in queries)
        asked |= {query.text for query in queries}
    assert asked == {phrase.text for phrase in record.phrases}
