"""Mosaics, fixed black boxes and the memory of decoded objects, on folders of coloured squares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.dataset import PhraseDataset, Sample
from geophrase.training.data.instances import Instance, decode_rle
from geophrase.training.data.object_cache import ObjectCache
from geophrase.training.data.phrases import SamplerConfig
from geophrase.training.data.risors import Phrase, SampleFacts, read_split, write_sample, write_split

SIDE_PX, NUM_IMAGES = 80, 24
HALVES = (slice(0, 64), slice(64, 128))
COLOURS = {"ship": (250, 20, 20), "pond": (20, 20, 250)}  # red ships and blue ponds on grey
NOTHING = AugmentConfig(
    **dict.fromkeys(("whole_image", "turn", "photometric", "gray", "swap_infrared", "blur", "haze"), 0.0),
    **dict.fromkeys(("noise", "jpeg", "paste", "black_boxes"), 0.0),
    aspect_jitter=0.0,
    crop_scale=(1.0, 1.0),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that all label ships; half label ponds too, and half have ponds that nobody labelled."""
    folder = tmp_path_factory.mktemp("mosaic")
    for number in range(NUM_IMAGES):
        rng = np.random.default_rng(number)
        image_HWC = np.full((SIDE_PX, SIDE_PX, 3), 110, np.uint8)
        masks = {}
        for name, left in (("ship", 4), ("pond", 44)):
            masks[name] = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
            left, top = left + rng.integers(0, 10), rng.integers(4, 40)
            masks[name][top : top + 20, left : left + 20] = 1
            image_HWC[masks[name] > 0] = COLOURS[name]
        labelled = ("ship", "pond") if number % 2 else ("ship",)
        instances = [Instance.from_mask(name, masks[name]) for name in labelled]
        facts = SampleFacts(classes_labelled=frozenset((*labelled, "airplane")))
        phrases = [Phrase.from_mask(name, masks[name], kind="class", name=name) for name in labelled]
        write_sample(folder, f"i{number:02d}", image_HWC, phrases, instances=instances, facts=facts)
    write_split(folder, "train", [f"i{number:02d}" for number in range(NUM_IMAGES)])
    return folder


def samples(root: Path, augment: AugmentConfig, *, passes: int, **options: object) -> list[Sample]:
    weights = SamplerConfig(synonym_weight=0, place_weight=0, size_weight=0, relation_weight=0, typo_rate=0)
    settings = {"image_px": 128, "queries_per_image": 4, "seed": 0, "sampler": weights} | options
    data = PhraseDataset([root], "train", augment=augment, **settings)  # type: ignore[arg-type]
    found = []
    for epoch in range(passes):
        data.set_epoch(epoch)
        found += [data[index] for index in range(len(data))]
    return found


def shown(sample: Sample, name: str) -> np.ndarray:
    distance_HW = np.abs(sample.image_HWC.astype(int) - np.array(COLOURS[name])).max(axis=2)
    return distance_HW < 60


def test_phrases_of_a_mosaic_mean_all_four_quarters(root: Path) -> None:
    num_ships = 0
    for sample in samples(root, replace(NOTHING, mosaic=1.0), passes=2):
        for query in sample.queries:
            if query.kind == "class" and query.name in COLOURS:
                differing_px = np.count_nonzero(shown(sample, query.name) != (query.mask_HW > 0))
                assert differing_px <= 0.1 * query.mask_HW.sum() + 8, query.text
            if query.kind == "class" and query.name == "ship":
                halves = [query.mask_HW[rows, columns].any() for rows in HALVES for columns in HALVES]
                num_ships += sum(halves) > 1
    assert num_ships > 10


def test_without_a_common_class_there_is_no_mosaic(tmp_path: Path) -> None:
    for number, name in enumerate(("ship", "pond")):
        image_HWC = np.full((SIDE_PX, SIDE_PX, 3), 40 * number, np.uint8)
        instance = Instance(name, np.ones((30, 30), np.uint8), 20, 20)
        facts = SampleFacts(classes_labelled=frozenset({name}))
        write_sample(tmp_path, name, image_HWC, [], instances=[instance], facts=facts)
    write_split(tmp_path, "train", ["ship", "pond"])
    augment = replace(NOTHING, mosaic=1.0, whole_image=1.0)
    for sample in samples(tmp_path, augment, passes=8):
        assert len(np.unique(sample.image_HWC[8:-8, 8:-8])) == 1  # ships on black, ponds on grey
        assert all(query.mask_HW.any() for query in sample.queries if not query.is_absent)


def test_a_fixed_fifth_of_the_pairs_has_black_boxes_in_every_pass(root: Path) -> None:
    augment = replace(NOTHING, whole_image=1.0, black_boxes=0.2, are_black_boxes_fixed=True)
    options = {"is_phrase_per_sample": True, "queries_per_image": 1}
    passes = samples(root, augment, passes=2, **options)
    half = len(passes) // 2
    blackened = [(sample.image_HWC == 0).all(axis=2).any() for sample in passes]
    assert blackened[:half] == blackened[half:]
    assert 0.08 <= np.mean(blackened[:half]) <= 0.35
    marked = [number for number in range(half) if blackened[number]]
    assert any(
        not np.array_equal(passes[number].image_HWC, passes[number + half].image_HWC) for number in marked
    )


def test_drawn_black_boxes_move_from_sample_to_sample(root: Path) -> None:
    augment = replace(NOTHING, whole_image=1.0, black_boxes=0.2)
    passes = samples(root, augment, passes=2)
    half = len(passes) // 2
    blackened = [(sample.image_HWC == 0).all(axis=2).any() for sample in passes]
    assert blackened[:half] != blackened[half:]


def test_the_memory_of_objects_is_bounded_and_right(root: Path) -> None:
    records = read_split(root, "train")
    cache = ObjectCache(max_bytes=9000)  # an object of 20 x 20 px takes 1100
    for _ in range(2):
        for record in records:
            objects = cache.objects(record)
            assert cache.objects(record) is objects
            assert [one.name for one in objects] == [stored.name for stored in record.instances]
            for one, stored in zip(objects, record.instances, strict=True):
                mask_HW = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
                one.paint(mask_HW)
                assert np.array_equal(mask_HW, decode_rle(stored.mask_rle))
            assert cache.num_bytes <= 9000
    assert cache.num_bytes > 5000


def test_an_image_larger_than_the_memory_is_still_decoded(root: Path) -> None:
    cache = ObjectCache(max_bytes=1)
    records = read_split(root, "train")
    assert [len(cache.objects(record)) for record in records] == [1, 2] * (NUM_IMAGES // 2)
    assert cache.num_bytes < 2500


def test_images_that_nothing_is_said_of_are_left_out(tmp_path: Path) -> None:
    image_HWC = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    mask_HW = np.eye(SIDE_PX, dtype=np.uint8)
    write_sample(tmp_path, "a", image_HWC, [Phrase.from_mask("a line", mask_HW, kind="class")])
    write_sample(tmp_path, "b", image_HWC, [])
    write_split(tmp_path, "train", ["a", "b"])
    (sample,) = samples(tmp_path, NOTHING, passes=1)
    assert [query.text for query in sample.queries] == ["a line"] * 4
