"""Writing weights files of ours: safetensors that say in their header what they are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from geophrase.engine.atomic_file import write_atomically
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

HEADER_PREFIX = "geophrase."


@dataclass(frozen=True)
class WeightsMetadata:
    """What a safetensors file of ours says about itself.

    Attributes:
        model: Preset that the tensors belong to, such as `rsam_small`.
        version: Version of these weights.
        training_data: The data sets seen, in a phrase.
        licence: SPDX identifier.
        config_json: The whole architecture configuration as JSON, so that a changed preset can't misread it.
        fine_tuning_json: What a fine-tuned model was made from and how it was judged, as JSON; {} for others.
    """

    model: str
    version: str
    training_data: str
    licence: str
    config_json: str = "{}"
    fine_tuning_json: str = "{}"


def save_weights(
    state_dict: Mapping[str, Tensor], path: Path, metadata: WeightsMetadata, *, half: bool = False
) -> None:
    """Write tensors as safetensors in one step: the file is whole or it is not there.

    The same tensors and metadata give the same bytes, and so the same hash.

    Args:
        state_dict: Tensors of any device; shared ones are written once for every name.
        path: The file, ending in `.safetensors`.
        metadata: Stored in the file's header.
        half: Store floating tensors as float16, half the size.

    Raises:
        ValueError: A tensor has values that are not finite, or not finite any more in float16.
        EngineError: `OUTPUT_NOT_WRITABLE`.
    """
    tensors = {name: _stored(name, tensor, half) for name, tensor in state_dict.items()}
    header = {HEADER_PREFIX + name: value for name, value in dataclasses.asdict(metadata).items()}
    try:
        write_atomically(path, lambda part: _write(tensors, part, header))
    except (OSError, safetensors.SafetensorError) as error:
        raise EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The weights can't be written to {path} ({error}): free some space or choose another folder.",
        ) from error


def _write(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Writes a file whose metadata are in order: the package puts them in another one each time."""
    safetensors.torch.save_file(tensors, path, metadata=metadata)
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(8)
        file.write(ordered.ljust(length))


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    dtype = torch.float16 if half and tensor.is_floating_point() else tensor.dtype
    stored = tensor.detach().to("cpu", dtype, copy=True).contiguous()
    if stored.is_floating_point() and not bool(stored.isfinite().all()):
        raise ValueError(f"{name} has values that are not finite as {dtype}")
    return stored
