"""What `geophrase doctor` looks at: the facts of this installation, what is wrong, and how to mend it.

Nothing heavy is imported before the check that needs it, so that a broken package shows as one failed check.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from geophrase.engine.errors import EngineError

CheckStatus = Literal["ok", "warn", "fail"]

_PACKAGES = ("geophrase", "torch", "sam2", "transformers", "safetensors", "rasterio", "pyproj", "geopandas")
_SAM2_REMEDY = "pip install --no-deps --no-build-isolation sam2==1.1.0"
_WEB_INDEX = "https://download.pytorch.org/whl/cu126"
_LOW_DISK_BYTES = 2 * 2**30
_LOW_MEMORY_BYTES = 4 * 2**30
_PROJ_VARIABLES = ("PROJ_DATA", "PROJ_LIB")


@dataclass(frozen=True)
class Check:
    """One fact about the installation.

    Attributes:
        name: What was looked at.
        status: `ok`, `warn` (works, but not as well as it could) or `fail`.
        detail: What was found.
        remedy: What to do about it, "" where nothing is to be done.
    """

    name: str
    status: CheckStatus
    detail: str
    remedy: str = ""


def collect_checks() -> list[Check]:
    """Look at everything once; a check that can't be made is itself a failed check."""
    checks = [Check("python", "ok", f"{platform.python_version()} at {sys.executable}")]
    checks += [_package(name) for name in _PACKAGES]
    named: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("torchvision", _torchvision),
        ("gdal", _gdal),
        ("proj data", _proj_data),
        ("device", _device),
        ("memory", _memory),
        ("text encoder", _text_encoder),
        ("rsam_small", _bundled_weights),
        ("weights folder", _weights_folder),
    )
    return checks + [_attempt(name, look) for name, look in named]


def is_healthy(checks: Sequence[Check]) -> bool:
    """Tell whether GeoPhrase can work: no check failed."""
    return all(check.status != "fail" for check in checks)


