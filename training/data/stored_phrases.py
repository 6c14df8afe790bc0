"""Views of an image whose phrases were written by others: only what surely keeps them true.

Directions are turned with the image. A crop is taken for phrases that speak of nothing beside the object.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geophrase.training.data.augment import AugmentConfig, View, random_view, whole_view
from geophrase.training.data.instances import Instance
from geophrase.training.data.phrase_scope import is_true_in_crops
from geophrase.training.data.risors import Phrase, RisorsImage
from geophrase.training.data.symmetry import turn_text

_MIN_VISIBLE_FRACTION = 0.6


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
