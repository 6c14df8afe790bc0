"""Objects cut out of other images and set out on a view, so that there is something to tell apart.

Real images seldom hold several objects of one class in clearly different sizes beside one of another class,
which is what phrases of size, order and relation speak of. Here a view gets a few objects of one class and
now and then an anchor of another, of real pixels, at drawn sizes and places, near one another or far apart.

Source: copy-paste augmentation, Ghiasi et al. 2021, Section 3, whose places are uniform.

Letters of the shapes: H, W rows and columns of the view; h, w of a cut-out; C colours.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geophrase.training.data.augment import ImageHWC, View, blend
from geophrase.training.data.image_cache import ImageCache
from geophrase.training.data.instances import Instance, MaskHW, union_mask
from geophrase.training.data.risors import RisorsImage
from geophrase.training.data.symmetry import Symmetry

_MARGIN = 1.15  # of a cut-out's window around its object
_CLASS_SIDES = (0.07, 0.3)  # of a class's usual object, as shares of the view
_OBJECT_FACTORS = (0.5, 1.8)
_SCALES = (0.2, 2.5)  # result pixels per native pixel: finer is dots, coarser is blur
_MIN_SIDE_PX = 8
_NUM_OF_CLASS = (1, 2, 2, 3, 3, 4, 5)
_NUM_ANCHORS = (0, 1, 1, 1, 2)
_NEAR_PROBABILITY = 0.4
_NUM_TRIES = 20


@dataclass(frozen=True)
class CutOut:
    """An object with the pixels around it, as large as it will be pasted."""

    image_hwC: ImageHWC
    instance: Instance


class CutOuts:
    """The separate objects of many images by class, cut out on demand.

    Args:
        records: The images; one that comes twice is drawn twice as often.
        images: Decodes their pixels.
    """

    def __init__(self, records: Iterable[RisorsImage], images: ImageCache) -> None:
        self._images = images
        self._records: dict[tuple[str, bool], list[RisorsImage]] = defaultdict(list)
        for record in records:
            for name in {stored.name for stored in record.instances if not stored.is_crowd}:
                self._records[name, record.is_true_colour].append(record)

    def names(self, wanted: Iterable[str], *, is_true_colour: bool) -> list[str]:
        """Those of the wanted classes that there are objects of, in a fixed order."""
        return sorted(name for name in wanted if (name, is_true_colour) in self._records)

    def draw(self, name: str, side_px: float, rng: random.Random, *, is_true_colour: bool) -> CutOut | None:
        """One object of a class, turned at random, its box's longer side about `side_px` long.

        None where the drawn image shows none whole, or none that bears that size.
        """
        record = rng.choice(self._records[name, is_true_colour])
        separate = [one for one in record.instances if one.name == name and not one.is_crowd]
        instance = rng.choice(separate).decoded()
        if instance is None or _is_at_edge(instance, record):
            return None
        longer_px = max(instance.bbox_xywh[2:])
        scale = min(max(side_px / longer_px, _SCALES[0]), _SCALES[1])
        if scale * longer_px < _MIN_SIDE_PX:
            return None
        return _cut_out(self._images.read(record.path), instance, scale, rng.choice(list(Symmetry)))


def arrange(
    image_HWC: ImageHWC, seen: Sequence[Instance], cut_outs: Sequence[CutOut], rng: random.Random
) -> tuple[ImageHWC, list[Instance]]:
    """Pastes objects on a view where they touch none of its own; what covers ground gives way to them.

    Returns:
        The picture and all objects; one that finds no room in twenty tries is left out.
    """
    result_HWC = image_HWC.copy()
    taken_HW = np.zeros(image_HWC.shape[:2], np.uint8)
    for instance in seen:
        if not instance.is_crowd:
            instance.paint(taken_HW)
    pasted: list[Instance] = []
    for cut_out in cut_outs:
        corner = _free_corner(cut_out.instance, pasted, taken_HW, rng)
        if corner is None:
            continue
        placed = replace(cut_out.instance, left_px=corner[0], top_px=corner[1])
        _paste(result_HWC, cut_out, placed)
        placed.paint(taken_HW)
        pasted.append(placed)
    ground = [_without(one, pasted) if one.is_crowd else one for one in seen]
    return result_HWC, [one for one in ground if one.area_px] + pasted


def draw_cut_outs(
    cut_outs: CutOuts, wanted: Iterable[str], side_px: int, rng: random.Random, *, is_true_colour: bool
) -> list[CutOut]:
    """A few objects of one class in different sizes and some of another; none where no class is to be had."""
    names = cut_outs.names(wanted, is_true_colour=is_true_colour)
    chosen = rng.sample(names, min(2, len(names)))
    drawn = []
    for name, numbers in zip(chosen, (_NUM_OF_CLASS, _NUM_ANCHORS), strict=False):
        usual_px = side_px * _log_uniform(_CLASS_SIDES, rng)
        for _ in range(rng.choice(numbers)):
            one_px = min(usual_px * _log_uniform(_OBJECT_FACTORS, rng), 0.45 * side_px)
            drawn.append(cut_outs.draw(name, one_px, rng, is_true_colour=is_true_colour))
    found = [one for one in drawn if one is not None]
    rng.shuffle(found)
    return found


def _log_uniform(bounds: tuple[float, float], rng: random.Random) -> float:
    return float(bounds[0] * (bounds[1] / bounds[0]) ** rng.random())


def _is_at_edge(instance: Instance, record: RisorsImage) -> bool:
    """Whether an object touches its image's edge and so may be a part of one."""
    return (
        min(instance.left_px, instance.top_px) <= 1
        or instance.right_px >= record.width_px - 1
        or instance.bottom_px >= record.height_px - 1
    )


