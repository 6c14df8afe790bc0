"""Several processes that make one run: who they are, how the model is spread over them, what they agree on.

The processes are started by ``torchrun``, or by anything that sets the variables that it sets. Tensors of
the model go over NCCL between GPUs and over Gloo between CPUs. The few numbers that the processes agree on
after an update, and their scores, go over a Gloo group of their own, which waits for as long as a validation
may take and never for a GPU.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.rendezvous import rendezvous
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from geophrase.engine.model.rsam.config import HieraConfig
from geophrase.training.config import ExecutionConfig
from geophrase.training.fit.step import TrainingStep

_Value = TypeVar("_Value")

_UNNAMED_LAUNCH = "none"  # torchrun's own word
_RETRY_S = 0.2
_ADDRESS_KEY = "geophrase/address"
_UPDATE_TIMEOUT = timedelta(minutes=10)
_VALIDATION_TIMEOUT = timedelta(hours=6)  # of images that are unequally large, and pictures by the first


@dataclass(frozen=True)
class Ranks:
    """One process among those of a run.

    Attributes:
        rank: Its number among all of them.
        world_size: How many they are.
        local_rank: Its number on its machine, and that of its GPU.
        num_restarts: How often this machine's launcher has started its processes anew after it lost one.
        launch_id: What the launch is called, whatever was started anew in it; None where it has no name.
        control: The group in which they agree; None for a process alone.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    num_restarts: int = 0
    launch_id: str | None = None
    control: dist.ProcessGroup | None = None

    @staticmethod
    def from_environment() -> Ranks:
        """This process by the variables of ``torchrun``; a process alone without them."""
        launch_id = os.environ.get("TORCHELASTIC_RUN_ID", _UNNAMED_LAUNCH)
        return Ranks(
            rank=int(os.environ.get("RANK", 0)),
            world_size=int(os.environ.get("WORLD_SIZE", 1)),
            local_rank=int(os.environ.get("LOCAL_RANK", 0)),
            num_restarts=int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)),
            launch_id=None if launch_id == _UNNAMED_LAUNCH else launch_id,
        )

    @property
    def is_first(self) -> bool:
        """Whether this process writes the run folder and speaks to the user."""
        return self.rank == 0

    def device_request(self, request: str) -> str:
        """The device this process is to ask for: among several processes each has a GPU of its own."""
        is_any_gpu = request == "cuda" or (request == "auto" and torch.cuda.is_available())
        return f"cuda:{self.local_rank}" if is_any_gpu and self.world_size > 1 else request

    def sums(self, values: Sequence[float]) -> list[float]:
        """Adds up numbers over the processes, the same in each of them; all must take part."""
        if self.control is None:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total, group=self.control)
        return [float(value) for value in total]

    def agreed(self, *, of_first: float, of_any: bool) -> tuple[float, bool]:
        """The first process's number, and whether something is so in any process; all must take part."""
        number, count = self.sums([of_first if self.is_first else 0.0, float(of_any)])
        return number, count > 0

    def gathered(self, value: _Value) -> list[_Value]:
        """The first process gets everybody's values in their order, the others nothing; all must take part.

        The values travel as pickles, between processes of one run that trust each other.
        """
        if self.control is None:
            return [value]
        values: list[Any] = [None] * self.world_size
        dist.gather_object(value, values if self.is_first else None, dst=0, group=self.control)
        return values if self.is_first else []

    def wait(self) -> None:
        """Returns when all processes have come here."""
        if self.control is not None:
            dist.barrier(group=self.control)


@contextmanager
def joined(ranks: Ranks, device: torch.device) -> Iterator[Ranks]:
    """Connects the processes until the block ends; a process alone needs no connection."""
    if ranks.world_size == 1:
        yield ranks
        return
    is_cuda = device.type == "cuda"
    if is_cuda:
        torch.cuda.set_device(device)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if is_cuda else "gloo",
        store=_fresh_store(ranks),
        rank=ranks.rank,
        world_size=ranks.world_size,
        timeout=_UPDATE_TIMEOUT,
        device_id=device if is_cuda else None,
    )
    try:
        connected = replace(ranks, control=dist.new_group(backend="gloo", timeout=_VALIDATION_TIMEOUT))
        yield connected
        connected.wait()  # the first one's store serves the others to the end
    finally:
        dist.destroy_process_group()


