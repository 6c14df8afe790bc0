"""NAIP tiles of Californian towns, into RISORS: phrases for what they don't show, and where plants grow.

Expected layout: `images/<town>_2020_<number>.tif`, 256 x 256 px of 0.6 m in red, green, blue and near
infrared. The infrared tells plants from everything else, to train on, and most training tiles also get our
own labels of what covers the ground; the points at the trees aren't used.
Source: Ventura et al., Int. J. Appl. Earth Obs. 130 (2024), CC BY 4.0; NAIP is in the public domain.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.errors
from scipy import ndimage

from geophrase.protocol.grid import RasterGrid
from geophrase.training.data.instances import Instance
from geophrase.training.data.phrases import PhraseSampler, to_phrase
from geophrase.training.data.risors import Phrase, RisorsError, SampleFacts, write_sample
from geophrase.training.data.sources.absences import AbsenceSurvey
from geophrase.training.data.sources.ground_cover import read_cover
from geophrase.training.data.sources.places import Place, split_by_place
from geophrase.training.data.sources.streaming import converted, tell

PHRASES_PER_TILE = 16
LEAST_NDVI = 0.1
MIN_PLANTED_PX = 200
VAL_FRACTION = 0.09
TEST_FRACTION = 0.13

_NUMBERS = {
    "bishop": "0 7",
    "claremont": "6 7 8 18 28 29 33 37",
    "long_beach": "0 1 6 13 20 28 29 31 41 47 53 66 68 76 77 78 81 83 86 87 97",
    "palm_springs": "0 7 10 15 16 19 20 22 23 24 27 29 30 31 34 42 44 57 63 66 74 80 84 85 87 98",
    "riverside": "1 3 5 7 9 13 15 17 22 24 25 35 39",
    "santa_monica": "4 11 15 19 22 24 29 31 32 36 37 40 44 50 64 71 80 81 83 88",
}
_AIRPORT = "palm_springs_19 palm_springs_20 palm_springs_34"
_BASINS = "claremont_7 claremont_8"
_LAKE = "long_beach_47"
_WASHES = "palm_springs_15 palm_springs_27 palm_springs_80 riverside_39"
_DARK_BANDS = "palm_springs_24 palm_springs_30"
_STILL_WATER = f"{_BASINS} {_LAKE} {_DARK_BANDS} palm_springs_98"
_TRAILERS = (
    "bishop_0 bishop_7 claremont_18 long_beach_6 palm_springs_22 riverside_5 riverside_15 riverside_17"
)
_SCHOOL_GROUNDS = "riverside_22 santa_monica_31"
_DIRT_LOTS = "claremont_7 long_beach_28 palm_springs_15 palm_springs_66 riverside_15 riverside_17"
_LAWNS = (
    "bishop_0 claremont_7 long_beach_28 long_beach_47 palm_springs_15 palm_springs_24 palm_springs_42 "
    "palm_springs_66 palm_springs_74 palm_springs_80 palm_springs_85 riverside_1 riverside_9 riverside_17 "
    "santa_monica_81"
)
_ROUND_THINGS = (
    "bishop_0 claremont_18 long_beach_6 long_beach_68 palm_springs_20 palm_springs_66 santa_monica_64"
)
_LOOPS = (
    "claremont_28 claremont_29 claremont_33 palm_springs_15 palm_springs_16 palm_springs_34 riverside_22 "
    "riverside_35 santa_monica_71"
)
_NO_POOL = (
    "claremont_18 claremont_37 long_beach_1 long_beach_29 long_beach_41 long_beach_53 long_beach_83 "
    "palm_springs_16 palm_springs_19 palm_springs_20 palm_springs_22 palm_springs_24 palm_springs_27 "
    "palm_springs_31 palm_springs_34 palm_springs_57 palm_springs_63 palm_springs_66 palm_springs_7 "
    "palm_springs_74 palm_springs_80 riverside_13 riverside_25 riverside_5 riverside_7 riverside_9 "
    "santa_monica_24 santa_monica_29 santa_monica_31 santa_monica_32 santa_monica_37 santa_monica_40 "
    "santa_monica_44 santa_monica_50 santa_monica_64"
)
_WILD = "palm_springs_24 palm_springs_57"
_NO_ROOF = f"{_WILD} {_LAKE} palm_springs_27 palm_springs_74"

SURVEY = AbsenceSurvey(
    frozenset(f"{town}_{number}" for town, numbers in _NUMBERS.items() for number in numbers.split()),
    all_but={
        "airplane": _AIRPORT,
        "helicopter": _AIRPORT,
        "ship": _TRAILERS,
        "boat": _TRAILERS,
        "storage_tank": f"{_BASINS} {_ROUND_THINGS}",
        "silo": f"{_BASINS} {_ROUND_THINGS}",
        "baseball_diamond": f"{_SCHOOL_GROUNDS} {_DIRT_LOTS} palm_springs_24 palm_springs_80 riverside_9",
        "tennis_court": f"{_SCHOOL_GROUNDS} claremont_6 palm_springs_15 palm_springs_29 santa_monica_81",
        "basketball_court": (
            f"{_SCHOOL_GROUNDS} claremont_6 palm_springs_15 palm_springs_29 riverside_3 santa_monica_81"
        ),
        "ground_track_field": (
            f"{_SCHOOL_GROUNDS} claremont_7 palm_springs_15 palm_springs_24 palm_springs_66"
        ),
        "football_pitch": f"{_SCHOOL_GROUNDS} {_LAWNS}",
        "stadium": f"{_SCHOOL_GROUNDS} claremont_18 palm_springs_31 palm_springs_66",
        "harbor": _BASINS,
        "bridge": f"{_BASINS} {_LAKE} palm_springs_27 riverside_24 santa_monica_32 santa_monica_40",
        "train": "long_beach_6 palm_springs_27 riverside_5 riverside_15 riverside_24 santa_monica_32 "
        "santa_monica_71",
        "railway": "palm_springs_27 riverside_24 santa_monica_32 santa_monica_71",
        "runway": f"{_AIRPORT} long_beach_41 palm_springs_27 santa_monica_40",
        "roundabout": f"{_LOOPS} claremont_18 palm_springs_66",
        "greenhouse": "bishop_0 long_beach_0 long_beach_6 riverside_15",
        "wind_turbine": "",
        "river": f"{_STILL_WATER} {_WASHES} bishop_0",
        "canal": f"{_STILL_WATER} {_WASHES} bishop_0",
        "lake": _STILL_WATER,
        "sea": f"{_BASINS} {_LAKE}",
        "beach": f"{_STILL_WATER} {_WASHES}",
    },
    only={
        "swimming_pool": _NO_POOL,
        "solar_panel": f"{_WILD} {_LAKE} claremont_7 palm_springs_27 palm_springs_66 palm_springs_74",
        "building": _NO_ROOF,
        "house": _NO_ROOF,
        "warehouse": _NO_ROOF,
        "vehicle": "palm_springs_57",
        "car": "palm_springs_57",
        "truck": f"{_NO_ROOF} palm_springs_66",
        "bus": f"{_NO_ROOF} palm_springs_66",
        "container": f"{_WILD} {_LAKE} palm_springs_27 palm_springs_74",
        "parking_lot": f"{_WILD} {_LAKE} palm_springs_74",
        "construction_site": f"{_WILD} {_LAKE} palm_springs_74",
    },
)
"""All tiles were looked at by eye, in colour, four times enlarged. Parked trailers may hold boats, dark bands
may be water, and roofs may bear solar panels too small to see: such tiles are excepted."""


def convert_naip(source: Path, target: Path) -> dict[str, list[str]]:
    """Convert the tiles that were looked at; tiles that overlap share a split.

    Raises:
        RisorsError: No tile is there, or one can't be read.
    """
    paths = sorted((source / "images").glob("*.tif"))
    seen = [path for path in paths if tile_name(path) in SURVEY.images]
    if not seen:
        raise RisorsError(
            f"{source} holds no tile that is known (such as images/claremont_2020_7.tif); "
            "give the folder above the images."
        )
    if len(seen) < len(paths):
        tell(
            f"{len(paths) - len(seen)} of {len(paths)} tiles are left out: nobody said what they don't show."
        )
    places = list(converted(seen, lambda path: _convert_tile(path, target), total=len(seen), unit="tile"))
    return split_by_place(
        places, val_fraction=VAL_FRACTION, test_fraction=TEST_FRACTION, needs_validation=False
    )


def tile_name(path: Path) -> str:
    """Town and number of a tile of 2020; another year shows other things and gets no name."""
    town, is_of_2020, number = path.stem.partition("_2020_")
    return f"{town}_{number}" if is_of_2020 else ""


def _convert_tile(path: Path, target: Path) -> Place:
    try:
        with rasterio.open(path) as raster:
            bands_CHW = raster.read([1, 2, 3, 4])
            grid = RasterGrid(raster.width, raster.height, tuple(raster.transform)[:6])
            crs = str(raster.crs)
    except (rasterio.errors.RasterioIOError, IndexError) as error:
        raise RisorsError(f"{path} is not a tile of four bands or more ({error}); copy it again.") from error
    stem = f"naip_{path.stem}"
    image_HWC = np.ascontiguousarray(bands_CHW[:3].transpose(1, 2, 0))
    absent = SURVEY.absent_from(tile_name(path))
    phrases = absent_phrases(absent, image_HWC.shape[:2], random.Random(stem))
    planted = Instance.from_mask("vegetation", planted_mask(bands_CHW), image_HWC=image_HWC, is_crowd=True)
    cover = read_cover(stem, image_HWC)
    instances = [instance for instance in cover.instances if instance.name != "vegetation"]
    if planted is not None and planted.area_px >= MIN_PLANTED_PX:
        instances.append(planted)
    facts = SampleFacts(absent | {instance.name for instance in instances})
    write_sample(target, stem, image_HWC, phrases, instances=instances, facts=facts)
    return Place(stem, source=crs, grid=grid)


def planted_mask(bands_CHW: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where plants grow, (H, W): infrared outweighs red, more than in single pixels.

    The bound was chosen by eye on twelve tiles; dry grass is partly below it.

    Args:
        bands_CHW: Red, green, blue and near infrared.

    Source: the normalised difference vegetation index, Rouse et al. 1974.
    """
    red_HW, infrared_HW = (ndimage.uniform_filter(bands_CHW[band].astype(np.float32), 3) for band in (0, 3))
    ndvi_HW = (infrared_HW - red_HW) / np.maximum(infrared_HW + red_HW, 1.0)
    mask_HW: npt.NDArray[np.bool_] = ndimage.binary_opening(ndvi_HW > LEAST_NDVI)
    return mask_HW


def absent_phrases(
    classes: frozenset[str], image_size_yx: tuple[int, int], rng: random.Random
) -> list[Phrase]:
    """`PHRASES_PER_TILE` different phrases, each for something that isn't there.

    Args:
        classes: What is surely absent, at least one class.
        image_size_yx: Height and width in pixels.
        rng: The only source of chance.
    """
    height_px, width_px = image_size_yx
    sampler = PhraseSampler([], width_px=width_px, height_px=height_px, classes_labelled=classes)
    drawn: dict[str, Phrase] = {}
    while len(drawn) < PHRASES_PER_TILE:
        utterance = sampler.draw(rng, "absent")
        if utterance is not None:
            drawn.setdefault(utterance.text.lower(), to_phrase(utterance, [], image_size_yx))
    return list(drawn.values())
