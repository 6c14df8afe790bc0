"""Places of training images: every object is shown, and shown where it was before."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from geophrase.qgis_plugin.core.export.chips import Chip, ObjectBox, planned_chips

FRAME_PX = (3000, 2000)


def _box(left: float, top: float, width: float, height: float) -> ObjectBox:
    return ObjectBox(left, top, left + width, top + height, (left + width / 2, top + height / 2))


def _shows(chip: Chip, box: ObjectBox, side_px: int) -> bool:
    inside_x = chip.left_pix <= box.left_pix + 1e-6 and box.right_pix - 1e-6 <= chip.left_pix + side_px
    return inside_x and chip.top_pix <= box.top_pix + 1e-6 and box.bottom_pix - 1e-6 <= chip.top_pix + side_px


boxes = st.lists(
    st.builds(
        _box,
        st.floats(0, 2790),
        st.floats(0, 1790),
        st.floats(0.5, 400),
        st.floats(0.5, 400),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(boxes, st.sampled_from([200, 401, 800]))
def test_each_object_that_fits_is_shown_whole_and_each_anchor_once(found, side_px):
    chips = planned_chips(found, [], side_px=side_px, frame_px=FRAME_PX)
    assert len(chips) <= len(found)
    for box in found:
        assert any(chip.holds(box.anchor_pix, side_px) for chip in chips)
        if not box.is_larger_than(side_px):
            assert any(_shows(chip, box, side_px) for chip in chips)
    assert all(chip.left_pix == int(chip.left_pix) for chip in chips)


@settings(max_examples=100, deadline=None)
@given(boxes, st.randoms(use_true_random=False))
def test_the_same_place_again_makes_no_new_image(found, rng):
    first = planned_chips(found, [], side_px=500, frame_px=FRAME_PX)
    existing = [Chip(chip.left_pix, chip.top_pix, index) for index, chip in enumerate(first)]
    rng.shuffle(found)
    again = planned_chips(found, existing, side_px=500, frame_px=FRAME_PX)
    assert all(chip.existing is not None for chip in again)


def test_neighbours_share_an_image_around_their_middle():
    near = [_box(1000, 1000, 20, 20), _box(1200, 1100, 20, 20)]
    (chip,) = planned_chips(near, [], side_px=800, frame_px=FRAME_PX)
    assert (chip.left_pix, chip.top_pix) == (710, 660)
    assert len(planned_chips([*near, _box(2500, 100, 20, 20)], [], side_px=800, frame_px=FRAME_PX)) == 2


def test_images_stay_inside_the_raster_where_they_can():
    (chip,) = planned_chips([_box(5, 1990, 4, 4)], [], side_px=800, frame_px=FRAME_PX)
    assert (chip.left_pix, chip.top_pix) == (0, 1200)
    (chip,) = planned_chips([_box(5, 90, 4, 4)], [], side_px=800, frame_px=(400, 100))
    assert chip.left_pix <= 0
    assert chip.left_pix + 800 >= 400
    assert chip.top_pix <= 0
    assert chip.top_pix + 800 >= 100
