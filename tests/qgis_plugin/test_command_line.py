"""The copied command is read back by a shell, and by the engine's own parser, as it was meant."""

from __future__ import annotations

import configparser
import shlex
import subprocess

import pytest

from geophrase.engine.cli.main import _build_parser
from geophrase.qgis_plugin.core.command_line import segment_command


@pytest.mark.parametrize("name", ["town.tif", "my town.tif", "it's $HOME.tif", "Köln.tif"])
def test_a_shell_reads_the_command_as_it_was_meant(name):
    command = segment_command(f"/data/{name}", query='the "old" roofs')
    printed = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    stem = name.removesuffix(".tif")
    assert printed == [
        "geophrase",
        "segment",
        f"/data/{name}",
        'the "old" roofs',
        "-o",
        f"/data/{stem}_segments.gpkg",
    ]


def test_the_engine_takes_the_command():
    words = shlex.split(segment_command("a.tif", query="cars", output="b.fgb"))[1:]
    arguments = _build_parser().parse_args(words)
    assert (str(arguments.raster), arguments.queries, str(arguments.output)) == ("a.tif", ["cars"], "b.fgb")


def test_the_plugins_version_is_the_packages(repository):
    import tomllib

    metadata = configparser.ConfigParser()
    metadata.read(repository / "metadata.txt", encoding="utf-8")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["general"]["version"] == project["version"]
