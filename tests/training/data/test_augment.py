from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from geophrase.engine.input_frame import normalised_input
from geophrase.training.data.augment import (
    AugmentConfig,
    View,
    black_boxes,
    paste_instances,
    photometric,
    random_view,
    view_instances,
    whole_view,
)
from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.symmetry import Symmetry, turn_text


def blob(height_px: int, width_px: int, seed: int) -> tuple[np.ndarray, Instance]:
    rng = np.random.default_rng(seed)
    y, x = rng.uniform(0.2, 0.8) * height_px, rng.uniform(0.2, 0.8) * width_px
    rows, cols = np.mgrid[:height_px, :width_px]
    mask_HW = (((rows - y) / rng.uniform(8, 30)) ** 2 + ((cols - x) / rng.uniform(8, 30)) ** 2 < 1).astype(
        np.uint8
    )
    instance = Instance.from_mask("ship", mask_HW)
    assert instance is not None
    return mask_HW, instance


@pytest.mark.parametrize("seed", range(24))
def test_an_object_stays_on_its_pixels_through_every_view(seed: int) -> None:
    mask_HW, instance = blob(120, 170, seed)
    image_HWC = np.repeat(mask_HW[..., None] * 255, 3, axis=2)
    config = AugmentConfig(crop_scale=(0.5, 2.0))
    view = random_view((120, 170), 96, config, random.Random(seed), focus=instance)
    shown_HW = view.image(image_HWC)[..., 0] > 127
    moved_HW = union_mask(view_instances(view, [instance]), height_px=96, width_px=96)
    whole_HW = view.mask(mask_HW)
    for other_HW in (shown_HW, whole_HW):
        differing_px = np.count_nonzero(moved_HW != other_HW)
        outline_px = 4 * (np.sqrt(max(shown_HW.sum(), 1)) + 1)
        assert differing_px <= 0.35 * outline_px + 2


def test_the_whole_image_view_is_a_plain_squash() -> None:
    _, instance = blob(100, 200, 3)
    view = whole_view(200, 100, 100)
    (moved,) = view_instances(view, [instance])
    x, y = instance.centroid_xy
    assert moved.centroid_xy == pytest.approx((x / 2, y), abs=0.6)
    assert moved.visible_fraction == 1.0


def test_what_a_crop_cuts_off_is_known() -> None:
    instance = Instance("ship", np.ones((10, 40), np.uint8), 30, 20)
    (half,) = view_instances(View(50, 0, 100, 100, 100), [instance])
    assert half.visible_fraction == pytest.approx(0.5, abs=0.02)
    assert half.bbox_xywh == (0, 20, 20, 10)
    assert view_instances(View(80, 0, 100, 100, 100), [instance]) == []


def test_outside_the_image_is_black() -> None:
    image_HWC = np.full((50, 50, 3), 200, np.uint8)
    result_HWC = View(-25, -25, 100, 100, 100).image(image_HWC)
    assert result_HWC[:20].max() == 0
    assert result_HWC[30:70, 30:70].min() == 200


@pytest.mark.parametrize("symmetry", list(Symmetry))
def test_words_of_direction_follow_the_pixels(symmetry: Symmetry) -> None:
    """A spot in each side and corner is followed through numpy's own flips and turns."""
    spots = {"left": (10, 1), "right": (10, 19), "top": (1, 10), "bottom": (19, 10)}
    spots |= {"top left": (1, 1), "top right": (1, 19), "bottom left": (19, 1), "bottom right": (19, 19)}
    where = {spot: words for words, spot in spots.items()}
    is_mirrored, turns = symmetry.value
    for words, (row, col) in spots.items():
        grid_HW = np.zeros((21, 21), np.uint8)
        grid_HW[row, col] = 1
        moved_HW = np.rot90(np.fliplr(grid_HW) if is_mirrored else grid_HW, turns)
        new_row, new_col = (int(found[0]) for found in np.nonzero(moved_HW))
        expected = where[(new_row, new_col)]
        assert turn_text(f"the ship in the {words}", symmetry) == f"the ship in the {expected}"
        compass = {"top": "north", "bottom": "south", "left": "west", "right": "east"}
        old_compass = "".join(compass[word] for word in words.split())
        new_compass = "".join(compass[word] for word in expected.split())
        assert turn_text(f"the {old_compass} bank", symmetry) == f"the {new_compass} bank"
        assert symmetry.box_corner((col, row, 1, 1), 21) == (new_col, new_row)


