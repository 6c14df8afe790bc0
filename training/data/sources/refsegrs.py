"""RefSegRS into RISORS, with its published splits.

Expected layout: `images/<id>.tif` (RGB, 512 x 512), `masks/<id>.tif` (one band, 255 inside) and
`output_phrase_{train,val,test}.txt`, whose lines are an id and the phrase. A phrase means everything of its
kind in the image.
Source: Yuan et al., RRSIS: Referring Remote Sensing Image Segmentation, IEEE TGRS 62 (2024); layout of the
distributed archive as its published loaders read it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geophrase.training.data.risors import SPLITS, Phrase, RisorsError, read_gray, write_sample
from geophrase.training.data.sources.layout import refuse_gaps
from geophrase.training.data.sources.streaming import converted, tell

CLASSES = (
    "road", "vehicle", "car", "van", "building", "truck", "trailer", "bus", "road marking", "bikeway",
    "sidewalk", "tree", "low vegetation", "impervious surface",
)  # fmt: skip
INSIDE_ABOVE = 50
"""Mask values above this are inside.

Source: the threshold of the published loaders.
"""

_CLASS_PATTERN = re.compile(rf"\b({'|'.join(sorted(CLASSES, key=len, reverse=True))})(?:e?s)?\b")


def convert_refsegrs(source: Path, target: Path) -> dict[str, list[str]]:
    """Convert the folder; the stems of each published split.

    Raises:
        RisorsError: A list, an image or a mask is missing or damaged, or an id is in two splits.
    """
    texts_of = {split: _read_phrases(source / f"output_phrase_{split}.txt") for split in SPLITS}
    _refuse_overlap(texts_of, source)
    texts_by_id = {key: texts for split in SPLITS for key, texts in texts_of[split].items()}
    for folder in ("images", "masks"):
        refuse_gaps(source / folder, [f"{key}.tif" for key in texts_by_id], what=folder)
    written: set[str] = set()
    num_empty = 0
    for key, num_phrases in converted(
        texts_by_id.items(), lambda item: _convert(source, target, *item), total=len(texts_by_id)
    ):
        written.update({key} if num_phrases else ())
        num_empty += len(texts_by_id[key]) - num_phrases
    if num_empty:
        tell(f"{num_empty} phrases of RefSegRS have an empty mask and were left out.")
    return {split: [_stem(key) for key in texts if key in written] for split, texts in texts_of.items()}


def class_of(text: str) -> str:
    """Key of the class that a phrase names first; "" where it names none of the data set's.

    Source: the class names in the code of FIANet.
    """
    found = _CLASS_PATTERN.search(text.lower())
    return "" if found is None else found.group(1).replace(" ", "_")


def _stem(key: str) -> str:
    return f"refsegrs_{key}"


def _convert(source: Path, target: Path, key: str, texts: list[str]) -> tuple[str, int]:
    """Write one image; its id and the number of phrases written, none where the mask is empty."""
    mask_HW = _read_mask(source / "masks" / f"{key}.tif")
    if not mask_HW.any():
        return key, 0
    phrases = [Phrase.from_mask(text, mask_HW, kind="class", name=class_of(text)) for text in texts]
    try:
        write_sample(target, _stem(key), source / "images" / f"{key}.tif", phrases)
    except ValueError as error:
        raise RisorsError(f"{source / 'masks' / key}.tif has another size than its image.") from error
    return key, len(phrases)


def _read_mask(path: Path) -> npt.NDArray[np.bool_]:
    values_HW = read_gray(path)
    inside_HW: npt.NDArray[np.bool_] = values_HW > INSIDE_ABOVE
    if values_HW.any() and not inside_HW.any():
        raise RisorsError(
            f"{path} has no value above {INSIDE_ABOVE} though RefSegRS's masks are 0 and 255; "
            "take the original masks."
        )
    return inside_HW


def _read_phrases(path: Path) -> dict[str, list[str]]:
    """Phrases by the id of their image, in the order of the list."""
    if not path.is_file():
        raise RisorsError(
            f"{path} is missing; give RefSegRS's folder, which holds images, masks and three phrase lists."
        )
    texts: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(path), start=1):
        key, _, text = line.strip().partition(" ")
        if key and not text.strip():
            raise RisorsError(f"{path} has no phrase in line {number}; extract the archive again.")
        if key:
            texts.setdefault(key, []).append(text.strip())
    return texts


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise RisorsError(f"{path} is damaged ({error}); extract the archive again.") from error


def _refuse_overlap(texts_of: dict[str, dict[str, list[str]]], source: Path) -> None:
    seen: dict[str, str] = {}
    for split, texts in texts_of.items():
        for key in texts:
            if key in seen:
                raise RisorsError(f"{source} lists image {key} in {seen[key]} and {split}; get it again.")
            seen[key] = split
