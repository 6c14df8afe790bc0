#!/usr/bin/env python3
"""Builds the plugin's ZIP and checks it against the rules of QGIS's plugin repository.

    tools/package_plugin.py [-o FOLDER]

The same sources give the same bytes. The rules are on plugins.qgis.org, under docs/publish and
docs/security-scanning.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NAME = "geophrase"
FILES = (
    "__init__.py",
    "metadata.txt",
    "pyproject.toml",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "docs/model_card.md",
)
# training belongs to it: pyproject.toml names its packages, so the engine is not built without it.
FOLDERS = ("protocol", "qgis_plugin", "engine", "training", "requirements")
# Everything is text but the weights: safetensors holds numbers behind a JSON header and can't hold code.
SUFFIXES = {
    *(".py", ".txt", ".md", ".toml", ".json", ".svg", ".qml", ".png", ".ts", ".qm", ".safetensors", ""),
    *(".html", ".css", ".js"),  # the page of `geophrase-train annotate review`
}
MAX_BYTES = 25_000_000
REQUIRED = (
    *(
        "name",
        "description",
        "version",
        "qgisMinimumVersion",
        "qgisMaximumVersion",
        "author",
        "email",
        "about",
    ),
    *("tracker", "repository", "homepage", "license", "icon", "changelog", "hasProcessingProvider"),
)
# What the repository blocks on: bandit's findings of medium severity and above, and hard-coded passwords.
BLOCKING_TESTS = {"B105", "B106", "B107"}
# ZIP has no time zone, and no time before 1980.
TIMESTAMP = (2026, 1, 1, 0, 0, 0)


class PackagingError(Exception):
    """What keeps the ZIP from being published, one finding a line."""


def plugin_files(root: Path) -> list[Path]:
    """The files of the plugin that git knows or would add, relative to the repository and sorted.

    Raises:
        PackagingError: One is of a kind that doesn't belong into a plugin.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *FILES, *FOLDERS]
    listing = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode()
    paths = sorted({Path(name) for name in listing.split("\0") if name and (root / name).is_file()})
    strangers = [str(path) for path in paths if path.suffix not in SUFFIXES or path.name.startswith(".")]
    if strangers:
        raise PackagingError("These files don't belong into a plugin: " + ", ".join(strangers))
    missing = [name for name in FILES if Path(name) not in paths]
    if missing:
        raise PackagingError("These files are missing: " + ", ".join(missing))
    return paths


def read_metadata(root: Path) -> dict[str, str]:
    """The entries of metadata.txt, read as the plugin repository reads them, with interpolation."""
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(root / "metadata.txt", encoding="utf-8")
    return dict(parser.items("general"))


def metadata_findings(root: Path) -> Iterator[str]:
    """What metadata.txt lacks or says wrongly."""
    entries = read_metadata(root)
    yield from (f"metadata.txt has no {name}" for name in REQUIRED if not entries.get(name, "").strip())
    for name in ("tracker", "repository", "homepage"):
        if not re.fullmatch(r"https://[\w.-]+/\S*", entries.get(name, "")):
            yield f"{name} in metadata.txt is no address"
    if "plugin" in entries.get("name", "").lower():
        yield "the name must not contain “plugin”"
    if entries.get("qgisMaximumVersion") != "4.99":
        yield "qgisMaximumVersion must be 4.99 for a plugin that runs with Qt 6"
    if not (root / entries.get("icon", "")).is_file():
        yield f"the icon is not there: {entries.get('icon')}"
    if "download" not in entries.get("about", ""):
        yield "about must say what is downloaded after the installation"


