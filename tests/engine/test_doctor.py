"""What the doctor finds in this environment, and in ones that are broken on purpose."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio
import torch

from geophrase.engine import device
from geophrase.engine.doctor import Check, collect_checks, is_healthy, render_json, render_text
from geophrase.engine.model.rsam import config


def check_named(name: str) -> Check:
    return next(check for check in collect_checks() if check.name == name)


def proj_check(**environment: str) -> dict[str, str]:
    """Make one check in a process of its own, for libraries read these variables when they are loaded."""
    code = "from geophrase.engine import doctor; print(doctor.render_json([doctor._proj_data()]))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(answer.stdout)["checks"][0]


def test_versions_are_those_that_are_installed():
    checks = {check.name: check for check in collect_checks()}
    for name in ("torch", "sam2", "transformers", "rasterio"):
        assert checks[name].detail == importlib.metadata.version(name)
        assert checks[name].status == "ok"
    assert rasterio.__gdal_version__ in checks["gdal"].detail
    assert sys.executable in checks["python"].detail
    assert checks["text encoder"].status == "ok"
    assert checks["proj data"].status == "ok"


def test_every_problem_has_a_remedy_or_a_sentence_that_is_one():
    for check in collect_checks():
        assert check.detail
        assert check.status == "ok" or check.remedy or check.detail.endswith(".")


def test_renderings_tell_the_same(monkeypatch):
    checks = [Check("a", "ok", "fine"), Check("longer", "warn", "so so", "do this")]
    text = render_text(checks).splitlines()
    assert text[0].split() == ["ok", "a", "fine"]
    assert text[1].startswith("warn  longer  so so")
    assert text[2].strip() == "-> do this"
    document = json.loads(render_json(checks))
    assert document == {"healthy": True, "checks": [dataclasses.asdict(check) for check in checks]}
    assert not is_healthy([*checks, Check("b", "fail", "broken")])


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    version = importlib.metadata.version

    def without_sam2(name: str) -> str:
        if name == "sam2":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_sam2)
    check = check_named("sam2")
    assert (check.status, check.detail) == ("fail", "not installed")
    assert "--no-deps --no-build-isolation sam2" in check.remedy


def test_proj_data_of_another_installation_are_found_out(tmp_path):
    with sqlite3.connect(tmp_path / "proj.db") as database:  # the layout of PROJ 6
        database.execute("CREATE TABLE metadata(key TEXT, value TEXT)")
        database.executemany(
            "INSERT INTO metadata VALUES (?, ?)",
            [("DATABASE.LAYOUT.VERSION.MAJOR", "1"), ("DATABASE.LAYOUT.VERSION.MINOR", "0")],
        )
    database.close()
    for variable in ("PROJ_DATA", "PROJ_LIB"):
        check = proj_check(**{variable: str(tmp_path)})
        assert check["status"] == "fail"
        assert "another PROJ" in check["detail"]
        assert f"{variable}={tmp_path}" in check["detail"]
        assert check["remedy"] == f"unset {variable}"


def test_gdal_data_that_are_not_there_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("GDAL_DATA", str(tmp_path / "gone"))
    check = check_named("gdal")
    assert check.status == "warn"
    assert check.remedy == "unset GDAL_DATA"


def test_a_torchvision_of_another_build_is_told_before_transformers_trips(tmp_path, monkeypatch):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    check = check_named("torchvision")
    assert check.status == "fail"
    assert "torchvision::nms" in check.detail
    assert check.remedy == "pip uninstall torchvision"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for nvidia-smi is a shell script")
def test_a_gpu_that_a_cpu_build_leaves_idle_comes_with_the_command_to_use_it(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA RTX A2000, 550.54, 6138 MiB'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(device, "has_nvidia_driver", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    check = check_named("device")
    assert check.status == "warn"
    assert "CPU build although an NVIDIA driver is here" in check.detail
    assert "NVIDIA RTX A2000, 550.54" in check.detail
    release = torch.__version__.partition("+")[0]
    assert check.remedy.startswith(f"{sys.executable} -m pip install --force-reinstall torch=={release}")
    assert "+cpu" not in check.remedy


def test_a_damaged_text_encoder_is_a_failure(tmp_path, monkeypatch):
    for name, _ in config.MINILM.sha256:
        (tmp_path / name).write_bytes(b"damaged")
    monkeypatch.setattr(config, "MINILM", dataclasses.replace(config.MINILM, location=str(tmp_path)))
    check = check_named("text encoder")
    assert check.status == "fail"
    assert str(tmp_path) in check.detail


def test_a_weights_folder_that_cant_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GEOPHRASE_WEIGHTS", str(tmp_path / "file" / "weights"))
    check = check_named("weights folder")
    assert check.status == "warn"
    assert "GEOPHRASE_WEIGHTS" in check.remedy


def test_damaged_weights_are_a_failure(tmp_path: Path, monkeypatch):
    (tmp_path / "rsam_small.safetensors").write_bytes(b"not weights")
    (tmp_path / "rsam_small.json").write_text("{}")
    monkeypatch.setenv("GEOPHRASE_WEIGHTS", str(tmp_path))
    check = check_named("rsam_small")
    assert check.status == "fail"
    assert str(tmp_path) in check.detail
