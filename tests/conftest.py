"""Fixtures that every part of the test tree shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Everybody's run tries the same examples; GEOPHRASE_FUZZ=1 tries new ones, to find what nobody thought of.
settings.register_profile("repeatable", derandomize=not os.environ.get("GEOPHRASE_FUZZ"), deadline=None)
settings.load_profile("repeatable")

# Threads of torch that spin while they wait starve each other on a busy machine; read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# QGIS's Python takes an environment that is activated on the PATH for its own, and then finds no QGIS in it.
os.environ["PATH"] = os.pathsep.join(
    folder
    for folder in os.environ["PATH"].split(os.pathsep)
    if not (Path(folder).parent / "pyvenv.cfg").is_file()
)

REPOSITORY = Path(__file__).resolve().parent.parent

# What measures time or memory, or starts worlds of processes, has the machine to itself.
_ALONE = (
    "benchmarks",
    "engine/test_allocator.py",
    "engine/test_device.py",
    "engine/test_memory_errors.py",
    "training/benchmark",
    "training/fit/test_elastic.py",
    "training/fit/test_killed_run.py",
    "training/fit/test_parallel.py",
    "training/fit/test_sharded.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(REPOSITORY / "tests" / part) for part in _ALONE):
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the shared imagery is not here: {folder}")
    return folder


@pytest.fixture
def scripted_engine(tmp_path: Path):
    """An engine without a model, as a command: its `argv` stands for `geophrase`."""
    from geophrase.tests.fakes.scripted_command import ScriptedCommand  # not there yet in QGIS's Python

    return ScriptedCommand(tmp_path / "scripted_engine")
