"""The kinds of thing that a scene can hold and how they nest; keys are those of the phrase lexicon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Layer(IntEnum):
    """Where a kind's labels live: one pixel has at most one label per layer.

    A car on a bridge on a road is three true statements about one pixel, so the three layers are kept apart.
    """

    SURFACE = 0
    ZONE = 1
    OBJECT = 2


@dataclass(frozen=True)
class SceneKind:
    """What is known of a kind beforehand.

    Attributes:
        layer: Its label layer; within a layer later drawings hide earlier ones.
        parent: The more general kind that covers it, or "".
        is_cover: One label for everything of the kind in a scene, since its parts cannot be counted.
        hides_below: Its pixels are cut out of the layers below; vehicles do not cut roads and courts do
            not need to.
    """

    layer: Layer
    parent: str = ""
    is_cover: bool = False
    hides_below: bool = True


def _object(parent: str = "", *, hides_below: bool = True) -> SceneKind:
    return SceneKind(Layer.OBJECT, parent, hides_below=hides_below)


def _surface(parent: str = "", *, is_cover: bool = False) -> SceneKind:
    return SceneKind(Layer.SURFACE, parent, is_cover)


PAVEMENT = "pavement"
"""Surfaces that nobody asks for by name (yards, pavements): labelled so as not to be grass."""

KINDS: dict[str, SceneKind] = {
    PAVEMENT: _surface(is_cover=True),
    "grass": _surface("vegetation", is_cover=True),
    "bare_land": _surface(is_cover=True),
    "beach": _surface(is_cover=True),
    "road": _surface(is_cover=True),
    "path": _surface(is_cover=True),
    "field": _surface(),
    "parking_lot": _surface(),
    "runway": _surface(),
    "river": _surface("water"),
    "lake": _surface("water"),
    "pond": _surface("water"),
    "sea": _surface("water"),
    "bridge": SceneKind(Layer.ZONE, hides_below=False),
    "roundabout": SceneKind(Layer.ZONE, hides_below=False),
    "ground_track_field": SceneKind(Layer.ZONE, hides_below=False),
    "forest": SceneKind(Layer.OBJECT, "vegetation", is_cover=True),
    "tree": _object("vegetation"),
    "bush": _object("vegetation"),
    "house": _object("building"),
    "warehouse": _object("building"),
    "greenhouse": _object("building"),
    "building": _object(),
    "storage_tank": _object(),
    "silo": _object(),
    "solar_panel": _object(),
    "container": _object(),
    "swimming_pool": _object(),
    "car": _object("vehicle", hides_below=False),
    "truck": _object("vehicle", hides_below=False),
    "bus": _object("vehicle", hides_below=False),
    "ship": _object(),
    "boat": _object("ship"),
    "airplane": _object(hides_below=False),
    "harbor": _object(),
    "tennis_court": _object(hides_below=False),
    "basketball_court": _object(hides_below=False),
    "baseball_diamond": _object(hides_below=False),
    "football_pitch": _object(hides_below=False),
}

PARENTS: frozenset[str] = frozenset(kind.parent for kind in KINDS.values() if kind.parent)
"""Kinds that cover others: building, ship, vegetation, vehicle, water."""

EXPORTED: frozenset[str] = (frozenset(KINDS) | PARENTS) - {PAVEMENT}
"""Every key that can name something in a scene, parents included."""


def lineage(name: str) -> Iterator[str]:
    """The kind itself and everything that covers it, most special first.

    Raises:
        KeyError: The kind is not one that scenes know.
    """
    if name not in EXPORTED:
        raise KeyError(name)
    while name:
        yield name
        name = KINDS[name].parent if name in KINDS else ""
