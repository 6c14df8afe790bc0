"""Official SAM 2.1 checkpoints into an RSAM, tensor by tensor and by name."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.protocol.errors import ErrorCode

# sam2's names on the left, ours on the right. All else in a checkpoint serves video.
_PREFIXES = (
    ("image_encoder.", "image_encoder."),
    ("sam_prompt_encoder.", "prompt_encoder."),
    ("sam_mask_decoder.", "mask_decoder."),
    ("no_mem_embed", "no_mem_embed"),
)
_VIDEO_PREFIXES = (
    "memory_attention.",
    "memory_encoder.",
    "maskmem_tpos_enc",
    "mask_downsample.",
    "no_mem_pos_enc",
    "no_obj_embed_spatial",
    "no_obj_ptr",
    "obj_ptr_proj.",
    "obj_ptr_tpos_proj.",
)
_DECODER = "mask_decoder."
_PER_MASK_TOKEN = (
    "mask_tokens.weight",
    "iou_prediction_head.layers.2.weight",
    "iou_prediction_head.layers.2.bias",
)
_HYPERNETWORKS = "mask_decoder.output_hypernetworks_mlps."


@dataclass(frozen=True)
class CheckpointReport:
    """What became of every tensor.

    Attributes:
        loaded: Our names of the tensors that were taken, whole or sliced.
        sliced: Those of them of which only the single mask's rows were taken.
        missing: Our names of the tensors that the checkpoint has nothing for; a frozen text encoder's,
            which come from elsewhere, are not counted.
        unused: The checkpoint's names of the tensors that were left: SAM 2's memory, which serves video, and
            what belongs to its three alternative masks where the model has a single one.
    """

    loaded: tuple[str, ...]
    sliced: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def load_sam2_checkpoint(rsam: Rsam, path: Path, *, with_decoder: bool = True) -> CheckpointReport:
    """Loads a ``sam2.1_hiera_*.pt`` file; see :func:`load_sam2_state_dict`.

    Raises:
        EngineError: WEIGHTS_INVALID where the file is no such checkpoint or of another size of model.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise _not_fitting(rsam, "it cannot be read") from error
    if not isinstance(stored, Mapping) or not isinstance(stored.get("model"), Mapping):
        raise _not_fitting(rsam, 'it has no "model"')
    return load_sam2_state_dict(rsam, stored["model"], with_decoder=with_decoder)


def load_sam2_state_dict(
    rsam: Rsam, state_dict: Mapping[str, Tensor], *, with_decoder: bool = True
) -> CheckpointReport:
    """Loads SAM 2.1's image encoder, prompt encoder and mask decoder, and accounts for every tensor.

    A model with one mask token takes SAM 2's single mask (token 0) out of the four and leaves the three
    alternatives, so it keeps SAM 2's clicks. ``with_decoder=False`` leaves the decoder at random, as the
    paper starts its training (Section 3.3).

    Args:
        rsam: The model to fill.
        state_dict: Tensors by sam2's names.
        with_decoder: Whether to take the mask decoder too.

    Raises:
        EngineError: WEIGHTS_INVALID where a tensor is neither ours nor SAM 2's memory, where one has another
            shape, or where the image encoder is not filled.
    """
    own = rsam.own_state_dict()
    taken: dict[str, Tensor] = {}
    sliced, unused = [], []
    for sam2_name, tensor in state_dict.items():
        name = _our_name(sam2_name)
        if name is None and not sam2_name.startswith(_VIDEO_PREFIXES):
            raise _not_fitting(rsam, f"it has a tensor {sam2_name} that SAM 2.1 has not")
        if name is None or (name.startswith(_DECODER) and not with_decoder) or _is_alternative(name, own):
            unused.append(sam2_name)
            continue
        taken[name] = _fitted(rsam, name, tensor, own)
        if taken[name].shape != tensor.shape:
            sliced.append(name)
    missing = tuple(sorted(own.keys() - taken.keys()))
    if any(name.startswith("image_encoder.") for name in missing):
        raise _not_fitting(rsam, f"it lacks {missing[0]}")
    rsam.load_state_dict(taken, strict=False)
    return CheckpointReport(tuple(sorted(taken)), tuple(sorted(sliced)), missing, tuple(sorted(unused)))


def _our_name(sam2_name: str) -> str | None:
    for theirs, ours in _PREFIXES:
        if sam2_name.startswith(theirs):
            return ours + sam2_name.removeprefix(theirs)
    return None


def _is_alternative(name: str, own: Mapping[str, Tensor]) -> bool:
    return name.startswith(_HYPERNETWORKS) and name not in own


def _fitted(rsam: Rsam, name: str, tensor: Tensor, own: Mapping[str, Tensor]) -> Tensor:
    if name not in own:
        raise _not_fitting(rsam, f"this model has no {name}")
    wanted = own[name].shape
    if name.removeprefix(_DECODER) in _PER_MASK_TOKEN and tensor.shape[1:] == wanted[1:]:
        tensor = tensor[: wanted[0]]
    if tensor.shape != wanted:
        raise _not_fitting(rsam, f"{name} is {tuple(tensor.shape)}, not {tuple(wanted)}")
    return tensor


def _not_fitting(rsam: Rsam, reason: str) -> EngineError:
    return EngineError(
        ErrorCode.WEIGHTS_INVALID,
        f"The checkpoint is not a SAM 2.1 checkpoint for {rsam.config.name}: {reason}. "
        "Use the official sam2.1_hiera file of this model's size.",
    )
