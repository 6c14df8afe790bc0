"""The built ZIP in a fresh QGIS with a real window: a phrase typed, a click, an export, a picture of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import psutil
import pytest
import rasterio
import shapely
from shapely.geometry import box

DRIVER = Path(__file__).with_name("drive_qgis.py")
LIMIT_S = 420
SHOTS = [
    "1_phrase",
    "2_polygons",
    "3_threshold",
    "4_click",
    "5_accepted",
    "6_export",
    "7_exported",
    "8_label",
]

PROFILE = """[PythonPlugins]
geophrase=true

[geophrase]
engine_command={engine}
device=cpu
cache_folder={cache}

[qgis]
checkVersion=false
newProjectDefault=false
"""


@pytest.fixture(scope="session")
def plugin_zip(repository: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("zip")
    tool = repository / "tools" / "package_plugin.py"
    subprocess.run([sys.executable, str(tool), "-o", str(folder)], check=True, cwd=repository)
    return next(folder.glob("*.zip"))


@pytest.fixture
def town() -> Iterator[Path]:
    """A folder with a short name, for it is seen in the pictures."""
    with tempfile.TemporaryDirectory(prefix="town-") as folder:
        yield Path(folder)


def fresh_profile(root: Path, plugin: Path, engine: Path) -> None:
    """A QGIS profile that has the plugin installed as its ZIP unpacks, and a path to an engine."""
    profile = root / "profiles" / "e2e"
    with zipfile.ZipFile(plugin) as archive:
        archive.extractall(profile / "python" / "plugins")
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(PROFILE.format(engine=engine, cache=root / "cache"), encoding="utf-8")


def run_qgis(root: Path, task: dict[str, object], out: Path) -> dict[str, object]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "LANG"} or name.startswith("OMP_")
    }
    # A temporary folder of its own, for QGIS asks before it closes a project with layers in the system's.
    temporary = root / "temporary"
    temporary.mkdir()
    environment |= {
        "HOME": str(root),
        "TMPDIR": str(temporary),
        "GEOPHRASE_E2E": json.dumps({**task, "out": str(out)}),
    }
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1500x950x24"]
    qgis = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", str(root), "--profile", "e2e"]
    done = subprocess.run(
        ["timeout", "--kill-after=10", str(LIMIT_S), *screen, *qgis, "--code", str(DRIVER)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    report = out / "report.json"
    assert report.exists(), f"QGIS ended with {done.returncode} before the report\n{done.stderr[-3000:]}"
    assert done.returncode == 0, (
        f"QGIS did not close by itself: exit {done.returncode}\n{done.stderr[-3000:]}"
    )
    return json.loads(report.read_text())


def engines_of(root: Path) -> list[int]:
    """Processes that still serve for this profile."""
    found = (process.info for process in psutil.process_iter(["pid", "cmdline"]))
    return [info["pid"] for info in found if str(root / "cache") in (info["cmdline"] or [])]


@pytest.mark.qgis
@pytest.mark.slow
@pytest.mark.data
@pytest.mark.skipif(
    shutil.which("qgis") is None or shutil.which("xvfb-run") is None, reason="no QGIS or Xvfb"
)
def test_a_phrase_a_click_and_an_export(
    repository: Path, plugin_zip: Path, shared_data: Path, tmp_path: Path, town: Path
):
    raster = town / "parked_cars.tif"
    shutil.copy(shared_data / "scenes" / "colorado_parked_cars_0p15m_epsg26913.tif", raster)
    engine = Path(sys.executable).with_name("geophrase")
    fresh_profile(tmp_path, plugin_zip, engine)
    out = repository / "build" / "e2e"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with rasterio.open(raster) as dataset:
        crs, bounds = dataset.crs, box(*dataset.bounds)
    task = {"raster": str(raster), "query": "cars", "export": str(town / "cars.gpkg")}

    report = run_qgis(tmp_path, task, out)

    assert not report["error"], report["error"]
    assert not engines_of(tmp_path), "the engine outlived QGIS"
    assert report["polygons"] > 0
    exported = gpd.read_file(town / "cars.gpkg")
    assert len(exported) == report["after_accepting"] == report["polygons"]
    assert exported.crs == crs
    assert exported.geometry.is_valid.all()
    assert exported.within(bounds.buffer(1e-6)).all()
    assert (exported["query"] == "cars").sum() >= report["polygons"]
    ((query, kept_box),) = report["labels"]
    assert (query, report["dropped"]) == ("car", 1)
    labels = gpd.read_file(report["label_file"], layer="segments")
    assert labels.crs == crs
    assert len(json.loads(kept_box)) == 4
    assert shapely.Polygon(json.loads(kept_box)).intersects(labels.geometry.iloc[0])
    for name in SHOTS:
        assert (out / f"{name}.png").stat().st_size > 20_000, f"{name} shows nothing"
