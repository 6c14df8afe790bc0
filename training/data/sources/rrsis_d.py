"""RRSIS-D, or any data set in the refer API's layout, into RISORS, with its published splits.

Expected layout: `rrsisd/refs(unc).p` (references with their split), `rrsisd/instances.json` (COCO, masks as
run-length encodings) and `images/rrsisd/JPEGImages/*.jpg`. Both files and `JPEGImages` may also lie in the
folder itself.
Source: Liu et al., Rotated Multi-Scale Interaction Network for Referring Remote Sensing Image Segmentation,
CVPR 2024; the refer API (lichengunc/refer) and the loaders of RMSIN.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geophrase.training.data.risors import SPLITS, RisorsError, write_sample
from geophrase.training.data.sources.coco_rle import phrase_of_rle, rle_of
from geophrase.training.data.sources.dior import class_key
from geophrase.training.data.sources.layout import image_size_yx, refuse_gaps
from geophrase.training.data.sources.refer_pickle import Reference, read_references
from geophrase.training.data.sources.streaming import converted, tell

REFERENCES, INSTANCES = "refs(unc).p", "instances.json"


@dataclass(frozen=True)
class _Objects:
    """The COCO file, by identifiers."""

    file_name_of: dict[int, str]
    segmentation_of: dict[int, Any]
    class_of: dict[int, str]


@dataclass(frozen=True)
class _Work:
    """One image with all its references, of one split."""

    path: Path
    split: str
    references: tuple[Reference, ...]

    @property
    def stem(self) -> str:
        return f"rrsisd_{self.path.stem}"


def convert_rrsis_d(source: Path, target: Path) -> dict[str, list[str]]:
    """Convert the folder; the stems of each published split.

    Raises:
        RisorsError: A file is missing or damaged, or references name objects that aren't there.
    """
    annotations = _existing(source, (Path("rrsisd"), Path()), REFERENCES)
    images = _existing(source, (Path("images", "rrsisd"), Path("images"), Path()), "JPEGImages")
    objects = _read_instances(annotations.parent / INSTANCES)
    works = _grouped(read_references(annotations), objects, images)
    refuse_gaps(images, [work.path.name for work in works])
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    num_empty = 0
    for work, num_written in converted(
        works, lambda work: (work, _convert(work, objects, target)), total=len(works)
    ):
        splits[work.split] += [work.stem] if num_written else []
        num_empty += sum(len(reference.texts) for reference in work.references) - num_written
    if num_empty:
        tell(f"{num_empty} phrases of {source.name} have an empty mask and were left out.")
    return splits


def _convert(work: _Work, objects: _Objects, target: Path) -> int:
    """Write one image; the number of its phrases, none where all masks are empty."""
    height_px, width_px = image_size_yx(work.path)
    phrases = []
    for reference in work.references:
        try:
            segmentation = objects.segmentation_of[reference.annotation_id]
            rle = rle_of(segmentation, height_px=height_px, width_px=width_px)
        except ValueError as error:
            raise RisorsError(
                f"The mask of object {reference.annotation_id} in {INSTANCES} is damaged ({error}); "
                "extract the archive again."
            ) from error
        name = objects.class_of.get(reference.category_id, "")
        phrases += [phrase_of_rle(text, rle, kind="class", name=name) for text in reference.texts]
    phrases = [phrase for phrase in phrases if not phrase.is_absent]
    if phrases:
        write_sample(target, work.stem, work.path, phrases)
    return len(phrases)


def _grouped(references: Sequence[Reference], objects: _Objects, images: Path) -> list[_Work]:
    """References by their image, in the order of the list."""
    by_image: dict[int, list[Reference]] = {}
    for reference in references:
        known = (
            reference.annotation_id in objects.segmentation_of and reference.image_id in objects.file_name_of
        )
        if not known:
            raise RisorsError(
                f"{REFERENCES} names object {reference.annotation_id} of image {reference.image_id}, which "
                f"{INSTANCES} lacks; take both files from the same archive."
            )
        by_image.setdefault(reference.image_id, []).append(reference)
    return [_work(images / objects.file_name_of[key], found) for key, found in by_image.items()]


def _work(path: Path, references: Sequence[Reference]) -> _Work:
    splits = {reference.split for reference in references}
    if len(splits) > 1:
        found = " and ".join(sorted(splits))
        raise RisorsError(f"{REFERENCES} puts {path.name} into {found}; an image belongs to one split.")
    return _Work(path, splits.pop(), tuple(references))


def _read_instances(path: Path) -> _Objects:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _Objects(
            file_name_of={int(row["id"]): str(row["file_name"]) for row in document["images"]},
            segmentation_of={int(row["id"]): row["segmentation"] for row in document["annotations"]},
            class_of={int(row["id"]): class_key(str(row["name"])) for row in document["categories"]},
        )
    except FileNotFoundError:
        raise RisorsError(f"{path} is missing; extract the whole archive.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RisorsError(f"{path} is damaged ({error}); extract the archive again.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RisorsError(f"{path} is not a COCO instances file ({error!r}).") from error


def _existing(source: Path, folders: Sequence[Path], name: str) -> Path:
    candidates: Iterator[Path] = (source / folder / name for folder in folders)
    found = next((path for path in candidates if path.exists()), None)
    if found is None:
        raise RisorsError(
            f"{source / folders[0] / name} is missing; give RRSIS-D's folder, which holds rrsisd and images."
        )
    return found
