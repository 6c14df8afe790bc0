"""What phrases mean of the objects in a mask, against geometry that is worked out here."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import replace

import numpy as np
import pytest

from geophrase.engine.model.rsam.scene_objects import NUM_DESCRIPTORS
from geophrase.training.choosing.chunks import ExampleChunks, stream
from geophrase.training.choosing.config import ChoosingConfig
from geophrase.training.choosing.drawn_layouts import drawn_layout
from geophrase.training.choosing.examples import NoiseConfig, draw_examples
from geophrase.training.choosing.layouts import SIDE_PX, Layout, RecordedLayouts, cells_of
from geophrase.training.choosing.validation import best_iou, iou_of
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import write_sample, write_split
from geophrase.training.data.typed_phrases import TypedPhrase

COLOURS = slice(28, 31)  # after the place, the landmark's mark and whether a colour is known
WHITE, BLACK = (240.0, 240.0, 240.0), (20.0, 20.0, 20.0)


def square(name: str, left: int, top: int, side: int, rgb=WHITE) -> Instance:
    return Instance(name, np.ones((side, side), np.uint8), left, top, mean_rgb=rgb)


def layout_of(*instances: Instance) -> Layout:
    names = frozenset(instance.name for instance in instances)
    return Layout(instances, names, has_colours=True)


def examples_matching(layout: Layout, pattern: str, **options):
    drawn = [one for seed in range(60) for one in draw_examples(layout, random.Random(seed), 12, **options)]
    found = [one for one in drawn if re.search(pattern, one.text.lower())]
    assert found, f"no phrase like {pattern}"
    return found


# Sides tell the objects apart: 5, 8, 12 and 20 cells from the right to the left and back.
TANKS = layout_of(
    square("storage_tank", 250, 40, 10),
    square("storage_tank", 20, 120, 16),
    square("storage_tank", 170, 220, 24),
    square("storage_tank", 80, 20, 40),
)


@pytest.mark.parametrize(
    ("pattern", "cells"),
    [
        (r"\b(leftmost|westernmost) [a-z ]*\b(tank|silo)", 8 * 8),
        (r"\b(rightmost|easternmost) [a-z ]*\b(tank|silo)", 5 * 5),
        (r"\b(second|2nd) [a-z ]*from the left", 20 * 20),
        (r"\b(topmost|northernmost) [a-z ]*\b(tank|silo)", 20 * 20),
        (r"\b(largest|biggest) [a-z ]*\b(tank|silo)", 20 * 20),
        (r"\b(smallest|tiniest) [a-z ]*\b(tank|silo)", 5 * 5),
    ],
)
def test_superlatives_mean_the_object_that_geometry_says(pattern, cells):
    for example in examples_matching(TANKS, pattern):
        if re.search(r"except|but|other than|without|apart|besides|two|three|\d", example.text.lower()):
            continue
        assert example.num_cells_O[example.is_meant_O > 0].tolist() == [cells]
        assert sorted(example.num_cells_O.tolist()) == [25, 64, 144, 400]
        assert example.descriptors_OF.shape == (4, NUM_DESCRIPTORS)
        assert example.weights_O == pytest.approx([0.25] * 4)


def test_merged_neighbours_that_are_partly_meant_are_left_out_of_the_loss():
    layout = layout_of(square("ship", 20, 100, 40), square("ship", 60, 100, 40), square("ship", 220, 110, 30))
    for example in examples_matching(layout, r"\b(leftmost|westernmost) "):
        merged = example.num_cells_O == 2 * 20 * 20
        if example.num_target_cells == 20 * 20:
            assert example.weights_O[merged].tolist() == [0]
            assert example.weights_O[~merged].tolist() == [1]
            assert example.is_meant_O[~merged].tolist() == [0]


def test_a_relation_is_described_with_its_landmark():
    layout = layout_of(
        square("ship", 40, 40, 20), square("ship", 260, 250, 20), square("windmill", 70, 45, 16)
    )
    found = examples_matching(layout, r"(next to|beside|near|nearest|closest to|left of) the (wind|turbine)")
    for example in found:
        near = np.argmin(np.arange(2))  # the first in reading order is the upper one
        assert example.is_meant_O.tolist() == [1, 0]
        assert not np.allclose(example.descriptors_OF[near], example.descriptors_OF[1 - near])
    alone = draw_examples(layout_of(*layout.instances[:2]), random.Random(0), 4)
    assert not np.allclose(alone[0].descriptors_OF, found[0].descriptors_OF)


def test_colours_are_seen_where_they_are_known():
    layout = layout_of(
        *(square("ship", 20 + 90 * i, 50 + 40 * i, 20, BLACK if i else WHITE) for i in range(3))
    )
    for example in examples_matching(layout, r"\bwhite (ship|boat|vessel)"):
        assert example.is_meant_O.sum() == 1
        lightest_O = example.descriptors_OF[:, COLOURS].sum(axis=1)
        assert lightest_O.argmax() == example.is_meant_O.argmax()
    unknown = Layout(layout.instances, layout.classes_labelled)
    for example in draw_examples(unknown, random.Random(0), 8):
        assert not example.descriptors_OF[:, COLOURS].any()


def test_a_phrase_about_an_empty_part_means_none_of_the_kind():
    layout = layout_of(*(square("ship", 20 + 40 * i, 50, 20) for i in range(3)))
    absent = [one for one in examples_matching(layout, ".") if one.kind == "absent"]
    assert absent
    for example in absent:
        assert not example.is_meant_O.any()
        assert example.weights_O.sum() == pytest.approx(1.0)
        assert best_iou(example) == 1.0
        assert iou_of(example, example.is_meant_O > 0) == 1.0
        assert iou_of(example, example.is_meant_O == 0) == 0.0


def test_specks_are_never_meant():
    noise = NoiseConfig(lost=0.0, thickened=0.0, thinned=0.0, specks=1.0, cut=0.0)
    drawn = [one for seed in range(40) for one in draw_examples(TANKS, random.Random(seed), 8, noise=noise)]
    with_specks = [one for one in drawn if len(one.num_cells_O) > 4]
    assert any((example.num_cells_O < 25).any() for example in with_specks)
    for example in with_specks:
        assert not example.is_meant_O[example.num_cells_O < 25].any()  # no tank is smaller


def test_the_best_of_whole_objects_is_what_trying_every_set_finds():
    noise = NoiseConfig(lost=0.0, thickened=0.5, thinned=0.3, specks=0.5)
    rng, tried = random.Random(5), 0
    while tried < 60:
        for example in draw_examples(drawn_layout(rng), rng, 6, noise=noise):
            count = len(example.num_cells_O)
            if count > 6:
                continue
            sets = itertools.product((False, True), repeat=count)
            best = max(iou_of(example, np.array(chosen)) for chosen in sets)
            assert best_iou(example) == pytest.approx(best)
            tried += 1


def test_a_chunk_depends_on_seed_and_number_alone():
    config = ChoosingConfig(layouts_per_chunk=3, phrases_per_layout=4, seed=7)
    chunks = ExampleChunks(None, config)
    first, again = chunks[5], ExampleChunks(None, config)[5]
    assert [one.text for one in first] == [one.text for one in again]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.descriptors_OF, other.descriptors_OF)
        np.testing.assert_array_equal(one.is_meant_O, other.is_meant_O)
    assert [one.text for one in first] != [one.text for one in chunks[6]]
    streamed = next(stream(chunks, 5, workers=0))
    assert [one.text for one in streamed] == [one.text for one in first]


def test_annotated_images_become_layouts_of_their_proportions(tmp_path):
    mask_HW = np.zeros((100, 200), np.uint8)
    mask_HW[20:40, 100:150] = 1
    instance = Instance.from_mask("ship", mask_HW)
    write_sample(tmp_path, "a", np.zeros((100, 200, 3), np.uint8), [], instances=[instance])
    write_split(tmp_path, "train", ["a"])
    recorded = RecordedLayouts([tmp_path], "train")
    (whole,) = recorded.whole(0).instances
    box = np.array(whole.bbox_xywh) / SIDE_PX
    np.testing.assert_allclose(box, [0.5, 0.2, 0.25, 0.2], atol=1.5 / SIDE_PX)
    assert cells_of([whole]).mean() == pytest.approx(0.05, abs=0.003)
    assert recorded.view(0, random.Random(1)).names <= {"ship"}


def test_what_people_typed_is_chosen_by_its_own_noun_and_only_where_its_looks_can_be_seen():
    tugs = tuple(
        replace(square("ship", left, 100, 20), tag=tag) for left, tag in ((20, "1"), (100, "2"), (200, "3"))
    )
    typed = (
        TypedPhrase("the tug furthest left", "place", ("2",), noun=("2", "3")),
        TypedPhrase("rusty ships", "attribute", ("3",)),
        TypedPhrase("ship near the lower edge", "absent", (), noun=("1", "2", "3")),
        TypedPhrase("submarines", "absent", (), noun=()),
        TypedPhrase("ship at the pier", "relation", ("1",), landmarks=("pier",)),
    )
    layout = Layout(tugs, frozenset({"ship"}), typed=typed)

    def drawn(layout):
        examples = draw_examples(layout, random.Random(0), 0, num_typed=5)
        return {example.text: example for example in examples}

    found = drawn(layout)
    assert set(found) == {"the tug furthest left", "ship near the lower edge"}
    assert found["the tug furthest left"].is_meant_O.tolist() == [1, 0]
    assert found["ship near the lower edge"].is_meant_O.tolist() == [0, 0, 0]
    assert drawn(replace(layout, has_colours=True))["rusty ships"].is_meant_O.tolist() == [0, 0, 1]
    assert len(draw_examples(layout, random.Random(0), 0, num_typed=0)) == 0
