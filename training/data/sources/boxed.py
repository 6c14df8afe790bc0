"""Images with boxes and phrases but no masks: what the annotation pipeline starts from.

A boxes file is JSON lines, one image a line, so that any origin of boxes can feed annotation:
`{"file_name", "width", "height", "split", "boxes": [{"description", "name", "bbox_xyxy"}]}`. A relative
`file_name` is read from the folder of the boxes file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.training.data.risors import SPLITS, RisorsError

BOXES_FILE_NAME = "boxes.jsonl"
"""Name of the boxes file in a folder that `geophrase-train prepare` made for annotation."""


@dataclass(frozen=True)
class BoxPhrase:
    """A phrase and the box around the one object that it means.

    Attributes:
        text: As typed.
        name: Key of the class; "" where the origin has none.
        bbox_xyxy: Left, top, right and bottom in pixel edges of the image.
    """

    text: str
    name: str
    bbox_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class BoxedImage:
    """An image to be annotated.

    Attributes:
        path: The image file.
        width_px: Native width.
        height_px: Native height.
        split: "train", "val" or "test"; all boxes of an image share it.
        boxes: At least one.
    """

    path: Path
    width_px: int
    height_px: int
    split: str
    boxes: tuple[BoxPhrase, ...]


def write_boxes(path: Path, images: Iterable[BoxedImage]) -> None:
    """Write a boxes file in one step; images inside its folder are named relative to it."""
    folder = path.parent.resolve()
    write_text_atomically(path, "".join(f"{json.dumps(_line(image, folder))}\n" for image in images))


def read_boxes(path: Path) -> Iterator[BoxedImage]:
    """The images of a boxes file, or of the folder that holds one, in its order; the images stay unread.

    Raises:
        RisorsError: The file is missing or a line is not what the format says.
    """
    path = path / BOXES_FILE_NAME if path.is_dir() else path
    if not path.is_file():
        raise RisorsError(f"{path} is missing; make a boxes file with `geophrase-train prepare`.")
    with path.open("rb") as lines:  # decoded line by line, a byte-order mark or not
        for number, line in enumerate(lines, start=1):
            try:
                yield _parse(json.loads(line), path.parent)
            except (KeyError, TypeError, ValueError) as error:
                raise RisorsError(
                    f"{path} is damaged in line {number} ({error!r}); prepare it again."
                ) from error


def _line(image: BoxedImage, folder: Path) -> dict[str, Any]:
    path = image.path.resolve()
    return {
        "file_name": path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix(),
        "width": image.width_px,
        "height": image.height_px,
        "split": image.split,
        "boxes": [
            {"description": box.text, "name": box.name, "bbox_xyxy": list(box.bbox_xyxy)}
            for box in image.boxes
        ],
    }


def _parse(row: Mapping[str, Any], folder: Path) -> BoxedImage:
    width_px, height_px, split = int(row["width"]), int(row["height"]), str(row["split"])
    boxes = tuple(_parse_box(box, width_px=width_px, height_px=height_px) for box in row["boxes"])
    if not boxes or split not in SPLITS:
        raise ValueError(f"no boxes or an unknown split {split!r}")
    return BoxedImage(folder / str(row["file_name"]), width_px, height_px, split, boxes)


def _parse_box(row: Mapping[str, Any], *, width_px: int, height_px: int) -> BoxPhrase:
    left, top, right, bottom = (float(value) for value in row["bbox_xyxy"])
    if not (0 <= left < right <= width_px and 0 <= top < bottom <= height_px):
        raise ValueError(f"box {row['bbox_xyxy']} is not inside an image of {width_px} x {height_px}")
    text = str(row["description"]).strip()
    if not text:
        raise ValueError("a box without a phrase")
    return BoxPhrase(text, str(row["name"]), (left, top, right, bottom))
