"""The eight symmetries of a square, for pixels and for words of direction."""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

_Scalar = TypeVar("_Scalar", bound=np.generic)

_SIDES = ("left", "top", "right", "bottom")
_FAMILIES: tuple[tuple[str, str, str, str], ...] = (
    ("left", "top", "right", "bottom"),
    ("leftmost", "topmost", "rightmost", "bottommost"),
    ("left", "upper", "right", "lower"),
    ("leftmost", "uppermost", "rightmost", "lowermost"),
    ("west", "north", "east", "south"),
    ("western", "northern", "eastern", "southern"),
    ("westernmost", "northernmost", "easternmost", "southernmost"),
    ("left of", "above", "right of", "below"),
)
_DIRECTIONS = {word for family in _FAMILIES for word in family if " " not in word}
_CORNER = re.compile(
    r"\b(north|south|top|bottom|upper|lower)([ -]?)(west|east|left|right)(ern)?\b", re.IGNORECASE
)
_WORD = re.compile(
    r"\b(?:(?:to|on) the (?:left|right) of|left of|right of|under(?!pass)|"
    + "|".join(sorted(_DIRECTIONS, key=len, reverse=True))
    + r")\b",
    re.IGNORECASE,
)  # fmt: skip
_UNSURE = re.compile(
    r"\b(rows?|columns?|horizontal(ly)?|vertical(ly)?|diagonal(ly)?|(counter)?clockwise|o'clock|(under|be)neath|"
    r"on top of|over|up|down|upwards?|downwards?|left-?hand|right-?hand|sideways|"
    r"(left|right|north|south|east|west)(ward|bound)s?)\b",
    re.IGNORECASE,
)
"""Words that turn with the picture but have no word for every turn, or may speak of height."""


class Symmetry(Enum):
    """Mirror first (left-right), then quarter turns counter-clockwise."""

    IDENTITY = (False, 0)
    TURN_90 = (False, 1)
    TURN_180 = (False, 2)
    TURN_270 = (False, 3)
    MIRROR = (True, 0)
    MIRROR_TURN_90 = (True, 1)
    MIRROR_TURN_180 = (True, 2)
    MIRROR_TURN_270 = (True, 3)

    def apply(self, array_HW: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """The array (HW or HWC) mirrored and turned; a view where numpy can give one."""
        is_mirrored, turns = self.value
        array_HW = array_HW[:, ::-1] if is_mirrored else array_HW
        return np.rot90(array_HW, turns)

    def box_corner(self, box_xywh: tuple[int, int, int, int], side_px: int) -> tuple[int, int]:
        """Where the top-left corner of a box of a square image lies afterwards."""
        x, y, width, height = box_xywh
        is_mirrored, turns = self.value
        if is_mirrored:
            x = side_px - x - width
        for _ in range(turns):
            x, y, width, height = y, side_px - x - width, height, width
        return x, y

    def side(self, side: str) -> str:
        """Which side of the result the side "left", "top", "right" or "bottom" becomes."""
        is_mirrored, turns = self.value
        place = _SIDES.index(side)
        if is_mirrored and place % 2 == 0:
            place = 2 - place
        return _SIDES[(place - turns) % 4]


def turn_text(text: str, symmetry: Symmetry) -> str | None:
    """The phrase with its words of direction turned along, or None when that can't be done surely.

    Corners keep their order (row, then column), and words stay in their own family: "upper left" mirrored is
    "upper right", "the northern bank" turned by a quarter is "the western bank". Words that are turned become
    lower case.
    """
    if symmetry is Symmetry.IDENTITY:
        return text
    if _UNSURE.search(text):
        return None
    corners: list[str] = []

    def keep_corner(match: re.Match[str]) -> str:
        corners.append(_turn_corner(match, symmetry))
        return f"\0{len(corners) - 1}\0"

    marked = _CORNER.sub(keep_corner, text)
    turned = _WORD.sub(lambda match: _turn_word(match.group(0).lower(), symmetry), marked)
    return re.sub(r"\0(\d+)\0", lambda match: corners[int(match.group(1))], turned)


def _turn_corner(match: re.Match[str], symmetry: Symmetry) -> str:
    row, joint, col, ending = (part and part.lower() for part in match.groups())
    compass = row in ("north", "south")
    row_side = "top" if row in ("north", "top", "upper") else "bottom"
    col_side = "left" if col in ("west", "left") else "right"
    sides = {symmetry.side(row_side), symmetry.side(col_side)}
    new_row = "top" if "top" in sides else "bottom"
    new_col = "left" if "left" in sides else "right"
    if compass:
        words = {"top": "north", "bottom": "south", "left": "west", "right": "east"}
    elif row in ("upper", "lower"):
        words = {"top": "upper", "bottom": "lower", "left": "left", "right": "right"}
    else:
        words = {side: side for side in _SIDES}
    return f"{words[new_row]}{joint}{words[new_col]}{ending or ''}"


def _turn_word(word: str, symmetry: Symmetry) -> str:
    if word.endswith(" of"):
        return _turn_of(word, symmetry)
    if word == "under":
        word = "below"
    for family in _FAMILIES:
        if word in family:
            return family[_SIDES.index(symmetry.side(_SIDES[family.index(word)]))]
    return word


def _turn_of(phrase: str, symmetry: Symmetry) -> str:
    """A relation such as "to the left of", which becomes "to the right of", "above" or "below"."""
    side = symmetry.side("left" if "left" in phrase else "right")
    if side in ("left", "right"):
        return phrase.replace("left", "\0").replace("right", "\0").replace("\0", side)
    return "above" if side == "top" else "below"
