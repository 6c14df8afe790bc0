# ruff: noqa: UP006, UP007, UP035, UP045 - annotations as the codec finds them under Python 3.9
from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Dict, Optional, Tuple, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geophrase.protocol.codec import InvalidMessageError, from_json, to_json


class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Circle:
    TYPE: ClassVar[str] = "circle"
    radius_m: float

    def __post_init__(self) -> None:
        if self.radius_m <= 0:
            raise ValueError("a circle has a radius")


@dataclass(frozen=True)
class Square:
    TYPE: ClassVar[str] = "square"
    side_m: int = 1


@dataclass(frozen=True)
class Drawing:
    name: str
    shape: Union[Circle, Square]
    is_filled: bool = False
    colour: Optional[Colour] = None
    pair: Tuple[int, float] = (1, 2.0)
    words: Tuple[str, ...] = ()
    counts: Dict[str, int] = field(default_factory=dict)
    anything: Any = None


FULL = Drawing(
    "a", Circle(2.0), True, Colour.RED, (3, 4.5), ("x", "y"), {"n": 1}, {"deep": [1, None, {"x": "y"}]}
)


def as_sent(message: Any) -> dict[str, Any]:
    return json.loads(json.dumps(to_json(message), allow_nan=False))


def test_a_message_comes_back_as_it_was():
    assert from_json(Drawing, as_sent(FULL)) == FULL


def test_what_is_missing_has_its_default():
    sent = {"name": "b", "shape": {"type": "square"}}
    assert from_json(Drawing, sent) == Drawing("b", Square())


def test_fields_of_a_newer_sender_are_ignored():
    sent = as_sent(FULL)
    sent["newer"] = sent["shape"]["newer"] = {"what": "ever"}
    assert from_json(Drawing, sent) == FULL


def test_a_whole_number_is_a_float_and_no_other_type_is_another():
    assert from_json(Circle, {"radius_m": 3}) == Circle(3.0)
    assert isinstance(from_json(Circle, {"radius_m": 3}).radius_m, float)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": 1}, "message.name must be a text"),
        ({"name": None}, "message.name must be a text"),
        ({"name": "\ud800"}, "message.name holds half"),
        ({"is_filled": 1}, "message.is_filled must be true or false"),
        ({"pair": [True, 2]}, "message.pair[0] must be a whole number"),
        ({"pair": [1.0, 2]}, "message.pair[0] must be a whole number"),
        ({"pair": [1]}, "message.pair must have 2 entries"),
        ({"pair": "12"}, "message.pair must be a list"),
        ({"pair": [1, 10**400]}, "message.pair[1] is too large"),
        ({"pair": [1, float("nan")]}, "message.pair[1] must be a finite number"),
        ({"pair": [1, float("-inf")]}, "message.pair[1] must be a finite number"),
        ({"colour": "green"}, "message.colour must be one of red, blue"),
        ({"colour": ["red"]}, "message.colour must be one of red, blue, not a list"),
        ({"counts": {"n": "1"}}, "message.counts.n must be a whole number"),
        ({"counts": [1]}, "message.counts must be an object"),
        ({"shape": {"type": "circle"}}, "message.shape.radius_m is missing"),
        ({"shape": {"type": "circle", "radius_m": 0}}, "message.shape: a circle has a radius"),
        ({"shape": {"type": "oval"}}, "message.shape.type must be one of circle, square"),
        ({"shape": {"type": ["circle"]}}, "message.shape.type must be one of circle, square"),
        ({"shape": {}}, "message.shape.type must be one of circle, square"),
        ({"shape": "circle"}, "message.shape must be an object"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, Any], words: str):
    with pytest.raises(InvalidMessageError) as caught:
        from_json(Drawing, {**as_sent(FULL), **changed})
    assert str(caught.value).startswith(words)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [None, 1, "x", [], [{}], True])
def test_a_message_is_an_object(value: object):
    with pytest.raises(InvalidMessageError, match="message must be an object"):
        from_json(Drawing, value)


def test_what_is_nested_too_deeply_to_show_is_refused_as_the_rest():
    value: Any = []
    for _ in range(sys.getrecursionlimit() * 2):
        value = [value]
    with pytest.raises(InvalidMessageError):
        from_json(Drawing, {**as_sent(FULL), "name": value})
    with pytest.raises(InvalidMessageError):
        from_json(Drawing, {**as_sent(FULL), "shape": {"type": value}})
    with pytest.raises(InvalidMessageError):
        from_json(Drawing, {**as_sent(FULL), "colour": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_what_json_cannot_carry_is_not_sent(value: object):
    with pytest.raises(ValueError, match="can't be sent"):
        to_json(Drawing("a", Square(), anything={"x": [value]}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["name", "shape", "is_filled", "colour", "pair", "words", "counts"]))
def test_nothing_that_json_can_hold_breaks_the_reader(value: Any, name: str):
    try:
        drawing = from_json(Drawing, {**as_sent(FULL), name: value})
    except InvalidMessageError:
        return
    assert from_json(Drawing, as_sent(drawing)) == drawing
