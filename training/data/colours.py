"""Names of colours, as people give them to what they see from above."""

from __future__ import annotations

import colorsys

WORDS: dict[str, tuple[str, ...]] = {
    "white": ("white", "bright white", "white coloured", "white colored"),
    "black": ("black", "dark", "blackish"),
    "gray": ("gray", "grey", "grayish", "grey coloured"),
    "red": ("red", "reddish", "red coloured"),
    "orange": ("orange", "orange-brown", "brick-coloured"),
    "yellow": ("yellow", "yellowish"),
    "green": ("green", "greenish", "green colored"),
    "blue": ("blue", "bluish", "blue coloured"),
}
_HUES_DEG: tuple[tuple[str, float, float], ...] = (
    ("red", 348.0, 372.0),
    ("orange", 12.0, 40.0),
    ("yellow", 40.0, 66.0),
    ("green", 66.0, 172.0),
    ("blue", 172.0, 265.0),
)
_HUE_MARGIN_DEG = 6.0
MOTLEY = frozenset(
    "ground_track_field baseball_diamond stadium harbor football_pitch sports_ground park parking_lot "
    "construction_site train container".split()
)
"""Classes whose objects show several colours, so that the mean of one is none that somebody would say."""


def certain_name(mean_rgb: tuple[float, float, float]) -> str | None:
    """The one name everybody would give the colour, or None when two would do.

    Args:
        mean_rgb: 0–255.
    """
    names = possible_names(mean_rgb)
    return next(iter(names)) if len(names) == 1 else None


def likely_name(mean_rgb: tuple[float, float, float]) -> str | None:
    """The name most people would give the colour where the others around it have none of that name.

    Surfaces from above are dull: a blue court is said to be blue at a saturation that no colour chart has.
    None between white and gray, gray and black, and for hues that have no name here.

    Args:
        mean_rgb: 0–255.
    """
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255.0 for channel in mean_rgb))
    if saturation < 0.12:
        bounds = {"white": (0.68, 1.01), "gray": (0.36, 0.56), "black": (0.0, 0.24)}
        return next((name for name, (low, high) in bounds.items() if low <= value < high), None)
    if saturation < 0.24 or value < 0.2:
        return None
    turned = hue * 360.0 + (360.0 if hue * 360.0 < 12.0 else 0.0)
    return next((name for name, low, high in _HUES_DEG if low <= turned < high), None)


def possible_names(mean_rgb: tuple[float, float, float]) -> frozenset[str]:
    """Every name that somebody might give the colour; thresholds overlap on purpose."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255.0 for channel in mean_rgb))
    names: set[str] = set()
    if value > 0.5 and saturation < 0.22:
        names.add("white")
    if value < 0.33:
        names.add("black")
    if saturation < 0.30 and 0.22 < value < 0.80:
        names.add("gray")
    if saturation > 0.18 and value > 0.18:
        names.update(_hue_names(hue * 360.0))
    return frozenset(names)


def _hue_names(hue_deg: float) -> set[str]:
    names = set()
    for name, low, high in _HUES_DEG:
        for turn in (0.0, 360.0):
            if low - _HUE_MARGIN_DEG <= hue_deg + turn <= high + _HUE_MARGIN_DEG:
                names.add(name)
    return names
