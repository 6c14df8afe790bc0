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

REPOSITORY = Path(__file__).resolve().parent.parent


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
