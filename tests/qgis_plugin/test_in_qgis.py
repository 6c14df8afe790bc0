"""Runs every file of in_qgis/ in real QGIS, each in a process of its own: a crash of QGIS fails one file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "in_qgis"
LIMIT_S = 300


@pytest.mark.qgis
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("test_*.py")))
def test_in_qgis(name: str, repository: Path, record_property, capsys):
    python = repository / "build" / "qgis-env" / "bin" / "python"
    if not python.exists():
        pytest.skip("QGIS is not installed (Debian: tools/make_qgis_env.sh says what is missing)")
    options = ["-o", "addopts=", "-p", "no:cacheprovider", "-q", "-rs", f"--rootdir={FOLDER}"]
    done = subprocess.run(
        [str(python), "-m", "pytest", *options, f"--confcutdir={FOLDER}", name],
        cwd=FOLDER,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    lines = done.stdout.rstrip().splitlines() or ["nothing was printed"]
    with capsys.disabled():
        print(f"\n{name} in QGIS: {lines[-1]}")
    assert done.returncode == 0, f"exit {done.returncode} in QGIS\n{done.stdout}"
