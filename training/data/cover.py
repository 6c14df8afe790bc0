"""What can truly be said of what covers the ground: where it lies, its largest stretch, what is by it.

Water, trees or roofs as areas can't be counted, and yet people say "the trees at the bottom", "cars in the
car park", "houses by the river". An area is parted into its connected stretches; like an object, a stretch is
spoken of only where nobody would read it otherwise (see `referring`).

Letters of the shapes: H, W rows and columns of the image; h, w those of a coarse square grid over it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.training.data.gatherings import as_one
from geophrase.training.data.grammar import Wording, choose_noun
from geophrase.training.data.instances import Instance
from geophrase.training.data.lexicon import may_be_confused, words_for
from geophrase.training.data.referring import Expression
from geophrase.training.data.things import Group, Thing
from geophrase.training.data.zones import ZONES

_GRID = 128
_MIN_SHARE = 0.004  # of the image: smaller stretches belong to the nearest larger one
_JOINING_SHARE = 0.012  # of the image's side: gaps that a stretch runs on across
_MOST_STRETCHES = 12
_LARGEST_RATIO = 1.6
_NETWORKS = frozenset({"road", "path", "railway", "river", "canal", "sea"})  # nobody compares their stretches
_FEW = 0.15  # of the area that is meant: so much may be doubtful
_TRIES = 4
_NEAR, _NOT_NEAR = 0.03, 0.12  # gaps in fractions of the image
_SURELY_IN, _SURELY_OUT = 0.7, 0.15  # share of what surrounds an object
_PATCHES = ("patch of {}", "area of {}", "stretch of {}", "expanse of {}", "{} area")
_CLUMPS = ("group of {}", "patch of {}", "cluster of {}", "block of {}")
_NEAR_WORDS = ("next to", "beside", "near", "close to", "by", "along", "bordering", "adjacent to", "at")
_FAR_WORDS = ("away from", "far from", "not next to", "not near")
_IN_WORDS = {
    "parking_lot": ("in", "on", "parked in", "inside"),
    "road": ("on", "driving on", "along"),
    "water": ("in", "on", "floating on"),
    "river": ("in", "on"),
    "sea": ("at", "on", "in"),
    "grass": ("on", "standing on"),
    "bare_land": ("on", "standing on"),
    "runway": ("on",),
}
_OUT_WORDS = {"parking_lot": ("outside", "not in"), "road": ("off", "not on", "beside")}

GridHW = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cover:
    """What covers the ground of an image under one name, in stretches.

    Attributes:
        name: Key of the class.
        stretches: Each as an object in fractions of the image.
        grids: The cells of each on the coarse grid.
    """

    name: str
    stretches: tuple[Thing, ...]
    grids: tuple[GridHW, ...]

    @cached_property
    def grid_hw(self) -> GridHW:
        """The cells of all."""
        grid_hw: GridHW = np.logical_or.reduce(self.grids)
        return grid_hw

    @cached_property
    def distance_hw(self) -> npt.NDArray[np.float32]:
        """Every cell's distance from it, in fractions of the image."""
        return _distance(self.grid_hw)

    def noun(self, rng: random.Random) -> str:
        """A name of all of it."""
        return choose_noun(words_for(self.name), rng, plural=True)

    def wording(self, rng: random.Random, *, before: str = "", after: str = "") -> Wording:
        """Some of it, told by what stands before or after its name."""
        is_countable = words_for(self.name).is_countable
        noun = self.noun(rng)
        return Wording(noun, before=before, after=after, is_plural=is_countable, is_countable=is_countable)


def in_stretches(instances: Sequence[Instance], *, height_px: int, width_px: int) -> list[Instance]:
    """The objects with every area that may hold several parted into its stretches, themselves such areas."""
    parted: list[Instance] = []
    for instance in instances:
        parted += _stretches(instance, height_px, width_px) if instance.is_crowd else [instance]
    return parted


def covers_of(instances: Sequence[Instance], width_px: int, height_px: int) -> list[Cover]:
    """The areas that can be spoken of, in a stable order; their stretches are instances already."""
    found: dict[str, list[int]] = {}
    for index, instance in enumerate(instances):
        if instance.is_crowd:
            found.setdefault(instance.name, []).append(index)
    covers = []
    for name, indexes in sorted(found.items()):
        least_px = min(_largest_part_px(instances[index]) for index in indexes)
        if least_px >= _MIN_SHARE * width_px * height_px and len(indexes) <= _MOST_STRETCHES:
            things = tuple(
                Thing.of(index, instances[index], width_px=width_px, height_px=height_px) for index in indexes
            )
            grids = tuple(_grid(instances[index], width_px, height_px) for index in indexes)
            covers.append(Cover(name, things, grids))
    return covers


