"""Data flows one way: who may import whom, as DESIGN.md's table fixes it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ALLOWED = {
    "protocol": {"protocol"},
    "qgis_plugin": {"qgis_plugin", "protocol"},
    "engine": {"engine", "protocol"},
    "training": {"training", "engine", "protocol"},
}
FORBIDDEN = {
    "protocol": {"torch", "qgis", "PyQt5", "PyQt6", "rasterio"},
    "qgis_plugin": {"torch", "sam2", "transformers"},
    "engine": {"qgis", "PyQt5", "PyQt6"},
    "training": {"qgis", "PyQt5", "PyQt6"},
}
# Folders inside a package that may not look back at others of the same package.
INNER_ALLOWED = {
    ("engine", "raster"): {"raster", "errors"},
    ("engine", "vector"): {"vector", "raster", "errors"},
    ("engine", "model"): {"model", "errors", "device", "atomic_file"},
    ("qgis_plugin", "core"): {"core"},
    ("qgis_plugin", "gui"): {"gui", "core"},
    ("qgis_plugin", "processing"): {"processing", "core"},
}
# Packages whose files and folders may not import each other in a circle.
WITHOUT_CIRCLES = ("protocol", "qgis_plugin")
# What QGIS's own Python brings, on every system.
IN_QGIS = {"qgis", "numpy", "osgeo", "geophrase", "__future__"}


def imported_modules(path: Path, package: str) -> set[str]:
    """Absolute names of everything a file imports, relative imports resolved against its package."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def breaches(root: Path) -> list[str]:
    found = []
    for package, allowed in ALLOWED.items():
        for path in sorted((root / package).rglob("*.py")):
            parent = ".".join(["geophrase", *path.relative_to(root).parent.parts])
            for name in imported_modules(path, parent):
                parts = name.split(".")
                where = path.relative_to(root)
                if parts[0] == "geophrase" and len(parts) > 1 and parts[1] in ALLOWED:
                    if parts[1] not in allowed:
                        found.append(f"{where} imports {name}")
                    inner = INNER_ALLOWED.get((package, where.parts[1]))
                    if inner and parts[1] == package and len(parts) > 2 and parts[2] not in inner:
                        found.append(f"{where} imports {name}")
                elif parts[0] in FORBIDDEN[package] or parts[0] in ALLOWED:
                    found.append(f"{where} imports {name}")
    return found


def imported_files(root: Path, package: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Pairs of modules of a package, each as its path from the root: the first imports the second."""
    modules = {path.relative_to(root).with_suffix("").parts for path in (root / package).rglob("*.py")}
    for path in sorted((root / package).rglob("*.py")):
        where = path.relative_to(root).with_suffix("").parts
        for name in sorted(imported_modules(path, ".".join(["geophrase", *where[:-1]]))):
            target = tuple(name.split(".")[1:])
            if name.startswith("geophrase.") and target in modules:
                yield where, target


def circles(root: Path) -> list[str]:
    """Parts of one folder, files or folders, that import each other by way of whatever they hold."""
    needs: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for package in WITHOUT_CIRCLES:
        for one, other in imported_files(root, package):
            depth = next(at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
            needs.setdefault(one[:depth], {}).setdefault(one[depth], set()).add(other[depth])
    found = []
    for folder, graph in needs.items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            found.append(f"{'/'.join(folder)}: {' <- '.join(error.args[1])}")
    return found


def test_imports_flow_one_way(repository: Path):
    assert breaches(repository) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("protocol/a.py", "import torch"),
        ("protocol/a.py", "from geophrase.engine import segment"),
        ("engine/a.py", "from geophrase.training import losses"),
        ("engine/a.py", "from ..training import losses"),
        ("engine/raster/a.py", "from geophrase.engine.segment import segment_raster"),
        ("engine/a.py", "import qgis.core"),
        ("training/a.py", "import training"),
        ("qgis_plugin/a.py", "from geophrase.engine import predictor"),
        ("qgis_plugin/core/a.py", "from ..gui.dock import Dock"),
        ("qgis_plugin/processing/a.py", "from ..gui.dock import Dock"),
        ("qgis_plugin/core/segment/a.py", "from ...gui import dock"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, file: str, line: str):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(line + "\n", encoding="utf-8")
    assert breaches(tmp_path)


def test_no_parts_of_a_folder_import_each_other_in_a_circle(repository: Path):
    assert circles(repository) == []


def test_a_circle_is_found_through_whatever_folders_hold(tmp_path: Path):
    lines = {
        "qgis_plugin/core/segment/file.py": "from ..export.boxes import BOX",
        "qgis_plugin/core/export/boxes.py": "",
        "qgis_plugin/core/export/mask.py": "from ..refine import prompts",
        "qgis_plugin/core/refine/prompts.py": "",
        "qgis_plugin/core/refine/outlined.py": "from geophrase.qgis_plugin.core.segment.features import A",
    }
    for file, line in lines.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line + "\n", encoding="utf-8")
    assert circles(tmp_path) == []  # there is no such features.py yet
    (tmp_path / "qgis_plugin/core/segment/features.py").touch()
    (circle,) = circles(tmp_path)
    assert circle.startswith("qgis_plugin/core: ")
    assert {"segment", "export", "refine"} == set(circle.split(": ")[1].split(" <- "))


def test_package_markers_are_empty(repository: Path):
    """QGIS keeps modules alive after a plugin is unloaded, so nothing may live in them."""
    for package in ALLOWED:
        for marker in (repository / package).rglob("__init__.py"):
            assert marker.read_text(encoding="utf-8").strip() == "", marker


@pytest.mark.parametrize("package", ["protocol", "qgis_plugin"])
def test_what_qgis_loads_parses_as_python_3_9(repository: Path, package: str):
    for path in (repository / package).rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_plugin_needs_only_what_qgis_brings(repository: Path):
    for path in (repository / "qgis_plugin").rglob("*.py"):
        parent = ".".join(["geophrase", *path.relative_to(repository).parent.parts])
        for name in imported_modules(path, parent):
            assert name.split(".")[0] in sys.stdlib_module_names | IN_QGIS, f"{path}: {name}"


def test_protocol_needs_only_the_standard_library_and_numpy(repository: Path):
    for path in (repository / "protocol").rglob("*.py"):
        for name in imported_modules(path, "geophrase.protocol"):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names | {"numpy", "geophrase", "__future__"}, f"{path}: {name}"
