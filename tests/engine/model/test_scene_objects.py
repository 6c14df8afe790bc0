"""Objects and what tells them apart, against scenes laid out by hand."""

import numpy as np
import pytest
from scipy import ndimage

from geophrase.engine.model.rsam.scene_objects import (
    NUM_DESCRIPTORS,
    SceneObjects,
    describe,
    objects_of_mask,
)

SIDE = 100


def mask_of(*boxes):
    mask = np.zeros((SIDE, SIDE), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def described(*boxes, landmarks=()):
    return describe(joined(mask_of(*boxes), mask_of(*landmarks)))


def joined(kind_mask, landmark_mask):
    (kind, labels), (others, other_labels) = objects_of_mask(kind_mask), objects_of_mask(landmark_mask)
    return SceneObjects.joined(kind, others, kind_labels_HW=labels, landmark_labels_HW=other_labels)


def differing_columns(first, second):
    return np.flatnonzero(np.abs(first - second).max(axis=0) > 1e-6)


def test_the_parts_of_a_mask_have_their_boxes_centres_and_areas():
    boxes = [(10, 5, 30, 15), (60, 40, 70, 90)]
    objects, labels = objects_of_mask(mask_of(*boxes))
    assert objects.boxes_xyxy_O4 * SIDE == pytest.approx(np.array(boxes))
    assert objects.areas_O == pytest.approx([0.02, 0.05])
    expected = ndimage.center_of_mass(labels, labels, [1, 2])
    assert objects.centres_xy_O2[:, ::-1] * SIDE == pytest.approx(np.array(expected) + 0.5)


def test_specks_are_no_objects():
    mask = mask_of((10, 10, 20, 20), (50, 50, 52, 51))
    objects, labels = objects_of_mask(mask)
    assert len(objects) == 1
    assert labels.max() == 1
    assert labels[50, 50] == 0


def test_an_empty_mask_has_no_objects():
    objects, labels = objects_of_mask(mask_of())
    assert len(objects) == 0
    assert not labels.any()
    assert describe(objects).shape == (0, NUM_DESCRIPTORS)


def test_mirrored_scenes_swap_the_ranks_from_the_left_and_from_the_right():
    boxes = [(5, 40, 15, 50), (30, 42, 40, 52), (70, 38, 80, 48)]
    mirrored = [(SIDE - right, top, SIDE - left, bottom) for left, top, right, bottom in boxes]
    plain = described(*boxes)
    other = described(*mirrored)
    order = np.argsort([left for left, *_ in boxes])
    order_mirrored = np.argsort([left for left, *_ in mirrored])[::-1]
    is_first = (plain[order] == 1.0) & (plain[order][1:2] == 0.0) & (plain[order][2:3] == 0.0)
    candidates = np.flatnonzero(is_first[0])  # columns that single out the leftmost
    is_last = (other[order_mirrored] == 1.0) & (other[order_mirrored][1:2] == 0.0)
    assert len(candidates) > 0
    assert is_last[0].any()
    assert not np.array_equal(plain[order][0], other[order_mirrored][0])


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_object_has_finite_descriptors_of_about_one(count):
    boxes = [(12 * i, 10 * i, 12 * i + 5 + i, 10 * i + 8) for i in range(count)]
    table = described(*boxes, landmarks=[(80, 2, 98, 12)])
    assert table.shape == (count + 1, NUM_DESCRIPTORS)
    assert np.isfinite(table).all()
    assert np.abs(table).max() < 3


def test_landmarks_change_what_is_said_of_the_kind():
    boxes = [(5, 40, 15, 50), (70, 38, 80, 48)]
    alone, beside = described(*boxes), described(*boxes, landmarks=[(84, 40, 95, 50)])
    columns = differing_columns(alone, beside[:2])
    nearest, farthest = beside[1, columns], beside[0, columns]
    assert len(columns) > 10
    assert not np.array_equal(nearest, farthest)


def test_a_fellow_far_away_changes_no_place_of_an_object():
    alone = described((5, 40, 15, 50))
    with_fellow = described((5, 40, 15, 50), (70, 58, 80, 68))
    columns = differing_columns(alone, with_fellow[:1])
    assert columns.min() >= 26  # boxes, sizes and zones come first


def test_an_objects_colour_is_the_mean_over_its_own_cells():
    mask = mask_of((10, 10, 20, 20), (50, 50, 60, 60))
    colours = np.zeros((3, SIDE, SIDE), np.float32)
    colours[0, 10:20, 10:15] = 1.0  # the left half of the first is red
    colours[2, 50:60, 50:60] = 0.5
    objects, _ = objects_of_mask(mask, colours_CHW=colours)
    assert objects.colours_O3 == pytest.approx(np.array([[0.5, 0, 0], [0, 0, 0.5]]))
    plain, _ = objects_of_mask(mask)
    assert np.isnan(plain.colours_O3).all()
    assert np.isfinite(describe(plain)).all()
    assert 7 <= len(differing_columns(describe(objects), describe(plain))) <= 9


def test_gaps_to_landmarks_are_those_of_the_cells_and_not_of_the_boxes():
    """A river across the image has a box that holds everything."""
    from shapely import MultiPolygon, box

    rows, cols = np.mgrid[:SIDE, :SIDE]
    river = np.abs(rows - cols) < 5
    boxes = [(20, 60, 30, 70), (70, 5, 80, 15), (45, 35, 50, 38)]
    found = joined(mask_of(*boxes), river)
    cells = MultiPolygon(
        [box(col, row, col + 1, row + 1) for row, col in zip(*np.nonzero(river), strict=True)]
    )
    expected = [box(*each).distance(cells) / SIDE for each in sorted(boxes, key=lambda each: each[1])]
    np.testing.assert_allclose(found.landmark_gaps_O[:3], expected, atol=0.005)
    assert found.landmark_gaps_O[3] == 0