@pytest.mark.parametrize(
    ("text", "mirrored", "upside_down"),
    [
        ("the second ship from the left", "the second ship from the right", "the second ship from the right"),
        (
            "the house to the left of the pool",
            "the house to the right of the pool",
            "the house to the right of the pool",
        ),
        ("uppermost plane", "uppermost plane", "lowermost plane"),
        ("the car below the tree", "the car below the tree", "the car above the tree"),
        ("upper-right tank", "upper-left tank", "lower-left tank"),
        ("the north-western corner", "the north-eastern corner", "the south-eastern corner"),
        ("the bright leftover container", "the bright leftover container", "the bright leftover container"),
        (
            "Left airplane, Near the North-East gate",
            "right airplane, Near the north-west gate",
            "right airplane, Near the south-west gate",
        ),
        ("TO THE LEFT OF THE POOL", "to the right of THE POOL", "to the right of THE POOL"),
    ],
)
def test_turned_phrases_read_as_people_write(text: str, mirrored: str, upside_down: str) -> None:
    assert turn_text(text, Symmetry.MIRROR) == mirrored
    assert turn_text(text, Symmetry.TURN_180) == upside_down
    assert turn_text(text, Symmetry.IDENTITY) == text


def test_turning_back_gives_the_phrase_again() -> None:
    inverse = {Symmetry.TURN_90: Symmetry.TURN_270, Symmetry.TURN_270: Symmetry.TURN_90}
    for symmetry in Symmetry:
        turned = turn_text("the lower left ship north of the leftmost tank", symmetry)
        assert turned is not None
        back = turn_text(turned, inverse.get(symmetry, symmetry))
        assert back == "the lower left ship north of the leftmost tank"


@pytest.mark.parametrize(
    "text",
    [
        "the second row of tanks",
        "a horizontally parked car",
        "the car on top of the bridge",
        "the boat beneath the bridge",
        "the left-hand court",
        "an Eastbound truck",
    ],
)
def test_what_cannot_be_turned_is_given_up(text: str) -> None:
    assert turn_text(text, Symmetry.TURN_90) is None
    assert turn_text(text, Symmetry.IDENTITY) == text


def test_pasted_objects_overlap_nothing_and_lie_where_they_say() -> None:
    image_HWC = np.full((100, 100, 3), 50, np.uint8)
    donor_HWC = np.full((100, 100, 3), 250, np.uint8)
    own = Instance("ship", np.ones((30, 30), np.uint8), 10, 10)
    donated = [
        Instance("ship", np.ones((12, 9), np.uint8), 70, 70),
        Instance("ship", np.ones((100, 100), np.uint8), 0, 0),
    ]
    result_HWC, instances = paste_instances(image_HWC, [own], donor_HWC, donated, random.Random(5))
    assert len(instances) == 2
    union_HW = union_mask(instances, height_px=100, width_px=100)
    assert union_HW.sum() == 900 + 108
    assert np.array_equal(
        result_HWC[..., 0] > 150, union_mask(instances[1:], height_px=100, width_px=100) > 0
    )
    assert image_HWC.max() == 50


def test_light_changes_keep_shape_and_type_and_something_to_see() -> None:
    image_HWC = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    always = AugmentConfig(photometric=1, gray=1, swap_infrared=1, blur=1, haze=1, noise=1, jpeg=1)
    for seed in range(20):
        changed_HWC = photometric(image_HWC, always, random.Random(seed))
        assert changed_HWC.shape == image_HWC.shape
        assert changed_HWC.dtype == np.uint8
        assert changed_HWC.std() > 2
    never = AugmentConfig(photometric=0, gray=0, swap_infrared=0, blur=0, haze=0, noise=0, jpeg=0)
    assert np.array_equal(photometric(image_HWC, never, random.Random(0)), image_HWC)


def test_black_boxes_have_rmsins_number_and_size() -> None:
    image_HWC = np.full((800, 800, 3), 255, np.uint8)
    for seed in range(5):
        covered_px = int((black_boxes(image_HWC, random.Random(seed))[..., 0] == 0).sum())
        assert 10 * 32 * 32 < covered_px <= 60 * 32 * 32


@pytest.mark.parametrize("shape_hw", [(64, 64), (100, 75)])
def test_a_whole_image_that_grows_is_what_inference_sees_up_to_its_edges(shape_hw: tuple[int, int]) -> None:
    image_HWC = np.random.default_rng(0).integers(0, 256, (*shape_hw, 3), np.uint8)
    shown_HWC = whole_view(shape_hw[1], shape_hw[0], 128).image(image_HWC)
    cpu = torch.device("cpu")
    training, inference = (
        normalised_input(x_HWC[None], image_px=128, device=cpu) for x_HWC in (shown_HWC, image_HWC)
    )
    level = 1 / 255 / 0.224  # of ImageNet's least standard deviation, which inputs are divided by
    assert float((training - inference).abs().max()) < 0.6 * level  # samples are rounded to whole levels
