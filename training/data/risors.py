"""The RISORS format: `images/`, `annotations/<stem>.json` and `splits/<split>.txt`, read and written.

SA-1B's shape, one JSON per image. Three additions that other readers ignore: an annotation with an empty
mask is a phrase for something absent; `kind` groups phrases; annotations of kind "instance" are the labelled
objects from which fresh phrases can be made, and the image record says which classes are labelled
exhaustively and whether its colours are natural.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.engine.atomic_file import write_atomically, write_text_atomically
from geophrase.training.data.instances import Instance, MaskHW, Rle, decode_rle, encode_rle
from geophrase.training.errors import TrainingError

SPLITS = ("train", "val", "test")
KINDS = ("class", "synonym", "place", "size", "relation", "attribute", "plural", "absent")
INSTANCE_KIND = "instance"


class RisorsError(TrainingError):
    """A data folder that cannot be used; the message is one sentence for people."""


@dataclass(frozen=True)
class Phrase:
    """What somebody types and the mask it means.

    Attributes:
        text: As typed.
        kind: One of `KINDS`.
        mask_rle: COCO RLE at the image's native size; all zero for an absent target.
        area_px: Pixels inside the mask; 0 exactly when the target is absent.
        bbox_xywh: Bounding box of the mask in pixels.
        point_coords: Prompt points that made the mask, xy in pixels.
        point_labels: 1 for positive and 0 for negative points.
        predicted_iou: The annotating model's own estimate; 1 for a mask that people drew.
        name: Key of the class.
    """

    text: str
    kind: str
    mask_rle: Rle
    area_px: int
    bbox_xywh: tuple[float, float, float, float]
    point_coords: tuple[tuple[float, float], ...] = ()
    point_labels: tuple[int, ...] = ()
    predicted_iou: float = 1.0
    name: str = ""

    @property
    def is_absent(self) -> bool:
        """Whether the image holds nothing that the phrase means."""
        return self.area_px == 0

    def mask(self) -> MaskHW:
        """The mask at native size, uint8 HW of zeros and ones."""
        return decode_rle(self.mask_rle)

    @classmethod
    def from_mask(
        cls, text: str, mask_HW: npt.NDArray[np.bool_] | MaskHW, *, kind: str, name: str = ""
    ) -> Phrase:
        """A phrase for a whole-image mask, with area and box computed from it."""
        instance = Instance.from_mask(name, mask_HW)
        x, y, width, height = (0, 0, 0, 0) if instance is None else instance.bbox_xywh
        area_px = 0 if instance is None else instance.area_px
        return cls(text, kind, encode_rle(mask_HW), area_px, (x, y, width, height), name=name)


@dataclass(frozen=True)
class StoredInstance:
    """A labelled object as the file holds it, undecoded."""

    name: str
    mask_rle: Rle
    area_px: int
    bbox_xywh: tuple[float, float, float, float]
    is_crowd: bool = False

    def decoded(self) -> Instance | None:
        """The object itself, or None when its mask is empty."""
        return Instance.from_rle(self.name, self.mask_rle, is_crowd=self.is_crowd)


@dataclass(frozen=True)
class RisorsImage:
    """One image of a split with everything its annotation file says; masks stay encoded.

    Attributes:
        image_id: Identifier from the file.
        path: The image file.
        width_px: Native width.
        height_px: Native height.
        phrases: The stored phrases.
        instances: The labelled objects; empty in a foreign RISORS folder.
        classes_labelled: Classes of which every object in the image is labelled.
        is_true_colour: False for colour-infrared and other composites, where colour words would lie.
        is_approximate: Masks are estimates (ellipses in boxes): for training only.
    """

    image_id: int
    path: Path
    width_px: int
    height_px: int
    phrases: tuple[Phrase, ...]
    instances: tuple[StoredInstance, ...] = ()
    classes_labelled: frozenset[str] = frozenset()
    is_true_colour: bool = True
    is_approximate: bool = False


@dataclass(frozen=True)
class SampleFacts:
    """What is known of a whole image besides its phrases; see `RisorsImage`.

    Attributes:
        cut_from: The larger image that it is a part of, and its first column and row there; splits keep parts
            that overlap together. None for a whole image.
    """

    classes_labelled: frozenset[str] = frozenset()
    is_true_colour: bool = True
    is_approximate: bool = False
    cut_from: tuple[str, int, int] | None = None


def stable_fraction(key: str) -> float:
    """A number in [0, 1) that depends on the text alone, the same on every machine and in every run."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big") / 2**64


def split_of(image_key: str, *, val_fraction: float = 0.10, test_fraction: float = 0.15) -> str:
    """The split an image belongs to, by a hash of its name: adding images never moves another."""
    fraction = stable_fraction(image_key)
    if fraction < 1 - val_fraction - test_fraction:
        return "train"
    return "val" if fraction < 1 - test_fraction else "test"