def version_findings(root: Path) -> Iterator[str]:
    """Where metadata.txt, pyproject.toml and CHANGELOG.md name different versions."""
    metadata = read_metadata(root).get("version", "")
    project = re.search(r'^version = "([^"]+)"', (root / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    for name, match in (("pyproject.toml", project), ("CHANGELOG.md", newest)):
        version = match[1] if match else "none"
        if version != metadata:
            yield f"metadata.txt says version {metadata}, {name} says {version}"
    if not read_metadata(root).get("changelog", "").startswith(metadata):
        yield f"changelog in metadata.txt does not begin with {metadata}"


def package_findings(root: Path, files: Sequence[Path]) -> Iterator[str]:
    """Packages that pyproject.toml builds the engine from but the ZIP lacks, and files without its syntax."""
    block = re.search(
        r"^packages = (\[.*?^\])", (root / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL
    )
    for package in ast.literal_eval(block[1]) if block else ():
        path = Path(*package.split(".")[1:], "__init__.py")
        if path not in files:
            yield f"pyproject.toml names {package}, but {path} is not in the ZIP"


def write_zip(root: Path, files: Sequence[Path], target: Path) -> None:
    """Writes the files below one folder: sorted, with one timestamp and one mode, so that bytes repeat."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            entry = zipfile.ZipInfo(f"{NAME}/{path.as_posix()}", TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, (root / path).read_bytes())


def zip_findings(target: Path) -> Iterator[str]:
    """What the plugin repository would refuse the finished ZIP for."""
    if target.stat().st_size > MAX_BYTES:
        yield f"{target.name} has {target.stat().st_size / 1e6:.1f} MB; {MAX_BYTES / 1e6:.0f} are allowed"
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
    if {name.partition("/")[0] for name in names} != {NAME} or not NAME.isidentifier():
        yield f"all files must lie in one folder {NAME}"
    forbidden = re.compile(r"\.py[co]$|/__pycache__/|/\.git|/tests/|\.\.|__MACOSX|\.(so|dll|exe|dylib|pyd)$")
    yield from (f"{name} must not be in the ZIP" for name in names if forbidden.search(name))
    yield from (
        f"{name} is missing" for name in (f"{NAME}/LICENSE", f"{NAME}/metadata.txt") if name not in names
    )


def scan_findings(target: Path) -> Iterator[str]:
    """What bandit and detect-secrets find in the unpacked ZIP; says where one of them is not installed."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target) as archive:
        archive.extractall(folder)
        for name, scan in (("bandit", bandit_findings), ("detect_secrets", secrets_findings)):
            if find_spec(name) is None:
                print(f"{name} is not installed, so its scan was left out", file=sys.stderr)
            else:
                yield from scan(Path(folder))


def bandit_findings(folder: Path) -> Iterator[str]:
    """Security findings in Python code that block a publication."""
    command = [sys.executable, "-m", "bandit", "-q", "-r", ".", "-f", "json"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    for issue in json.loads(said)["results"]:
        if issue["issue_severity"] != "LOW" or issue["test_id"] in BLOCKING_TESTS:
            yield f"{issue['filename']}:{issue['line_number']}: {issue['test_id']} {issue['issue_text']}"


def secrets_findings(folder: Path) -> Iterator[str]:
    """Strings that look like passwords or keys, each of which blocks a publication."""
    command = [sys.executable, "-m", "detect_secrets", "scan", "--all-files", "."]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    for name, secrets in json.loads(said)["results"].items():
        yield from (f"{name}:{secret['line_number']}: looks like a {secret['type']}" for secret in secrets)


def build(root: Path, folder: Path) -> Path:
    """Builds and checks the ZIP; returns its path.

    Raises:
        PackagingError: Something would keep it from being published; no ZIP is left.
    """
    files = plugin_files(root)
    target = folder / f"{NAME}-{read_metadata(root).get('version', 'unknown')}.zip"
    findings = [*metadata_findings(root), *version_findings(root), *package_findings(root, files)]
    if not findings:
        write_zip(root, files, target)
        findings = [*zip_findings(target), *scan_findings(target)]
    if findings:
        target.unlink(missing_ok=True)
        raise PackagingError("\n".join(findings))
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the options, builds, and says what was built or what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=REPOSITORY / "build", help="folder of the ZIP")
    try:
        target = build(REPOSITORY, parser.parse_args(arguments).output)
    except PackagingError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
