"""Objects that points and boxes of vector layers mark, in the raster's coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Hashable, Iterable, Iterator, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from qgis.core import NULL, QgsFeature

from geophrase.protocol.grid import Bounds

from ..core.translation import tr
from .failure import PreparationError

PointsMap = Tuple[Tuple[float, float], ...]

POINTS_LAYER = "points"
BOXES_LAYER = "boxes"
_ON_TEXTS = ("1", "+", "true", "t", "yes", "y")
_OFF_TEXTS = ("0", "-", "false", "f", "no", "n")


@dataclass(frozen=True)
class PromptFields:
    """Which attributes of a prompts layer say what; "" where none does.

    Attributes:
        group: Features with the same value mark the same object.
        label: Whether a point is on the object.
        query: What the object is.
    """

    group: str = ""
    label: str = ""
    query: str = ""


@dataclass(frozen=True)
class PromptedObject:
    """One object to outline.

    Attributes:
        layer: "points" or "boxes": that of the first feature that marks it.
        fid: Of that feature.
        group: What the feature's group field says; "" where it has none.
        points_map: x, y of each point.
        labels: 1 for a point on the object, 0 for one beside it.
        outline_map: The vertices of what its box encloses; () without a box.
        query: What it is; "" where nobody says.
    """

    layer: str
    fid: int
    group: str = ""
    points_map: PointsMap = ()
    labels: Tuple[int, ...] = ()
    outline_map: PointsMap = ()
    query: str = ""

    @property
    def is_marked(self) -> bool:
        """Whether anything says where the object is, and not only where it isn't."""
        return bool(self.outline_map) or 1 in self.labels

    @property
    def extent_map(self) -> npt.NDArray[np.float64]:
        """(N, 2) all points that its image must show."""
        return np.array(self.points_map + self.outline_map, np.float64)


class PromptedObjects:
    """Gathers objects feature by feature, of points and of boxes, in the order in which they appear."""

    def __init__(self) -> None:
        self._by_key: Dict[Hashable, PromptedObject] = {}
        self.num_without_geometry = 0

    def __iter__(self) -> Iterator[PromptedObject]:
        """The objects that something marks."""
        return (found for found in self._by_key.values() if found.is_marked)

    @property
    def num_unmarked(self) -> int:
        """How many have only points beside them."""
        return sum(not found.is_marked for found in self._by_key.values())

    def add_points(self, features: Iterable[QgsFeature], fields: PromptFields) -> None:
        """Takes features of a point layer, whose geometries are in the raster's coordinates.

        Raises:
            PreparationError: A label that is neither 1 nor 0.
        """
        for feature in features:
            points = _vertices(feature)
            label = _label(_value(feature, fields.label))
            if not points:
                self.num_without_geometry += 1
                continue
            key, found = self._object_of(feature, fields, layer=POINTS_LAYER)
            self._by_key[key] = replace(
                found,
                points_map=found.points_map + points,
                labels=found.labels + (label,) * len(points),
            )

    def add_boxes(self, features: Iterable[QgsFeature], fields: PromptFields) -> None:
        """Takes features of a polygon layer, each of which stands for its bounding box."""
        for feature in features:
            vertices = _vertices(feature)
            if not vertices:
                self.num_without_geometry += 1
                continue
            key, found = self._object_of(feature, fields, layer=BOXES_LAYER)
            self._by_key[key] = replace(found, outline_map=found.outline_map + vertices)

    def _object_of(
        self, feature: QgsFeature, fields: PromptFields, *, layer: str
    ) -> Tuple[Hashable, PromptedObject]:
        """The object that a feature belongs to, with its query, and where it is kept."""
        group, query = _text(_value(feature, fields.group)), _text(_value(feature, fields.query))
        key: Hashable = group or (layer, feature.id())
        found = self._by_key.get(key, PromptedObject(layer, feature.id(), group))
        return key, replace(found, query=found.query or query)


def bounds_of(objects: Sequence[PromptedObject]) -> Bounds:
    """xmin, ymin, xmax, ymax of all that marks them; there must be one."""
    points_map = np.concatenate([marked.extent_map for marked in objects])
    (xmin, ymin), (xmax, ymax) = points_map.min(axis=0), points_map.max(axis=0)
    return float(xmin), float(ymin), float(xmax), float(ymax)


def _vertices(feature: QgsFeature) -> PointsMap:
    """All vertices of the geometry; none where there is no geometry, or one that could not be transformed."""
    points = [(vertex.x(), vertex.y()) for vertex in feature.geometry().vertices()]
    return tuple(points) if np.isfinite(points).all() else ()


def _value(feature: QgsFeature, field: str) -> Any:
    value = feature[field] if field else None
    return None if value == NULL else value


def _text(value: Optional[object]) -> str:
    return "" if value is None else " ".join(str(value).split())


def _label(value: Optional[object]) -> int:
    """1 where nothing is said: most points are on the object."""
    if value is None:
        return 1
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return int(value)
    text = str(value).strip().lower()
    if text in _ON_TEXTS or text in _OFF_TEXTS:
        return int(text in _ON_TEXTS)
    raise PreparationError(
        tr(
            "A point has the label '{label}'. Use 1 for points on the object and 0 for points beside it."
        ).format(label=value)
    )
