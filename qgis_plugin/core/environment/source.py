"""The plugin's own folder as the engine's source: what is built from it, and what pins its packages."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import Iterator, List

# What pyproject.toml names; the plugin's ZIP holds the same.
SOURCE_FILES = ("pyproject.toml", "README.md", "LICENSE", "__init__.py")
SOURCE_FOLDERS = ("protocol", "engine", "training")
REQUIREMENTS = "requirements"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def source_files(source: Path) -> Iterator[Path]:
    """Every file that the engine is built from, in a fixed order."""
    yield from (source / name for name in SOURCE_FILES)
    for folder in SOURCE_FOLDERS:
        found = (path for path in (source / folder).rglob("*") if path.is_file())
        yield from sorted(path for path in found if "__pycache__" not in path.parts and path.suffix != ".pyc")


def source_digest(source: Path) -> str:
    """A digest of all that the engine is built from, so that an upgrade is noticed.

    Raises:
        OSError: A file is missing.
    """
    digest = hashlib.sha256()
    for path in source_files(source):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def copy_source(source: Path, target: Path) -> None:
    """Copies the source, for a build writes beside it and the plugin's folder must stay as it is."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in SOURCE_FILES:
        shutil.copyfile(source / name, target / name)
    for name in SOURCE_FOLDERS:
        shutil.copytree(source / name, target / name, ignore=_LEFT_OUT)


def engine_dependencies(source: Path) -> List[str]:
    """The requirements of the engine, read from pyproject.toml (Python 3.9 has no TOML reader).

    Raises:
        OSError: There is no pyproject.toml.
        ValueError: It has no list of dependencies.
    """
    text = (source / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    if block is None:
        raise ValueError("pyproject.toml has no list of dependencies")
    return re.findall(r'^\s*"([^"]+)"', block[1], re.MULTILINE)


def requirements_file(source: Path, name: str) -> Path:
    """One of the files that `make env` and this installer share."""
    return source / REQUIREMENTS / name
