"""What of a model trains, and how its passes are computed: freezing, low-rank updates, memory, compilation.

Shape letters: P parts of a weight with an update of their own, R rank, O rows of a part, I columns.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from sam2.modeling.backbones.hieradet import MultiScaleBlock
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.checkpoint import checkpoint

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import HieraConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ResidualBlock
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.protocol.errors import ErrorCode
from geophrase.training.baselines.models import Model
from geophrase.training.config import ExecutionConfig, TrainableConfig

_UPDATE = ".parametrizations.weight.0."
_ORIGINAL = ".parametrizations.weight.original"
_BACKEND = "inductor"
_QUERY, _VALUE, _NUM_IN_QKV = 0, 2, 3  # order of the rows of Hiera's joint projection


def prepare_model(rsam: Model, trainable: TrainableConfig, execution: ExecutionConfig) -> None:
    """Makes a model ready to be trained, in place: before its optimiser and before it is spread over ranks.

    What is frozen has no gradients and is in evaluation mode, which whoever switches modes later restores
    module by module. Names of parameters change only where a low-rank update is put on a weight.

    Args:
        rsam: The model, on its device, in training mode.
        trainable: Which parts move.
        execution: How passes are computed.

    Raises:
        EngineError: Compilation was asked for and there is no compiler, low-rank updates of a model that is
            not RSAM, or the refiner alone of a model without one.
    """
    if isinstance(rsam, Rsam) and rsam.chooser is not None:
        rsam.chooser.requires_grad_(False).eval()  # it learns from layouts, without images
    if trainable.is_refiner_alone:
        _freeze_all_but_refiner(rsam)
    if trainable.is_image_encoder_frozen:
        rsam.image_encoder.requires_grad_(False).eval()
    if trainable.low_rank:
        if not isinstance(rsam, Rsam):
            message = f"{rsam.config.name} takes no low-rank updates: leave trainable.low_rank at 0."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        _add_low_rank_updates(rsam, trainable.low_rank)
    if execution.is_activation_checkpointed and not trainable.is_image_encoder_frozen:
        for block in _trunk_blocks(rsam.image_encoder.trunk):
            _checkpoint_activations(block)
    if execution.is_compiled:
        _compile(rsam)


def _freeze_all_but_refiner(rsam: Model) -> None:
    refiner = rsam.refiner if isinstance(rsam, Rsam) else None
    if refiner is None:
        message = f"{rsam.config.name} has no prompt refiner: leave trainable.is_refiner_alone at False."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    for part in rsam.children():
        if part is not refiner:
            part.requires_grad_(False).eval()
    rsam.no_mem_embed.requires_grad_(False)


class LowRankUpdate(nn.Module):
    """W + B A on some of the rows of a weight W, where B starts at zero and so changes nothing.

    A parametrisation of the layer, so that whoever reads ``layer.weight`` reads the updated one.

    Args:
        weight_OI: The weight that is updated.
        rank: R, the rows of A.
        first_rows: Where each updated part begins.
        num_rows: Rows of a part.

    Source: Hu et al. 2021, equation 3, without its scale alpha; A is Kaiming-uniform as in their code.
    """

    first_row_P: Tensor

    def __init__(self, weight_OI: Tensor, *, rank: int, first_rows: tuple[int, ...], num_rows: int) -> None:
        super().__init__()
        num_parts, device = len(first_rows), weight_OI.device
        self.down_PRI = nn.Parameter(torch.empty(num_parts, rank, weight_OI.shape[1], device=device))
        self.up_POR = nn.Parameter(torch.zeros(num_parts, num_rows, rank, device=device))
        self.register_buffer("first_row_P", torch.tensor(first_rows, device=device))
        for down_RI in self.down_PRI:
            nn.init.kaiming_uniform_(down_RI, a=5**0.5)

    def forward(self, weight_OI: Tensor) -> Tensor:
        """Returns the updated weight."""
        return _updated(weight_OI, self.down_PRI, self.up_POR, self.first_row_P)


def _updated(weight_OI: Tensor, down_PRI: Tensor, up_POR: Tensor, first_row_P: Tensor) -> Tensor:
    update_POI = up_POR @ down_PRI
    if up_POR.shape[1] == weight_OI.shape[0]:
        return weight_OI + update_POI[0]
    offset_O = torch.arange(up_POR.shape[1], device=weight_OI.device)
    row_X = (first_row_P[:, None] + offset_O).flatten()
    return weight_OI.index_add(0, row_X, update_POI.flatten(0, 1).to(weight_OI.dtype))


def merged_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns weights under the plain model's names, low-rank updates added to what they update."""
    merged = {}
    for name, value in weights.items():
        if name.endswith(_ORIGINAL):
            layer = name.removesuffix(_ORIGINAL)
            parts = (weights[f"{layer}{_UPDATE}{part}"] for part in ("down_PRI", "up_POR", "first_row_P"))
            merged[f"{layer}.weight"] = _updated(value, *parts)
        elif _UPDATE not in name:
            merged[name] = value
    return merged


