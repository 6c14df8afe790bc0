"""Phrases are true: each is read back by rules written here, from the masks alone."""

from __future__ import annotations

import itertools
import random
import re

import numpy as np
import pytest

from geophrase.training.data.colours import certain_name, likely_name, possible_names
from geophrase.training.data.grammar import roughen
from geophrase.training.data.instances import Instance
from geophrase.training.data.lexicon import LEXICON, may_be_confused
from geophrase.training.data.phrases import PhraseSampler, SamplerConfig, Utterance, phrases_for_image
from geophrase.training.data.risors import KINDS

SIDE_PX = 200
CLASSES = ("airplane", "ship", "storage_tank", "tennis_court", "vehicle", "bridge")
CLEAN = SamplerConfig(typo_rate=0.0)


def random_instances(seed: int) -> list[Instance]:
    rng = random.Random(seed)
    palette = [(240, 240, 240), (20, 20, 20), (200, 30, 30), (40, 60, 200), (120, 120, 120)]
    instances = []
    for name in rng.sample(CLASSES[:4], rng.randint(1, 3)):
        for _ in range(rng.randint(1, 5)):
            width, height = rng.randint(6, 50), rng.randint(6, 50)
            left, top = rng.randrange(SIDE_PX - width), rng.randrange(SIDE_PX - height)
            red, green, blue = rng.choice(palette)
            patch_HW = np.ones((height, width), np.uint8)
            instances.append(Instance(name, patch_HW, left, top, mean_rgb=(red, green, blue)))
    return instances


def sampler_for(instances: list[Instance], **changes: object) -> PhraseSampler:
    options: dict[str, object] = {"classes_labelled": CLASSES, "config": CLEAN, **changes}
    return PhraseSampler(instances, width_px=SIDE_PX, height_px=SIDE_PX, **options)  # type: ignore[arg-type]


def drawn(kind: str, num_scenes: int = 150, per_scene: int = 6) -> list[tuple[list[Instance], Utterance]]:
    found = []
    for seed in range(num_scenes):
        instances, rng = random_instances(seed), random.Random(seed)
        sampler = sampler_for(instances)
        found += [(instances, one) for _ in range(per_scene) if (one := sampler.draw(rng, kind)) is not None]
    return found


def centres(instances: list[Instance], utterance: Utterance) -> tuple[np.ndarray, np.ndarray]:
    """Centres in fractions of the objects meant and of the others of their class."""
    inside, outside = [], []
    for index, instance in enumerate(instances):
        ys, xs = np.nonzero(instance.patch_HW)
        centre = (xs.mean() + instance.left_px) / SIDE_PX, (ys.mean() + instance.top_px) / SIDE_PX
        if index in utterance.targets:
            inside.append(centre)
        elif instance.name == utterance.name:
            outside.append(centre)
    return np.array(inside).reshape(-1, 2), np.array(outside).reshape(-1, 2)


def test_class_phrases_mean_every_object_of_the_class() -> None:
    for instances, utterance in drawn("class") + drawn("synonym"):
        named = {index for index, instance in enumerate(instances) if instance.name == utterance.name}
        assert set(utterance.targets) == named
        words = LEXICON[utterance.name]
        spelled = utterance.text.lower().replace("harbour", "harbor").replace("aeroplane", "airplane")
        assert any(
            noun.lower().replace("aeroplane", "airplane") in spelled for noun in words.singular + words.plural
        )


LOW = re.compile(r"\b(left|west\w*|leftmost)\b|(north|south)-?west")
HIGH = re.compile(r"\b(right|east\w*|rightmost)\b|(north|south)-?east")


def test_halves_and_corners_hold_what_they_are_said_to_hold() -> None:
    num_checked = 0
    for instances, utterance in drawn("place", per_scene=9):
        text = utterance.text.lower()
        if re.search(r"est\b|most|far |from|\bvery\b|\b(top|bottom|left|right) (?!left|right)\w+", text):
            continue
        inside, outside = centres(instances, utterance)
        is_left, is_right = bool(LOW.search(text)), bool(HIGH.search(text))
        is_top = bool(re.search(r"\b(top|upper|north)|(north)", text))
        is_bottom = bool(re.search(r"\b(bottom|lower|south)|(south)", text))
        tests = [(is_left, 0, 1), (is_right, 0, -1), (is_top, 1, 1), (is_bottom, 1, -1)]
        active = [(axis, sign) for said, axis, sign in tests if said]
        if not active or "middle" in text:
            continue
        num_checked += 1

        if len(inside) == len(outside) == len(active) == 1:  # "the left one of the two" may lie right, too
            ((axis, sign),) = active
            assert sign * inside[0, axis] < sign * outside[0, axis], text
            continue

        def is_there(points: np.ndarray, active: list[tuple[int, int]] = active) -> np.ndarray:
            return np.all([sign * (0.5 - points[:, axis]) > 0 for axis, sign in active], axis=0)

        assert is_there(inside).all(), (text, inside)
        assert not is_there(outside).any(), (text, outside)
    assert num_checked > 150


