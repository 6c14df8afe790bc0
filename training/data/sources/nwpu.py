"""NWPU VHR-10 with COCO instance polygons, into RISORS.

Expected layout: `annotations/instances_train.json` (COCO) and `images/*.jpg`. Some of the training images
also get our own labels of what covers the ground.
Source: Cheng et al., ISPRS J. 98 (2014), with the instance polygons of Su et al. (MIT).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.training.data.instances import Instance
from geophrase.training.data.phrases import phrases_for_image
from geophrase.training.data.risors import RisorsError, SampleFacts, read_image, split_of, write_sample
from geophrase.training.data.sources.coco_rle import rle_of
from geophrase.training.data.sources.ground_cover import read_cover
from geophrase.training.data.sources.layout import refuse_gaps
from geophrase.training.data.sources.streaming import converted

CLASSES = (
    "airplane", "ship", "storage_tank", "baseball_diamond", "tennis_court",
    "basketball_court", "ground_track_field", "harbor", "bridge", "vehicle",
)  # fmt: skip


def convert_nwpu(source: Path, target: Path) -> dict[str, list[str]]:
    """Convert the folder; the stems of each split, by a hash of the image's name.

    Raises:
        RisorsError: The folder is not NWPU VHR-10's or is incomplete.
    """
    document = _read_coco(source / "annotations" / "instances_train.json")
    names = {category["id"]: str(category["name"]) for category in document["categories"]}
    unknown = sorted(set(names.values()) - set(CLASSES))
    if unknown:
        raise RisorsError(f"{source} has classes that NWPU VHR-10 has not ({', '.join(unknown)}).")
    polygons: dict[int, list[dict[str, Any]]] = {}
    for annotation in document["annotations"]:
        polygons.setdefault(annotation["image_id"], []).append(annotation)
    refuse_gaps(source / "images", [row["file_name"] for row in document["images"]])
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for path, stem in converted(
        document["images"],
        lambda record: _convert_image(
            source / "images" / record["file_name"], target, polygons.get(record["id"], []), names
        ),
        total=len(document["images"]),
    ):
        splits[split_of(path.stem)].append(stem)
    return splits


def classes_labelled(present: frozenset[str]) -> frozenset[str]:
    """The classes that an image with these objects labels exhaustively, so that others are truly absent.

    Annotators looked for one kind of scene in most images. Vehicles are labelled in the close-range images
    only, though car parks are everywhere; no image with harbours labels its ships, nor the other way round.
    """
    uncertain = {"vehicle"}
    if "harbor" in present or "bridge" in present:
        uncertain.add("ship")
    if present & {"ship", "storage_tank"}:
        uncertain |= {"harbor", "bridge"}
    return frozenset(CLASSES) - (uncertain - present)


def is_natural_colour(image_HWC: npt.NDArray[np.uint8]) -> bool:
    """False for colour-infrared composites and their channel swaps, where plants glow in one pure colour.

    Vegetation in a composite is either pink (near infrared as red: blue as strong as green or stronger,
    unlike brick or clay) or a green far beyond any chlorophyll in the other two channels.
    """
    small = cv2.resize(image_HWC, (160, 120), interpolation=cv2.INTER_AREA).astype(np.float32)
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    is_pink = (red - green > 40) & (blue - green > -12) & (red - blue > 25)
    is_neon = (green > 80) & (green > 1.7 * red) & (green > 1.7 * blue)
    return bool(is_pink.mean() < 0.026 and is_neon.mean() < 0.026)


def _convert_image(
    path: Path, target: Path, annotations: list[dict[str, Any]], names: dict[int, str]
) -> tuple[Path, str]:
    stem = f"nwpu_{path.stem}"
    image_HWC = read_image(path)
    height_px, width_px = image_HWC.shape[:2]
    is_true_colour = is_natural_colour(image_HWC)
    instances = []
    for annotation in annotations:
        try:
            rle = rle_of(annotation["segmentation"], height_px=height_px, width_px=width_px)
        except ValueError as error:
            raise RisorsError(
                f"A mask of {path.name} is damaged ({error}); copy the folder again."
            ) from error
        instance = Instance.from_rle(names[annotation["category_id"]], rle)
        if instance is not None:
            instances.append(instance.with_colour_of(image_HWC))
    labelled = classes_labelled(frozenset(instance.name for instance in instances))
    cover = read_cover(stem, image_HWC)
    instances += cover.instances
    labelled |= cover.classes_labelled
    phrases = phrases_for_image(
        instances,
        (height_px, width_px),
        random.Random(stem),
        classes_labelled=labelled,
        colour_ok=is_true_colour,
    )
    facts = SampleFacts(labelled, is_true_colour=is_true_colour)
    write_sample(target, stem, path, phrases, instances=instances, facts=facts)
    return path, stem


def _read_coco(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RisorsError(
            f"{path} is missing; give the folder of NWPU VHR-10 that holds annotations/ and images/."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RisorsError(f"{path} is damaged ({error}); copy it again.") from error
    try:
        names = {row["id"]: row["name"] for row in document["categories"]}
        file_names = {row["id"]: row["file_name"] for row in document["images"]}
        for row in document["annotations"]:
            _ = names[row["category_id"]], file_names[row["image_id"]], row["segmentation"]
    except (KeyError, TypeError) as error:
        raise RisorsError(f"{path} is not a COCO instances file ({error!r}); copy it again.") from error
    return dict(document)
