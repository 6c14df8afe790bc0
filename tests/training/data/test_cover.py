"""What is said of areas is true: read back by rules written here, with gaps measured by shapely."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from shapely import box, union_all

from geophrase.training.data.cover import covers_of, in_stretches
from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.phrases import PhraseSampler, SamplerConfig, Utterance

SIDE_PX = 256
CLEAN = SamplerConfig(typo_rate=0.0)
Box = tuple[int, int, int, int]


def area(name: str, *boxes: Box) -> Instance:
    mask_HW = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    for left, top, right, bottom in boxes:
        mask_HW[top:bottom, left:right] = 1
    made = Instance.from_mask(name, mask_HW, is_crowd=True)
    assert made is not None
    return made


def thing(name: str, box_ltrb: Box) -> Instance:
    left, top, right, bottom = box_ltrb
    return Instance(name, np.ones((bottom - top, right - left), np.uint8), left, top)


def in_parts(*instances: Instance) -> list[Instance]:
    return in_stretches(instances, height_px=SIDE_PX, width_px=SIDE_PX)


def said(kind: str, instances: list[Instance], *, num: int = 150) -> list[Utterance]:
    sampler = PhraseSampler(
        instances, width_px=SIDE_PX, height_px=SIDE_PX, classes_labelled=("tree", "water"), config=CLEAN
    )
    drawn = (sampler.draw(random.Random(seed), kind) for seed in range(num))
    return [one for one in drawn if one is not None]


def shape_of(instance: Instance):
    rows, cols = np.nonzero(instance.patch_HW)
    left, top = instance.left_px, instance.top_px
    return union_all(box(cols + left, rows + top, cols + left + 1, rows + top + 1))


def test_stretches_are_the_area_and_nothing_else():
    whole = area("tree", (0, 0, 60, 50), (150, 150, 256, 256), (100, 20, 104, 24))
    parts = in_parts(whole)
    assert len(parts) == 2
    assert sum(part.area_px for part in parts) == whole.area_px
    united = union_mask(parts, height_px=SIDE_PX, width_px=SIDE_PX)
    assert np.array_equal(united, union_mask([whole], height_px=SIDE_PX, width_px=SIDE_PX))


def test_a_crumb_belongs_to_the_nearest_stretch():
    first, _ = in_parts(area("tree", (0, 0, 60, 50), (150, 150, 256, 256), (100, 20, 104, 24)))
    assert first.bbox_xywh == (0, 0, 104, 50)


@pytest.mark.parametrize(("gap_px", "num_stretches"), [(2, 1), (12, 2)])
def test_a_stretch_runs_on_across_a_small_gap(gap_px, num_stretches):
    parts = in_parts(area("water", (0, 100, 100, 150), (100 + gap_px, 100, 256, 150)))
    assert len(parts) == num_stretches


def test_objects_stay_as_they_are():
    ship = thing("ship", (10, 10, 30, 20))
    assert in_parts(ship) == [ship]


def test_many_crumbs_are_not_spoken_of():
    specks = [(left, top, left + 5, top + 5) for left in range(0, 250, 20) for top in range(0, 250, 20)]
    parts = in_parts(area("tree", *specks))
    assert covers_of(parts, SIDE_PX, SIDE_PX) == []
    assert said("place", parts) == []


def test_places_name_the_stretches_that_lie_there():
    parts = in_parts(area("tree", (5, 5, 80, 80), (180, 10, 250, 70), (20, 190, 70, 250)))
    by_place = {
        r"top left|upper left|northwest|north-west": {0},
        r"top right|upper right|northeast|north-east": {1},
        r"bottom left|lower left|southwest|south-west": {2},
    }
    num_checked = 0
    for utterance in said("place", parts):
        for pattern, expected in by_place.items():
            if re.search(rf"\b({pattern})\b", utterance.text.lower()):
                assert {parts[index].bbox_xywh for index in utterance.targets} == {
                    parts[index].bbox_xywh for index in expected
                }
                num_checked += 1
    assert num_checked > 20


def test_a_stretch_through_the_whole_image_has_no_place():
    river = in_parts(area("water", (0, 90, 256, 130)))
    assert said("place", river) == []


def test_the_largest_stretch_is_much_larger_than_the_next():
    clear = in_parts(area("grass", (0, 0, 100, 100), (150, 150, 200, 200)))
    assert {one.targets for one in said("size", clear)} == {(0,)}
    doubtful = in_parts(area("grass", (0, 0, 100, 100), (130, 130, 220, 220)))
    assert said("size", doubtful) == []


def random_scene(seed: int) -> list[Instance]:
    rng = random.Random(seed)

    def somewhere(least: int, most: int) -> Box:
        width, height = rng.randint(least, most), rng.randint(least, most)
        left, top = rng.randrange(SIDE_PX - width), rng.randrange(SIDE_PX - height)
        return left, top, left + width, top + height

    instances = [
        area("water", somewhere(40, 90)),
        area("tree", *(somewhere(20, 60) for _ in range(rng.randint(1, 4)))),
    ]
    return in_parts(*instances, *(thing("tennis_court", somewhere(10, 25)) for _ in range(rng.randint(1, 4))))


NEAR = re.compile(r"next to|beside|near |close to| by |along|bordering|adjacent to| at the")
NOT_NEAR = re.compile(r"away from|far from|not next to|not near")


def test_what_is_by_an_area_is_nearer_to_it_than_the_rest():
    num_near = num_far = num_absent = 0
    for seed in range(30):
        instances = random_scene(seed)
        for one in said("relation", instances, num=10) + said("absent", instances, num=10):
            text = one.text.lower()
            if (
                not one.landmark
                or "+" in one.landmark
                or (not NEAR.search(text) and not NOT_NEAR.search(text))
            ):
                continue
            crowds = {instance.name for instance in instances if instance.is_crowd}
            if not crowds & {one.name, one.landmark} or re.search(
                r"left|right|above|below|north|south", text
            ):
                continue
            landmark = union_all([shape_of(each) for each in instances if each.name == one.landmark])
            gaps = {
                index: shape_of(instance).distance(landmark) / SIDE_PX
                for index, instance in enumerate(instances)
                if instance.name == one.name
            }
            meant = [gaps[index] for index in one.targets]
            rest = [gap for index, gap in gaps.items() if index not in one.targets]
            if NOT_NEAR.search(text):
                assert meant, text
                assert min(meant) > 0.1, text
                num_far += 1
            elif meant:
                assert max(meant) < 0.06, text
                num_near += 1
            else:
                assert min(rest) > 0.1, text
                num_absent += 1
    assert num_near > 20
    assert num_far > 20
    assert num_absent > 5


def test_what_is_in_an_area_is_surrounded_by_it():
    lot = area("parking_lot", (20, 20, 120, 120))
    cars = [thing("car", each) for each in ((60, 60, 66, 64), (40, 90, 46, 94), (200, 200, 206, 204))]
    inside = [one for one in said("relation", [lot, *cars]) if re.search(r"\b(in|on|inside) the", one.text)]
    assert len(inside) > 10
    assert {one.targets for one in inside if "not in" not in one.text} == {(1, 2)}
    outside = [one for one in said("relation", [lot, *cars]) if re.search(r"outside|not in", one.text)]
    assert {one.targets for one in outside} == {(3,)}