def render_text(checks: Sequence[Check]) -> str:
    """Lay the checks out for a person: one line each, remedies indented below."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:4}  {check.name:{width}}  {check.detail}")
        if check.remedy:
            lines.append(f"{'':{width + 8}}-> {check.remedy}")
    return "\n".join(lines)


def render_json(checks: Sequence[Check]) -> str:
    """Give the checks to a program: `{"healthy": bool, "checks": [{name, status, detail, remedy}]}`."""
    rows = [dataclasses.asdict(check) for check in checks]
    return json.dumps({"healthy": is_healthy(checks), "checks": rows}, indent=2, ensure_ascii=False)


def _attempt(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except EngineError as error:
        return Check(name, "fail", error.message)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:  # what broken packages raise
        reason = str(error).splitlines()[0] if str(error) else ""
        return Check(name, "fail", f"{type(error).__name__}: {reason}", "run `make env` in a fresh folder")


def _package(name: str) -> Check:
    try:
        return Check(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        remedy = _SAM2_REMEDY if name == "sam2" else f"pip install {name}"
        return Check(name, "fail", "not installed", remedy)


def _torchvision() -> Check:
    """Look for a torchvision of another build than torch: transformers then fails to import BERT."""
    if importlib.util.find_spec("torchvision") is None:
        return Check("torchvision", "ok", "not installed, and not needed")
    try:
        torchvision = importlib.import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as error:
        detail = f"does not fit this torch ({str(error).splitlines()[0]}), so text encoders can't be loaded"
        return Check("torchvision", "fail", detail, "pip uninstall torchvision")
    return Check("torchvision", "ok", str(torchvision.__version__))


def _gdal() -> Check:
    import rasterio

    folder = os.environ.get("GDAL_DATA")
    if folder and not Path(folder).is_dir():
        detail = f"{rasterio.__gdal_version__}, but GDAL_DATA names a folder that is not there: {folder}"
        return Check("gdal", "warn", detail, "unset GDAL_DATA")
    return Check("gdal", "ok", f"{rasterio.__gdal_version__} inside rasterio")


def _proj_data() -> Check:
    """PROJ_DATA or PROJ_LIB of another program (PostGIS, OSGeo4W, conda) breaks every CRS look-up."""
    import pyproj
    import pyproj.datadir
    import pyproj.exceptions
    import rasterio.crs
    import rasterio.errors

    foreign = {name: os.environ[name] for name in _PROJ_VARIABLES if os.environ.get(name)}
    said = " and ".join(f"{name}={value}" for name, value in foreign.items())
    remedy = f"unset {' '.join(foreign)}" if foreign else "pip install --force-reinstall rasterio pyproj"
    try:
        pyproj.CRS.from_epsg(3857)
        rasterio.crs.CRS.from_epsg(3857)
    except (pyproj.exceptions.CRSError, rasterio.errors.CRSError) as error:
        cause = f"{said} names the data of another PROJ" if foreign else "PROJ's data are missing or too old"
        detail = f"coordinate systems can't be looked up, {cause} ({str(error).splitlines()[0]})"
        return Check("proj data", "fail", detail, remedy)
    if foreign and not all(Path(value).is_relative_to(sys.prefix) for value in foreign.values()):
        detail = f"works, but {said} is used instead of the data that came with rasterio and pyproj"
        return Check("proj data", "warn", detail, remedy)
    return Check("proj data", "ok", f"PROJ {pyproj.proj_version_str}, {pyproj.datadir.get_data_dir()}")


def _device() -> Check:
    from geophrase.engine.device import has_nvidia_driver, select_device

    choice = select_device("auto")
    gpus = _nvidia_gpus()
    if choice.device.type != "cpu" or not (gpus or has_nvidia_driver()):
        return Check("device", "ok", choice.reason)
    detail = f"{choice.reason} An NVIDIA GPU is here: {gpus or 'driver loaded'}."
    return Check("device", "warn", detail, _cuda_remedy())


def _cuda_remedy() -> str:
    import torch

    if torch.version.cuda is None:
        release = str(torch.__version__).partition("+")[0]
        # PyPI's torch is a CUDA build on Linux only; without force pip takes 2.x+cpu for the 2.x asked for.
        index = "" if platform.system() == "Linux" else f" --index-url {_WEB_INDEX}"
        return f"{sys.executable} -m pip install --force-reinstall torch=={release}{index}"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "unset CUDA_VISIBLE_DEVICES"
    return f"update the NVIDIA driver so that it supports CUDA {torch.version.cuda}, or free the GPU's memory"


def _nvidia_gpus() -> str:
    """Ask nvidia-smi for the GPUs and their drivers; "" where it is absent or finds none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    query = [program, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(answer.stdout.split("\n")).strip("; ")


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    detail = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free, {os.cpu_count()} cores"
    if memory.available < _LOW_MEMORY_BYTES:
        return Check("memory", "warn", detail, "close other programs, or use a smaller model")
    return Check("memory", "ok", detail)


def _text_encoder() -> Check:
    from geophrase.engine.model.rsam.config import MINILM
    from geophrase.engine.model.rsam.text_encoder import check_sha256, locate_text_encoder

    folder = locate_text_encoder(MINILM)
    check_sha256(folder, MINILM.sha256)
    return Check("text encoder", "ok", f"{len(MINILM.sha256)} files have the right hashes, {folder}")


def _bundled_weights() -> Check:
    from geophrase.engine.model.weights.load import locate_weights

    weights = locate_weights("rsam_small")
    return Check("rsam_small", "ok", f"{weights.path} ({weights.short_hash})")


def _weights_folder() -> Check:
    from geophrase.engine.model.weights.load import list_models, user_folder

    folder = user_folder()
    here = next(place for place in (folder, *folder.parents) if place.exists())
    num_models = sum(row.path is not None for row in list_models())
    free_bytes = shutil.disk_usage(here).free
    detail = f"{folder}, {num_models} models on this computer, {free_bytes / 2**30:.1f} GiB of disk free"
    if not here.is_dir() or not os.access(here, os.W_OK):
        remedy = "allow writing there, or set GEOPHRASE_WEIGHTS to another folder"
        return Check("weights folder", "warn", f"{detail}, not writable", remedy)
    if free_bytes < _LOW_DISK_BYTES:
        remedy = "free some space, or set GEOPHRASE_WEIGHTS to a folder on another disk"
        return Check("weights folder", "warn", detail, remedy)
    return Check("weights folder", "ok", detail)
