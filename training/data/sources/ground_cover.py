"""What covers the ground in some training images, which their own labels leave out.

Our own labels, drawn for phrases such as "trees" or "the water": seed points of every class set by eye,
spread by a random forest over each image's colours and textures, looked at and mended; in some images pools
and football pitches are polygons drawn by hand. They are kept in ``ground_cover/<image>.png``, smaller than
the image; a pixel's value numbers `COVER` from 1, and 0 is anything else, or unsure. Good enough to train
on, not to measure with.

Letters of the shapes: H, W rows and columns of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.training.data.instances import Instance

COVER = (
    "tree", "grass", "bare_land", "water", "road", "building", "parking_lot",
    "beach", "swimming_pool", "runway", "apron", "football_pitch",
)  # fmt: skip
_FOLDER = Path(__file__).resolve().parent / "ground_cover"
_PLANTS = ("tree", "grass")
_MIN_FRACTION = 0.002  # of the image; what covers less was overlooked as easily as seen
_SURELY_SEEN = frozenset({"water"})  # never overlooked
_SMALL = frozenset({"swimming_pool"})
_KINDS_OF_WATER = {
    "river": (
        "165 167 168 170 171 172 173 174 178 179 180 181 182 183 184 186 187 190 191 194 195 196 364 368 491 "
        "528 529 530 531 538 540 551 557 559 561 562 582 583 626 628"
    ),
    "sea": (
        "267 280 281 285 288 290 291 293 294 298 299 300 306 307 308 309 310 315 317 319 320 321 323 500 501 "
        "502 504 507 509 511 512 514 518 519 520"
    ),
}
"""Numbers of NWPU's images whose water is nothing else, as far as they tell."""
_WATERS = {
    kind: {f"nwpu_{number}" for number in numbers.split()} for kind, numbers in _KINDS_OF_WATER.items()
}


@dataclass(frozen=True)
class GroundCover:
    """The labels of one image.

    Attributes:
        instances: Each class as one crowd; trees and grass together are vegetation, too, beaches are bare,
            playing fields are grass, and water that is known to be a river or the sea is that as well.
        classes_labelled: Classes of which everything in the image is labelled.
    """

    instances: tuple[Instance, ...] = ()
    classes_labelled: frozenset[str] = frozenset()


def read_cover(stem: str, image_HWC: npt.NDArray[np.uint8]) -> GroundCover:
    """The labels of an image by its stem in the RISORS folder; none for an image without."""
    path = _FOLDER / f"{stem}.png"
    if not path.exists():
        return GroundCover()
    height_px, width_px = image_HWC.shape[:2]
    small_HW = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert small_HW is not None, f"{path} came with this package and can't be read"
    labels_HW = cv2.resize(small_HW, (width_px, height_px), interpolation=cv2.INTER_NEAREST)
    masks = {name: labels_HW == number for number, name in enumerate(COVER, start=1)}
    masks["bare_land"] = masks["bare_land"] | masks["beach"]
    masks["grass"] = masks["grass"] | masks["football_pitch"]
    if all(masks[name].any() for name in _PLANTS):
        masks["vegetation"] = masks["tree"] | masks["grass"]
    kind = next((kind for kind, stems in _WATERS.items() if stem in stems), None)
    if kind is not None:
        masks[kind] = masks["water"]
    instances = []
    slivers = set()
    for name, mask_HW in masks.items():
        instance = Instance.from_mask(name, mask_HW, image_HWC=image_HWC, is_crowd=True)
        if instance is None:
            continue
        if name not in _SMALL and instance.area_px < _MIN_FRACTION * height_px * width_px:
            slivers.add(name)
        else:
            instances.append(instance)
    names = frozenset(instance.name for instance in instances)
    return GroundCover(tuple(instances), names | (_SURELY_SEEN - slivers))