def _cut_out(image_HWC: ImageHWC, instance: Instance, scale: float, symmetry: Symmetry) -> CutOut | None:
    left, top, width, height = instance.bbox_xywh
    side = _MARGIN * max(width, height)
    x, y = left + width / 2 - side / 2, top + height / 2 - side / 2
    x0, y0 = max(0, int(x) - 2), max(0, int(y) - 2)
    window_hwC = image_HWC[y0 : int(y + side) + 3, x0 : int(x + side) + 3]
    view = View(x - x0, y - y0, side, side, max(2, round(scale * side)), symmetry)
    moved = view.instance(replace(instance, left_px=left - x0, top_px=top - y0))
    return None if moved is None else CutOut(view.image(window_hwC), moved)


def _free_corner(
    instance: Instance, pasted: Sequence[Instance], taken_HW: MaskHW, rng: random.Random
) -> tuple[int, int] | None:
    """Where an object's box fits on what is free, beside one that was pasted before or anywhere."""
    _, _, width, height = instance.bbox_xywh
    room_x, room_y = taken_HW.shape[1] - width, taken_HW.shape[0] - height
    if room_x <= 0 or room_y <= 0:
        return None
    for _ in range(_NUM_TRIES):
        x, y = rng.randrange(room_x), rng.randrange(room_y)
        if pasted and rng.random() < _NEAR_PROBABILITY:
            x, y = _beside(rng.choice(pasted), (width, height), rng)
            x, y = min(max(x, 0), room_x), min(max(y, 0), room_y)
        around = np.s_[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
        if not taken_HW[around].any():
            return x, y
    return None


def _beside(other: Instance, size_wh: tuple[int, int], rng: random.Random) -> tuple[int, int]:
    """A corner that puts a box beside another, a little apart."""
    left, top, width, height = other.bbox_xywh
    gap = 2 + int(rng.random() * 0.4 * max(width, height))
    along_x = left + rng.randint(-size_wh[0] // 2, max(width - size_wh[0] // 2, 0))
    along_y = top + rng.randint(-size_wh[1] // 2, max(height - size_wh[1] // 2, 0))
    return rng.choice(
        (
            (left - gap - size_wh[0], along_y),
            (left + width + gap, along_y),
            (along_x, top - gap - size_wh[1]),
            (along_x, top + height + gap),
        )
    )


def _paste(result_HWC: ImageHWC, cut_out: CutOut, placed: Instance) -> None:
    source = cut_out.instance
    source_hwC = cut_out.image_hwC[source.top_px : source.bottom_px, source.left_px : source.right_px]
    target_hwC = result_HWC[placed.top_px : placed.bottom_px, placed.left_px : placed.right_px]
    blend(target_hwC, source_hwC, placed.patch_HW)


def _without(ground: Instance, pasted: Sequence[Instance]) -> Instance:
    """What covers ground, less what was pasted on it."""
    height_px = max(one.bottom_px for one in (ground, *pasted))
    width_px = max(one.right_px for one in (ground, *pasted))
    covered_HW = union_mask(pasted, height_px=height_px, width_px=width_px)
    covered_hw = covered_HW[ground.top_px : ground.bottom_px, ground.left_px : ground.right_px]
    return replace(ground, patch_HW=ground.patch_HW * (1 - covered_hw))
