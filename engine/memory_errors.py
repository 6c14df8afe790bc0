"""Recognising that memory ran out, on whatever device, and saying so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

# How the libraries below PyTorch put it, where it has no exception class of its own for them.
_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _MEMORY_WORDS)


@contextmanager
def memory_errors_explained() -> Iterator[None]:
    """Turn a lack of memory in the block into an EngineError with the code OUT_OF_MEMORY."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise EngineError(
            ErrorCode.OUT_OF_MEMORY,
            "There is not enough memory for this model and these queries. Ask fewer queries at a time, "
            "choose a smaller model, or use --device cpu.",
        ) from error
