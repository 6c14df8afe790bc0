"""Folders that are RISORS already, published or exported by the plugin: checked, merged and split by image.

Expected layout: `annotations/<stem>.json`, `images/` and, where there are splits, `splits/<split>.txt`.
RISORS as published may instead have a folder for each split, or SA-1B's layout, each JSON beside its image.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geophrase.engine.atomic_file import write_atomically, write_text_atomically
from geophrase.training.data.risors import INSTANCE_KIND, KINDS, SPLITS, RisorsError, read_image, read_stems
from geophrase.training.data.sources.coco_rle import rle_area_px
from geophrase.training.data.sources.places import Place, split_by_place
from geophrase.training.data.sources.streaming import converted, counted

_SPLIT_OF_FOLDER = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Splitting:
    """How images get a split that have none.

    Attributes:
        val_fraction: Share of the validation split.
        test_fraction: Share of the test split.
        needs_validation: Where no folder holds back any image for validation, images listed for training
            count as not listed, and at least one goes to validation where there are two places.
    """

    val_fraction: float = 0.10
    test_fraction: float = 0.15
    needs_validation: bool = False


@dataclass(frozen=True)
class _Found:
    """An annotation file with its image.

    Attributes:
        stem: In the target folder.
        annotations: The JSON files, each holding other phrases for the same image; of two answers to one
            phrase the later file's counts.
        image: The image file.
        split: "" where no list and no folder names one.
    """

    stem: str
    annotations: tuple[Path, ...]
    image: Path
    split: str


@dataclass
class _Merged:
    """The images found so far."""

    by_stem: dict[str, _Found] = field(default_factory=dict)

    def add(self, found: _Found) -> None:
        """Take an image in; the same image twice becomes one, another image of the same name gets its own."""
        known = self.by_stem.get(found.stem)
        if known is None:
            self.by_stem[found.stem] = found
        elif _sha256(known.image) == _sha256(found.image):
            split = max(known.split, found.split, key=("", *SPLITS).index)
            annotations = (*known.annotations, *found.annotations)
            self.by_stem[found.stem] = _Found(found.stem, annotations, known.image, split)
        else:
            stem = f"{found.stem}_{_sha256(found.image)[:8]}"
            self.add(_Found(stem, found.annotations, found.image, found.split))


def convert_sample_folders(
    sources: Sequence[Path], target: Path, splitting: Splitting
) -> dict[str, list[str]]:
    """Check and copy the images of all folders; the stems of each split.

    Images that overlap on the ground share a split, the one held back longest of those that they were listed
    in. What the records say beside the format is kept.

    Raises:
        RisorsError: A folder holds no samples, or a file is missing, damaged or against the format.
    """
    merged = _Merged()
    for source in sources:
        for found in _samples_of(source):
            merged.add(found)
    found_images = list(merged.by_stem.values())
    places = list(converted(found_images, lambda found: _copy(found, target), total=len(found_images)))
    if splitting.needs_validation and not any(place.split == "val" for place in places):
        places = [place.unsplit() if place.split == "train" else place for place in places]
    return split_by_place(
        places,
        val_fraction=splitting.val_fraction,
        test_fraction=splitting.test_fraction,
        needs_validation=splitting.needs_validation,
    )


def _samples_of(source: Path) -> Iterator[_Found]:
    listed = _listed(source)
    paths = sorted(_annotations_of(source))
    if not paths:
        raise RisorsError(f"{source} holds no RISORS samples; give a folder with annotations and images.")
    unknown = sorted(set(listed) - {path.stem for path in paths})
    if unknown:
        raise RisorsError(
            f"{source} lacks the annotations of {len(unknown)} images that its splits name, "
            f"{unknown[0]} among them; copy the whole folder."
        )
    for path in counted(paths, total=len(paths)):
        record = read_document(path)["image"]
        image = _image_of(path, source, str(record.get("file_name", "")))
        folders = path.relative_to(source).parts[:-1]
        named = next((_SPLIT_OF_FOLDER[name] for name in folders if name in _SPLIT_OF_FOLDER), "")
        yield _Found(path.stem, (path,), image, listed.get(path.stem, named))


def read_document(path: Path) -> dict[str, Any]:
    """An annotation file as it is, checked to have an image record and annotations.

    Raises:
        RisorsError: It is damaged or something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RisorsError(f"{path} is damaged ({error}); copy or export it again.") from error
    is_right = isinstance(document, dict) and isinstance(document.get("image"), dict)
    if not (is_right and isinstance(document.get("annotations"), list)):
        raise RisorsError(f"{path} is not a RISORS annotation: it lacks an image record or annotations.")
    return dict(document)


