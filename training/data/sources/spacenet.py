"""Two SpaceNet tiles with building polygons, into RISORS, for training only.

Expected files: `sn1_AOI2_LasVegas_RGB.tif` with `sn1_AOI2_LasVegas.gpkg`, and `sn4_Atlanta_RGBNIR.tif` with
`sn4_Atlanta_buildings.geojson`. The off-nadir Atlanta footprints lie a few pixels beside their roofs, so its
masks are marked approximate. The PlanetScope tile (4.8 m) is left out: a house is three pixels wide there.
Source: SpaceNet 1 and 4 (CC BY-SA 4.0).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import numpy.typing as npt
import pyogrio.errors
import rasterio
import rasterio.errors
import rasterio.features

from geophrase.training.data.instances import Instance
from geophrase.training.data.phrases import phrases_for_image
from geophrase.training.data.risors import RisorsError, SampleFacts, write_sample
from geophrase.training.data.sources.absences import AbsenceSurvey

CLASS = "building"
MIN_BUILDING_PX = 30


@dataclass(frozen=True)
class Tile:
    """A raster and its vectors, by file name."""

    raster: str
    vectors: str
    is_approximate: bool


TILES = (
    Tile("sn1_AOI2_LasVegas_RGB.tif", "sn1_AOI2_LasVegas.gpkg", False),
    Tile("sn4_Atlanta_RGBNIR.tif", "sn4_Atlanta_buildings.geojson", True),
)

_LAS_VEGAS, _ATLANTA = (Path(tile.raster).stem for tile in TILES)
SURVEY = AbsenceSurvey(
    frozenset({_LAS_VEGAS, _ATLANTA}),
    all_but={
        "airplane": "",
        "helicopter": "",
        "ship": _LAS_VEGAS,
        "boat": _LAS_VEGAS,
        "storage_tank": _LAS_VEGAS,
        "silo": "",
        "baseball_diamond": _LAS_VEGAS,
        "tennis_court": _LAS_VEGAS,
        "basketball_court": _LAS_VEGAS,
        "football_pitch": _LAS_VEGAS,
        "ground_track_field": "",
        "stadium": "",
        "harbor": "",
        "bridge": "",
        "train": "",
        "railway": "",
        "runway": "",
        "roundabout": "",
        "greenhouse": "",
        "wind_turbine": "",
        "river": _ATLANTA,
        "canal": _ATLANTA,
        "lake": _ATLANTA,
        "sea": "",
        "beach": "",
    },
)
"""What the two tiles don't show, looked at by eye and enlarged. Las Vegas has a basketball court, a pool and
trailers that may hold boats, Atlanta a brown river."""


def convert_spacenet(source: Path, target: Path) -> dict[str, list[str]]:
    """Convert the tiles; all of them are training images.

    Raises:
        RisorsError: A raster or its vectors are missing or unreadable.
    """
    stems = [_convert_tile(source, tile, target) for tile in TILES]
    return {"train": stems, "val": [], "test": []}


def stretched(image_HWC: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """8-bit pixels as they are; anything deeper between its 2nd and 98th percentile over all bands."""
    if image_HWC.dtype == np.uint8:
        return np.asarray(image_HWC, np.uint8)
    values_HWC = image_HWC.astype(np.float32)
    low, high = np.percentile(values_HWC, (2.0, 98.0))
    return np.asarray(np.clip((values_HWC - low) * (255.0 / max(high - low, 1e-6)), 0, 255), np.uint8)


def _convert_tile(source: Path, tile: Tile, target: Path) -> str:
    try:
        with rasterio.open(source / tile.raster) as raster:
            image_HWC = stretched(raster.read([1, 2, 3]).transpose(1, 2, 0))
            footprints = geopandas.read_file(source / tile.vectors).to_crs(raster.crs)
            map_from_pix = raster.transform
    except (rasterio.errors.RasterioIOError, pyogrio.errors.DataSourceError) as error:
        raise RisorsError(
            f"{source} lacks {tile.raster} or {tile.vectors}, or one is damaged ({error})."
        ) from error
    instances = []
    for geometry in footprints.geometry:
        mask_HW = rasterio.features.rasterize([geometry], image_HWC.shape[:2], transform=map_from_pix)
        instance = Instance.from_mask(CLASS, mask_HW, image_HWC=image_HWC)
        if instance is not None and instance.area_px >= MIN_BUILDING_PX:
            instances.append(instance)
    name = Path(tile.raster).stem
    stem, classes = f"spacenet_{name}", SURVEY.absent_from(name) | {CLASS}
    phrases = phrases_for_image(
        instances, image_HWC.shape[:2], random.Random(stem), classes_labelled=classes, colour_ok=True
    )
    facts = SampleFacts(classes, is_approximate=tile.is_approximate)
    write_sample(target, stem, image_HWC, phrases, instances=instances, facts=facts)
    return stem