def write_sample(
    root: Path,
    stem: str,
    image: npt.NDArray[np.uint8] | Path,
    phrases: Sequence[Phrase],
    *,
    instances: Sequence[Instance] = (),
    facts: SampleFacts | None = None,
) -> None:
    """Write one image and its annotations; the annotation file appears only when both are whole.

    Args:
        root: The RISORS folder; made when missing.
        stem: Name of the files without suffix.
        image: RGB uint8 HWC, stored as PNG, or the path of an image file that is copied byte for byte.
        phrases: Phrases with masks at the image's native size.
        instances: The labelled objects, for phrases made on the fly.
        facts: What is known of the whole image.

    Raises:
        ValueError: A phrase's mask has another size than the image, or a kind is unknown.
        RisorsError: The image file cannot be read.
    """
    suffix = image.suffix.lower() if isinstance(image, Path) else ".png"
    image_path = root / "images" / f"{stem}{suffix}"
    height_px, width_px = _image_size(image)
    for phrase in phrases:
        if phrase.mask_rle["size"] != [height_px, width_px] or phrase.kind not in KINDS:
            raise ValueError(
                f"phrase {phrase.text!r} of {stem} has a wrong mask size or kind {phrase.kind!r}"
            )
    if isinstance(image, Path):
        write_atomically(image_path, lambda part: shutil.copyfile(image, part))
    else:
        data = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1].tobytes()
        write_atomically(image_path, lambda part: part.write_bytes(data))
    record = _image_record(stem, image_path.name, (height_px, width_px), facts or SampleFacts())
    rows = [_phrase_row(phrase) for phrase in phrases]
    rows += [_instance_row(instance, height_px=height_px, width_px=width_px) for instance in instances]
    for number, row in enumerate(rows, start=1):
        row["id"] = number
    _write_json(root / "annotations" / f"{stem}.json", {"image": record, "annotations": rows})


def write_split(root: Path, split: str, stems: Iterable[str]) -> None:
    """Write `splits/<split>.txt`, one stem per line, sorted."""
    text = "".join(f"{stem}\n" for stem in sorted(stems))
    write_text_atomically(_list_path(root, split), text)


def write_provenance(root: Path, provenance: Mapping[str, Any]) -> None:
    """Write `provenance.json`: what the folder was made from, its licence and the counts."""
    _write_json(root / "provenance.json", provenance)


def read_stems(root: Path, split: str) -> list[str]:
    """The stems that a split's list names, one per line, which may hold spaces; none where there is no list.

    Raises:
        RisorsError: The list is no text in UTF-8.
    """
    path = _list_path(root, split)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise RisorsError(f"{path} is no text in UTF-8 ({error}); write it anew.") from error
    return [line.strip() for line in lines if line.strip()]


def _list_path(root: Path, split: str) -> Path:
    return root / "splits" / f"{split}.txt"


def read_split(root: Path, split: str) -> list[RisorsImage]:
    """The images of a split in the order of its list.

    Raises:
        RisorsError: The folder is not in the RISORS format, or something it names is missing or damaged.
    """
    list_path = _list_path(root, split)
    if not list_path.is_file():
        found = sorted(path.stem for path in (root / "splits").glob("*.txt"))
        hint = f"it has the splits {', '.join(found)}" if found else "make one with `geophrase-train prepare`"
        raise RisorsError(
            f"{root} has no split {split!r} in the RISORS format ({list_path} is missing); {hint}."
        )
    stems = read_stems(root, split)
    if len(set(stems)) != len(stems):
        raise RisorsError(f"{list_path} names an image twice; every image belongs to a split once.")
    return [read_sample(root, stem) for stem in stems]


