"""Whether a phrase that somebody wrote speaks of more than its object, as far as its words show it."""

from __future__ import annotations

import re

_PLACES = (
    r"left|right|top|bottom|upper|lower|north\w*|south\w*|east\w*|west\w*|\w+most|corner|edge|middle|"
    r"cent(?:er|re)|central"
)
_ORDERS = r"first|second|third|fourth|last"
_SIZES = r"large\w*|big\w*|small\w*|tin(?:y|iest)|huge|long\w*|short\w*|wid(?:e|er|est)|narrow\w*|tall\w*"
_RELATIONS = (
    r"near\w*|next to|besides?|close[rst]*|by the|along|around|surround\w*|between|behind|in front of|"
    r"opposite|adjacent|above|below|under|over|connect\w*|inside"
)
_WORDS = re.compile(rf"\b(?:{_PLACES}|{_ORDERS}|{_SIZES}|{_RELATIONS})\b", re.IGNORECASE)


def needs_whole_image(text: str) -> bool:
    """Whether a phrase may turn untrue when a part of its image is cut off.

    It does where it names a side, an order, a size among others, or another object: "the largest ship", "the
    ship on the left", "the ship near the bridge".
    """
    return _WORDS.search(text) is not None
