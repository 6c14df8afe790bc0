from __future__ import annotations

import pytest

from geophrase.training.scenes.scene import Scene, SceneConfig, generate_scene
from geophrase.training.scenes.themes import THEMES


@pytest.fixture(scope="session")
def many_scenes() -> list[Scene]:
    """Three scenes of every theme, small and coarse: much content for little time."""
    return [
        generate_scene(SceneConfig(size_px=480, gsd_m=0.6, seed=seed, theme=theme))
        for theme in THEMES
        for seed in range(3)
    ]
