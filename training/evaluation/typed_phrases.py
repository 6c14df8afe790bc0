"""Phrases that people typed while looking at the pictures, asked instead of a folder's own.

A folder's own phrases come from the grammar that training draws from; these don't. A file of them holds no
imagery and no masks, only which of a data set's objects each phrase means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geophrase.training.data.instances import union_mask
from geophrase.training.data.risors import KINDS, Phrase, RisorsError, RisorsImage, StoredInstance

OWN = "own"
TYPED = "typed"
_FOLDER = Path(__file__).resolve().parent / "typed"
_LEAST_IOU = 0.5  # of boxes: a ship's may be off by a pixel of eight

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class TypedPhrase:
    """One phrase as typed.

    Attributes:
        text: As typed, slips included.
        kind: One of `risors.KINDS`.
        targets: The objects meant, by their ids in the source; none when the image has no such thing.
    """

    text: str
    kind: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class TypedImage:
    """What was typed for one image.

    Attributes:
        stem: Name of the prepared image's file without suffix.
        boxes: The image's objects by id: x, y, width and height in pixels.
        phrases: In the order they were typed.
    """

    stem: str
    boxes: Mapping[str, Box]
    phrases: tuple[TypedPhrase, ...]


def ask_instead(images: Sequence[RisorsImage], source: str) -> list[RisorsImage]:
    """The images with the phrases of a source: their own, those that come with the program, or a file's.

    Args:
        images: Of one split.
        source: `OWN`, `TYPED`, or the path of a file like those in `typed/`.

    Returns:
        All images for `OWN`, otherwise those that somebody typed for.

    Raises:
        RisorsError: A file is damaged or was typed for other data, or has no phrase for any of the images.
    """
    if source == OWN:
        return list(images)
    typed = read_typed(sorted(_FOLDER.glob("*.json")) if source == TYPED else [Path(source)])
    found = [with_phrases(image, typed[image.path.stem]) for image in images if image.path.stem in typed]
    if not found:
        raise RisorsError(f"Nobody typed phrases for these images ({source}): evaluate on the folder's own.")
    return found


def read_typed(paths: Iterable[Path]) -> dict[str, TypedImage]:
    """What files of typed phrases hold, by the stem of the prepared image.

    Raises:
        RisorsError: A file is missing or not of this form; the sentence names it.
    """
    found: dict[str, TypedImage] = {}
    for path in paths:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            images = [_parse(row, str(document["stem_prefix"])) for row in document["images"]]
        except OSError as error:
            raise RisorsError(f"{path} cannot be read ({error.strerror}); give typed or a file.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise RisorsError(f"{path} is no file of typed phrases ({error}); mend or replace it.") from error
        found.update({image.stem: image for image in images})
    return found


def with_phrases(image: RisorsImage, typed: TypedImage) -> RisorsImage:
    """An image with the typed phrases in place of its own, each with the union of its objects as mask.

    Raises:
        RisorsError: An object of the file is not among the image's.
    """
    by_id = {key: _instance_at(image, box) for key, box in typed.boxes.items()}
    return replace(image, phrases=tuple(_phrase(image, one, by_id) for one in typed.phrases))


def _instance_at(image: RisorsImage, box: Box) -> StoredInstance:
    best = max(image.instances, key=lambda instance: _box_iou(instance.bbox_xywh, box), default=None)
    if best is None or _box_iou(best.bbox_xywh, box) < _LEAST_IOU:
        raise RisorsError(f"{image.path.name} has no object where the typed phrases name one: other data?")
    return best


def _phrase(image: RisorsImage, typed: TypedPhrase, by_id: Mapping[str, StoredInstance]) -> Phrase:
    meant = [by_id[key] for key in typed.targets]
    decoded = [instance for stored in meant if (instance := stored.decoded()) is not None]
    mask_HW = union_mask(decoded, height_px=image.height_px, width_px=image.width_px)
    name = "+".join(sorted({stored.name for stored in meant}))
    return Phrase.from_mask(typed.text, mask_HW, kind=typed.kind, name=name)


def _parse(row: Mapping[str, Any], stem_prefix: str) -> TypedImage:
    boxes = {str(key): _box(numbers) for key, numbers in row["objects"].items()}
    phrases = tuple(
        TypedPhrase(str(one["text"]), str(one["kind"]), tuple(str(key) for key in one["targets"]))
        for one in row["phrases"]
    )
    for phrase in phrases:
        if phrase.kind not in KINDS or (phrase.kind == "absent") != (not phrase.targets):
            raise ValueError(f"{phrase.text!r} has the kind {phrase.kind!r}")
        if not set(phrase.targets) <= boxes.keys():
            raise ValueError(f"{phrase.text!r} names an object that is not listed")
    return TypedImage(stem_prefix + str(row["stem"]), boxes, phrases)


def _box(numbers: Sequence[float]) -> Box:
    x, y, width, height = (float(number) for number in numbers)
    return x, y, width, height


def _box_iou(first: Box, second: Box) -> float:
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(first[2] * first[3] + second[2] * second[3] - shared, 1e-9)
