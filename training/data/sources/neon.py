"""NEON tree crowns of the open oak savanna (SJER), into RISORS, for training only.

Expected layout: `<SITE>_<number>.tif` with `<SITE>_<number>.xml` (Pascal VOC boxes) side by side. A box is no
mask: the ellipse inscribed in it stands for the crown, and the samples are marked approximate. Sites of
closed forest are left out: a crown without a box is a tree all the same, so "trees" would be untrue there.
Source: NeonTreeEvaluation (CC0).
"""

from __future__ import annotations

import random
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import rasterio
import rasterio.errors

from geophrase.training.data.instances import Instance
from geophrase.training.data.phrases import phrases_for_image
from geophrase.training.data.risors import RisorsError, SampleFacts, write_sample
from geophrase.training.data.sources.absences import AbsenceSurvey

OPEN_SITES = ("SJER",)
CLASS = "tree"

_WATER_OR_TRACK = "SJER_003 SJER_004"
_BUILT = (
    "airplane helicopter ship boat storage_tank silo baseball_diamond tennis_court basketball_court "
    "ground_track_field football_pitch stadium harbor bridge vehicle car truck bus train railway building "
    "house warehouse greenhouse tower swimming_pool construction_site runway roundabout parking_lot "
    "solar_panel wind_turbine container canal sea"
)

SURVEY = AbsenceSurvey(
    frozenset(f"SJER_{number:03d}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12)),
    all_but={
        **dict.fromkeys(_BUILT.split(), ""),
        **dict.fromkeys(("water", "river", "lake", "pond"), _WATER_OR_TRACK),
        "road": f"{_WATER_OR_TRACK} SJER_005",
    },
)
"""What ten tiles of pasture with rocks don't show: anything built. They were looked at by eye at full size.
One has a gully, one a track and what may be a pond, one a footpath."""


def convert_neon(source: Path, target: Path) -> dict[str, list[str]]:
    """Convert the open sites; all of them are training images.

    Raises:
        RisorsError: No tile is there, or one lacks its boxes.
    """
    paths = sorted(path for site in OPEN_SITES for path in source.glob(f"{site}_*.tif"))
    if not paths:
        raise RisorsError(f"{source} holds no tile of {', '.join(OPEN_SITES)} (such as SJER_003.tif).")
    return {"train": [_convert_tile(path, target) for path in paths], "val": [], "test": []}


def crown_instances(annotation: Path, *, height_px: int, width_px: int) -> list[Instance]:
    """One inscribed ellipse for every box of a Pascal VOC file.

    Raises:
        RisorsError: The file is missing or is not Pascal VOC.
    """
    try:
        # The user's own file, and expat bounds what entities expand to.
        root = ElementTree.parse(annotation).getroot()  # nosec B314
        boxes = [_corners(box) for box in root.iter("bndbox")]
    except (OSError, ElementTree.ParseError, TypeError, ValueError) as error:
        raise RisorsError(f"{annotation} is missing or is not a Pascal VOC file ({error}).") from error
    instances = []
    for left, top, right, bottom in boxes:
        mask_HW = np.zeros((height_px, width_px), np.uint8)
        middle = ((left + right - 1) / 2, (top + bottom - 1) / 2)
        cv2.ellipse(mask_HW, (middle, (right - left, bottom - top), 0.0), 1, thickness=-1)
        instance = Instance.from_mask(CLASS, mask_HW)
        if instance is not None:
            instances.append(instance)
    return instances


def _corners(box: ElementTree.Element) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(box.findtext(key) or "") for key in ("xmin", "ymin", "xmax", "ymax"))
    return left, top, right, bottom


def _convert_tile(path: Path, target: Path) -> str:
    try:
        with rasterio.open(path) as raster:
            image_HWC = np.ascontiguousarray(raster.read([1, 2, 3]).transpose(1, 2, 0))
    except rasterio.errors.RasterioIOError as error:
        raise RisorsError(f"{path} is not a raster that can be read ({error}).") from error
    height_px, width_px = image_HWC.shape[:2]
    crowns = crown_instances(path.with_suffix(".xml"), height_px=height_px, width_px=width_px)
    instances = [instance.with_colour_of(image_HWC) for instance in crowns]
    stem, classes = f"neon_{path.stem}", SURVEY.absent_from(path.stem) | {CLASS}
    phrases = phrases_for_image(
        instances, (height_px, width_px), random.Random(stem), classes_labelled=classes, colour_ok=True
    )
    facts = SampleFacts(classes, is_approximate=True)
    write_sample(target, stem, image_HWC, phrases, instances=instances, facts=facts)
    return stem
