"""RefSegRS's own layout, written here, into RISORS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geophrase.tests.training.data.sources.original_layouts import write_refsegrs
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import RisorsError, read_image, read_split
from geophrase.training.data.sources.refsegrs import class_of

SAMPLES = {
    "train": [(0, "paved road"), (7, "vehicle in the parking area")],
    "val": [(1361, "road marking")],
    "test": [(30, "light-duty vehicle driving"), (31, "low vegetation")],
}


@pytest.fixture
def refsegrs(tmp_path: Path) -> Path:
    return write_refsegrs(tmp_path / "RefSegRS", SAMPLES)


def test_images_masks_phrases_and_splits_are_the_published_ones(
    refsegrs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = prepare("refsegrs", refsegrs, tmp_path / "out")
    assert counts == {"train": (2, 2), "val": (1, 1), "test": (2, 2)}
    for split, rows in SAMPLES.items():
        images = {image.path.stem: image for image in read_split(tmp_path / "out", split)}
        assert set(images) == {f"refsegrs_{key}" for key, _ in rows}
        for key, text in rows:
            image = images[f"refsegrs_{key}"]
            (phrase,) = image.phrases
            assert phrase.text == text
            original_HWC = np.asarray(Image.open(refsegrs / "images" / f"{key}.tif"))
            assert np.array_equal(read_image(image.path), original_HWC)
            original_HW = np.asarray(Image.open(refsegrs / "masks" / f"{key}.tif"))
            assert np.array_equal(phrase.mask() * 255, original_HW)
    told = capsys.readouterr().err
    assert "train: 2 phrases, but RefSegRS was published with 2172" in told
    assert told.count("published") == 3


def test_the_class_is_what_the_phrase_names_first() -> None:
    assert class_of("Vehicle along the road") == "vehicle"
    assert class_of("road marking on the paved road") == "road_marking"
    assert class_of("buses near the building") == "bus"
    assert class_of("something carved") == ""


def test_an_empty_mask_is_told_and_left_out(
    refsegrs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.zeros((60, 80), np.uint8)).save(refsegrs / "masks" / "7.tif")
    assert prepare("refsegrs", refsegrs, tmp_path / "out")["train"] == (1, 1)
    assert "1 phrases of RefSegRS have an empty mask" in capsys.readouterr().err


def test_what_is_wrong_with_a_folder_is_one_sentence(refsegrs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mask = refsegrs / "masks" / "31.tif"
    Image.fromarray(np.ones((60, 80), np.uint8)).save(mask)
    with pytest.raises(RisorsError, match=r"31\.tif has no value above 50"):
        prepare("refsegrs", refsegrs, out)
    Image.fromarray(np.full((60, 90), 255, np.uint8)).save(mask)
    with pytest.raises(RisorsError, match=r"31\.tif has another size"):
        prepare("refsegrs", refsegrs, out)
    mask.unlink()
    with pytest.raises(RisorsError, match=r"masks lacks 1 of 5 masks, 31\.tif among them"):
        prepare("refsegrs", refsegrs, out)
    (refsegrs / "output_phrase_test.txt").write_text("30 a car\n0 a road\n")
    with pytest.raises(RisorsError, match="lists image 0 in train and test"):
        prepare("refsegrs", refsegrs, out)
    (refsegrs / "output_phrase_test.txt").write_text("30 a car\n31\n")
    with pytest.raises(RisorsError, match="no phrase in line 2"):
        prepare("refsegrs", refsegrs, out)
    (refsegrs / "output_phrase_val.txt").unlink()
    with pytest.raises(RisorsError, match=r"output_phrase_val\.txt is missing"):
        prepare("refsegrs", refsegrs, out)
    assert not (out / "splits").exists()
