"""The Dubai aerial imagery with colour masks, into RISORS: chips of whole districts.

Expected layout: `tile_<district>/images/image_part_00<n>.jpg` and `masks/image_part_00<n>.png`, n = 1..9.
Source: Humans in the Loop and the Mohammed Bin Rashid Space Centre (licence to be confirmed).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geophrase.training.data.instances import Instance
from geophrase.training.data.phrases import phrases_for_image
from geophrase.training.data.risors import RisorsError, SampleFacts, read_image, write_sample
from geophrase.training.data.sources.absences import AbsenceSurvey
from geophrase.training.data.sources.streaming import converted

COLOURS: dict[str, tuple[int, int, int]] = {
    "building": (0x3C, 0x10, 0x98),
    "bare_land": (0x84, 0x29, 0xF6),
    "road": (0x6E, 0xC1, 0xE4),
    "vegetation": (0xFE, 0xDD, 0x3A),
    "water": (0xE2, 0xA9, 0x29),
}
UNLABELLED_COLOURS = ((0x9B, 0x9B, 0x9B), (0, 0, 0))
UNEVEN_CLASSES: dict[str, frozenset[str]] = {"tile_7": frozenset({"road"}), "tile_8": frozenset({"road"})}
DISTRICT_SPLITS = {"tile_4": "train", "tile_7": "train", "tile_8": "test"}
CHIP_PX = 800
MIN_CLASS_PX = 400
MAX_UNLABELLED_FRACTION = 0.25

_DESERT = "7_6 7_9"
_ROUND_THINGS = "4_1 4_4 4_7 7_2 7_3 7_4 7_5 7_6 7_7 7_8"
_GRADED_STRIPS = "7_1 7_3 7_5 7_6 7_7 7_8"

SURVEY = AbsenceSurvey(
    frozenset(f"{district}_{part}" for district in (4, 7) for part in range(1, 10)),
    all_but={
        "airplane": "",
        "helicopter": "",
        "ship": "7_9",
        "boat": "7_9",
        "storage_tank": _ROUND_THINGS,
        "silo": _ROUND_THINGS,
        "baseball_diamond": "4_1 4_2 7_2 7_3",
        "ground_track_field": "4_1 4_2 4_4 4_7 7_2 7_3",
        "stadium": "4_1 4_4 7_2 7_3",
        "harbor": "4_1 4_3 4_4 4_5 4_8 4_9 7_3 7_9",
        "train": "4_1 4_4 4_7 7_6 7_7 7_8",
        "railway": f"4_1 4_4 4_7 {_GRADED_STRIPS} 7_9",
        "runway": _GRADED_STRIPS,
        "greenhouse": "4_4 4_9 7_1 7_4",
        "wind_turbine": "",
        "sea": "",
    },
    only={
        "bridge": "7_9",
        "tennis_court": _DESERT,
        "basketball_court": _DESERT,
        "swimming_pool": _DESERT,
        "solar_panel": _DESERT,
        "football_pitch": f"{_DESERT} 7_8",
        "forest": f"{_DESERT} 7_8",
        "park": f"{_DESERT} 7_8",
    },
)
"""What the parts of districts 4 and 7 don't show beside the classes that the masks label. They were looked at
by eye, whole and, where water or sports grounds are, enlarged. The test district wasn't: its phrases stay."""


def convert_dubai(source: Path, target: Path) -> dict[str, list[str]]:
    """Convert the folder; a whole district is the test split, one part of each other district is val.

    Roads are left out of the districts that label them unevenly. A class with fewer than `MIN_CLASS_PX`
    pixels in a chip is neither named nor called absent there.

    Raises:
        RisorsError: A district or a part is missing, or a mask holds colours that no class has.
    """
    districts = sorted(path for path in source.glob("tile_*") if path.is_dir())
    if not districts:
        raise RisorsError(f"{source} holds no district (tile_4, tile_7, tile_8); give the folder above them.")
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    parts = [(district, part) for district in districts for part in range(1, 10)]
    for split, stems in converted(
        parts, lambda part: (_split_of(*part), _convert_part(*part, target)), total=len(parts), unit="part"
    ):
        splits[split] += stems
    return splits


