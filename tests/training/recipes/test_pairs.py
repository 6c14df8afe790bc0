"""The papers count an epoch in pairs of image and phrase."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geophrase.training.config import DataConfig, TrainConfig
from geophrase.training.data.dataset import PhraseDataset
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import Phrase, write_sample, write_split
from geophrase.training.fit.batches import TrainingData
from geophrase.training.recipes.paper import NUM_GPUS
from geophrase.training.recipes.refsegrs import refsegrs_base_plus
from geophrase.training.recipes.rrsis_d import rrsis_d_base_plus

SIDE_PX = 32


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Image i has i + 1 phrases, each with a row of its own, and an object that no phrase means."""
    for number in range(3):
        phrases = []
        for row in range(number + 1):
            mask_HW = np.zeros((SIDE_PX, SIDE_PX), bool)
            mask_HW[4 * row : 4 * row + 4] = True
            phrases.append(Phrase.from_mask(f"row {row} of {number}", mask_HW, kind="place", name="row"))
        instance = Instance.from_mask("building", np.eye(SIDE_PX, dtype=bool))
        assert instance is not None
        image_HWC = np.full((SIDE_PX, SIDE_PX, 3), number, np.uint8)
        write_sample(tmp_path, f"i{number}", image_HWC, phrases, instances=[instance])
    write_split(tmp_path, "train", [f"i{number}" for number in range(3)])
    return tmp_path


def test_each_pair_is_a_sample_and_comes_once_in_an_epoch(root: Path) -> None:
    data = PhraseDataset(
        [root], "train", image_px=32, queries_per_image=1, augment=None, seed=0, is_phrase_per_sample=True
    )
    found = {}
    for index in range(len(data)):
        sample = data[index]
        (query,) = sample.queries
        found[query.text] = (int(sample.image_HWC[0, 0, 0]), int(query.mask_HW.argmax(0)[0]))
    assert found == {f"row {row} of {n}": (n, 4 * row) for n in range(3) for row in range(n + 1)}


def test_an_epoch_of_batches_passes_over_all_pairs(root: Path) -> None:
    config = DataConfig(
        batch_size=2, queries_per_image=1, image_px=(32,), augment=None, is_phrase_per_sample=True
    )
    stream = TrainingData((root,), workers=0).stream(config, seed=0).batches()
    texts = [text for _ in range(3) for text in next(stream).texts]
    assert len(set(texts)) == 6


@pytest.fixture
def white(tmp_path: Path) -> Path:
    """Sixty white images with a phrase each."""
    mask_HW = np.ones((SIDE_PX, SIDE_PX), bool)
    phrase = Phrase.from_mask("the roof on the left", mask_HW, kind="class", name="roof")
    for number in range(60):
        write_sample(tmp_path, f"i{number}", np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8), [phrase])
    write_split(tmp_path, "train", [f"i{number}" for number in range(60)])
    return tmp_path


@pytest.mark.parametrize(("recipe", "share"), [(refsegrs_base_plus, 0.0), (rrsis_d_base_plus, 0.2)])
def test_images_stay_as_they_are_but_for_black_boxes_on_a_fixed_share(
    recipe: Callable[[], TrainConfig], share: float, white: Path
) -> None:
    config = recipe().data
    data = PhraseDataset(
        [white],
        "train",
        image_px=SIDE_PX,
        queries_per_image=1,
        augment=config.augment,
        seed=0,
        is_phrase_per_sample=config.is_phrase_per_sample,
    )
    passes = []
    for epoch in range(2):
        data.set_epoch(epoch)
        passes.append([data[index].image_HWC for index in range(len(data))])
    boxed = [[bool((image_HWC == 0).any()) for image_HWC in images] for images in passes]
    assert boxed[0] == boxed[1]
    assert np.mean(boxed[0]) == pytest.approx(share, abs=0.12 * bool(share))
    for has_boxes, first_HWC, second_HWC in zip(boxed[0], *passes, strict=True):
        assert set(np.unique(first_HWC)) <= {0, 255}
        assert np.array_equal(first_HWC, second_HWC) != has_boxes


def test_epochs_are_passes_over_the_pairs_by_all_processes_together(white: Path) -> None:
    config = refsegrs_base_plus()
    stream = TrainingData((white,), workers=0).stream(config.data, seed=0, share=3, num_shares=NUM_GPUS)
    budget = config.budget.in_steps(stream.batches_per_epoch)
    assert budget.steps == 60 * (60 // (4 * NUM_GPUS))  # 60 epochs, 60 pairs, 4 per GPU