def _copy(found: _Found, target: Path) -> Place:
    """Write image and annotations; where the image lies and its split so far."""
    size = list(read_image(found.image).shape[:2])
    record: dict[str, Any] = {}
    rows_of: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in found.annotations:
        document = read_document(path)
        record |= document["image"]
        try:
            rows_of |= _rows_by_key(_checked_rows(document, size=size))
        except (KeyError, TypeError, ValueError) as error:
            raise RisorsError(f"{path} is not a RISORS annotation ({error}); export it again.") from error
    record["file_name"] = f"{found.stem}{found.image.suffix.lower()}"
    rows = [row for rows in rows_of.values() for row in rows]
    numbered = [{**row, "id": number} for number, row in enumerate(rows, start=1)]
    image_path = target / "images" / record["file_name"]
    write_atomically(image_path, lambda part: shutil.copyfile(found.image, part))
    text = json.dumps({"image": record, "annotations": numbered})
    write_text_atomically(target / "annotations" / f"{found.stem}.json", text)
    return Place.of_record(found.stem, record, found.split)


def _rows_by_key(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    rows_of: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        rows_of.setdefault(_key(row), []).append(row)
    return rows_of


def _key(row: dict[str, Any]) -> tuple[str, str]:
    """Rows of one key answer the same question: a phrase, or which objects of a class there are."""
    if row.get("kind") == INSTANCE_KIND:
        return INSTANCE_KIND, str(row["name"])
    return "", str(row["description"])


def _checked_rows(document: dict[str, Any], *, size: list[int]) -> list[dict[str, Any]]:
    """The annotations with areas counted anew.

    Raises:
        KeyError, TypeError or ValueError: Something is missing or doesn't fit the image.
    """
    record = document["image"]
    if [int(record["height"]), int(record["width"])] != size:
        raise ValueError(f"its image is {size[1]} x {size[0]}, not {record['width']} x {record['height']}")
    rows = []
    for row in document["annotations"]:
        if list(row["segmentation"]["size"]) != size:
            raise ValueError(f"a mask of {row['segmentation']['size']} in an image of {size}")
        if not str(row["description"]).strip() or row.get("kind", "class") not in (*KINDS, INSTANCE_KIND):
            raise ValueError(f"an empty phrase or an unknown kind {row.get('kind')!r}")
        if len(row.get("point_coords") or ()) != len(row.get("point_labels") or ()):
            raise ValueError("points without labels")
        if len([float(value) for value in row["bbox"]]) != 4:
            raise ValueError("a box without four numbers")
        rows.append({**row, "area": rle_area_px(row["segmentation"])})
    return rows


def _image_of(path: Path, source: Path, file_name: str) -> Path:
    name = Path(file_name).name
    images = source / "images"
    folders = (path.parent, path.parent.parent / "images", images, images / path.parent.name)
    found = next((folder / name for folder in folders if name and (folder / name).is_file()), None)
    if found is None:
        raise RisorsError(f"{path} names image {file_name!r}, which {source} lacks; copy the whole folder.")
    return found


def _annotations_of(source: Path) -> Iterator[Path]:
    """The annotation files of any of the layouts, and nothing else that `geophrase-train prepare` writes."""
    annotations = source / "annotations"
    for path in (annotations if annotations.is_dir() else source).rglob("*.json"):
        inner = path.relative_to(source)
        if inner != Path("provenance.json") and not any(part.startswith(".") for part in inner.parts):
            yield path


def _listed(source: Path) -> dict[str, str]:
    """The split of each image that a list names."""
    split_of: dict[str, str] = {}
    for path in sorted((source / "splits").glob("*.txt")):
        if path.stem not in SPLITS:
            raise RisorsError(f"{path} is no split; the lists are {', '.join(SPLITS)}.")
        for stem in read_stems(source, path.stem):
            if split_of.setdefault(stem, path.stem) != path.stem:
                raise RisorsError(
                    f"{source} lists {stem} in {split_of[stem]} and {path.stem}; an image belongs to one."
                )
    return split_of


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
