"""The clicks that made a polygon, as text in an attribute of its feature."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Iterable, List, Tuple

CLICKS_FIELD = "clicks"
"""The optional attribute of a segments layer that holds them."""


@dataclass(frozen=True)
class Click:
    """A point prompt.

    Attributes:
        x_map: In the CRS of the layer that the feature is in.
        y_map: Likewise.
        is_positive: True where it adds, False where it removes.
    """

    x_map: float
    y_map: float
    is_positive: bool


def clicks_text(clicks: Iterable[Click]) -> str:
    """The clicks as JSON, `[[x, y, 1 or 0], …]`, in order; "" where there are none."""
    rows = [[click.x_map, click.y_map, int(click.is_positive)] for click in clicks]
    return json.dumps(rows) if rows else ""


def clicks_of(value: Any) -> Tuple[Click, ...]:
    """The clicks that an attribute holds; none where it is null or holds something else.

    GDAL gives such a text in a GeoJSON file back as lists.
    """
    clicks: List[Click] = []
    try:
        for x, y, label in json.loads(value) if isinstance(value, str) else value:
            clicks.append(Click(float(x), float(y), bool(int(label))))
    except (ValueError, TypeError):
        return ()
    return tuple(click for click in clicks if math.isfinite(click.x_map) and math.isfinite(click.y_map))