def cover_place_expressions(cover: Cover, rng: random.Random) -> Iterator[Expression]:
    """Stretches by the part of the image they lie in; also parts without any (absent)."""
    for words, strict, loose in ZONES:
        inside = [thing for thing in cover.stretches if strict(thing)]
        if any(loose(thing) and thing not in inside for thing in cover.stretches):
            continue
        if any(max(thing.right - thing.left, thing.bottom - thing.top) > 0.6 for thing in inside):
            continue
        wording = cover.wording(rng, after=rng.choice(words))
        yield Expression(wording, _indexes(inside), "place" if inside else "absent", cover.name)


def cover_size_expressions(cover: Cover, rng: random.Random) -> Iterator[Expression]:
    """The largest stretch, where it is larger than the next by far."""
    if len(cover.stretches) < 2 or cover.name in _NETWORKS:
        return
    ranked = sorted(cover.stretches, key=lambda thing: thing.area, reverse=True)
    if ranked[0].area < _LARGEST_RATIO * ranked[1].area:
        return
    words = words_for(cover.name)
    if cover.name in ("building", "parking_lot"):
        noun = choose_noun(words, rng, plural=False)
    else:
        noun = rng.choice(_CLUMPS if words.is_countable else _PATCHES).format(cover.noun(rng))
    wording = Wording(noun, before=rng.choice(("largest", "biggest", "most extensive", "largest")))
    yield Expression(wording, (ranked[0].index,), "size", cover.name)


def cover_relation_expressions(
    covers: Sequence[Cover],
    groups: Sequence[Group],
    instances: Sequence[Instance],
    size_xy_px: tuple[int, int],
    rng: random.Random,
) -> list[Expression]:
    """A drawn pair's relations: objects by an area, an area by objects, or two areas.

    Args:
        covers: The image's areas; at least one.
        groups: Its countable objects by class.
        instances: What both index.
        size_xy_px: Width and height of the image.
        rng: The only source of chance.
    """
    for _ in range(_TRIES):
        found = list(_relations_of(rng.choice(covers), covers, groups, instances, size_xy_px, rng))
        if found:
            return found
    return []


def _relations_of(
    cover: Cover,
    covers: Sequence[Cover],
    groups: Sequence[Group],
    instances: Sequence[Instance],
    size_xy_px: tuple[int, int],
    rng: random.Random,
) -> Iterator[Expression]:
    others = [other for other in covers if other is not cover and not may_be_confused(other.name, cover.name)]
    groups = [group for group in groups if not may_be_confused(group.name, cover.name)]
    if others and (not groups or rng.random() < 0.3):
        anchor = rng.choice(others)
        where = anchor.grid_hw, anchor.distance_hw
        yield from _stretches_by(cover, *where, anchor.name, anchor.noun(rng), rng)
    if not groups:
        return
    group = rng.choice(groups)
    grids = [_grid(instances[thing.index], *size_xy_px) for thing in group.things]
    if rng.random() < 0.6:
        yield from _things_in(group, grids, cover, rng)
        yield from _things_by(group, grids, cover, rng)
        return
    anchor_group = as_one(group) or group
    if len(anchor_group.things) == 1:
        grid_hw = np.logical_or.reduce(grids)
        noun = anchor_group.noun(rng, plural=anchor_group.is_set)
        yield from _stretches_by(cover, grid_hw, _distance(grid_hw), group.name, noun, rng)


def _stretches_by(
    cover: Cover,
    anchor_hw: GridHW,
    distance_hw: npt.NDArray[np.float32],
    anchor_name: str,
    anchor_noun: str,
    rng: random.Random,
) -> Iterator[Expression]:
    if any((grid & anchor_hw).sum() > 0.2 * grid.sum() for grid in cover.grids):
        return
    gaps = [float(distance_hw[grid].min()) for grid in cover.grids]
    near = [thing for thing, gap in zip(cover.stretches, gaps, strict=True) if gap < _NEAR]
    far = [thing for thing, gap in zip(cover.stretches, gaps, strict=True) if gap > _NOT_NEAR]
    doubtful = sum(thing.area for thing in cover.stretches if thing not in near and thing not in far)
    if doubtful > _FEW * sum(thing.area for thing in near):
        return
    for chosen, words in ((near, _NEAR_WORDS), (far, _FAR_WORDS)):
        if not chosen and words is _FAR_WORDS:
            continue
        wording = cover.wording(rng, after=f"{rng.choice(words)} the {anchor_noun}")
        kind = "relation" if chosen else "absent"
        yield Expression(wording, _indexes(chosen), kind, cover.name, landmark=anchor_name)


def _things_by(
    group: Group, grids: Sequence[GridHW], cover: Cover, rng: random.Random
) -> Iterator[Expression]:
    """Objects by an area that they don't lie in."""
    near, far = [], []
    for thing, grid_hw in zip(group.things, grids, strict=True):
        if _surrounding_share(grid_hw, cover.grid_hw) > _SURELY_OUT and (grid_hw & cover.grid_hw).any():
            return
        gap = float(cover.distance_hw[grid_hw].min())
        if gap < max(_NEAR, 0.3 * min(thing.side, 0.15)):
            near.append(thing)
        elif gap > max(_NOT_NEAR, min(thing.side, 0.15)):
            far.append(thing)
        else:
            return
    for chosen, words in ((near, _NEAR_WORDS), (far, _FAR_WORDS)):
        if chosen or words is _NEAR_WORDS:
            yield _told(group, chosen, f"{rng.choice(words)} the {cover.noun(rng)}", cover, rng)


