"""Names of colours, said only when the pixels leave no doubt."""

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


def certain_name(mean_rgb: tuple[float, float, float]) -> str | None:
    """The one name everybody would give the colour, or None when two would do.

    Args:
        mean_rgb: 0–255.
    """
    names = possible_names(mean_rgb)
    return next(iter(names)) if len(names) == 1 else None


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
