"""All recipes by the names that the command line knows them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from geophrase.training.config import TrainConfig
from geophrase.training.recipes.rsam_small import rsam_small
from geophrase.training.recipes.smoke import smoke

RECIPES: Mapping[str, Callable[[], TrainConfig]] = MappingProxyType(
    {"rsam_small": rsam_small, "smoke": smoke}
)
"""Names to the functions that make the settings of a run."""
