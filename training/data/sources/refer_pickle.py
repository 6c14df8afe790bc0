"""The reference lists of the refer API (`refs(unc).p`), read without ever running what a pickle may hold."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geophrase.training.data.risors import RisorsError


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
        with path.open("rb") as file:
            rows = _PlainUnpickler(file, encoding="utf-8").load()
    except FileNotFoundError:
        raise RisorsError(f"{path} is missing; extract the whole archive.") from None
    except pickle.UnpicklingError as error:
        raise RisorsError(
            f"{path} can't be read safely ({error}); get it from its publisher again."
        ) from error
    except (EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, MemoryError) as error:
        raise RisorsError(f"{path} is damaged ({error!r}); get it again.") from error
    try:
        return [_parse(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise RisorsError(f"{path} is not a list of references of the refer API ({error!r}).") from error


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
