"""Cut-outs on a view: real pixels where the masks say, nothing covered that is still labelled."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import box

from geophrase.training.data.arrangement import CutOut, CutOuts, arrange, draw_cut_outs
from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.dataset import PhraseDataset
from geophrase.training.data.image_cache import ImageCache
from geophrase.training.data.instances import Instance
from geophrase.training.data.phrases import SamplerConfig
from geophrase.training.data.risors import SampleFacts, read_split, write_sample, write_split

NUM_IMAGES = 4
RED, GROUND = (220, 30, 30), (40, 110, 50)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images of one red square each, of known sides, on green ground that has a class of its own."""
    stems = []
    for number in range(NUM_IMAGES):
        image_HWC = np.full((200, 240, 3), GROUND, np.uint8)
        square_HW = np.zeros((200, 240), bool)
        square_HW[60 : 90 + 4 * number, 100 : 130 + 4 * number] = True
        image_HWC[square_HW] = RED
        square = Instance.from_mask("building", square_HW)
        ground = Instance.from_mask("grass", ~square_HW, is_crowd=True)
        assert square is not None
        assert ground is not None
        facts = SampleFacts(frozenset({"building", "grass"}))
        write_sample(tmp_path, f"i{number}", image_HWC, (), instances=[square, ground], facts=facts)
        stems.append(f"i{number}")
    write_split(tmp_path, "train", stems)
    return tmp_path


def _drawn(root: Path, seed: int) -> list[CutOut]:
    cut_outs = CutOuts(read_split(root, "train"), ImageCache())
    return draw_cut_outs(cut_outs, {"building"}, 256, random.Random(seed), is_true_colour=True)


def test_cut_outs_are_the_objects_pixels_at_the_size_asked_for(root: Path) -> None:
    cut_outs = CutOuts(read_split(root, "train"), ImageCache())
    for side_px in (20.0, 45.0, 70.0):
        cut_out = cut_outs.draw("building", side_px, random.Random(1), is_true_colour=True)
        assert cut_out is not None
        instance = cut_out.instance
        assert max(instance.bbox_xywh[2:]) == pytest.approx(side_px, abs=2)
        rows, columns = slice(instance.top_px, instance.bottom_px), slice(instance.left_px, instance.right_px)
        inside_nC = cut_out.image_hwC[rows, columns]
        assert np.abs(np.median(inside_nC, axis=(0, 1)) - RED).max() <= 3
    assert cut_outs.names({"building", "grass", "ship"}, is_true_colour=True) == [
        "building"
    ]  # grass is ground
    assert cut_outs.names({"building"}, is_true_colour=False) == []


@pytest.mark.parametrize("seed", range(12))
def test_pasted_objects_overlap_nothing_and_ground_gives_way(root: Path, seed: int) -> None:
    image_HWC = np.full((256, 256, 3), GROUND, np.uint8)
    own_HW = np.zeros((256, 256), bool)
    own_HW[100:160, 90:150] = True
    own = Instance.from_mask("building", own_HW)
    ground = Instance.from_mask("grass", ~own_HW, is_crowd=True)
    assert own is not None
    assert ground is not None
    cut_outs = _drawn(root, seed)
    result_HWC, objects = arrange(image_HWC, [own, ground], cut_outs, random.Random(seed))

    separate = [one for one in objects if not one.is_crowd]
    boxes = [box(one.left_px, one.top_px, one.right_px, one.bottom_px) for one in separate]
    assert all(a.disjoint(b) for number, a in enumerate(boxes) for b in boxes[:number])
    cover_HW = sum((_painted(one) for one in objects), np.zeros((256, 256), int))
    assert (cover_HW == 1).all()  # every pixel has exactly one label
    red_HW = np.abs(result_HWC.astype(int) - RED).sum(axis=2) < 60
    pasted_HW = sum((_painted(one) for one in separate if one is not own), np.zeros((256, 256), int)) > 0
    assert (red_HW & ~pasted_HW).sum() == 0
    assert (red_HW & pasted_HW).sum() >= 0.75 * pasted_HW.sum()  # edges are soft
    assert np.array_equal(image_HWC, np.full((256, 256, 3), GROUND, np.uint8))


def test_what_does_not_fit_is_left_out() -> None:
    large = Instance("building", np.ones((300, 300), np.uint8), 0, 0)
    cut_out = CutOut(np.zeros((300, 300, 3), np.uint8), large)
    image_HWC = np.full((256, 256, 3), 90, np.uint8)
    result_HWC, objects = arrange(image_HWC, [], [cut_out], random.Random(0))
    assert objects == []
    assert np.array_equal(result_HWC, image_HWC)


def test_arranged_samples_have_more_to_say_of_sizes(root: Path) -> None:
    sampler = SamplerConfig(0, 0, 0, 1, 0, 0, 0, 0)

    def num_sizes(arrangement: float) -> int:
        augment = AugmentConfig(arrangement=arrangement, paste=0.0)
        data = PhraseDataset(
            [root], "train", image_px=256, queries_per_image=2, augment=augment, seed=0, sampler=sampler
        )
        queries = [query for index in range(NUM_IMAGES) for query in data[index].queries]
        return sum(query.kind == "size" for query in queries)

    assert num_sizes(0.0) == 0  # a single building is neither larger nor smaller
    assert num_sizes(1.0) >= NUM_IMAGES


def test_image_cache_keeps_what_was_used_last(root: Path) -> None:
    paths = [record.path for record in read_split(root, "train")]
    cache = ImageCache(max_bytes=2 * 200 * 240 * 3)
    first = cache.read(paths[0])
    assert cache.read(paths[0]) is first
    cache.read(paths[1])
    cache.read(paths[2])  # the first goes
    assert cache.read(paths[0]) is not first
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 0


def _painted(instance: Instance) -> np.ndarray:
    canvas_HW = np.zeros((256, 256), np.uint8)
    instance.paint(canvas_HW)
    return canvas_HW.astype(int)