def test_order_counts_from_the_side_that_is_named() -> None:
    ordinals = {"first": 0, "second": 1, "third": 2, "fourth": 3}
    sides = {"left": (0, 1), "right": (0, -1), "top": (1, 1), "bottom": (1, -1)}
    num_checked = 0
    for instances, utterance in drawn("place"):
        text = utterance.text.lower()
        match = re.search(r"\b(first|second|third|fourth)\b.*from the (left|right|top|bottom)", text)
        extreme = re.search(r"\b(left|right|top|bottom)most\b", text)
        if match is None and extreme is None:
            continue
        rank, side = (ordinals[match[1]], match[2]) if match else (0, extreme[1])  # type: ignore[index]
        axis, sign = sides[side]
        inside, outside = centres(instances, utterance)
        if len(inside) > 1:
            assert re.search(r"\b(two|three|2|3)\b", text)
            assert (sign * outside[:, axis] > (sign * inside[:, axis]).max()).all(), text
            continue
        assert (sign * outside[:, axis] < sign * inside[0, axis]).sum() == rank, text
        num_checked += 1
    assert num_checked > 100


PLACE = re.compile(
    r"left|right|top|bottom|upper|lower|north|south|east|west|middle|cent(er|re|ral)|highest|lowest|edge|corner"
)


def test_sizes_are_true_by_a_third() -> None:
    num_checked = 0
    for instances, utterance in drawn("size"):
        areas = [int(instances[index].patch_HW.sum()) for index in utterance.targets]
        others = [
            int(instance.patch_HW.sum())
            for index, instance in enumerate(instances)
            if instance.name == utterance.name and index not in utterance.targets
        ]
        assert others
        is_narrowed = bool(PLACE.search(utterance.text.lower()))  # the big ones of a part, not all of them
        if re.search(r"\b(large|larger|largest|big|bigger|biggest|most extensive)\b", utterance.text.lower()):
            assert min(areas) >= 1.33 * (min if is_narrowed else max)(others), utterance
        else:
            assert 1.33 * max(areas) <= (max if is_narrowed else min)(others), utterance
        num_checked += 1
    assert num_checked > 100


