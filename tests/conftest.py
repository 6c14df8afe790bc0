"""Fixtures that every part of the test tree shares."""

from __future__ import annotations

from pathlib import Path

import pytest

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
