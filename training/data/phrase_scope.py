"""How much of its image a phrase that somebody wrote speaks of, as far as its words show it."""

from __future__ import annotations

import re

_PLACES = (
    r"left|right|top|bottom|upper|lower|north\w*|south\w*|east\w*|west\w*|\w+most|corner|edge|border|middle|"
    r"cent(?:er|re)|central"
)
_ORDERS = r"first|second|third|fourth|fifth|last"
_SIZES = r"large\w*|big\w*|small\w*|tin(?:y|iest)|huge|long\w*|short\w*|wid(?:e|er|est)|narrow\w*|tall\w*"
_RELATIONS = (
    r"near\w*|next to|besides?|close[rst]*|by the|along|around|surround\w*|between|behind|in front of|"
    r"opposite|adjacent|above|below|under|over|connect\w*|inside"
)
_NEEDS_WHOLE_IMAGE = re.compile(rf"\b(?:{_PLACES}|{_ORDERS}|{_SIZES}|{_RELATIONS})\b", re.IGNORECASE)
_REACHES_BEYOND = re.compile(
    r"\b(?:"
    # whatever they name may be outside a crop
    r"in|on|at|of|by|to|from|with|within|without|next|among|across|before|after|outside|against|facing|"
    r"side|up|down|cent\w+|here|there|which|that|whose|where|"
    # they compare with the rest of the image, or count what is in it
    r"little|giant|high|low|medium|\w+(?:er|est)|more|less|most|least|than|only|single|all|both|each|every|"
    r"another|other|others|except|but|not|no|several|many|few|row|rows|column|columns|line|group|pair|"
    r"lined|cluster|bunch|alone|apart|isolated|lone|remote|solitary|neighbou?r\w*|excluding|hand|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|\d+\w*"
    r")\b",
    re.IGNORECASE,
)
_NOUNS = re.compile(r"\b(water|river|tower|container|tanker|trailer|timber|forest)s?\b", re.IGNORECASE)
"""Words that look like comparatives and are none."""
_COLOURS = re.compile(
    r"\b(white|black|gr[ae]y|red|orange|yellow|green|blue|brown|pink|purple|silver|beige|tan|golden|dark|bright|"
    r"pale|light)(ish)?\b|\b\w*colou?r\w*",
    re.IGNORECASE,
)


def needs_whole_image(text: str) -> bool:
    """Whether a phrase likely turns untrue when a part of its image is cut off.

    It does where it names a side, an order, a size among others, or another object: "the largest ship", "the
    ship on the left", "the ship near the bridge".
    """
    return _NEEDS_WHOLE_IMAGE.search(text) is not None


def is_true_in_crops(text: str) -> bool:
    """Whether a phrase surely means the same in every part of the image that shows its object.

    True for names and looks ("a white airplane"). Any word of place, relation, size, order or number makes it
    False, and so do words that only look like one: a crop less is no harm.
    """
    return not needs_whole_image(text) and _REACHES_BEYOND.search(_NOUNS.sub("thing", text)) is None


def names_colour(text: str) -> bool:
    """Whether a phrase may speak of colour, which grayscale or another order of channels would belie."""
    return _COLOURS.search(text) is not None
