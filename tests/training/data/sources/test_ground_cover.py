"""Our labels of ground cover: of training images alone, in the lexicon's words, sized like the image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from geophrase.training.data.lexicon import LEXICON
from geophrase.training.data.risors import split_of
from geophrase.training.data.sources import ground_cover
from geophrase.training.data.sources.ground_cover import COVER, GroundCover, read_cover


def covered_images() -> list[str]:
    return sorted(path.stem for path in ground_cover._FOLDER.glob("*.png"))


def test_only_training_images_are_labelled():
    stems = [stem for stem in covered_images() if stem.startswith("nwpu_")]
    assert len(stems) > 100
    assert {split_of(stem.removeprefix("nwpu_")) for stem in stems} == {"train"}


def test_files_hold_classes_of_the_lexicon_and_nothing_else():
    assert set(COVER) <= LEXICON.keys()
    for path in ground_cover._FOLDER.glob("*.png"):
        labels_HW = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert labels_HW.ndim == 2, path
        assert labels_HW.max() <= len(COVER), path
        assert labels_HW.any(), path


def test_an_image_without_labels_has_no_cover():
    assert read_cover("no_such_image", np.zeros((8, 8, 3), np.uint8)) == GroundCover()


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """One image of 400 x 200 px: trees on the left, grass in the middle, a speck of road, a third unsure."""
    labels_HW = np.zeros((50, 100), np.uint8)
    labels_HW[:, :25] = 1 + COVER.index("tree")
    labels_HW[:, 25:60] = 1 + COVER.index("grass")
    labels_HW[0, 99] = 1 + COVER.index("road")
    cv2.imwrite(str(tmp_path / "one.png"), labels_HW)
    monkeypatch.setattr(ground_cover, "_FOLDER", tmp_path)
    return read_cover("one", np.zeros((200, 400, 3), np.uint8))


def test_classes_are_crowds_at_the_image_s_own_size(labelled):
    found = {one.name: one for one in labelled.instances}
    assert found.keys() == {"tree", "grass", "vegetation"}
    assert all(one.is_crowd for one in labelled.instances)
    assert found["tree"].area_px == 100 * 200
    assert found["tree"].bbox_xywh == (0, 0, 100, 200)
    assert found["vegetation"].area_px == found["tree"].area_px + found["grass"].area_px


def test_only_what_is_shown_and_water_count_as_labelled(labelled):
    assert labelled.classes_labelled == {"tree", "grass", "vegetation", "water"}


def test_water_of_a_known_kind_has_both_names():
    stem = "nwpu_165"
    names = {one.name: one.area_px for one in read_cover(stem, np.zeros((600, 800, 3), np.uint8)).instances}
    assert stem in covered_images()
    assert names["river"] == names["water"]
    assert "sea" not in names
