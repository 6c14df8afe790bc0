"""What is held back to judge by: never what was learned from, nor the same ground."""

from __future__ import annotations

import json

import pytest

from geophrase.training.corrections.held_out import read_corrections
from geophrase.training.data.risors import RisorsError, write_split
from geophrase.training.errors import TrainingError


def stems(images):
    return {image.path.stem for image in images}


def test_every_image_is_on_one_side_and_the_same_one_each_time(export):
    root = export(20)
    first, second = read_corrections([root]), read_corrections([root])
    assert first == second
    assert stems(first.train) | stems(first.held_out) == {f"town_{number}" for number in range(20)}
    assert not stems(first.train) & stems(first.held_out)
    assert 2 <= len(first.held_out) <= 10


def test_further_corrections_move_no_image_to_the_other_side(export):
    before = read_corrections([export(40, name="a")])
    after = read_corrections([export(40, name="a"), export(40, name="b")])
    assert stems(before.held_out) == {stem for stem in stems(after.held_out) if stem.startswith("a_")}


def test_images_of_the_same_ground_stay_together(export):
    # Images are 32 m wide: each overlaps the next of its street, and the streets lie apart.
    places = [1000.0 * (number // 4) + 20.0 * (number % 4) for number in range(24)]
    found = read_corrections([export(24, places=places)])
    street_of = {f"town_{number}": number // 4 for number in range(24)}
    held = {street_of[stem] for stem in stems(found.held_out)}
    learned = {street_of[stem] for stem in stems(found.train)}
    assert held
    assert learned
    assert not held & learned


def test_images_that_only_touch_are_apart(export):
    places = [32.0 * number for number in range(12)]
    found = read_corrections([export(12, places=places)])
    assert len(found.held_out) >= 2


def test_one_place_can_not_judge_itself(export):
    root = export(12, places=[float(number) for number in range(12)])
    with pytest.raises(TrainingError, match="--unguarded"):
        read_corrections([root])


@pytest.mark.parametrize("num_images", [1, 4])
def test_too_few_images_are_told_and_may_be_used_unjudged(export, num_images):
    root = export(num_images)
    with pytest.raises(TrainingError, match="correct at least 5 places"):
        read_corrections([root])
    unjudged = read_corrections([root], is_judged=False)
    assert (len(unjudged.train), len(unjudged.held_out)) == (num_images, 0)


def test_a_val_split_is_held_back_and_a_test_split_left_alone(export):
    root = export(9)
    write_split(root, "train", [f"town_{number}" for number in range(5)])
    write_split(root, "val", ["town_5", "town_6"])
    write_split(root, "test", ["town_7", "town_8"])
    found = read_corrections([root])
    assert stems(found.held_out) == {"town_5", "town_6"}
    assert stems(found.train) == {f"town_{number}" for number in range(5)}


def test_a_train_image_of_the_ground_that_is_held_back_is_not_learned_from(export):
    root = export(6, places=[0.0, 1000.0, 2000.0, 3000.0, 4000.0, 4010.0])
    write_split(root, "train", [f"town_{number}" for number in range(5)])
    write_split(root, "val", ["town_5"])
    found = read_corrections([root])
    assert stems(found.train) == {"town_0", "town_1", "town_2", "town_3"}


@pytest.mark.parametrize("content", ["nothing", "empty"])
def test_a_folder_without_corrections_is_a_sentence(tmp_path, content):
    if content == "empty":
        write_split(tmp_path, "train", [])
    with pytest.raises((RisorsError, TrainingError), match="has no"):
        read_corrections([tmp_path])


def test_estimated_masks_judge_nothing(export):
    root = export(8)
    for path in (root / "annotations").glob("*.json"):
        document = json.loads(path.read_text())
        document["image"]["is_approximate"] = True
        path.write_text(json.dumps(document))
    with pytest.raises(TrainingError, match="--unguarded"):
        read_corrections([root])
    assert len(read_corrections([root], is_judged=False).train) == 8
