"""The reference lists of the refer API (`refs(unc).p`), read without ever running what a pickle may hold."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geophrase.training.data.risors import RisorsError

_VALUES = """
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING
    SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8
"""
_CONTAINERS = """
    MARK EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_DICT DICT SETITEM SETITEMS
"""
_MEMORY = "PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET"
_LOOKUPS = "GLOBAL STACK_GLOBAL REDUCE BUILD"  # what `find_class` answers, for NumPy's numbers
_OPCODES = frozenset(f"PROTO FRAME STOP {_VALUES} {_CONTAINERS} {_MEMORY} {_LOOKUPS}".split())


@dataclass(frozen=True)
class Reference:
    """Phrases for one annotated object.

    Attributes:
        annotation_id: Of the object in the COCO file.
        image_id: Of its image in the COCO file.
        category_id: Of its class in the COCO file.
        split: "train", "val" or "test"; the API's testA, testB, … are "test".
        texts: Each phrase as it was written.
    """

    annotation_id: int
    image_id: int
    category_id: int
    split: str
    texts: tuple[str, ...]


def read_references(path: Path) -> list[Reference]:
    """The references of a refer pickle.

    Raises:
        RisorsError: The file is missing or damaged, holds other things than references, or asks to run code.
    """
    try:
        content = path.read_bytes()
        _refuse_unusual(content)
        rows = _PlainUnpickler(io.BytesIO(content), encoding="utf-8").load()
    except FileNotFoundError:
        raise RisorsError(f"{path} is missing; extract the whole archive.") from None
    except pickle.UnpicklingError as error:
        raise RisorsError(
            f"{path} can't be read safely ({error}); get it from its publisher again."
        ) from error
    except (ArithmeticError, AttributeError, EOFError, LookupError, TypeError, ValueError) as error:
        raise RisorsError(f"{path} is damaged ({error!r}); get it again.") from error
    try:
        return [_parse(row) for row in rows]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RisorsError(f"{path} is not a list of references of the refer API ({error!r}).") from error


def _refuse_unusual(content: bytes) -> None:
    """Refuse, before anything is built, what a list of references never needs.

    Raises:
        pickle.UnpicklingError: An operation that makes other things, or a place in the unpickler's memory
            that only a damaged file can mean; it would be allocated.
        ValueError: The content is no pickle.
    """
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"it asks for {opcode.name}")
        if opcode.name.endswith("PUT") and (argument or 0) > len(content):
            raise pickle.UnpicklingError("it is damaged")


class _PlainUnpickler(pickle.Unpickler):
    """Dicts, lists, tuples, strings and numbers need no lookup; else only NumPy's numbers are known."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if (module, name) == ("numpy", "dtype"):
            return _NumberType
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "scalar":
            return _number
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


class _NumberType:
    """Stands for the dtype of a pickled NumPy number: integers and floats, nothing else."""

    def __init__(self, code: str, *_: object) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in "iuf":
            raise pickle.UnpicklingError(f"it holds values of type {code}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order, which is all that a number's dtype keeps beside its code."""
        self.dtype = self.dtype.newbyteorder(state[1])


def _number(number_type: _NumberType, content: bytes) -> float | int:
    number: float | int = np.frombuffer(content, number_type.dtype, count=1)[0].item()
    return number


def _parse(row: dict[str, Any]) -> Reference:
    split = "test" if str(row["split"]).startswith("test") else str(row["split"])
    if split not in ("train", "val", "test"):
        raise ValueError(f"unknown split {split!r}")
    texts = tuple(str(sentence.get("raw") or sentence["sent"]).strip() for sentence in row["sentences"])
    if not all(texts):
        raise ValueError("an empty sentence")
    return Reference(int(row["ann_id"]), int(row["image_id"]), int(row["category_id"]), split, texts)
