"""Linking the checkout into a QGIS profile."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights on Windows")


@pytest.fixture(scope="module")
def tool(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("link_plugin", repository / "tools" / "link_plugin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("system", "environ", "folder"),
    [
        ("Linux", {}, ".local/share/QGIS/QGIS3/profiles/work/python/plugins"),
        ("Darwin", {}, "Library/Application Support/QGIS/QGIS3/profiles/work/python/plugins"),
        ("Windows", {}, "AppData/Roaming/QGIS/QGIS3/profiles/work/python/plugins"),
    ],
)
def test_finds_the_profile_as_qgis_does(
    tool: ModuleType, tmp_path: Path, system: str, environ: dict[str, str], folder: str
) -> None:
    assert tool.plugins_folders("work", environ, system, tmp_path) == [tmp_path / folder]


def test_links_into_every_qgis_that_has_the_profile(tool: ModuleType, tmp_path: Path) -> None:
    for version in ("QGIS3", "QGIS4"):
        (tmp_path / "QGIS" / version / "profiles" / "work").mkdir(parents=True)

    folders = tool.plugins_folders("work", {"XDG_DATA_HOME": str(tmp_path)}, "Linux", Path("/nowhere"))

    assert [folder.parts[-5] for folder in folders] == ["QGIS4", "QGIS3"]


def test_make_link_makes_a_link_that_imports_and_removes_it(repository: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(repository / "tools" / "link_plugin.py"),
        "--plugins",
        str(tmp_path / "plugins"),
    ]
    for _ in range(2):  # a second time changes nothing
        subprocess.run(command, check=True, capture_output=True)

    assert (tmp_path / "plugins" / "geophrase").resolve() == repository
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'plugins')!r}); from geophrase import classFactory"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)

    subprocess.run([*command, "--remove"], check=True)
    assert not (tmp_path / "plugins" / "geophrase").is_symlink()
    assert (repository / "metadata.txt").exists()


def test_replaces_an_older_link_but_never_an_installed_plugin(tool: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "geophrase").symlink_to(tmp_path / "old")
    installed = tmp_path / "b" / "geophrase"
    installed.mkdir(parents=True)

    assert tool.link(tmp_path / "a").resolve() == tool.REPOSITORY
    with pytest.raises(FileExistsError, match="remove it in QGIS"):
        tool.link(tmp_path / "b")
    assert installed.is_dir()