def read_sample(root: Path, stem: str) -> RisorsImage:
    """One image's record.

    Raises:
        RisorsError: A file is missing or is not what the format says.
    """
    path = root / "annotations" / f"{stem}.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _parse_image(root, document)
    except FileNotFoundError:
        raise RisorsError(f"{path} is missing though a split names it; prepare the folder again.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RisorsError(f"{path} is not valid JSON ({error}); prepare the folder again.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RisorsError(f"{path} is not a RISORS annotation: {error!r} is missing or malformed.") from error


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """An image file as RGB uint8 HWC.

    Raises:
        RisorsError: The file is missing, is no image, or is larger than OpenCV reads (2**30 pixels).
    """
    return np.asarray(cv2.cvtColor(_decoded(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def read_gray(path: Path) -> npt.NDArray[np.uint8]:
    """An image file as gray values, uint8 HW.

    Raises:
        RisorsError: As `read_image` does.
    """
    return _decoded(path, cv2.IMREAD_GRAYSCALE)


def _decoded(path: Path, flags: int) -> npt.NDArray[np.uint8]:
    """An image as OpenCV decodes it, from bytes: on Windows it opens no path with letters beyond ASCII."""
    try:
        decoded = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    except (OSError, cv2.error):
        decoded = None
    if decoded is None:
        raise RisorsError(f"{path} is missing or is not an image that can be read.")
    return np.asarray(decoded, np.uint8)


def _parse_image(root: Path, document: Mapping[str, Any]) -> RisorsImage:
    record = document["image"]
    rows = document["annotations"]
    path = root / "images" / record["file_name"]
    if not path.is_file():
        raise RisorsError(f"{path} is missing though its annotations exist; prepare the folder again.")
    size = [int(record["height"]), int(record["width"])]
    for row in rows:
        if list(row["segmentation"]["size"]) != size:
            raise ValueError(f"mask size {row['segmentation']['size']} in an image of {size}")
    return RisorsImage(
        image_id=int(record["image_id"]),
        path=path,
        width_px=size[1],
        height_px=size[0],
        phrases=tuple(_parse_phrase(row) for row in rows if row.get("kind") != INSTANCE_KIND),
        instances=tuple(_parse_instance(row) for row in rows if row.get("kind") == INSTANCE_KIND),
        classes_labelled=frozenset(record.get("classes_labelled", ())),
        is_true_colour=bool(record.get("is_true_colour", True)),
        is_approximate=bool(record.get("is_approximate", False)),
    )


def _parse_phrase(row: Mapping[str, Any]) -> Phrase:
    area_px = int(row["area"])
    kind = str(row.get("kind", "class"))
    if (kind == "absent") != (area_px == 0):  # the mask is what counts
        kind = "class" if area_px else "absent"
    x, y, width, height = (float(value) for value in row["bbox"])
    return Phrase(
        text=str(row["description"]),
        kind=kind,
        mask_rle=row["segmentation"],
        area_px=area_px,
        bbox_xywh=(x, y, width, height),
        point_coords=tuple((float(x), float(y)) for x, y in row.get("point_coords") or ()),
        point_labels=tuple(int(label) for label in row.get("point_labels") or ()),
        predicted_iou=float(row.get("predicted_iou", 1.0)),
        name=str(row.get("name", "")),
    )


def _parse_instance(row: Mapping[str, Any]) -> StoredInstance:
    x, y, width, height = (float(value) for value in row["bbox"])
    return StoredInstance(
        name=str(row["name"]),
        mask_rle=row["segmentation"],
        area_px=int(row["area"]),
        bbox_xywh=(x, y, width, height),
        is_crowd=bool(row.get("is_crowd", False)),
    )


def _phrase_row(phrase: Phrase) -> dict[str, Any]:
    return {
        "name": phrase.name,
        "description": phrase.text,
        "kind": phrase.kind,
        "area": phrase.area_px,
        "bbox": list(phrase.bbox_xywh),
        "point_coords": [list(point) for point in phrase.point_coords],
        "point_labels": list(phrase.point_labels),
        "segmentation": phrase.mask_rle,
        "predicted_iou": phrase.predicted_iou,
    }


def _instance_row(instance: Instance, *, height_px: int, width_px: int) -> dict[str, Any]:
    mask_HW = np.zeros((height_px, width_px), np.uint8)
    instance.paint(mask_HW)
    return {
        "name": instance.name,
        "description": instance.name.replace("_", " "),
        "kind": INSTANCE_KIND,
        "is_crowd": instance.is_crowd,
        "area": instance.area_px,
        "bbox": list(instance.bbox_xywh),
        "point_coords": [],
        "point_labels": [],
        "segmentation": encode_rle(mask_HW),
        "predicted_iou": 1.0,
    }


def _image_record(stem: str, file_name: str, size_yx: tuple[int, int], facts: SampleFacts) -> dict[str, Any]:
    place: dict[str, Any] = {}
    if facts.cut_from is not None:
        source, left, top = facts.cut_from
        place["place"] = {"source": source, "map_from_pix": [1, 0, left, 0, 1, top]}
    return {
        "image_id": int(stable_fraction(stem) * 2**53),
        "width": size_yx[1],
        "height": size_yx[0],
        "file_name": file_name,
        "classes_labelled": sorted(facts.classes_labelled),
        "is_true_colour": facts.is_true_colour,
        "is_approximate": facts.is_approximate,
        **place,
    }


def _image_size(image: npt.NDArray[np.uint8] | Path) -> tuple[int, int]:
    height_px, width_px = (read_image(image) if isinstance(image, Path) else image).shape[:2]
    return int(height_px), int(width_px)


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    write_text_atomically(path, json.dumps(document))
