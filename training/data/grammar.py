"""From a meaning to something a person would type: articles, wrappers, spelling, haste.

Everything random comes from the generator passed in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geophrase.training.data.lexicon import ClassWords

_COMMANDS = (
    "find", "show", "show me", "mark", "segment", "highlight", "select", "outline", "extract", "detect",
    "locate", "map", "delineate", "pick out", "give me", "get", "get me", "trace", "digitise", "digitize",
    "draw", "label", "identify", "find me", "search for", "look for", "i want", "i need", "pull out",
    "point out", "mask", "mask out", "segment out", "polygons of", "outline of", "map out",
)  # fmt: skip
_POLITE = (
    "please {command} {np}", "{command} {np} please", "can you {command} {np}", "could you {command} {np}",
    "can you {command} {np}?", "please {command} {np} for me", "{command} {np} in this image",
    "{command} {np} here", "{command} {np} on the map", "{command} {np} in the picture",
    "i would like to {command} {np}", "now {command} {np}", "try to {command} {np}",
)  # fmt: skip
_PLURAL_QUESTIONS = (
    "where are {np}?", "where are {np}", "which pixels show {np}", "are there {bare} here?",
    "do you see {bare}?",
    "what are the {bare} here", "can you see {np}?", "which areas are {bare}", "where do you see {np}",
)  # fmt: skip
_SINGULAR_QUESTIONS = (
    "where is {np}?", "where is {np}", "which one is {np}", "can you see {np}?", "where's {np}",
    "which pixels belong to {np}", "what is the extent of {np}", "what part is {np}",
)  # fmt: skip
_TRAILERS = ("in the image", "in this scene", "here", "on this photo", "visible here", "in the aerial image")
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}
_PAIRS = (
    ("center", "centre"), ("gray", "grey"), ("colored", "coloured"), ("harbor", "harbour"),
    ("parking lot", "car park"), ("airplane", "aeroplane"), ("meter", "metre"),
)  # fmt: skip
_KEEP_SPELLING = frozenset(
    "left right upper lower above below north south east west northern southern eastern western bottom "
    "middle center centre between except second third first largest smallest biggest leftmost rightmost "
    "topmost bottommost white black green yellow orange apart besides without excluding group cluster bunch "
    "three four five seven eight fourth longest shortest lowest highest others other isolated alone".split()
)


@dataclass(frozen=True)
class Wording:
    """A noun phrase before its article: "second" + "ship" + "from the left".

    Attributes:
        noun: Head noun in the number that `is_plural` says.
        before: Adjectives, with no trailing space.
        after: What follows the noun.
        is_plural: Number.
        is_definite: Whether the phrase means something particular ("the largest ship"), so that "a" is wrong.
        is_countable: Whether "a", "each" and numbers may stand before it.
        is_complete: It already has its article or needs none ("both ships").
    """

    noun: str
    before: str = ""
    after: str = ""
    is_plural: bool = False
    is_definite: bool = True
    is_countable: bool = True
    is_complete: bool = False

    @property
    def bare(self) -> str:
        """Without any article."""
        return " ".join(part for part in (self.before, self.noun, self.after) if part)


def number_word(count: int, rng: random.Random) -> str:
    """A count as a word, sometimes as a digit."""
    return _NUMBERS[count] if count in _NUMBERS and rng.random() < 0.85 else str(count)


def choose_noun(words: ClassWords, rng: random.Random, *, plural: bool, plain: bool = False) -> str:
    """A name of the class in the number asked for; the plain name, or a synonym more often than not."""
    names = words.plural if plural else words.singular
    if plain or len(names) == 1 or rng.random() < 0.3:
        return names[0]
    return rng.choice(names[1:])


def with_article(wording: Wording, rng: random.Random) -> str:
    """The noun phrase with an article or quantifier that keeps its meaning, or with none."""
    if wording.is_complete:
        return wording.bare
    if not wording.is_countable:
        return _pick(rng, ((0.45, ""), (0.40, "the "), (0.15, "all the "))) + wording.bare
    if wording.is_plural:
        if wording.is_definite:
            return _pick(rng, ((0.40, ""), (0.40, "the "), (0.20, "all the "))) + wording.bare
        weights = ((0.42, ""), (0.22, "the "), (0.18, "all "), (0.12, "all the "), (0.06, "any "))
        return _pick(rng, weights) + wording.bare
    if wording.is_definite:
        return _pick(rng, ((0.25, ""), (0.75, "the "))) + wording.bare
    return _pick(rng, ((0.6, ""), (0.2, "every "), (0.1, "each "), (0.1, "any "))) + wording.bare


def sentence(wording: Wording, rng: random.Random) -> str:
    """The phrase as typed: mostly the noun phrase alone, otherwise inside a command or a question."""
    np_text = with_article(wording, rng)
    roll = rng.random()
    if roll < 0.55:
        return np_text
    if roll < 0.62:
        return f"{np_text} {rng.choice(_TRAILERS)}"
    if roll < 0.82:
        return f"{rng.choice(_COMMANDS)} {np_text}"
    if roll < 0.91:
        return rng.choice(_POLITE).format(command=rng.choice(_COMMANDS[:20]), np=np_text)
    questions = _PLURAL_QUESTIONS if wording.is_plural else _SINGULAR_QUESTIONS
    question = rng.choice(questions)
    if not wording.is_plural and not wording.is_definite and wording.is_countable:
        question = rng.choice(("is there any {bare}", "is there any {bare}?", "any {bare} here?"))
    return question.format(np=_definite(np_text, wording), bare=wording.bare)


def roughen(text: str, rng: random.Random, *, typo_rate: float = 0.06) -> str:
    """The text as hurried hands type it: case, punctuation, a swapped letter, the other side's spelling."""
    for american, british in _PAIRS:
        if rng.random() < 0.3:
            old, new = (american, british) if rng.random() < 0.5 else (british, american)
            text = text.replace(old, new)
    if rng.random() < typo_rate:
        text = _with_typo(text, rng)
    if rng.random() < 0.3 * typo_rate:
        text = _with_other_spacing(text, rng)
    roll = rng.random()
    if roll < 0.12:
        text = text[:1].upper() + text[1:]
    elif roll < 0.13:
        text = text.upper()
    if rng.random() < 0.08 and text[-1:].isalpha():
        text += "."
    return text