def merged_state_dict(rsam: Rsam) -> dict[str, Tensor]:
    """Returns a model's own weights as a plain model of its configuration loads them."""
    with torch.no_grad():
        return merged_weights(rsam.own_state_dict())


def _add_low_rank_updates(rsam: Rsam, rank: int) -> None:
    """Freezes linear layers under updates; norms, convolutions and embeddings outside a Hiera train whole.

    A Hiera trains by the updates of its queries and values alone. A convolutional trunk has no layers that
    could be updated so, and trains whole.
    """
    sides = (rsam.guidance, rsam.text_projection, rsam.prompt_encoder, rsam.mask_decoder)
    for side in sides:
        for layer in _linear_layers(side):
            _update_rows(layer, rank, parts=(0,), num_parts=1)
    is_frozen = not any(p.requires_grad for p in rsam.image_encoder.parameters())
    if isinstance(rsam.config.trunk, HieraConfig) and not is_frozen:
        trunk = rsam.image_encoder.trunk
        trunk.requires_grad_(False)
        for name, layer in list(trunk.named_modules()):
            if name.endswith("attn.qkv") and isinstance(layer, nn.Linear):
                _update_rows(layer, rank, parts=(_QUERY, _VALUE), num_parts=_NUM_IN_QKV)


def _linear_layers(module: nn.Module | None) -> list[nn.Linear]:
    modules: Iterable[nn.Module] = () if module is None else module.modules()
    return [layer for layer in modules if isinstance(layer, nn.Linear)]


def _update_rows(layer: nn.Linear, rank: int, *, parts: tuple[int, ...], num_parts: int) -> None:
    """Puts an update on some of the equal parts that a layer's rows are divided in."""
    num_rows = layer.out_features // num_parts
    first_rows = tuple(part * num_rows for part in parts)
    update = LowRankUpdate(layer.weight, rank=rank, first_rows=first_rows, num_rows=num_rows)
    layer.weight.requires_grad_(False)
    parametrize.register_parametrization(layer, "weight", update)


def _trunk_blocks(trunk: nn.Module) -> list[nn.Module]:
    """The parts of a trunk that are computed one after another: residual blocks, or Hiera's."""
    if isinstance(trunk, ConvTrunk):
        return [block for block in trunk.modules() if isinstance(block, ResidualBlock)]
    return [block for block in trunk.modules() if isinstance(block, MultiScaleBlock)]


def _checkpoint_activations(block: nn.Module) -> None:
    """Lets a block forget its activations and compute them again when its gradients are asked for.

    Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
    """
    plain = block.forward

    def forward(x: Tensor) -> Any:
        if not torch.is_grad_enabled():
            return plain(x)
        keeping: dict[str, Any] = {"context_fn": lambda: (nullcontext(), _batch_statistics_kept(block))}
        if torch.compiler.is_compiling():  # whose graphs update the statistics in the first pass alone
            keeping = {}
        # The blocks draw no random numbers.
        return checkpoint(plain, x, use_reentrant=False, preserve_rng_state=False, **keeping)

    block.forward = forward  # type: ignore[method-assign]  # the module keeps its class and its names


@contextmanager
def _batch_statistics_kept(block: nn.Module) -> Iterator[None]:
    """The second computation of a batch must not enter the running statistics again."""
    norms = [module for module in block.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    count = torch.zeros((), dtype=torch.long)
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, count
    try:
        yield
    finally:
        for norm, (momentum, num_batches) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, num_batches


def _compile(rsam: Model) -> None:
    """Compiles the parts in place; a size that is met with a second value is a variable from then on."""
    _require_compiler(rsam.device)
    guidance = rsam.guidance if isinstance(rsam, Rsam) else None
    for part in (rsam.image_encoder, guidance, rsam.mask_decoder):
        if part is not None:
            part.compile(backend=_BACKEND)


def _require_compiler(device: torch.device) -> None:
    """Says before the first update what torch.compile would miss in the middle of it.

    Raises:
        EngineError: There is no C++ compiler with Python's headers, or no Triton for a GPU.
    """
    compiler = os.environ.get("CXX", {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++"))
    missing = None
    if device.type == "cuda":
        missing = None if importlib.util.find_spec("triton") else "the package triton"
    elif shutil.which(compiler) is None:
        missing = f"the C++ compiler {compiler}"
    elif not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        missing = "Python's C headers (python3-dev)"
    if missing:
        message = f"torch.compile needs {missing}: install it, or set execution.is_compiled=False."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
