"""DIOR-RSVG, phrases with boxes and no masks, for annotation.

Expected layout: `Annotations/<number>.xml` (Pascal VOC whose objects have a `description`),
`JPEGImages/<number>.jpg` and `train.txt`, `val.txt`, `test.txt`. The lists number the objects of all
annotation files in the order of their names, from 0. Objects of one image are in several lists, but an image
goes to one split: to the one that most of its objects are in, and of equals to the one held back longest.
Source: Zhan et al., RSVG: Exploring Data and Models for Visual Grounding on Remote Sensing Data, IEEE TGRS 61
(2023); the loader of ZhanYang-nwpu/RSVG-pytorch (data_loader.py), which counts objects file by file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from geophrase.training.data.risors import SPLITS, RisorsError
from geophrase.training.data.sources.boxed import BoxedImage, BoxPhrase
from geophrase.training.data.sources.dior import class_key
from geophrase.training.data.sources.layout import refuse_gaps
from geophrase.training.data.sources.streaming import counted


def read_dior_rsvg(folder: Path) -> Iterator[BoxedImage]:
    """The images with the boxes that a list names; one without any is left out.

    Boxes are cut at the image's edges. What `folder` lacks is found before the first image comes.

    Raises:
        RisorsError: A list, an annotation or an image is missing or damaged, or the lists don't fit.
    """
    split_of = _read_lists(folder)
    paths = sorted((folder / "Annotations").glob("*.xml"))
    if not paths:
        raise RisorsError(f"{folder / 'Annotations'} holds no annotation; give DIOR-RSVG's own folder.")
    refuse_gaps(folder / "JPEGImages", [f"{path.stem}.jpg" for path in paths])
    number = 0
    for path in counted(paths, total=len(paths)):
        root = _parsed(path)
        objects = root.findall("object")
        splits = [split_of.pop(number + index, "") for index in range(len(objects))]
        number += len(objects)
        image = _boxed_image(path, folder, root, splits)
        if image is not None:
            yield image
    if split_of:
        raise RisorsError(
            f"The lists name object {max(split_of)} but {folder / 'Annotations'} holds {number} objects; "
            "take lists and annotations of the same release."
        )


def _boxed_image(path: Path, folder: Path, root: ElementTree.Element, splits: list[str]) -> BoxedImage | None:
    try:
        width_px, height_px = (int(root.findtext(f"size/{side}") or "") for side in ("width", "height"))
        named = [
            _box(found, width_px=width_px, height_px=height_px)
            for found, split in zip(root.findall("object"), splits, strict=True)
            if split
        ]
    except (TypeError, ValueError) as error:
        raise RisorsError(f"{path} is not an annotation of DIOR-RSVG ({error}); get it again.") from error
    boxes = tuple(box for box in named if box is not None)
    if not boxes:
        return None
    return BoxedImage(
        folder / "JPEGImages" / _file_name(path, root), width_px, height_px, _split(splits), boxes
    )


def _split(splits: list[str]) -> str:
    counts = Counter(split for split in splits if split)
    return max(counts, key=lambda split: (counts[split], SPLITS.index(split)))


def _box(found: ElementTree.Element, *, width_px: int, height_px: int) -> BoxPhrase | None:
    """The box of an object and its phrase; None when nothing of it is in the image.

    Raises:
        ValueError: The object has no description or no box.
    """
    text = (found.findtext("description") or "").strip()
    if not text:
        raise ValueError("an object has no description")
    corners = [float(found.findtext(f"bndbox/{key}") or "") for key in ("xmin", "ymin", "xmax", "ymax")]
    left, right = (min(max(corners[index], 0.0), float(width_px)) for index in (0, 2))
    top, bottom = (min(max(corners[index], 0.0), float(height_px)) for index in (1, 3))
    if left >= right or top >= bottom:
        return None
    return BoxPhrase(text, class_key(found.findtext("name") or ""), (left, top, right, bottom))


def _file_name(path: Path, root: ElementTree.Element) -> str:
    return Path(root.findtext("filename") or f"{path.stem}.jpg").name


def _parsed(path: Path) -> ElementTree.Element:
    try:
        # The user's own file, and expat bounds what entities expand to.
        return ElementTree.parse(path).getroot()  # nosec B314
    except ElementTree.ParseError as error:
        raise RisorsError(f"{path} is damaged ({error}); get it again.") from error


def _read_lists(folder: Path) -> dict[int, str]:
    """The split of each object's number."""
    split_of: dict[int, str] = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        try:
            numbers = [int(word) for word in path.read_text(encoding="utf-8").split()]
        except FileNotFoundError:
            raise RisorsError(
                f"{path} is missing; give DIOR-RSVG's folder with Annotations, JPEGImages and three lists."
            ) from None
        except ValueError as error:
            raise RisorsError(f"{path} is not a list of numbers ({error}); get it again.") from error
        for number in numbers:
            if split_of.setdefault(number, split) != split:
                raise RisorsError(f"{folder} lists object {number} in {split_of[number]} and {split}.")
    return split_of
