"""What a correction's phrase is about: a class of things everywhere, or one thing by its place or size."""

from __future__ import annotations

import re

from geophrase.training.data.lexicon import LEXICON, words_for
from geophrase.training.data.phrase_scope import is_true_in_crops

_WORD = re.compile(r"[\w'-]+")
_ARTICLES = frozenset({"a", "an", "the", "all", "every", "each", "any"})
_VAGUE = frozenset({"area", "cover", "field", "ground", "land", "site", "surface"})
_MAX_CLASS_WORDS = 4


def class_key(text: str) -> str | None:
    """The key of the class that a phrase names; None for a phrase that places, compares or counts.

    A class of the lexicon is known by each of its names. Any other short phrase is a class of its own, by its
    own words: "blue tarps" is ``blue_tarps``.
    """
    words = [word for word in _WORD.findall(text.lower()) if word not in _ARTICLES]
    if not words or len(words) > _MAX_CLASS_WORDS:
        return None
    known = _KEYS.get(" ".join(words))
    if known is not None:
        return known
    return "_".join(words) if is_true_in_crops(" ".join(words)) else None


def is_akin(key: str, other: str) -> bool:
    """Whether phrases for two classes may mean the same things: they are confusable or share a noun."""
    if key == other or other in words_for(key).confusable or key in words_for(other).confusable:
        return True
    return bool(_nouns(key) & _nouns(other))


def plain_name(key: str) -> str:
    """The words to ask for a class."""
    words = words_for(key)
    return words.plural[0] if words.is_countable else words.singular[0]


def _nouns(key: str) -> set[str]:
    words = words_for(key)
    stems = {name.split()[-1].rstrip("s") for name in (*words.singular, *words.plural)}
    return stems - _VAGUE


def _keys_by_name() -> dict[str, str]:
    """Plain names before synonyms, so that a word of two classes means the one that it names first."""
    keys: dict[str, str] = {}
    names = {key: (words.singular, words.plural) for key, words in LEXICON.items()}
    for rank in range(max(len(each) for pair in names.values() for each in pair)):
        for key, pair in names.items():
            for each in pair:
                if rank < len(each):
                    keys.setdefault(each[rank], key)
    return keys


_KEYS = _keys_by_name()
