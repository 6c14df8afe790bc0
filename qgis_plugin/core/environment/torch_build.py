"""Which build of PyTorch fits this computer, why, and how much it takes."""

from __future__ import annotations

import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional, Tuple

from ..translation import tr
from .command import output_of

# Source: NVIDIA's CUDA Toolkit release notes, "CUDA Toolkit and Corresponding Driver Versions".
_DRIVER_FOR_CUDA_13 = 580
_DRIVER_FOR_CUDA_12 = 528
# CUDA 13 has no kernels for GPUs before Turing; the CUDA 12.6 builds have none for Blackwell.
_TURING = 7.5
_BLACKWELL = 10.0
_MAXWELL = 5.0
_ANSWER_S = 20


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU, as nvidia-smi describes it.

    Attributes:
        name: Such as "NVIDIA RTX A2000".
        driver: Major version of its driver.
        capability: Compute capability, 0 where an old nvidia-smi doesn't say.
    """

    name: str
    driver: int
    capability: float


@dataclass(frozen=True)
class TorchBuild:
    """A build of PyTorch and what the user should know of it.

    Attributes:
        key: `cpu`, `cu126`, `cu130` or `default`, the one that the package index has for this system.
        requirements: File names in the folder `requirements`; the second is tried where the first fails.
        is_cuda: Whether it must find CUDA.
        reason: One sentence on why it fits or does not.
        download_mb: What is downloaded in all, the engine's libraries included.
        disk_mb: What the whole environment takes while it is installed.
    """

    key: str
    requirements: Tuple[str, ...]
    is_cuda: bool
    reason: str
    download_mb: int
    disk_mb: int


@dataclass(frozen=True)
class TorchChoice:
    """What can be installed here.

    Attributes:
        cpu: The build that always works.
        cuda: The build for the NVIDIA GPU; None where there is none, or none that it fits.
        cuda_obstacle: Why there is none, "" where there is one.
    """

    cpu: TorchBuild
    cuda: Optional[TorchBuild]
    cuda_obstacle: str

    @property
    def proposed(self) -> TorchBuild:
        """The build to take where the user doesn't say otherwise."""
        return self.cuda or self.cpu


def find_gpu(environ: Mapping[str, str]) -> Optional[Gpu]:
    """Asks nvidia-smi for the best NVIDIA GPU; None where there is none. Takes up to some seconds."""
    program = shutil.which("nvidia-smi", path=environ.get("PATH", ""))
    windows = Path(environ.get("SystemRoot", "C:/Windows")) / "System32" / "nvidia-smi.exe"
    if program is None and not windows.is_file():
        return None
    for fields in (
        "name,driver_version,compute_cap",
        "name,driver_version",
    ):  # compute_cap came with driver 510
        answer = _ask_nvidia(program or str(windows), fields, environ)
        gpus = [gpu for gpu in map(_parse_gpu, answer.splitlines()) if gpu is not None]
        if gpus:
            return max(gpus, key=lambda gpu: gpu.capability)
    return None


def choose_torch(gpu: Optional[Gpu], *, system: str = "", machine: str = "") -> TorchChoice:
    """The builds that fit a GPU and a system.

    Args:
        gpu: What `find_gpu` found.
        system: `platform.system()`.
        machine: `platform.machine()`.
    """
    system, machine = system or platform.system(), (machine or platform.machine()).lower()
    if system == "Darwin":
        reason = tr("PyTorch for macOS uses the processor, and Apple's GPU where there is one.")
        build = TorchBuild("default", ("torch.txt",), False, reason, 400, 2300)
        return TorchChoice(build, None, tr("There is no CUDA on macOS."))
    cuda, obstacle = _cuda_build(gpu, system, machine)
    reason = tr("The CPU build works everywhere; an NVIDIA GPU would be much faster.")
    names = (
        ("torch-cpu.txt", "torch.txt") if system == "Linux" else ("torch.txt",)
    )  # PyPI's is CUDA on Linux only
    cpu = TorchBuild("cpu", names, False, reason, 450, 2600)
    return TorchChoice(cpu, cuda, obstacle)


def platform_obstacle(system: str = "", machine: str = "") -> str:
    """Why the engine can't be installed on this kind of computer at all; "" where it can."""
    system, machine = system or platform.system(), (machine or platform.machine()).lower()
    if system == "Darwin" and machine != "arm64":
        return tr(
            "PyTorch is no longer built for Macs with Intel processors; use an engine installed elsewhere."
        )
    if machine not in ("x86_64", "amd64", "arm64", "aarch64"):
        return tr("PyTorch is not built for {machine} processors.").format(machine=machine)
    return ""


def _cuda_build(gpu: Optional[Gpu], system: str, machine: str) -> Tuple[Optional[TorchBuild], str]:
    if gpu is None:
        return None, tr("No NVIDIA GPU with a driver was found (nvidia-smi is missing or lists none).")
    if machine not in ("x86_64", "amd64"):
        return None, tr("There is no CUDA build for this processor.")
    if gpu.capability and gpu.capability < _MAXWELL:
        return None, tr("{gpu} is too old for today's PyTorch.").format(gpu=gpu.name)
    facts = {"gpu": gpu.name, "driver": gpu.driver, "old": _DRIVER_FOR_CUDA_12, "new": _DRIVER_FOR_CUDA_13}
    if gpu.driver >= _DRIVER_FOR_CUDA_13 and (not gpu.capability or gpu.capability >= _TURING):
        reason = tr("{gpu} with driver {driver} runs CUDA 13.").format(**facts)
        # On Linux the package index's own build is the CUDA one.
        names = ("torch.txt",) if system == "Linux" else ("torch-cu130.txt",)
        return TorchBuild("cu130", names, True, reason, 3300, 9000), ""
    if gpu.capability >= _BLACKWELL:
        return None, tr(
            "{gpu} needs driver {new} or newer, and {driver} is installed: update it first."
        ).format(**facts)
    if gpu.driver >= _DRIVER_FOR_CUDA_12:
        reason = tr("{gpu} with driver {driver} runs CUDA 12.6.").format(**facts)
        return TorchBuild("cu126", ("torch-cu126.txt",), True, reason, 3300, 9000), ""
    return None, tr("{gpu} needs driver {old} or newer, and {driver} is installed: update it first.").format(
        **facts
    )


def _ask_nvidia(program: str, fields: str, environ: Mapping[str, str]) -> str:
    command = [program, f"--query-gpu={fields}", "--format=csv,noheader"]
    return output_of(command, environ, limit_s=_ANSWER_S)


def _parse_gpu(line: str) -> Optional[Gpu]:
    """Reads `NVIDIA RTX A2000, 551.23, 8.6`; the last field is optional."""
    match = re.fullmatch(r"\s*(.+?),\s*(\d+)\.[\d.]+(?:,\s*(\d+\.\d+))?\s*", line)
    if match is None:
        return None
    return Gpu(match[1], int(match[2]), float(match[3] or 0))
