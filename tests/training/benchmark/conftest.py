"""Every recipe in miniature, trained when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from geophrase.training.fit.smoke import fit_miniature
from geophrase.training.recipes.catalog import RECIPES
from geophrase.training.recipes.miniature import Miniature


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    return Miniature.write(tmp_path_factory.mktemp("miniature"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def trained(miniature: Miniature, runs: Path) -> Callable[[str], Path]:
    """Weights of a recipe in miniature."""

    def train(name: str) -> Path:
        weights = runs / name / "best.safetensors"
        return weights if weights.is_file() else fit_miniature(miniature, RECIPES[name](), runs / name)

    return train
