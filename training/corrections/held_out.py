"""Corrections, and the part of them that is held back to judge by; nothing held back is ever trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geophrase.training.data.risors import RisorsImage, read_split, read_stems, stable_fraction
from geophrase.training.data.sources.places import Place, overlapping
from geophrase.training.errors import TrainingError

MIN_IMAGES = 5
"""With fewer, one image more or less decides the figures."""

_HELD_OUT_FRACTION = 0.25
_MIN_HELD_OUT = 2


@dataclass(frozen=True)
class Corrections:
    """What an analyst corrected.

    Attributes:
        train: Images to learn from.
        held_out: Images to judge by; empty when they were not to be held back.
    """

    train: tuple[RisorsImage, ...]
    held_out: tuple[RisorsImage, ...]

    @property
    def num_phrases(self) -> int:
        """Phrases with their masks, in all images."""
        return sum(len(image.phrases) for image in (*self.train, *self.held_out))


@dataclass(frozen=True)
class _Listed:
    """An image, and where it was cut from."""

    place: Place
    record: RisorsImage


def read_corrections(roots: Sequence[Path], *, is_judged: bool = True) -> Corrections:
    """Reads folders of corrections and holds images back to judge by.

    Images of a ``test`` split are left alone. Where the folders have a ``val`` split, that is held back; else
    about a quarter of the images is, chosen by a hash of their names, so that an image that one fine-tuning
    learned from does not judge the next. Images that show some of the same ground stay together.

    Args:
        roots: RISORS folders, as the plugin exports them or ``prepare`` makes them.
        is_judged: False to learn from all images.

    Raises:
        RisorsError: A folder is not in the format.
        TrainingError: There are too few images to hold some back.
    """
    listed = [each for root in roots for each in _listed(root)]
    listed = [each for each in listed if each.record.phrases or each.record.instances]
    if not listed:
        raise TrainingError(
            f"{', '.join(map(str, roots))} has no images to learn from: save some corrections as training "
            "data first."
        )
    is_held_out = _is_held_out(listed) if is_judged else np.zeros(len(listed), bool)
    train = tuple(each.record for each, held in zip(listed, is_held_out, strict=True) if not held)
    held_out = tuple(each.record for each, held in zip(listed, is_held_out, strict=True) if held)
    held_out = tuple(image for image in held_out if not image.is_approximate)  # estimates judge nothing
    if is_judged and (not train or not held_out or len(listed) < MIN_IMAGES):
        num_places = len(np.unique(_groups(listed)))
        raise TrainingError(
            f"{len(listed)} images of {num_places} separate places are too few to hold some back and judge "
            f"the result by: correct at least {MIN_IMAGES} places, or install it unjudged with --unguarded."
        )
    return Corrections(train, held_out)


def _listed(root: Path) -> list[_Listed]:
    if not (root / "splits").is_dir():
        read_split(root, "train")  # says what is missing
    found = []
    for split in ("train", "val"):
        stems = read_stems(root, split)
        for stem, record in zip(stems, read_split(root, split) if stems else (), strict=True):
            document = json.loads((root / "annotations" / f"{stem}.json").read_text(encoding="utf-8"))
            found.append(_Listed(Place.of_record(stem, document["image"], split), record))
    return found


def _is_held_out(listed: Sequence[_Listed]) -> npt.NDArray[np.bool_]:
    group_N = _groups(listed)
    is_val_N = np.array([each.place.split == "val" for each in listed])
    if is_val_N.any():
        return np.isin(group_N, group_N[is_val_N])
    # A group goes where its first name by the alphabet goes: an image that joins it seldom moves it.
    first_stem: dict[int, str] = {}
    for stem, group in sorted(zip((each.place.stem for each in listed), group_N.tolist(), strict=True)):
        first_stem.setdefault(group, stem)
    fractions = {group: stable_fraction(stem) for group, stem in first_stem.items()}
    sizes = np.bincount(group_N)
    chosen: list[int] = []
    for group in sorted(fractions, key=lambda group: fractions[group])[
        :-1
    ]:  # something is left to learn from
        if fractions[group] >= _HELD_OUT_FRACTION and sizes[chosen].sum() >= _MIN_HELD_OUT:
            break
        if sizes[chosen].sum() + sizes[group] <= max(len(listed) // 2, _MIN_HELD_OUT):
            chosen.append(group)
    return np.isin(group_N, chosen)


def _groups(listed: Sequence[_Listed]) -> npt.NDArray[np.int64]:
    """A number for each image, the same for images that overlap, directly or through others."""
    number_of = {id(each.place): number for number, each in enumerate(listed)}
    group_N = np.zeros(len(listed), np.int64)
    for group, places in enumerate(overlapping([each.place for each in listed])):
        group_N[[number_of[id(place)] for place in places]] = group
    return group_N