def _fresh_store(ranks: Ranks) -> Store:
    """Where the processes find each other: a store of the first one, which goes with it.

    torchrun keeps one store for all its restarts, and in that one they would find those that were lost. It
    serves to tell the new one's address, and an address at which nobody listens is of a lost process.
    """
    store: Store
    store, _, _ = next(rendezvous("env://", ranks.rank, ranks.world_size, timeout=_UPDATE_TIMEOUT))
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != str(True):
        return store
    host = os.environ["MASTER_ADDR"]
    if ranks.is_first:
        own = TCPStore(host, 0, is_master=True, timeout=_UPDATE_TIMEOUT, wait_for_workers=False)
        store.set(_ADDRESS_KEY, str(own.port))
        return own
    while True:
        port = int(store.get(_ADDRESS_KEY))
        try:
            socket.create_connection((host, port), timeout=_RETRY_S).close()
            return TCPStore(host, port, timeout=_UPDATE_TIMEOUT)
        except OSError:
            time.sleep(_RETRY_S)


def synchronise_batch_norm(module: nn.Module, ranks: Ranks, device: torch.device) -> None:
    """Lets batch norms on GPUs see the whole batch, in place.

    PyTorch has no such layer for CPUs: there each process normalises its own share of a batch, and the
    running statistics of the first process are what is kept.
    """
    if ranks.world_size > 1 and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]


def parallelise(step: TrainingStep, execution: ExecutionConfig, ranks: Ranks) -> nn.Module:
    """Spreads a model over the processes, before its optimiser is built.

    DDP looks for unused parameters, since the prompt encoder's are not needed by every update. FSDP2 shards
    each block of a Hiera and each layer of a text encoder that trains, and everything else as one group: what
    does not train stays whole.

    Args:
        step: The step whose model, on its device, is spread.
        execution: Says how.
        ranks: The connected processes.

    Returns:
        The module to be called in place of the step.
    """
    if ranks.world_size == 1:
        return step
    if execution.parallel == "ddp":
        return DistributedDataParallel(step, find_unused_parameters=True, gradient_as_bucket_view=True)
    mesh = init_device_mesh(step.rsam.device.type, (ranks.world_size,))
    ignored = {parameter for parameter in step.parameters() if not parameter.requires_grad}
    for part in _large_parts(step):
        if any(parameter.requires_grad for parameter in part.parameters()):
            fully_shard(part, mesh=mesh, ignored_params=ignored)
    fully_shard(step, mesh=mesh, ignored_params=ignored)
    return step


def _large_parts(step: TrainingStep) -> list[nn.Module]:
    """What is computed one after another and holds most of the parameters."""
    parts: list[nn.Module] = []
    if isinstance(step.rsam.config.trunk, HieraConfig):
        parts += step.rsam.image_encoder.trunk.blocks  # type: ignore[arg-type]
    if step.rsam.text_encoder is not None:
        parts += step.rsam.text_encoder.bert.encoder.layer
    return parts


@contextmanager
def gradients_exchanged(module: nn.Module, is_last: bool) -> Iterator[None]:
    """Lets the backward pass of an update's last batch alone exchange gradients, those before included."""
    kept: AbstractContextManager[None] = nullcontext()
    if isinstance(module, DistributedDataParallel) and not is_last:
        kept = module.no_sync()  # type: ignore[no-untyped-call]
    elif isinstance(module, FSDPModule):
        module.set_requires_gradient_sync(is_last)
    with kept:
        yield


def whole(value: Tensor) -> Tensor:
    """A tensor that may be sharded as a plain one; all processes must take part."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def whole_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights that may be sharded as plain tensors; all processes must take part."""
    return {name: whole(value) for name, value in weights.items()}


def laid_out_like(value: Tensor, like: Tensor) -> Tensor:
    """A tensor that every process has whole, sharded as another one is, or as it is."""
    if not isinstance(like, DTensor) or isinstance(value, DTensor):
        return value
    value = value.to(like.device)
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
