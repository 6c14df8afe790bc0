"""Close-ups of prepared images in which every car, every house or every tree is outlined by itself.

Our own labels, drawn by eye: the sources' own leave such things out or lump them together. A close-up is a
window of an image and becomes an image of its split; what else is labelled there it takes over. The labels
are ``close_ups/<image>.json``, a list of windows in the image's pixels, each with the classes of which it
labels every object, and their outlines.

Expected layout: RISORS folders as `geophrase-train prepare` makes them of `nwpu`, `naip` and `spacenet`.

Letters of the shapes: H, W rows and columns; C the channels red, green and blue.
"""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from rasterio.errors import NotGeoreferencedWarning

from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.phrases import phrases_for_image
from geophrase.training.data.risors import (
    SPLITS,
    RisorsError,
    RisorsImage,
    SampleFacts,
    read_image,
    read_sample,
    read_stems,
    write_sample,
)
from geophrase.training.data.sources.streaming import converted

_FOLDER = Path(__file__).resolve().parent / "close_ups"
_MIN_FRACTION = 0.002  # of the window; less of an area is a sliver at its edge
_BUILDINGS = ("building", "house")

Outline = Sequence[float]
"""Corners of a polygon in the image's pixels: x, y, x, y and so on."""
Window = tuple[int, int, int, int]
"""First column and row, and those after the last."""


def convert_close_ups(sources: Sequence[Path], target: Path) -> dict[str, list[str]]:
    """Cut the close-ups out of prepared images; each goes to the split of the image that it is cut from.

    Raises:
        RisorsError: A folder was not prepared, or none has an image that there are close-ups of.
    """
    drawn = {path.stem for path in _FOLDER.glob("*.json")}
    found = [
        (source, split, stem)
        for source in sources
        for split in SPLITS
        for stem in read_stems(source, split)
        if stem in drawn
    ]
    if not found:
        raise RisorsError(
            f"No close-up is of an image in {', '.join(map(str, sources))}; give folders that "
            "`geophrase-train prepare` made of nwpu, naip or spacenet."
        )
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # outlines are drawn in pixels
        for split, stems in converted(
            found, lambda one: (one[1], _write_windows(read_sample(one[0], one[2]), target)), total=len(found)
        ):
            splits[split] += stems
    return splits


def _write_windows(image: RisorsImage, target: Path) -> list[str]:
    stem, stems = image.path.stem, []
    image_HWC = read_image(image.path)
    decoded = [instance for stored in image.instances if (instance := stored.decoded()) is not None]
    instances = [instance.with_colour_of(image_HWC) for instance in decoded]
    for number, labels in enumerate(json.loads((_FOLDER / f"{stem}.json").read_text("utf-8")), start=1):
        left, top, right, bottom = window = labels["window"]
        part_HWC = np.ascontiguousarray(image_HWC[top:bottom, left:right])
        found, labelled = _objects_in(window, labels, instances, image.classes_labelled, part_HWC)
        close_stem = f"{stem}_close_{number}"
        phrases = phrases_for_image(
            found,
            part_HWC.shape[:2],
            random.Random(close_stem),
            classes_labelled=labelled,
            colour_ok=image.is_true_colour,
        )
        facts = SampleFacts(labelled, is_true_colour=image.is_true_colour, cut_from=(stem, left, top))
        write_sample(target, close_stem, part_HWC, phrases, instances=found, facts=facts)
        stems.append(close_stem)
    return stems


def _objects_in(
    window: Window,
    labels: Mapping[str, Any],
    instances: Sequence[Instance],
    classes_labelled: frozenset[str],
    part_HWC: npt.NDArray[np.uint8],
) -> tuple[list[Instance], frozenset[str]]:
    """The window's objects, drawn or taken over, and the classes of which there are no others."""
    complete = frozenset(labels["complete"])
    found = _drawn_objects(window, labels["objects"], part_HWC, is_every_roof=complete.issuperset(_BUILDINGS))
    least_px, slivers = _MIN_FRACTION * part_HWC.shape[0] * part_HWC.shape[1], set()
    for instance in instances:
        part = None if instance.name in complete else instance.inside(*window)
        if part is None:
            continue
        if part.is_crowd and part.area_px < least_px:
            slivers.add(part.name)
        else:
            found.append(part)
    return found, (classes_labelled - slivers) | complete


def _drawn_objects(
    window: Window,
    outlines: Mapping[str, Sequence[Outline]],
    part_HWC: npt.NDArray[np.uint8],
    *,
    is_every_roof: bool,
) -> list[Instance]:
    drawn = {
        name: [one for outline in outlines_of if (one := _drawn(name, outline, window, part_HWC)) is not None]
        for name, outlines_of in outlines.items()
    }
    if is_every_roof and drawn.get("house"):
        # A house is a building as well: the buildings are told of together then, the houses apart.
        height_px, width_px = part_HWC.shape[:2]
        roofs = [one for name in _BUILDINGS for one in drawn.get(name, [])]
        roofs_HW = union_mask(roofs, height_px=height_px, width_px=width_px)
        together = Instance.from_mask("building", roofs_HW, image_HWC=part_HWC, is_crowd=True)
        drawn["building"] = [] if together is None else [together]
    return [one for ones in drawn.values() for one in ones]


def _drawn(name: str, outline: Outline, window: Window, part_HWC: npt.NDArray[np.uint8]) -> Instance | None:
    left, top, right, bottom = window
    polygon = shapely.make_valid(shapely.Polygon(np.reshape(outline, (-1, 2))))
    visible = polygon.intersection(shapely.box(*window))
    if visible.is_empty:
        return None
    shown = shapely.transform(visible, lambda points_xy: points_xy - (left, top))
    mask_HW = rasterio.features.rasterize([shown], (bottom - top, right - left))
    instance = Instance.from_mask(name, mask_HW, image_HWC=part_HWC)
    return None if instance is None else replace(instance, visible_fraction=visible.area / polygon.area)