def _split_of(district: Path, part: int) -> str:
    split = DISTRICT_SPLITS.get(district.name, "train")
    return "val" if split == "train" and part == 9 else split


def label_map(mask_HWC: npt.NDArray[np.uint8], where: Path) -> npt.NDArray[np.uint8]:
    """Class numbers of a colour mask: 1.. in the order of `COLOURS`, 0 where it is unlabelled.

    Raises:
        RisorsError: More than one pixel in a thousand has a colour of no class.
    """
    key_HW = mask_HWC.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    labels_HW = np.full(key_HW.shape, 255, np.uint8)
    for number, colour in enumerate(COLOURS.values(), start=1):
        labels_HW[key_HW == _key(colour)] = number
    for colour in UNLABELLED_COLOURS:
        labels_HW[key_HW == _key(colour)] = 0
    if np.mean(labels_HW == 255) > 0.001:
        raise RisorsError(
            f"{where} has colours of no class; the mask must be the original PNG, not a JPEG copy."
        )
    labels_HW[labels_HW == 255] = 0
    return labels_HW


def chip_windows(height_px: int, width_px: int) -> Iterator[tuple[slice, slice]]:
    """Windows of about `CHIP_PX` that cover an image without overlap, equal in size to a pixel."""
    for rows in _cuts(height_px):
        for cols in _cuts(width_px):
            yield rows, cols


def _cuts(length_px: int) -> list[slice]:
    count = max(1, round(length_px / CHIP_PX))
    edges = np.linspace(0, length_px, count + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def _convert_part(district: Path, part: int, target: Path) -> list[str]:
    name = f"image_part_{part:03d}"
    image_HWC = read_image(district / "images" / f"{name}.jpg")
    mask_path = district / "masks" / f"{name}.png"
    mask_HWC = read_image(mask_path)
    if mask_HWC.shape != image_HWC.shape:
        raise RisorsError(f"{mask_path} is {mask_HWC.shape[:2]} but its image is {image_HWC.shape[:2]}.")
    labels_HW = label_map(mask_HWC, mask_path)
    place = f"{district.name.removeprefix('tile_')}_{part}"
    labelled = set(COLOURS) - UNEVEN_CLASSES.get(district.name, frozenset())
    classes = SURVEY.absent_from(place) | labelled
    stems = []
    for number, window in enumerate(chip_windows(*labels_HW.shape)):
        stem = f"dubai_{place}_{number:02d}"
        if _write_chip(image_HWC[window], labels_HW[window], target, stem, classes):
            stems.append(stem)
    return stems


def _write_chip(
    image_HWC: npt.NDArray[np.uint8],
    labels_HW: npt.NDArray[np.uint8],
    target: Path,
    stem: str,
    classes: frozenset[str],
) -> bool:
    if np.mean(labels_HW == 0) > MAX_UNLABELLED_FRACTION:
        return False
    instances, labelled = [], set(classes)
    for number, name in enumerate(COLOURS, start=1):
        mask_HW = labels_HW == number
        num_px = int(np.count_nonzero(mask_HW))
        if 0 < num_px < MIN_CLASS_PX:
            labelled.discard(name)
        instance = Instance.from_mask(name, mask_HW, is_crowd=True)
        if instance is not None and name in labelled:
            instances.append(instance.with_colour_of(image_HWC))
    if not instances:
        return False
    facts = SampleFacts(frozenset(labelled))
    phrases = phrases_for_image(
        instances, labels_HW.shape, random.Random(stem), classes_labelled=labelled, colour_ok=True
    )
    write_sample(target, stem, image_HWC, phrases, instances=instances, facts=facts)
    return True


def _key(colour: tuple[int, int, int]) -> int:
    return colour[0] * 65536 + colour[1] * 256 + colour[2]
