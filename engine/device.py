"""Choosing the device and the number format that a model runs on, and saying why."""

from __future__ import annotations

import os
import platform
import re
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

_REQUEST = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
# Hiera B+ at 1024 px with its activations needs about this much; below it the first tile would fail.
_MIN_FREE_BYTES = 1 << 30
_BF16_GAIN = 1.5  # a measured gain below this is within the noise of a busy machine
_BENCHMARK_SIDE = 512


@dataclass(frozen=True)
class DeviceChoice:
    """Where a model runs.

    Attributes:
        device: The device, with its index for CUDA.
        dtype: bfloat16 where this device computes faster with it, float32 otherwise.
        reason: One sentence for the user, saying why this device and, after a fallback, why not another.
        is_fallback: True where another device was asked for by name: the reason is then a warning.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str
    is_fallback: bool = False


def select_device(request: str = "auto") -> DeviceChoice:
    """Give the device asked for, or the CPU with the reason why it can't be had.

    `auto` takes a CUDA or ROCm GPU, then Apple's, then the CPU.

    Args:
        request: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        EngineError: `BAD_REQUEST` for any other word.
    """
    request = request.strip().lower()
    if not _REQUEST.fullmatch(request):
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"There is no device “{request}”: use auto, cpu, cuda, cuda:N or mps.",
        )
    if request == "cpu":
        return _cpu("as asked")
    kinds = ("cuda", "mps") if request == "auto" else (request,)
    obstacles = []
    for kind in kinds:
        obstacle = _mps_obstacle() if kind == "mps" else cuda_obstacle(_index(kind))
        if obstacle is None:
            return _mps() if kind == "mps" else _cuda(_index(kind))
        obstacles.append(obstacle)
    # On a machine without an Apple GPU nobody wants to hear why it is not used.
    return _cpu(obstacles[0], is_fallback=request != "auto")


def cuda_obstacle(index: int = 0) -> str | None:
    """Say in a clause why CUDA device `index` can't be used; None where it can.

    Allocates and computes a little on the device, for some drivers fail only then.
    """
    if torch.version.cuda is None and torch.version.hip is None:
        if has_nvidia_driver():
            return "this PyTorch is a CPU build although an NVIDIA driver is here (see `geophrase doctor`)"
        return "this PyTorch is a CPU build and no NVIDIA driver is here"
    with warnings.catch_warnings(record=True) as said:  # PyTorch warns where it knows why
        warnings.simplefilter("always")
        is_available = bool(torch.cuda.is_available())  # type: ignore[no-untyped-call]
    if not is_available:
        return _unavailable(str(said[0].message) if said else "")
    if index >= torch.cuda.device_count():
        return f"there is no CUDA device {index}, only {torch.cuda.device_count()} in all"
    return _too_old(index) or _out_of_order(index)


def has_nvidia_driver() -> bool:
    """Tell whether an NVIDIA kernel driver is loaded (Linux) or its library is installed (Windows)."""
    if platform.system() == "Windows":
        return Path("C:/Windows/System32/nvcuda.dll").exists()
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def is_bfloat16_faster_on_cpu() -> bool:
    """Tell whether the CPU multiplies matrices faster in bfloat16 than in float32.

    On x86 the processor's own flags decide, so that the answer never changes between runs; on other
    processors, and where PyTorch can't read the flags, a measurement of some milliseconds does.
    """
    # Without oneDNN bfloat16 is emulated element by element.
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    flags = [
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    ]
    if platform.machine().lower() in ("x86_64", "amd64") and all(callable(flag) for flag in flags):
        return any(flag() for flag in flags if flag is not None)
    return _matmul_s(torch.float32) > _BF16_GAIN * _matmul_s(torch.bfloat16)


def _index(request: str) -> int:
    return int(request.partition(":")[2] or 0)


def _unavailable(said: str) -> str:
    """Turn an absent device into a clause; `said` is PyTorch's own warning, "" where it gave none."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    if not has_nvidia_driver() and torch.version.hip is None:
        return "no NVIDIA driver is here"
    if "driver" in said and "too old" in said:
        return f"the NVIDIA driver is too old for this PyTorch, which needs CUDA {torch.version.cuda}"
    return f"the driver shows no usable GPU{': ' + said.splitlines()[0] if said else ''}"


def _too_old(index: int) -> str | None:
    """Compare the device with the oldest architecture that this PyTorch has kernels for."""
    if torch.version.hip is not None:
        return None
    built_for = [int(arch[3:]) for arch in torch.cuda.get_arch_list() if arch[3:].isdigit()]
    major, minor = torch.cuda.get_device_capability(index)
    if built_for and 10 * major + minor < min(built_for):
        oldest = min(built_for)
        return (
            f"{torch.cuda.get_device_name(index)} (compute capability {major}.{minor}) is too old for this "
            f"PyTorch, which needs {oldest // 10}.{oldest % 10}"
        )
    return None


def _out_of_order(index: int) -> str | None:
    device = torch.device("cuda", index)
    name = torch.cuda.get_device_name(index)
    try:
        free_bytes, total_bytes = torch.cuda.mem_get_info(device)
        if free_bytes < _MIN_FREE_BYTES:
            return (
                f"{name} has only {free_bytes / 2**30:.1f} of {total_bytes / 2**30:.1f} GiB of memory free "
                "(another program uses it)"
            )
        ones = torch.ones(16, 16, device=device)
        is_right = bool((ones @ ones == 16).all())
    except RuntimeError as error:  # OutOfMemoryError and AcceleratorError are RuntimeErrors
        return f"{name} failed a first computation ({str(error).splitlines()[0]})"
    return None if is_right else f"{name} computes wrongly"


def _mps_obstacle() -> str | None:
    if torch.backends.mps.is_available():
        return None
    if platform.system() != "Darwin":
        return "mps is for Apple computers"
    if torch.backends.mps.is_built():
        return "Apple's GPU needs macOS 14 or newer"
    return "this PyTorch was built without Apple's GPU"


def _cuda(index: int) -> DeviceChoice:
    # Compute capability 8.0 brought bfloat16 to the tensor cores; older devices emulate it slowly.
    is_faster = torch.cuda.get_device_capability(index) >= (8, 0) or torch.version.hip is not None
    dtype = torch.bfloat16 if is_faster else torch.float32
    name = torch.cuda.get_device_name(index)
    return DeviceChoice(torch.device("cuda", index), dtype, f"Running on {name} in {_spoken(dtype)}.")


def _mps() -> DeviceChoice:
    return DeviceChoice(torch.device("mps"), torch.float32, "Running on Apple's GPU in float32.")


def _cpu(why: str, *, is_fallback: bool = False) -> DeviceChoice:
    dtype = torch.bfloat16 if is_bfloat16_faster_on_cpu() else torch.float32
    return DeviceChoice(
        torch.device("cpu"), dtype, f"Running on the CPU in {_spoken(dtype)}: {why}.", is_fallback
    )


def _spoken(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _matmul_s(dtype: torch.dtype) -> float:
    matrix = torch.ones(_BENCHMARK_SIDE, _BENCHMARK_SIDE, dtype=dtype)
    torch.mm(matrix, matrix)  # the first call compiles the kernel
    times_s = []
    for _ in range(5):
        started_s = time.perf_counter()
        torch.mm(matrix, matrix)
        times_s.append(time.perf_counter() - started_s)
    return min(times_s)
