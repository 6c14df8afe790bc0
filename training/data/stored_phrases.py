"""Views of an image whose phrases were written by others: only what surely keeps them true.

Directions are turned with the image. A crop is taken for phrases that speak of nothing beside the object.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geophrase.training.data.augment import AugmentConfig, View, random_view, whole_view
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import Phrase, RisorsImage
from geophrase.training.data.symmetry import turn_text

_MIN_VISIBLE_FRACTION = 0.6
_REACHES_BEYOND = re.compile(
    r"\b("
    # places, relations: whatever they name may be outside the crop
    r"in|on|at|of|by|to|from|with|within|without|near|nearest|close|closest|next|beside|besides|between|among|"
    r"along|across|over|under|above|below|behind|before|after|inside|outside|around|against|opposite|facing|"
    r"adjacent|surrounded|left|right|top|bottom|upper|lower|up|down|middle|cent\w+|corner|side|edge|border|"
    r"(north|south|east|west)\w*|\w+most|here|there|which|that|whose|where|"
    # sizes, order and number: they compare with the rest of the image
    r"big|small|large|tiny|little|huge|giant|long|short|wide|narrow|tall|high|low|medium|\w+(er|est)|more|less|"
    r"most|least|than|only|single|all|both|each|every|another|other|others|except|but|not|no|several|many|few|"
    r"row|rows|column|columns|line|group|pair|first|last|one|two|three|four|five|six|seven|eight|nine|ten|"
    r"second|third|fourth|fifth|\d+\w*"
    r")\b",
    re.IGNORECASE,
)
_COLOURS = re.compile(
    r"\b(white|black|gr[ae]y|red|orange|yellow|green|blue|brown|pink|purple|silver|beige|tan|golden|dark|bright|"
    r"pale|light)(ish)?\b|\b\w*colou?r\w*",
    re.IGNORECASE,
)
_NOUNS = re.compile(r"\b(water|river|tower|container|tanker|trailer|timber|forest)s?\b", re.IGNORECASE)


def is_true_in_crops(text: str) -> bool:
    """Whether a phrase means the same in every part of the image that shows its object.

    True for names and looks ("a white airplane"). Any word of place, relation, size, order or number makes it
    False, and so do words that only look like one: a crop less is no harm.
    """
    return _REACHES_BEYOND.search(_NOUNS.sub("thing", text)) is None


def names_colour(text: str) -> bool:
    """Whether a phrase may speak of colour, which grayscale or another order of channels would belie."""
    return _COLOURS.search(text) is not None


def draw_stored(
    record: RisorsImage, side_px: int, augment: AugmentConfig | None, rng: random.Random
) -> tuple[View, list[tuple[Phrase, str]]]:
    """A view of an image and its phrases that are true of it, as they then read: at least one.

    Which phrases ask for the whole image is decided by one of them, drawn first, so that a phrase is as often
    shown in a crop as it allows and as often at all as the others.

    Args:
        record: The image, with one phrase or more.
        side_px: Side of the result.
        augment: Its chances of crops and turns; None for the whole image.
        rng: The only source of chance.
    """
    whole = whole_view(record.width_px, record.height_px, side_px)
    unturned = [(phrase, phrase.text) for phrase in record.phrases]
    if augment is None:
        return whole, unturned
    first = rng.choice(record.phrases)
    focus = None if first.is_absent else Instance.from_mask(first.name, first.mask())
    view = random_view((record.height_px, record.width_px), side_px, augment, rng, focus=focus)
    kept: Sequence[Phrase] = record.phrases
    if is_true_in_crops(first.text) and _shows(view, first):
        kept = [phrase for phrase in kept if is_true_in_crops(phrase.text) and _shows(view, phrase)]
    else:
        view = replace(whole, symmetry=view.symmetry)
    turned = [(phrase, turn_text(phrase.text, view.symmetry)) for phrase in kept]
    usable = [(phrase, text) for phrase, text in turned if text is not None]
    return (view, usable) if usable else (whole, unturned)


def _shows(view: View, phrase: Phrase) -> bool:
    """Whether enough of what a phrase means is inside a view; what is absent is absent everywhere."""
    if phrase.is_absent:
        return True
    mask_HW = phrase.mask()
    rows = slice(max(0, round(view.top)), max(0, round(view.top + view.height)))
    columns = slice(max(0, round(view.left)), max(0, round(view.left + view.width)))
    return int(np.count_nonzero(mask_HW[rows, columns])) >= _MIN_VISIBLE_FRACTION * phrase.area_px
