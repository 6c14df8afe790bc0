"""Boxes files: what annotation starts from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geophrase.training.data.risors import RisorsError
from geophrase.training.data.sources.boxed import BoxedImage, BoxPhrase, read_boxes, write_boxes


def test_a_boxes_file_gives_back_what_was_written_wherever_its_folder_moves(tmp_path: Path) -> None:
    folder = tmp_path / "boxes"
    inside = BoxedImage(
        folder / "images" / "a.png", 40, 30, "val", (BoxPhrase("The größte dam", "dam", (0, 1.5, 40, 30)),)
    )
    outside = BoxedImage(tmp_path / "far" / "b.jpg", 8, 8, "train", (BoxPhrase("a ship", "", (1, 2, 3, 4)),))
    write_boxes(folder / "boxes.jsonl", [inside, outside])
    assert list(read_boxes(folder)) == [inside, outside]
    moved = folder.rename(tmp_path / "moved")
    first, second = read_boxes(moved / "boxes.jsonl")
    assert first.path == moved / "images" / "a.png"
    assert second.path == outside.path


@pytest.mark.parametrize(
    "wrong",
    [
        {"boxes": []},
        {"split": "training"},
        {"boxes": [{"description": "a dam", "name": "dam", "bbox_xyxy": [30, 0, 50, 20]}]},
        {"boxes": [{"description": "a dam", "name": "dam", "bbox_xyxy": [3, 0, 3, 20]}]},
        {"boxes": [{"description": " ", "name": "dam", "bbox_xyxy": [3, 0, 10, 20]}]},
        {"width": None},
    ],
)
def test_a_wrong_line_is_named(wrong: dict[str, object], tmp_path: Path) -> None:
    good = {
        "file_name": "a.png",
        "width": 40,
        "height": 30,
        "split": "train",
        "boxes": [{"description": "a dam", "name": "dam", "bbox_xyxy": [3, 0, 10, 20]}],
    }
    path = tmp_path / "boxes.jsonl"
    first = json.dumps(good).encode("utf-8-sig")  # as a Windows editor saves it
    for second in (json.dumps({**good, **wrong}).encode(), b'{"file_name": "sch\xf6n.png"}'):
        path.write_bytes(b"%s\n%s\n" % (first, second))
        with pytest.raises(RisorsError, match=r"boxes\.jsonl is damaged in line 2"):
            list(read_boxes(path))
    with pytest.raises(RisorsError, match="missing"):
        list(read_boxes(tmp_path / "nowhere"))
