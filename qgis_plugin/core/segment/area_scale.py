"""The steps of the minimum-area slider, from 0.1 m² to 100 000 m² on a scale of factors."""

from __future__ import annotations

import math
from typing import Optional

_AREA_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
"""In every power of ten."""
_FIRST_EXPONENT = -1
_LAST_EXPONENT = 5
MAX_AREA_STEP = len(_AREA_STEPS) * (_LAST_EXPONENT - _FIRST_EXPONENT) + 1
"""Steps of the minimum-area slider: 0 for none, then 0.1 m² to 100 000 m²."""


def area_of_step(step: int) -> Optional[float]:
    """The minimum area in m² at a step of the slider; None at 0, which keeps everything."""
    if step <= 0:
        return None
    decade, index = divmod(min(step, MAX_AREA_STEP) - 1, len(_AREA_STEPS))
    return float(_AREA_STEPS[index] * 10.0 ** (_FIRST_EXPONENT + decade))


def step_of_area(area_m2: Optional[float]) -> int:
    """The step that is nearest to an area, on a scale of factors."""
    if not area_m2 or area_m2 <= 0:
        return 0
    distances = [
        abs(math.log(area_m2 / (area_of_step(step) or area_m2))) for step in range(1, MAX_AREA_STEP + 1)
    ]
    return 1 + distances.index(min(distances))
