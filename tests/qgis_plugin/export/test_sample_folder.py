"""The folder that the plugin writes is the one that training reads."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from geophrase.protocol.grid import RasterGrid
from geophrase.qgis_plugin.core.export.sample_folder import (
    DamagedFileError,
    ImageSource,
    LabelledPhrase,
    SampleFolder,
)
from geophrase.training.data.risors import Phrase, read_image, read_split, write_sample, write_split

GRID = RasterGrid(60, 40, (0.5, 0.0, 500_000.0, 0.0, -0.5, 5_540_000.0), "")
SOURCE = ImageSource("Town hall 2026.tif", "/somewhere/secret/Town hall 2026.tif")
STEM = SOURCE.stem_at(GRID.map_from_pix)
IMAGE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
PNG = cv2.imencode(".png", IMAGE[..., ::-1])[1].tobytes()


def _mask(left: int) -> np.ndarray:
    mask_HW = np.zeros((40, 60), bool)
    mask_HW[5:25, left : left + 10] = True
    mask_HW[10, left + 3] = False
    return mask_HW


def _write(folder: Path, *phrases: LabelledPhrase, split: str = "train") -> None:
    SampleFolder(folder).write(STEM, PNG, phrases, grid=GRID, source=SOURCE, split=split)


def test_training_reads_what_was_written(tmp_path):
    clicks = {"point_coords": ((7.5, 8.25), (50.0, 3.0)), "point_labels": (1, 0)}
    _write(tmp_path, LabelledPhrase("storage tanks", _mask(4), 0.75, **clicks))
    (image,) = read_split(tmp_path, "train")
    assert (image.width_px, image.height_px) == (60, 40)
    assert (read_image(image.path) == IMAGE).all()
    (phrase,) = image.phrases
    assert (phrase.mask() == _mask(4)).all()
    expected = Phrase.from_mask("storage tanks", _mask(4), kind="class")
    assert (phrase.text, phrase.kind, phrase.area_px) == ("storage tanks", "class", 199)
    assert phrase.bbox_xywh == expected.bbox_xywh == (4, 5, 10, 20)
    assert phrase.mask_rle == expected.mask_rle
    assert (phrase.point_coords, phrase.point_labels) == (clicks["point_coords"], (1, 0))
    assert phrase.predicted_iou == 0.75
    assert image.instances == ()


def test_the_same_place_again_replaces_the_phrase_and_keeps_the_others(tmp_path):
    _write(tmp_path, LabelledPhrase("roofs", _mask(4)), LabelledPhrase("trees", _mask(20)))
    _write(tmp_path, LabelledPhrase("roofs", _mask(30)))
    (image,) = read_split(tmp_path, "train")
    masks = {phrase.text: phrase.mask() for phrase in image.phrases}
    assert list(masks) == ["trees", "roofs"]
    assert (masks["roofs"] == _mask(30)).all()
    document = json.loads((tmp_path / "annotations" / f"{STEM}.json").read_text())
    assert [row["id"] for row in document["annotations"]] == [1, 2]


def test_an_image_is_in_one_split_only(tmp_path):
    _write(tmp_path, LabelledPhrase("roofs", _mask(4)))
    _write(tmp_path, LabelledPhrase("roofs", _mask(4)), split="val")
    assert read_split(tmp_path, "train") == []
    assert len(read_split(tmp_path, "val")) == 1


def test_a_folder_that_training_made_grows(tmp_path):
    phrase = Phrase.from_mask("a pond", _mask(4), kind="class")
    write_sample(tmp_path, "theirs", IMAGE, [phrase])
    write_split(tmp_path, "train", ["theirs"])
    before = (tmp_path / "annotations" / "theirs.json").read_bytes()
    _write(tmp_path, LabelledPhrase("roofs", _mask(4)))
    assert [image.path.stem for image in read_split(tmp_path, "train")] == sorted(["theirs", STEM])
    assert (tmp_path / "annotations" / "theirs.json").read_bytes() == before


def test_an_absent_phrase_is_one_with_an_empty_mask(tmp_path):
    _write(tmp_path, LabelledPhrase("airplanes", np.zeros((40, 60), bool)))
    (phrase,) = read_split(tmp_path, "train")[0].phrases
    assert (phrase.is_absent, phrase.kind) == (True, "absent")


def test_places_are_remembered_for_this_raster_only(tmp_path):
    _write(tmp_path, LabelledPhrase("roofs", _mask(4)))
    folder = SampleFolder(tmp_path)
    assert folder.grids_of(SOURCE, "") == {STEM: GRID}
    assert folder.grids_of(ImageSource(SOURCE.name, "/elsewhere/Town hall 2026.tif"), "") == {}
    assert "secret" not in (tmp_path / "annotations" / f"{STEM}.json").read_text()
    assert STEM.startswith("town-hall-2026_")


def test_a_failure_leaves_the_sample_as_it_was(tmp_path, monkeypatch):
    _write(tmp_path, LabelledPhrase("roofs", _mask(4)))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full_disk(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        _write(tmp_path, LabelledPhrase("roofs", _mask(30)))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"image": 3, "annotations": []}', '{"image": {}, "annotations": [{}]}']
)
def test_a_damaged_record_is_named_and_kept(tmp_path, content):
    _write(tmp_path, LabelledPhrase("roofs", _mask(4)))
    path = tmp_path / "annotations" / f"{STEM}.json"
    path.write_text(content)
    with pytest.raises(DamagedFileError) as caught:
        _write(tmp_path, LabelledPhrase("roofs", _mask(30)))
    assert caught.value.path == path
    assert path.read_text() == content
    with pytest.raises(DamagedFileError):
        SampleFolder(tmp_path).grids_of(SOURCE, "")
