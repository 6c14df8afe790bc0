"""DIOR-RSVG's own layout, written here, into a boxes file."""

from __future__ import annotations

from pathlib import Path

import pytest

from geophrase.tests.training.data.sources.original_layouts import write_dior_rsvg
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import RisorsError, read_split
from geophrase.training.data.sources.boxed import read_boxes

OBJECTS = {
    "00001": [("golffield", (13, 23, 68, 60), "A green and brown golf field")],
    "00002": [
        ("vehicle", (0, 0, 10, 5), "The vehicle on the left"),
        ("vehicle", (20, 20, 40, 30), "A gray vehicle"),
        ("Expressway-Service-area", (50, 5, 90, 70), "The expressway service area on the right"),
    ],
    "11725": [("dam", (1, 1, 40, 40), "A long dam"), ("ship", (50, 50, 60, 58), "A ship")],
}
LISTS = {"train": [0, 1, 2], "val": [3], "test": [4]}


@pytest.fixture
def rsvg(tmp_path: Path) -> Path:
    return write_dior_rsvg(tmp_path / "DIOR_RSVG", OBJECTS, LISTS)


def test_boxes_phrases_and_splits_come_from_the_lists(
    rsvg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = prepare("dior-rsvg", rsvg, tmp_path / "out")
    assert counts == {"train": (2, 4), "val": (0, 0), "test": (1, 1)}
    first, second, third = read_boxes(tmp_path / "out")
    assert first.path == rsvg / "JPEGImages" / "00001.jpg"
    assert (first.width_px, first.height_px, first.split) == (80, 60, "train")
    assert first.boxes[0].text == "A green and brown golf field"
    assert first.boxes[0].name == "golf_field"
    assert first.boxes[0].bbox_xyxy == (13, 23, 68, 60)
    assert second.split == "train"
    assert second.boxes[2].name == "expressway_service_area"
    assert second.boxes[2].bbox_xyxy == (50, 5, 80, 60)
    assert third.split == "test"
    assert [box.text for box in third.boxes] == ["A long dam"]
    assert "DIOR-RSVG was published with 38320" in capsys.readouterr().err
    with pytest.raises(RisorsError, match="has no split"):
        read_split(tmp_path / "out", "train")


def test_an_image_between_two_splits_is_held_back(rsvg: Path, tmp_path: Path) -> None:
    (rsvg / "train.txt").write_text("0\n4\n")
    (rsvg / "test.txt").write_text("2\n5\n")
    prepare("dior-rsvg", rsvg, tmp_path / "out")
    splits = {image.path.stem: image.split for image in read_boxes(tmp_path / "out")}
    assert splits == {"00001": "train", "00002": "test", "11725": "test"}


def test_what_is_wrong_with_a_folder_is_one_sentence(rsvg: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (rsvg / "val.txt").write_text("3\n6\n")
    with pytest.raises(RisorsError, match=r"name object 6 but .* holds 6 objects"):
        prepare("dior-rsvg", rsvg, out)
    (rsvg / "val.txt").write_text("3\n4\n")
    with pytest.raises(RisorsError, match="object 4 in val and test"):
        prepare("dior-rsvg", rsvg, out)
    (rsvg / "val.txt").write_text("three\n")
    with pytest.raises(RisorsError, match=r"val\.txt is not a list of numbers"):
        prepare("dior-rsvg", rsvg, out)
    (rsvg / "val.txt").write_text("3\n")
    annotation = rsvg / "Annotations" / "00002.xml"
    annotation.write_text(annotation.read_text().replace("<description>A gray vehicle</description>", ""))
    with pytest.raises(RisorsError, match=r"00002\.xml is not an annotation of DIOR-RSVG"):
        prepare("dior-rsvg", rsvg, out)
    annotation.write_text("<annotation>")
    with pytest.raises(RisorsError, match=r"00002\.xml is damaged"):
        prepare("dior-rsvg", rsvg, out)
    (rsvg / "JPEGImages" / "11725.jpg").unlink()
    with pytest.raises(RisorsError, match=r"lacks 1 of 3 images, 11725\.jpg among them"):
        prepare("dior-rsvg", rsvg, out)
    (rsvg / "test.txt").unlink()
    with pytest.raises(RisorsError, match=r"test\.txt is missing"):
        prepare("dior-rsvg", rsvg, out)
    assert not (out / "boxes.jsonl").exists()
