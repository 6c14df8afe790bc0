"""What a phrase that somebody wrote speaks of, as far as its words show it."""

from __future__ import annotations

import re

_SIDES = r"left|right|top|bottom|upper|lower|north\w*|south\w*|east\w*|west\w*|\w+most"
_RELATION = re.compile(
    rf"\b(?:near\w*|next to|beside|besides|close[rst]*|by the|along|around|surround\w*|between|behind|"
    rf"in front of|opposite|adjacent|above|below|under|over|connect\w*|inside|(?:{_SIDES}) of (?:a|an|the)|"
    rf"(?:{_SIDES}) side of (?:a|an|the))\b(?! image\b| picture\b| photo\b)",
    re.IGNORECASE,
)
_PLACE = re.compile(
    rf"\b(?:{_SIDES}|corner|edge|middle|cent(?:er|re)|central|first|second|third|fourth|last)\b",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"\b(?:large\w*|big\w*|small\w*|tin(?:y|iest)|huge|long\w*|short\w*|wid(?:e|er|est)|narrow\w*|tall\w*)\b",
    re.IGNORECASE,
)


def kind_of(text: str, name: str) -> str:
    """Which of `risors.KINDS` a phrase for one object belongs to.

    A phrase that relates to another object is a relation even if it speaks of a size or a side, too; one
    that says no more than its class is a class.
    """
    if _RELATION.search(text):
        return "relation"
    if _PLACE.search(text):
        return "place"
    if _SIZE.search(text):
        return "size"
    words = set(re.findall(r"\w+", text.lower())) - {"a", "an", "the"}
    return "class" if words <= set(re.findall(r"[^\W_]+", name.lower())) else "attribute"


def needs_whole_image(kind: str) -> bool:
    """Whether phrases of a kind may turn untrue when a part of their image is cut off."""
    return kind in ("relation", "place", "size")