def indefinite(noun_phrase: str) -> str:
    """The phrase after "a" or "an", by its first letter's sound as far as spelling tells."""
    return f"{'an' if noun_phrase[:1].lower() in 'aeio' else 'a'} {noun_phrase}"


def _definite(np_text: str, wording: Wording) -> str:
    return f"the {np_text}" if np_text == wording.bare and not wording.is_complete else np_text


def _pick(rng: random.Random, weighted: Sequence[tuple[float, str]]) -> str:
    return rng.choices([word for _, word in weighted], [weight for weight, _ in weighted])[0]


def _with_typo(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    places = [n for n, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    places = [n for n in places if words[n].lower() not in _KEEP_SPELLING]
    if not places:
        return text
    place = rng.choice(places)
    words[place] = rng.choice(_SLIPS)(words[place], rng.randrange(1, len(words[place]) - 1))
    return " ".join(words)


def _with_other_spacing(text: str, rng: random.Random) -> str:
    """One compound written the other way: apart or as one word."""
    found = [pair for pair in _SPACINGS if pair[0] in text]
    return text.replace(*rng.choice(found), 1) if found else text


_SPACINGS = (
    ("basketball", "basket ball"), ("baseball", "base ball"), ("airplane", "air plane"),
    ("tennis court", "tenniscourt"), ("storage tank", "storagetank"), ("greenhouse", "green house"),
    ("parking lot", "parkinglot"), ("swimming pool", "swimmingpool"), ("solar panel", "solarpanel"),
    ("runway", "run way"), ("softball", "soft ball"), ("warehouse", "ware house"), ("football", "foot ball"),
)  # fmt: skip
_NEIGHBOUR_KEYS = dict(zip("abcdefghiklmnoprstuvwy", "svxsrdghjjlknpieydyceu", strict=True))
_SLIPS: tuple[Callable[[str, int], str], ...] = (
    lambda word, at: word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    lambda word, at: word[:at] + word[at + 1 :],
    lambda word, at: word[:at] + word[at] + word[at:],
    lambda word, at: word[:at] + _NEIGHBOUR_KEYS.get(word[at], word[at]) + word[at + 1 :],
)