def _things_in(
    group: Group, grids: Sequence[GridHW], cover: Cover, rng: random.Random
) -> Iterator[Expression]:
    """Objects that lie in an area or on it, which doesn't reach under them."""
    words = _IN_WORDS.get(cover.name)
    if words is None or max(thing.side for thing in group.things) > 0.3:
        return
    shares = [_surrounding_share(grid_hw, cover.grid_hw) for grid_hw in grids]
    inside = [thing for thing, share in zip(group.things, shares, strict=True) if share > _SURELY_IN]
    outside = [thing for thing, share in zip(group.things, shares, strict=True) if share < _SURELY_OUT]
    if len(inside) + len(outside) < len(shares):
        return
    anchor = f"the {cover.noun(rng)}"
    yield _told(group, inside, f"{rng.choice(words)} {anchor}", cover, rng)
    if outside and cover.name in _OUT_WORDS:
        yield _told(group, outside, f"{rng.choice(_OUT_WORDS[cover.name])} {anchor}", cover, rng)


def _told(
    group: Group, chosen: Sequence[Thing], relation: str, cover: Cover, rng: random.Random
) -> Expression:
    plural = len(chosen) > 1 or (not chosen and rng.random() < 0.5)
    link = rng.choice(("", "", "", "that are " if plural else "that is ", "located "))
    wording = Wording(group.noun(rng, plural=plural), after=f"{link}{relation}", is_plural=plural)
    kind = "relation" if chosen else "absent"
    return Expression(wording, _indexes(chosen), kind, group.name, landmark=cover.name)


def _stretches(area: Instance, height_px: int, width_px: int) -> list[Instance]:
    """The connected stretches of an area across small gaps, each with the crumbs that are nearest to it."""
    reach = max(1, round(_JOINING_SHARE * max(height_px, width_px)))
    padded_HW = np.pad(area.patch_HW, reach)
    joined_HW = cv2.morphologyEx(padded_HW, cv2.MORPH_CLOSE, np.ones((reach + 1, reach + 1), np.uint8))
    _, labels_HW, stats, _ = cv2.connectedComponentsWithStats(joined_HW, connectivity=4)
    large = [
        n for n in range(1, len(stats)) if stats[n][cv2.CC_STAT_AREA] >= _MIN_SHARE * height_px * width_px
    ]
    if len(large) < 2:
        return [area]
    is_large_HW = np.isin(labels_HW, large)
    _, nearest_HW = cv2.distanceTransformWithLabels(
        (~is_large_HW).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner_of = np.zeros(int(nearest_HW.max()) + 1, np.int32)
    owner_of[nearest_HW[is_large_HW]] = labels_HW[is_large_HW]
    owner_HW = np.where(padded_HW != 0, owner_of[nearest_HW], 0)[reach:-reach, reach:-reach]
    found = [Instance.from_mask(area.name, owner_HW == number, is_crowd=True) for number in large]
    return [_moved(one, area) for one in found if one is not None]


def _moved(part: Instance, area: Instance) -> Instance:
    return Instance(
        part.name,
        part.patch_HW,
        part.left_px + area.left_px,
        part.top_px + area.top_px,
        mean_rgb=area.mean_rgb,
        is_crowd=True,
    )


def _largest_part_px(area: Instance) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats(area.patch_HW)
    return int(stats[1:, cv2.CC_STAT_AREA].max())


def _grid(instance: Instance, width_px: int, height_px: int) -> GridHW:
    """The coarse cells that an object has a pixel in."""
    rows, cols = np.nonzero(instance.patch_HW)
    grid_hw = np.zeros((_GRID, _GRID), bool)
    grid_hw[(rows + instance.top_px) * _GRID // height_px, (cols + instance.left_px) * _GRID // width_px] = (
        True
    )
    return grid_hw


def _distance(grid_hw: GridHW) -> npt.NDArray[np.float32]:
    steps_hw = cv2.distanceTransform((~grid_hw).astype(np.uint8), cv2.DIST_L2, 5)
    return (np.maximum(steps_hw - 1, 0) / _GRID).astype(np.float32)


def _surrounding_share(grid_hw: GridHW, area_hw: GridHW) -> float:
    """How much of what is close around an object belongs to an area."""
    around_hw = cv2.dilate(grid_hw.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~grid_hw
    return float(area_hw[around_hw].mean()) if around_hw.any() else 0.0


def _indexes(things: Iterable[Thing]) -> tuple[int, ...]:
    return tuple(sorted(thing.index for thing in things))
