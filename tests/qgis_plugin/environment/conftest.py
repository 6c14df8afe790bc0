"""A prepared environment that tests of the later steps start from, for making one takes seconds."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from installing import CPU, Record, bare_environ, run_install
from small_packages import write_source, write_wheels

from geophrase.qgis_plugin.core.environment.plan import InstallPlan


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, InstallPlan, Record]:
    """A folder in which the installation came as far as PyTorch, whose wheel was missing."""
    folder = tmp_path_factory.mktemp("prepared")
    wheels = write_wheels(folder / "wheels")
    next(wheels.glob("torch-*")).unlink()
    plan = InstallPlan(
        folder / "engine",
        write_source(folder / "plugin"),
        CPU,
        wheels=wheels,
        python=sys.executable,
        environ=bare_environ(folder),
    )
    return folder, plan, run_install(plan)


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory, prepared: tuple[Path, InstallPlan, Record]
) -> tuple[InstallPlan, Record]:
    """The same, continued to its end with every wheel."""
    plan = copy_plan(prepared[1], tmp_path_factory.mktemp("finished"))
    return plan, run_install(plan)


@pytest.fixture
def plan(tmp_path: Path, prepared: tuple[Path, InstallPlan, Record]) -> InstallPlan:
    """A copy of the prepared folder, with every wheel."""
    return copy_plan(prepared[1], tmp_path)


@pytest.fixture
def finished_plan(tmp_path: Path, finished: tuple[InstallPlan, Record]) -> InstallPlan:
    """A copy of the finished folder."""
    return copy_plan(finished[0], tmp_path)


def copy_plan(plan: InstallPlan, folder: Path) -> InstallPlan:
    shutil.copytree(plan.folder, folder / "engine", symlinks=True)
    shutil.copytree(plan.source, folder / "plugin")
    wheels = write_wheels(folder / "wheels")
    return dataclasses.replace(plan, folder=folder / "engine", source=folder / "plugin", wheels=wheels)
