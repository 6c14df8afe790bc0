"""Splits by place: images that overlap on the ground never lie on two sides of a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geophrase.protocol.grid import RasterGrid
from geophrase.training.data.risors import SPLITS, split_of, stable_fraction

_EDGE_PX = 0.01
"""Images that share no more than this lie side by side."""


@dataclass(frozen=True)
class Place:
    """An image, where it was cut from, and its split.

    Attributes:
        stem: Of its files.
        split: "" while it has none.
        source: What its coordinates belong to; only images of one source can overlap. "" without coordinates.
        grid: Its pixels on the map; None where that is unknown.
    """

    stem: str
    split: str = ""
    source: str = ""
    grid: RasterGrid | None = None

    @classmethod
    def of_record(cls, stem: str, record: Mapping[str, Any], split: str) -> Place:
        """The place of an image record; one without a usable `place` overlaps nothing."""
        try:
            a, b, c, d, e, f = (float(value) for value in record["place"]["map_from_pix"])
            grid = RasterGrid(int(record["width"]), int(record["height"]), (a, b, c, d, e, f))
            return cls(stem, split, str(record["place"]["source"]), grid)
        except (KeyError, TypeError, ValueError):
            return cls(stem, split)

    def unsplit(self) -> Place:
        """The same image without a split."""
        return replace(self, split="")


def split_by_place(
    places: Sequence[Place], *, val_fraction: float, test_fraction: float, needs_validation: bool
) -> dict[str, list[str]]:
    """The stems of each split.

    Overlapping images share the split held back longest of those that they have; those without any go by a
    hash of their first name, so that more images elsewhere never move them.

    Args:
        places: All images.
        val_fraction: Share of validation among those without a split.
        test_fraction: Share of test.
        needs_validation: Move a place from training to validation when validation would be empty and
            training keeps one.
    """
    split_of_group: dict[tuple[str, ...], str] = {}
    for group in overlapping(places):
        stems = tuple(sorted(place.stem for place in group))
        given = max((place.split for place in group), key=("", *SPLITS).index)
        hashed = split_of(stems[0], val_fraction=val_fraction, test_fraction=test_fraction)
        split_of_group[stems] = given or hashed
    trained = [stems for stems, split in split_of_group.items() if split == "train"]
    if needs_validation and "val" not in split_of_group.values() and len(trained) > 1:
        split_of_group[max(trained, key=lambda stems: stable_fraction(stems[0]))] = "val"
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    for stems, split in split_of_group.items():
        splits[split] += stems
    return splits


def overlapping(places: Sequence[Place]) -> Iterable[list[Place]]:
    """The images in groups that hang together by overlapping."""
    by_source: dict[str, list[Place]] = {}
    for place in places:
        by_source.setdefault(place.source if place.grid else "", []).append(place)
    yield from ([place] for place in by_source.pop("", []))
    for members in by_source.values():
        footprints = [_footprint(place) for place in members]
        pairs = shapely.STRtree(footprints).query(footprints, predicate="intersects")
        links = coo_array(([True] * pairs.shape[1], pairs), shape=(len(members),) * 2)
        count, labels = connected_components(links, directed=False)
        groups: list[list[Place]] = [[] for _ in range(count)]
        for label, place in zip(labels, members, strict=True):
            groups[label].append(place)
        yield from groups


def _footprint(place: Place) -> shapely.Polygon:
    """The image's outline on the map, without its outermost hair."""
    assert place.grid is not None
    left, top = _EDGE_PX, _EDGE_PX
    right, bottom = place.grid.width_px - _EDGE_PX, place.grid.height_px - _EDGE_PX
    return shapely.Polygon(place.grid.to_map([(left, top), (right, top), (right, bottom), (left, bottom)]))
