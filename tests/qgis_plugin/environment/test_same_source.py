"""`make env`, the plugin's installer and the doctor install the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomllib

from geophrase.engine import doctor
from geophrase.qgis_plugin.core.environment.source import (
    SOURCE_FILES,
    SOURCE_FOLDERS,
    engine_dependencies,
    source_digest,
    source_files,
)


def test_dependencies_are_those_of_pyproject(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]

    assert engine_dependencies(repository) == project["dependencies"]


def test_the_source_has_every_package_of_pyproject(repository: Path) -> None:
    packages = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    files = {path.relative_to(repository) for path in source_files(repository)}

    for package in packages:
        assert Path(*package.split(".")[1:], "__init__.py") in files


def test_make_env_pins_nothing_itself(repository: Path) -> None:
    script = (repository / "tools" / "make_env.sh").read_text()

    assert not re.search(r"==\d", script)
    for name in ("torch.txt", "torch-cpu.txt", "build.txt", "without_dependencies.txt"):
        assert f"-r requirements/{name}" in script


def test_the_doctors_advice_names_the_pinned_sam2(repository: Path) -> None:
    pins = (repository / "requirements" / "without_dependencies.txt").read_text().splitlines()
    (sam2,) = (line for line in pins if line.startswith("sam2"))

    assert sam2 in doctor._SAM2_REMEDY


def test_the_digest_follows_the_source_and_nothing_else(tmp_path: Path) -> None:
    for name in SOURCE_FILES:
        (tmp_path / name).write_text("a")
    for name in SOURCE_FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text("b")
    digest = source_digest(tmp_path)

    (tmp_path / "engine" / "__pycache__").mkdir()
    (tmp_path / "engine" / "__pycache__" / "module.pyc").write_text("c")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test.py").write_text("d")
    assert source_digest(tmp_path) == digest
    (tmp_path / "engine" / "module.py").write_text("e")
    assert source_digest(tmp_path) != digest
    (tmp_path / "LICENSE").unlink()
    with pytest.raises(OSError, match="LICENSE"):
        source_digest(tmp_path)
