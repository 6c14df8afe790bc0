"""What must hold for every file of the plugin, so that it loads in QGIS 3.22 as in QGIS 4 with Qt 6."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "qgis_plugin"
FILES = sorted(PLUGIN.rglob("*.py"))


ENUMS = {"ButtonRole", "Filter", "IconType", "SizeAdjustPolicy", "ToolButtonStyle"}
"""Those that the plugin gives shorter names."""


def _is_getattr(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr"


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imported(tree: ast.Module, *, package: str) -> set[str]:
    """Names of classes that a module imports from a package."""
    return {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package) and not node.level
        for name in node.names
    }


def _unscoped_enums(tree: ast.Module) -> Iterator[str]:
    """`Qt.LeftButton` and the like: a member that is read off a class of Qt or QGIS, not off its enum.

    Enums and their members begin with a capital, and so do nested classes, which are called or read from; an
    enum as such may also be an argument of `getattr` or get a shorter name.
    """
    classes = _imported(tree, package="qgis")
    scopes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    called |= {id(node.args[0]) for node in ast.walk(tree) if _is_getattr(node)}
    annotations = {
        id(part)
        for node in ast.walk(tree)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if annotation is not None
        for part in ast.walk(annotation)
    }
    for node in ast.walk(tree):
        is_member = (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in classes
            and node.attr[0].isupper()
            and not node.attr.isupper()  # constants, such as Qgis.QGIS_VERSION_INT
            and node.attr not in ENUMS
        )
        if is_member and id(node) not in scopes | called | annotations:
            yield f"line {node.lineno}: {node.value.id}.{node.attr}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_enums_are_scoped(path: Path):
    found = list(_unscoped_enums(_tree(path)))
    assert not found, f"Qt 6 has these only with their enum's name in between: {found}"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from qgis.PyQt.QtCore import Qt\nx = Qt.LeftButton", ["line 2: Qt.LeftButton"]),
        ("from qgis.PyQt.QtCore import Qt\nx = Qt.MouseButton.LeftButton", []),
        ("from qgis.core import QgsTask\nf(QgsTask.CanCancel)", ["line 2: QgsTask.CanCancel"]),
        ("from qgis.core import QgsVectorFileWriter as W\nx = W.SaveVectorOptions()", []),
        ("from qgis.core import Qgis\ndef f(x: Qgis.MessageLevel) -> None: ...", []),
    ],
)
def test_the_search_for_unscoped_enums_finds_them(code: str, expected: list[str]):
    assert list(_unscoped_enums(ast.parse(code))) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_qt_comes_from_qgis_and_nothing_else_is_needed(path: Path):
    foreign = {"PyQt5", "PyQt6", "torch", "rasterio", "geopandas", "shapely", "scipy", "requests"}
    imports = {
        name.split(".")[0]
        for node in ast.walk(_tree(path))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    assert not imports & foreign


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_nothing_is_called_that_qt_6_has_no_more(path: Path):
    gone = {"exec_", "setMargin", "QRegExp", "QDesktopWidget"}
    names = {node.attr for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)}
    assert not names & gone
