"""The box that a polygon was made from, as text in an attribute of its feature."""

from __future__ import annotations

import json
import math
from typing import Any, Optional, Tuple

BOX_FIELD = "box"
"""The optional attribute of a segments layer that holds it."""

_NUM_CORNERS = 4

Corners = Tuple[Tuple[float, float], ...]
"""x, y of a box's four corners in map coordinates, in turn; askew where the map or the raster is rotated."""


def box_text(corners_map: Optional[Corners]) -> str:
    """The corners as JSON, `[[x, y], …]`; "" for no box."""
    return json.dumps([list(corner) for corner in corners_map]) if corners_map else ""


def box_of(value: Any) -> Optional[Corners]:
    """The box that an attribute holds; None where it is null or holds something else.

    GDAL gives such a text in a GeoJSON file back as lists.
    """
    try:
        rows = json.loads(value) if isinstance(value, str) else value
        corners = tuple((float(x), float(y)) for x, y in rows)
    except (ValueError, TypeError):
        return None
    is_box = len(corners) == _NUM_CORNERS and all(math.isfinite(v) for corner in corners for v in corner)
    return corners if is_box else None
