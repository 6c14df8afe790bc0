"""Frozen dataclasses to JSON and back, checked against their own annotations.

A reader ignores fields that it doesn't know, fills in those that have a default, and refuses everything else
that isn't what the annotation says: another type, a number that is not finite, a missing field. Understood
are bool, int, float, str, Optional, Tuple, Dict[str, …], enums of str, dataclasses, Unions of tagged
dataclasses (those with a class variable ``TYPE``) and ``Any`` for plain JSON.
"""

from __future__ import annotations

import dataclasses
import math
from enum import Enum
from functools import lru_cache
from typing import Any, Dict, List, Mapping, Tuple, Type, TypeVar, Union, get_args, get_origin, get_type_hints

TYPE_FIELD = "type"
"""Where the JSON of a tagged dataclass says which one it is."""

MessageT = TypeVar("MessageT")


class InvalidMessageError(ValueError):
    """JSON that is not the message it should be; the text names the field and what was expected."""


def to_json(message: Any) -> Dict[str, Any]:
    """The message as JSON-able values, with its tag if it has one.

    Raises:
        ValueError: A value that JSON can't carry, such as NaN.
    """
    value = _plain(message)
    assert isinstance(value, dict)
    return value


def from_json(kind: Any, value: object) -> Any:
    """The message of this kind (a dataclass, or a Union of tagged ones) that the JSON value describes.

    Raises:
        InvalidMessageError: Naming the first field that is not as it should be.
    """
    return _read(kind, value, "message")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        tag = getattr(type(value), "TYPE", None)
        return fields if tag is None else {TYPE_FIELD: tag, **fields}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} can't be sent")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"a {type(value).__name__} can't be sent")


def _read(kind: Any, value: object, where: str) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin is Union:
        return _read_union(get_args(kind), value, where)
    if origin is tuple:
        return _read_tuple(get_args(kind), value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise _unexpected(where, "an object", value)
        return {key: _read(get_args(kind)[1], item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        return _read_dataclass(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(kind, value, where)
    return _read_scalar(kind, value, where)


def _read_scalar(kind: Any, value: object, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = _as_float(value, where)
    if type(value) is not kind:  # not isinstance: a bool is no int here
        raise _unexpected(where, _SCALARS[kind], value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _unexpected(where, "a finite number", value)
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidMessageError(f"{where} holds half of a character pair")
    return value


_SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _as_float(value: int, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InvalidMessageError(f"{where} is too large a number") from None


def _read_enum(kind: Type[Enum], value: object, where: str) -> Enum:
    for member in kind:
        if isinstance(value, str) and member.value == value:
            return member
    choices = ", ".join(str(member.value) for member in kind)
    raise _unexpected(where, f"one of {choices}", value)


def _read_union(kinds: Tuple[Any, ...], value: object, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    named = [kind for kind in kinds if kind is not type(None)]
    if len(named) == 1:
        return _read(named[0], value, where)
    if not isinstance(value, dict):
        raise _unexpected(where, "an object", value)
    by_tag = {kind.TYPE: kind for kind in named}
    tag = value.get(TYPE_FIELD)
    if not isinstance(tag, str) or tag not in by_tag:
        raise _unexpected(f"{where}.{TYPE_FIELD}", f"one of {', '.join(by_tag)}", tag)
    return _read_dataclass(by_tag[tag], value, where)


def _read_tuple(kinds: Tuple[Any, ...], value: object, where: str) -> Tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise _unexpected(where, "a list", value)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise InvalidMessageError(f"{where} must have {len(kinds)} entries, not {len(value)}")
    return tuple(
        _read(kind, item, f"{where}[{index}]") for index, (kind, item) in enumerate(zip(kinds, value))
    )


def _read_dataclass(kind: Type[MessageT], value: object, where: str) -> MessageT:
    if not isinstance(value, dict):
        raise _unexpected(where, "an object", value)
    known: Dict[str, Any] = {}
    for name, hint, is_required in _fields_of(kind):  # type: ignore[arg-type]
        if name in value:
            known[name] = _read(hint, value[name], f"{where}.{name}")
        elif is_required:
            raise InvalidMessageError(f"{where}.{name} is missing")
    try:
        return kind(**known)
    except InvalidMessageError:
        raise
    except ValueError as error:
        raise InvalidMessageError(f"{where}: {error}") from error


@lru_cache  # of a fixed number of message classes
def _fields_of(kind: Any) -> List[Tuple[str, Any, bool]]:
    """Name, annotation and whether there is no default, of every field."""
    hints = get_type_hints(kind)
    missing = dataclasses.MISSING
    return [
        (field.name, hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(kind)
    ]


def _unexpected(where: str, expected: str, value: object) -> InvalidMessageError:
    if isinstance(value, (list, tuple, dict)):  # it may be nested too deeply to be shown
        shown = "an object" if isinstance(value, dict) else "a list"
    else:
        shown = f"{value!r:.60}"
    return InvalidMessageError(f"{where} must be {expected}, not {shown}")