def box_of(instances: list[Instance]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of all of them together."""
    return (
        min(one.left_px for one in instances), min(one.top_px for one in instances),
        max(one.right_px for one in instances), max(one.bottom_px for one in instances),
    )  # fmt: skip


def test_relations_hold_against_the_anchor() -> None:
    num_single, num_sets = 0, 0
    for instances, utterance in drawn("relation", num_scenes=400):
        text = utterance.text.lower()
        match = re.search(r"\b(left|right|east|west|north|south)( side)? of |\b(above|below|under) ", text)
        if match is None:
            continue
        said_anchor = text[match.end() :]
        by_name = {one.name: [other for other in instances if other.name == one.name] for one in instances}
        anchors = next(
            same
            for name, same in by_name.items()
            if name != utterance.name
            and any(
                noun.lower() in said_anchor
                for noun in (LEXICON[name].singular if len(same) == 1 else LEXICON[name].plural)
            )
        )
        box = box_of(anchors)
        word = match[1] or match[3]
        axis, sign = {
            "left": (0, 1), "west": (0, 1), "right": (0, -1), "east": (0, -1),
            "above": (1, 1), "north": (1, 1), "below": (1, -1), "south": (1, -1), "under": (1, -1),
        }[word]  # fmt: skip
        anchor_at = (box[axis] + box[axis + 2]) / 2 / SIDE_PX
        inside, outside = centres(instances, utterance)
        assert (sign * (anchor_at - inside[:, axis]) > 0).all(), text
        assert (sign * (anchor_at - outside[:, axis]) <= 0).all(), text
        num_single, num_sets = num_single + (len(anchors) == 1), num_sets + (len(anchors) > 1)
    assert num_single > 40
    assert num_sets > 5


def test_courts_are_of_both_sorts_where_both_are_labelled() -> None:
    places = {"tennis_court": (10, 20), "basketball_court": (150, 160)}
    instances = [
        Instance(name, np.ones((20, 20), np.uint8), left, top)
        for name, lefts in places.items()
        for left, top in zip(lefts, (30, 150), strict=True)
    ]
    meant: dict[str, set[tuple[int, ...]]] = {}
    for labelled in (set(places), {"tennis_court"}):
        sampler = sampler_for(instances, classes_labelled=labelled)
        for seed in range(500):
            utterance = sampler.draw(random.Random(seed), "synonym")
            assert utterance is not None
            if re.search(r"^(all |the |all the )?(sports |playing )?courts$", utterance.text):
                meant.setdefault("+".join(sorted(labelled)), set()).add(tuple(sorted(utterance.targets)))
    assert meant == {"basketball_court+tennis_court": {(0, 1, 2, 3)}}


def test_the_nearest_two_are_nearer_than_the_third() -> None:
    tanks = [Instance("storage_tank", np.ones((10, 10), np.uint8), left, 90) for left in (40, 60, 170)]
    sampler = sampler_for([*tanks, Instance("ship", np.ones((10, 10), np.uint8), 20, 90)])
    meant = set()
    for seed in range(600):
        utterance = sampler.draw(random.Random(seed), "relation")
        if utterance is not None and re.search(r"\b(two|2|pair)\b.*\b(nea|clos)\w+ ", utterance.text):
            meant.add(utterance.targets)
    assert meant == {(0, 1)}


def test_between_is_said_of_what_lies_on_the_line_alone() -> None:
    corners = [("ship", 10, 150), ("airplane", 180, 150), ("vehicle", 90, 155), ("vehicle", 90, 10)]
    instances = [Instance(name, np.ones((10, 10), np.uint8), left, top) for name, left, top in corners]
    sampler = sampler_for(instances)
    said = [one for seed in range(400) if (one := sampler.draw(random.Random(seed), "relation"))]
    between = [one for one in said if "between" in one.text]
    assert between
    assert all(one.targets == (2,) and one.name == "vehicle" for one in between)


def test_lying_and_standing_ones_are_told_apart() -> None:
    shapes = [(40, 12), (40, 12), (12, 40)]
    ships = [Instance("ship", np.ones((h, w), np.uint8), 60 * n, 50) for n, (w, h) in enumerate(shapes)]
    meant: dict[bool, set[tuple[int, ...]]] = {}
    for seed in range(200):
        utterance = sampler_for(ships).draw(random.Random(seed), "attribute")
        words = r"(horizontal|east-west|left to right)|vertical|north-south|up and down"
        match = utterance and re.search(words, utterance.text)
        if utterance and match:
            meant.setdefault(bool(match[1]), set()).add(utterance.targets)
    assert meant == {True: {(0, 1)}, False: {(2,)}}


def test_absent_phrases_name_nothing_in_the_image() -> None:
    num_plain = 0
    for instances, utterance in drawn("absent"):
        assert utterance.is_absent
        present = {instance.name for instance in instances}
        if utterance.name and utterance.name not in present:
            num_plain += 1
            assert utterance.name in CLASSES
            assert not any(may_be_confused(utterance.name, name) for name in present)
    assert num_plain > 100


def test_only_exhaustively_labelled_classes_are_called_absent() -> None:
    instances = random_instances(1)
    sampler = sampler_for(instances, classes_labelled={"bridge"})
    for seed in range(200):
        utterance = sampler.draw(random.Random(seed), "absent")
        assert utterance is None or utterance.name in {"", "bridge", *(one.name for one in instances)}


def test_colours_are_said_only_where_nobody_would_object() -> None:
    assert certain_name((245, 245, 240)) == "white"
    assert certain_name((200, 20, 20)) == "red"
    assert certain_name((30, 60, 220)) == "blue"
    assert certain_name((175, 175, 170)) is None
    assert {"white", "gray"} <= possible_names((175, 175, 170))
    for instances, utterance in drawn("attribute"):
        if "red" in utterance.text.lower().split():
            assert all(instances[index].mean_rgb == (200, 30, 30) for index in utterance.targets)


def test_dull_surfaces_have_the_colour_that_people_see() -> None:
    assert likely_name((74, 84, 118)) == "blue"
    assert likely_name((150, 84, 72)) == "red"
    assert likely_name((165, 105, 70)) == "orange"
    assert likely_name((96, 120, 84)) == "green"
    assert likely_name((190, 190, 184)) == "white"
    assert likely_name((100, 102, 100)) == "gray"
    assert likely_name((155, 155, 150)) is None
    for red, green, blue in itertools.product((30, 90, 140, 220), repeat=3):
        assert likely_name((red, green, blue)) in {None, *possible_names((red, green, blue))}


def colours_said(rgbs: list[tuple[int, int, int]], name: str) -> dict[str, set[tuple[int, ...]]]:
    """What colour words meant on squares of these colours."""
    squares = [
        Instance(name, np.ones((20, 20), np.uint8), 30 * n, 50, mean_rgb=rgb) for n, rgb in enumerate(rgbs)
    ]
    meant: dict[str, set[tuple[int, ...]]] = {}
    for seed in range(400):
        for kind in ("attribute", "absent"):
            utterance = sampler_for(squares, classes_labelled=[name]).draw(random.Random(seed), kind)
            for word in re.findall(r"\b(red|blue|green)", utterance.text.lower() if utterance else ""):
                assert utterance is not None
                if not PLACE.search(utterance.text.lower()):
                    meant.setdefault(word, set()).add(utterance.targets)
    return meant


def test_a_colour_means_those_that_have_it_among_others_that_have_not() -> None:
    meant = colours_said([(150, 84, 72), (74, 84, 118), (72, 84, 120)], "tennis_court")
    assert meant["red"] == {(0,)}
    assert meant["blue"] == {(1, 2)}
    assert meant["green"] == {()}


def test_no_colour_is_said_or_denied_of_what_has_several() -> None:
    assert not colours_said([(150, 84, 72), (74, 84, 118)], "ground_track_field")


def test_no_colour_is_said_of_composites() -> None:
    colour = re.compile(
        r"\b(white|black|red\w*|blue|bluish|green\w*|gray\w*|grey\w*|yellow\w*|orange)\b", re.I
    )
    for seed in range(60):
        sampler, rng = sampler_for(random_instances(seed), colour_ok=False), random.Random(seed)
        for kind in ("attribute", "place", "class", "plural"):
            utterance = sampler.draw(rng, kind)
            assert utterance is None or not colour.search(utterance.text)


def test_crowds_are_neither_counted_nor_compared() -> None:
    crowd = Instance("building", np.ones((50, 50), np.uint8), 10, 10, is_crowd=True)
    sampler = sampler_for([crowd], classes_labelled=("building", "water"))
    for kind in ("size", "relation", "attribute"):
        assert all(sampler.draw(random.Random(seed), kind) is None for seed in range(20))
    text = sampler.draw(random.Random(3), "class")
    assert text is not None
    assert text.targets == (0,)


def test_counted_sets_say_the_true_number() -> None:
    numbers = {"both": 2, "two": 2, "three": 3, "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5}
    num_checked = 0
    for instances, utterance in drawn("plural"):
        said = [numbers[word] for word in re.findall(r"\w+", utterance.text.lower()) if word in numbers]
        if said:
            assert len(utterance.targets) == said[0] == sum(i.name == utterance.name for i in instances)
            num_checked += 1
    assert num_checked > 50


def test_the_same_generator_gives_the_same_words_and_many_different_ones() -> None:
    instances = random_instances(4)
    first = [one.text for one in sampler_for(instances).sample(random.Random(7), 8)]
    assert first == [one.text for one in sampler_for(instances).sample(random.Random(7), 8)]
    texts = {one.text for seed in range(300) for one in sampler_for(instances).sample(random.Random(seed), 4)}
    assert len(texts) > 500


def test_an_image_of_nothing_is_still_asked() -> None:
    assert len(sampler_for([], classes_labelled=()).sample_exactly(random.Random(0), 5)) == 5


def test_typos_never_touch_words_that_carry_the_meaning() -> None:
    for seed in range(300):
        typed = roughen(
            "the second largest airplane from the right", random.Random(seed), typo_rate=1.0
        ).lower()
        assert "second" in typed
        assert "right" in typed
        assert "largest" in typed


def test_stored_phrases_cover_every_class_and_their_masks_are_unions() -> None:
    instances = random_instances(11)
    phrases = phrases_for_image(
        instances, (SIDE_PX, SIDE_PX), random.Random(0), classes_labelled=CLASSES, colour_ok=True
    )
    plain = {phrase.name: phrase for phrase in phrases if phrase.kind == "class"}
    assert plain.keys() == {instance.name for instance in instances}
    for name, phrase in plain.items():
        union_HW = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
        for instance in instances:
            if instance.name == name:
                height, width = instance.patch_HW.shape
                union_HW[
                    instance.top_px : instance.top_px + height, instance.left_px : instance.left_px + width
                ] = 1
        assert np.array_equal(phrase.mask(), union_HW)
    assert {phrase.kind for phrase in phrases} <= set(KINDS)
    assert any(phrase.is_absent for phrase in phrases)


@pytest.mark.parametrize("name", sorted(LEXICON))
def test_every_class_has_words_and_knows_real_neighbours(name: str) -> None:
    words = LEXICON[name]
    assert words.singular
    assert words.plural
    assert all(noun == noun.strip() and noun for noun in words.singular + words.plural)
    assert len(set(words.singular)) == len(words.singular)
