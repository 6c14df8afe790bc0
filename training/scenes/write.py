"""Scenes as files: a GeoTIFF, its truth as a GeoPackage, and many of them as RISORS training data."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from rasterio import features
from rasterio.transform import Affine
from shapely.geometry import shape
from shapely.ops import unary_union

from geophrase.engine.vector.pending_output import PendingOutput
from geophrase.protocol.grid import WindowPx
from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.phrases import phrases_for_image
from geophrase.training.data.risors import (
    SPLITS,
    SampleFacts,
    split_of,
    write_provenance,
    write_sample,
    write_split,
)
from geophrase.training.scenes.kinds import EXPORTED
from geophrase.training.scenes.scene import Scene, SceneConfig, SceneInstance, generate_scene

GSD_RANGE_M = (0.12, 0.8)
NEVER_DRAWN = frozenset({"helicopter", "train", "railway", "wind_turbine"})
"""Kinds of the lexicon that no scene shows, so that they can be asked for in vain."""


def write_scene(scene: Scene, path: Path, *, truth_path: Path | None = None) -> None:
    """Write the picture as a tiled, compressed RGB GeoTIFF, and its truth as a GeoPackage when asked to.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff",
        "width": scene.grid.width_px,
        "height": scene.grid.height_px,
        "count": 3,
        "dtype": "uint8",
        "crs": scene.grid.crs_wkt,
        "transform": Affine(*scene.grid.map_from_pix),
        "photometric": "RGB",
        "compress": "deflate",
        "predictor": 2,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
    }
    pending = PendingOutput(path)
    try:
        with rasterio.open(pending.path, "w", **profile) as sink:
            sink.write(np.moveaxis(scene.image_HWC, -1, 0))
        pending.commit()
    finally:
        pending.discard()
    if truth_path is not None:
        write_truth(scene, truth_path)


def write_truth(scene: Scene, path: Path) -> None:
    """Write every instance as a polygon with its kind, colour, heading and area, layer `truth`.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pending = PendingOutput(path)
    try:
        truth_frame(scene).to_file(pending.path, layer="truth", driver="GPKG")
        pending.commit()
    finally:
        pending.discard()


def truth_frame(scene: Scene) -> gpd.GeoDataFrame:
    """The instances as polygons in the scene's CRS, pixel edges exact."""
    rows = []
    for each in scene.instances:
        patch_affine = Affine(*scene.grid.subgrid(WindowPx(*each.instance.bbox_xywh)).map_from_pix)
        patch_hw = each.instance.patch_HW
        pieces = features.shapes(patch_hw, mask=patch_hw > 0, transform=patch_affine)
        rows.append(
            {
                "kind": each.name,
                "kinds": ",".join(each.names()),
                "colour": each.colour,
                "heading_deg": math.nan if each.heading_deg is None else each.heading_deg,
                "area_m2": each.instance.area_px * scene.config.gsd_m**2,
                "visible_fraction": each.instance.visible_fraction,
                "geometry": unary_union([shape(geometry) for geometry, _ in pieces]),
            }
        )
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=scene.grid.crs_wkt)


def training_instances(scene: Scene) -> list[Instance]:
    """The instances as the phrase grammar wants them: no name may leave out an object that it would cover.

    "vehicle" names cars in the lexicon, so it is used where no lorries are beside them; ships and boats are
    both "ship"; what is a building or water under a special name is so under the general one too; all
    vegetation and all bare ground are one area each.
    """
    height_px, width_px = scene.image_HWC.shape[:2]
    has_lorries = any(each.name in ("truck", "bus") for each in scene.instances)
    found: list[Instance] = []
    for each in scene.instances:
        if each.name == "bare_land":
            continue
        found.append(replace(each.instance, name=_training_name(each.name, has_lorries=has_lorries)))
        found += [
            replace(each.instance, name=name) for name in each.names()[1:] if name in ("building", "water")
        ]
    for name in ("vegetation", "bare_land"):
        members = [each.instance for each in scene.of_kind(name)]
        mask_HW = union_mask(members, height_px=height_px, width_px=width_px)
        union = Instance.from_mask(name, mask_HW, image_HWC=scene.image_HWC, is_crowd=True)
        found += [union] if union is not None else []
    return found


def _training_name(name: str, *, has_lorries: bool) -> str:
    if name == "boat":
        return "ship"
    return "vehicle" if name == "car" and not has_lorries else name


def write_risors(
    out_dir: Path, num_scenes: int, *, size_px: int = 800, seed: int = 0, workers: int = 1
) -> None:
    """Write scenes with phrases as a RISORS folder; the same seeds overwrite what they wrote before.

    Args:
        out_dir: The folder; made when missing.
        num_scenes: How many scenes.
        size_px: Side of each.
        seed: Of the first scene; the others follow.
        workers: Processes.
    """
    write = partial(_write_sample, out_dir, size_px)
    seeds = range(seed, seed + num_scenes)
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            stems = list(pool.map(write, seeds, chunksize=4))
    else:
        stems = [write(each) for each in seeds]
    for split in SPLITS:
        write_split(out_dir, split, (stem for stem in stems if split_of(stem) == split))
    write_provenance(
        out_dir,
        {
            "source": "procedural scenes of geophrase.training.scenes",
            "licence": "CC0-1.0",
            "num_scenes": num_scenes,
            "size_px": size_px,
            "seeds": [seed, seed + num_scenes - 1],
            "gsd_m": list(GSD_RANGE_M),
        },
    )


def _write_sample(out_dir: Path, size_px: int, seed: int) -> str:
    chance = random.Random(seed)
    gsd_m = round(math.exp(chance.uniform(*(math.log(each) for each in GSD_RANGE_M))), 3)
    scene = generate_scene(SceneConfig(size_px=size_px, gsd_m=gsd_m, seed=seed))
    instances = training_instances(scene)
    labelled = EXPORTED | NEVER_DRAWN
    phrases = phrases_for_image(instances, (size_px, size_px), chance, classes_labelled=labelled)
    stem = f"scene_{seed:06d}"
    facts = SampleFacts(classes_labelled=labelled)
    write_sample(out_dir, stem, scene.image_HWC, phrases, instances=instances, facts=facts)
    return stem


def kinds_present(instances: Iterable[SceneInstance]) -> dict[str, int]:
    """How many instances there are of each kind."""
    counts: dict[str, int] = {}
    for each in instances:
        counts[each.name] = counts.get(each.name, 0) + 1
    return dict(sorted(counts.items()))
