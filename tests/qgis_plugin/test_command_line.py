"""The copied command is read back by a shell, and by the engine's own parser, as it was meant."""

from __future__ import annotations

import configparser
import math
import shlex
import subprocess

import pytest
import tomllib
from hypothesis import given
from hypothesis import strategies as st

from geophrase.engine.cli.main import _build_parser
from geophrase.qgis_plugin.core.command_line import SegmentCommand


def _parsed(command: SegmentCommand):
    return _build_parser().parse_args(shlex.split(command.line())[1:])


@pytest.mark.parametrize("name", ["town.tif", "my town.tif", "it's $HOME.tif", "Köln.tif", "-dash.tif"])
def test_a_shell_reads_the_command_as_it_was_meant(name):
    command = SegmentCommand(f"/data/{name}", ('the "old" roofs', "`ls`"))
    printed = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command.line()}"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    stem = name.removesuffix(".tif")
    assert printed == [
        "geophrase",
        "segment",
        f"/data/{name}",
        'the "old" roofs',
        "`ls`",
        "-o",
        f"/data/{stem}_segments.gpkg",
    ]


def test_what_equals_the_defaults_is_left_out():
    assert (
        SegmentCommand("a.tif", ("cars",), output="b.fgb").line() == "geophrase segment a.tif cars -o b.fgb"
    )


def test_the_engine_takes_everything_that_the_dock_can_be_set_to():
    arguments = _parsed(
        SegmentCommand(
            "a.tif",
            ("cars", "-10 degree roofs"),
            output="b.fgb",
            bands=(4, 3, 2),
            model="rsam_base",
            device="cpu",
            extent_map=(-1e-5, -20.25, 0.1 + 0.2, 1e7),
            resolution_m=0.3,
            is_one_window=True,
            threshold=0.35,
            min_area_m2=1.5,
            cache_folder="/tmp/my cache",
        )
    )
    assert arguments.queries == ["cars", "-10 degree roofs"]
    assert (str(arguments.raster), str(arguments.output)) == ("a.tif", "b.fgb")
    assert (arguments.model, arguments.device, arguments.cache) == ("rsam_base", "cpu", "/tmp/my cache")
    assert arguments.extent == [-1e-5, -20.25, 0.1 + 0.2, 1e7]
    assert (arguments.resolution, arguments.bands, arguments.one_window) == (0.3, [4, 3, 2], True)
    assert (arguments.threshold, arguments.min_area) == (0.35, 1.5)


@given(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False, width=64)] * 4))
def test_coordinates_arrive_bit_for_bit(extent_map):
    assert tuple(_parsed(SegmentCommand("a.tif", ("x",), extent_map=extent_map)).extent) == extent_map


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_any_phrases_arrive(queries):
    command = SegmentCommand("a.tif", tuple(queries), threshold=0.25, bands=(1,))
    arguments = _parsed(command)
    assert arguments.queries == queries
    assert math.isclose(arguments.threshold, 0.25)


def test_the_plugins_version_is_the_packages(repository):
    metadata = configparser.ConfigParser()
    metadata.read(repository / "metadata.txt", encoding="utf-8")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["general"]["version"] == project["version"]
