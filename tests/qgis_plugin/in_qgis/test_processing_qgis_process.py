"""The algorithms without a GUI: QGIS's own program `qgis_process`, with a fresh profile."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from osgeo import ogr
from processing_layers import UTM, features_in, scripted_shapes, shapes_of

pytest_plugins = ["processing_fixtures"]

PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
"""Debian's qgis_process is a script that passes an option of the desktop on and fails by it."""
TEXT = "geophrase:segmentbytext"


class Profile:
    """A user's profile in which the plugin is linked, switched on and told of an engine."""

    def __init__(self, folder: Path, repository: Path, engine_command: str, *, locale: str = "en") -> None:
        self._folder = folder
        profile = folder / "profiles" / "default"
        (profile / "python" / "plugins").mkdir(parents=True)
        (profile / "python" / "plugins" / "geophrase").symlink_to(repository)
        (profile / "QGIS").mkdir()
        (profile / "QGIS" / "QGIS3.ini").write_text(
            f"[geophrase]\nengine_command={engine_command}\n[locale]\noverrideFlag=true\nuserLocale={locale}\n"
        )
        self.run("plugins", "enable", "geophrase")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What qgis_process does with the arguments."""
        environment = {**os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(self._folder)}
        environment["QT_QPA_PLATFORM"] = "offscreen"
        return subprocess.run(
            [str(PROGRAM), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def profile(tmp_path, repository, engine):
    if PROGRAM is None:
        pytest.skip("qgis_process is not installed")
    return Profile(tmp_path / "home", repository, engine.executable)


def test_the_algorithms_are_listed_and_explained_and_no_engine_starts(profile, engine):
    listed = profile.run("list").stdout
    explained = profile.run("help", TEXT).stdout

    assert "geophrase:segmentbyprompts\tSegment by points and boxes" in listed
    assert "QUERIES: What to look for\n\tOne phrase per line" in explained
    assert engine.num_starts == 0


def test_a_run_writes_the_polygons_where_they_belong_and_leaves_no_engine(profile, engine, town, tmp_path):
    output = tmp_path / "found.gpkg"

    done = profile.run(
        "run",
        TEXT,
        f"--INPUT={town}",
        "--QUERIES=roofs; trees",
        "--EXTENT=500100,500300,5539700,5539900 [EPSG:32632]",
        "--BANDS=3",
        "--BANDS=2",
        "--BANDS=1",
        f"--OUTPUT={output}",
    )

    assert done.returncode == 0, done.stdout
    assert shapes_of(features_in(str(output))) == (
        scripted_shapes(["roofs", "trees"], (500_100, 5_539_700, 500_300, 5_539_900))
    )
    dataset = ogr.Open(str(output))
    system = dataset.GetLayer(0).GetSpatialRef()
    assert f"{system.GetAuthorityName(None)}:{system.GetAuthorityCode(None)}" == UTM
    assert engine.requests("run_job")[0]["message"]["source"]["bands"] == [3, 2, 1]
    assert engine.num_starts == 1
    _wait_until_gone(engine)


def test_a_failure_is_told_and_is_an_error(profile, engine, town, tmp_path):
    failure = {"code": "model_unknown", "message": "There is no model huge; choose another."}
    engine.script({"on": "run_job", "fail": failure})

    done = profile.run(
        "run", TEXT, f"--INPUT={town}", "--QUERIES=roofs", f"--OUTPUT={tmp_path / 'found.gpkg'}"
    )

    assert done.returncode != 0
    assert "There is no model huge; choose another." in done.stdout


def _wait_until_gone(engine) -> None:
    """No process runs the engine's log any more; its standard input ended with qgis_process."""
    end = time.monotonic() + 10
    while _is_running(engine) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _is_running(engine)


def _is_running(engine) -> bool:
    name = str(engine.log).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if name in (folder / "cmdline").read_bytes():
                return True
        except OSError:  # it has just ended
            continue
    return False


def test_the_algorithms_speak_the_language_of_qgis(tmp_path, repository, engine):
    if PROGRAM is None:
        pytest.skip("qgis_process is not installed")
    profile = Profile(tmp_path / "home", repository, engine.executable, locale="de_AT")
    assert "geophrase:segmentbytext\tNach Text segmentieren" in profile.run("list").stdout
    assert "Schwellenwert (Wahrscheinlichkeit)" in profile.run("help", TEXT).stdout
