"""The plugin's ZIP: what is in it, that its bytes repeat, and that what may not be published is refused."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from geophrase.qgis_plugin.core.environment.source import (
    SOURCE_FILES,
    SOURCE_FOLDERS,
    engine_dependencies,
    source_digest,
)


def load_tool(repository: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, repository / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool(repository: Path) -> ModuleType:
    return load_tool(repository, "package_plugin")


@pytest.fixture(scope="module")
def target(tool: ModuleType, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ZIP as `make plugin` builds it, scanners included."""
    return tool.build(repository, tmp_path_factory.mktemp("zip"))


@pytest.fixture(scope="module")
def unpacked(target: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    with zipfile.ZipFile(target) as archive:
        archive.extractall(folder)
    return folder / "geophrase"


@pytest.fixture
def small_repository(repository: Path, tmp_path: Path) -> Path:
    """A repository of its own with the files at the root and an empty file for every package."""
    root = tmp_path / "repository"
    root.mkdir()
    files = ("metadata.txt", "pyproject.toml", "CHANGELOG.md", "README.md", "LICENSE", "__init__.py")
    for name in (*files, "docs/model_card.md", "qgis_plugin/resources/icon.svg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, root / name)
    for package in re.findall(r'"geophrase\.([\w.]+)"', (root / "pyproject.toml").read_text()):
        folder = root / package.replace(".", "/")
        if not folder.suffix:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").touch()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def test_holds_one_folder_that_qgis_and_the_repository_take(target: Path) -> None:
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        assert archive.testzip() is None

    assert re.fullmatch(r"geophrase-\d+\.\d+\.\d+\.zip", target.name)
    assert {name.split("/")[0] for name in names} == {"geophrase"}
    assert {"geophrase/metadata.txt", "geophrase/__init__.py", "geophrase/LICENSE"} <= set(names)
    assert not [name for name in names if re.search(r"\.pyc|/\.|tests|benchmarks|shared|\.so$", name)]
    assert target.stat().st_size <= 25_000_000


def test_the_engine_can_be_installed_from_it(repository: Path, unpacked: Path) -> None:
    for name in (*SOURCE_FILES, *SOURCE_FOLDERS, "requirements"):
        assert (unpacked / name).exists(), name
    assert engine_dependencies(unpacked) == engine_dependencies(repository)
    assert len(source_digest(unpacked)) == 64
    weights = repository / "engine" / "model" / "weights" / "rsam_small.safetensors"
    assert (unpacked / weights.relative_to(repository)).read_bytes() == weights.read_bytes()


def test_imports_from_where_it_was_unpacked(unpacked: Path) -> None:
    module = "geophrase.qgis_plugin.core.environment.survey"
    code = f"import geophrase, {module} as s; print(geophrase.__file__, s.__file__)"

    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, {str(unpacked.parent)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert all(path.startswith(str(unpacked)) for path in done.stdout.split())


def test_the_same_sources_give_the_same_bytes(
    tool: ModuleType, target: Path, unpacked: Path, tmp_path: Path
) -> None:
    files = sorted(path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file())
    for path in files:
        (unpacked / path).chmod(0o755)
        os.utime(unpacked / path, (0, 1_000_000_000))

    tool.write_zip(unpacked, files, tmp_path / "again.zip")

    assert (tmp_path / "again.zip").read_bytes() == target.read_bytes()


def test_the_small_repository_is_fit_to_be_published(
    tool: ModuleType, small_repository: Path, tmp_path: Path
) -> None:
    assert tool.build(small_repository, tmp_path).exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "finding"),
    [
        ("metadata.txt", "version=0.1.0", "version=0.2.0", "pyproject.toml says 0.1.0"),
        ("CHANGELOG.md", "## 0.1.0", "## 0.3.0", "CHANGELOG.md says 0.3.0"),
        ("metadata.txt", "tracker=", "trackers=", "has no tracker"),
        ("metadata.txt", "repository=https://", "repository=", "repository in metadata.txt is no address"),
        ("metadata.txt", "name=GeoPhrase", "name=GeoPhrase Plugin", "must not contain “plugin”"),
        ("metadata.txt", "qgisMaximumVersion=4.99", "qgisMaximumVersion=3.99", "must be 4.99"),
        ("metadata.txt", "resources/icon.svg", "resources/none.svg", "icon is not there"),
        ("metadata.txt", "download", "fetch", "about must say"),
        (
            "pyproject.toml",
            '"geophrase.engine.cli"',
            '"geophrase.engine.gone"',
            "names geophrase.engine.gone",
        ),
        ("__init__.py", "return GeoPhrasePlugin", "return eval(iface) or GeoPhrasePlugin", "B307"),
        ("__init__.py", "from __future__", 'PASSWORD = "hunter2-and-more"\nfrom __future__', "B105"),
        ("README.md", "# GeoPhrase", "# GeoPhrase\nkey = 'AKIAIOSFODNN7EXAMPLD'", "AWS Access Key"),
    ],
)
def test_refuses_what_the_repository_would(
    tool: ModuleType, small_repository: Path, tmp_path: Path, name: str, old: str, new: str, finding: str
) -> None:
    for scanner in ("bandit", "detect_secrets"):
        pytest.importorskip(scanner, reason=f"{scanner} is not installed")
    path = small_repository / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(tool.PackagingError, match=re.escape(finding)):
        tool.build(small_repository, tmp_path)

    assert list(tmp_path.glob("*.zip")) == []


@pytest.mark.parametrize("name", ["engine/kernel.so", "protocol/.secret", "training/data.npz"])
def test_refuses_files_that_are_no_source(
    tool: ModuleType, small_repository: Path, tmp_path: Path, name: str
) -> None:
    (small_repository / name).write_bytes(b"\x7fELF")

    with pytest.raises(tool.PackagingError, match=re.escape(name)):
        tool.build(small_repository, tmp_path)


def test_refuses_a_zip_that_is_too_large(tool: ModuleType, small_repository: Path, tmp_path: Path) -> None:
    weights = small_repository / "engine" / "model" / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    (weights / "large.safetensors").write_bytes(random.Random(0).randbytes(26_000_000))

    with pytest.raises(tool.PackagingError, match="25 are allowed"):
        tool.build(small_repository, tmp_path)


def test_leaves_out_what_git_ignores(tool: ModuleType, small_repository: Path, tmp_path: Path) -> None:
    (small_repository / ".gitignore").write_text("__pycache__/\n")
    (small_repository / "engine" / "__pycache__").mkdir()
    (small_repository / "engine" / "__pycache__" / "x.pyc").touch()
    (small_repository / "tests").mkdir()
    (small_repository / "tests" / "test_x.py").touch()

    with zipfile.ZipFile(tool.build(small_repository, tmp_path)) as archive:
        names = archive.namelist()

    assert not [name for name in names if "pycache" in name or "tests" in name]
