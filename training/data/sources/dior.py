"""The twenty classes of DIOR, shared by the data sets that were made from its images."""

from __future__ import annotations

_NAMES = (
    "airplane", "airport", "baseball field", "basketball court", "bridge", "chimney", "dam",
    "expressway service area", "expressway toll station", "golf field", "ground track field", "harbor",
    "overpass", "ship", "stadium", "storage tank", "tennis court", "train station", "vehicle", "windmill",
)  # fmt: skip

_KEY_OF_LETTERS = {name.replace(" ", ""): name.replace(" ", "_") for name in _NAMES}


def class_key(name: str) -> str:
    """The snake_case key of a class however a data set spells it ("Expressway-toll-station", "golffield").

    A name that is no class of DIOR gives its own words in snake case.

    Source: the class names of Table 7 of the RSAM paper.
    """
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return _KEY_OF_LETTERS.get("".join(words), "_".join(words))
