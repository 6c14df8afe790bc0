from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.dataset import PhraseDataset, Query, Sample, collate
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import Phrase, write_sample, write_split


@pytest.fixture
def root(tiny_nwpu: Path, tmp_path: Path) -> Path:
    prepare("nwpu", tiny_nwpu, tmp_path / "risors")
    stems = [path.stem for path in (tmp_path / "risors" / "annotations").glob("*.json")]
    write_split(tmp_path / "risors", "train", stems)
    return tmp_path / "risors"


def dataset(root: Path, *, augment: AugmentConfig | None = None, seed: int = 3) -> PhraseDataset:
    return PhraseDataset([root], "train", image_px=64, queries_per_image=4, augment=augment, seed=seed)


def is_same(first: Sample, second: Sample) -> bool:
    return np.array_equal(first.image_HWC, second.image_HWC) and all(
        a.text == b.text and np.array_equal(a.mask_HW, b.mask_HW)
        for a, b in zip(first.queries, second.queries, strict=True)
    )


def test_a_sample_depends_on_seed_epoch_and_index_alone(root: Path) -> None:
    data, again = dataset(root, augment=AugmentConfig()), dataset(root, augment=AugmentConfig())
    sample = data[2]
    _ = again[5], again[0]
    assert is_same(sample, again[2])
    again.set_epoch(1)
    assert not is_same(sample, again[2])
    assert not is_same(sample, dataset(root, augment=AugmentConfig(), seed=4)[2])


def test_workers_give_what_the_main_process_gives_and_follow_the_epoch(root: Path) -> None:
    data = dataset(root, augment=AugmentConfig())
    loader = DataLoader(data, batch_size=3, num_workers=2, collate_fn=collate, persistent_workers=True)
    for epoch in range(2):
        data.set_epoch(epoch)
        texts = [text for batch in loader for text in batch.texts]
        assert texts == [query.text for index in range(len(data)) for query in data[index].queries]


def test_a_batch_keeps_phrases_with_their_images(root: Path) -> None:
    data = dataset(root, augment=AugmentConfig())
    batch = collate([data[index] for index in range(5)])
    assert batch.images_BCHW.shape == (5, 3, 64, 64)
    assert batch.images_BCHW.dtype == torch.uint8
    assert batch.image_index_Q.tolist() == [image for image in range(5) for _ in range(4)]
    assert batch.masks_QHW.shape == (20, 64, 64)
    assert set(batch.masks_QHW.unique().tolist()) <= {0, 1}
    assert torch.equal(batch.is_absent_Q, batch.masks_QHW.flatten(1).sum(1) == 0)
    assert len(batch.texts) == len(batch.kinds) == len(batch.names) == 20


def test_absent_means_an_empty_mask_through_many_crops(root: Path) -> None:
    data = dataset(root, augment=AugmentConfig(whole_image=0.0))
    for epoch in range(12):
        data.set_epoch(epoch)
        for index in range(len(data)):
            for query in data[index].queries:
                assert query.is_absent == (not query.mask_HW.any()), query.text


def test_without_augmentation_the_whole_image_is_squashed(root: Path) -> None:
    data = dataset(root)
    query = next(query for query in data[0].queries if query.kind in ("class", "synonym"))
    native_px = 90 * 120
    stored = data._records[0]
    area_px = sum(one.area_px for one in stored.instances if one.name == query.name)
    assert query.mask_HW.sum() / 64**2 == pytest.approx(area_px / native_px, rel=0.05)


def test_a_folder_with_phrases_alone_is_turned_word_by_word(tmp_path: Path) -> None:
    mask_HW = np.zeros((60, 60), np.uint8)
    mask_HW[20:40, 2:12] = 1
    image_HWC = np.repeat(mask_HW[..., None] * 255, 3, axis=2)
    write_sample(tmp_path, "a", image_HWC, [Phrase.from_mask("the tank on the left", mask_HW, kind="place")])
    write_split(tmp_path, "train", ["a"])
    data = PhraseDataset(
        [tmp_path], "train", image_px=60, queries_per_image=2, augment=AugmentConfig(turn=1.0), seed=0
    )
    seen = set()
    for epoch in range(40):
        data.set_epoch(epoch)
        query = data[0].queries[0]
        y, x = (int(each.mean()) for each in np.nonzero(query.mask_HW))
        side = {(7, 30): "left", (52, 30): "right", (30, 7): "top", (30, 52): "bottom"}
        nearest = min(side, key=lambda place: abs(place[0] - x) + abs(place[1] - y))
        assert query.text == f"the tank on the {side[nearest]}"
        seen.add(side[nearest])
    assert seen == {"left", "right", "top", "bottom"}


def test_a_phrase_means_some_of_the_kind_that_it_names(root: Path) -> None:
    data = dataset(root, augment=None)
    queries = [query for epoch in range(3) for query in _epoch(data, epoch)]
    assert {"class", "place"} <= {query.kind for query in queries}
    for query in queries:
        kind_HW, landmark_HW = query.referents_RHW
        assert (query.mask_HW <= kind_HW).all()
        if query.kind in ("class", "synonym"):
            assert np.array_equal(query.mask_HW, kind_HW)
        if " of the " not in query.text and query.kind != "relation":
            assert not landmark_HW.any() or query.is_absent


def _epoch(data: PhraseDataset, epoch: int) -> list[Query]:
    data.set_epoch(epoch)
    return [query for index in range(len(data)) for query in data[index].queries]


def test_referents_that_are_not_known_are_marked_in_a_batch() -> None:
    image, mask = np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.uint8)
    known = Query("tanks", "class", "storage_tank", mask, np.stack([mask, 0 * mask]))
    unknown = Query("the thing of another folder", "class", "", mask)
    batch = collate([Sample(image, (known, unknown), 0)])
    assert batch.has_referents_QR.tolist() == [[True, True], [False, False]]
    assert batch.referents_QRHW.shape == (2, 2, 8, 8)
    assert batch.referents_QRHW[0].flatten(1).sum(1).tolist() == [64, 0]
