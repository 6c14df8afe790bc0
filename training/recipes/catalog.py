"""All recipes by the names that the command line knows them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from geophrase.training.config import TrainConfig
from geophrase.training.recipes import ablations, freezing, refsegrs, risors, rrsis_d, small_ablations
from geophrase.training.recipes.corrections import corrections
from geophrase.training.recipes.rsam_small import rsam_small, rsam_small_continued
from geophrase.training.recipes.smoke import smoke

PAPER_RECIPES: tuple[Callable[[], TrainConfig], ...] = (
    refsegrs.refsegrs_base_plus,
    refsegrs.refsegrs_large,
    rrsis_d.rrsis_d_base_plus,
    rrsis_d.rrsis_d_large,
    risors.risors_base_plus,
    risors.risors_large,
    ablations.risors_baseline,
    ablations.risors_mmmd,
    ablations.risors_twgm,
    freezing.risors_base_plus_all_trained,
    freezing.risors_base_plus_both_frozen,
    freezing.risors_large_all_trained,
    freezing.risors_large_both_frozen,
)
"""Every run that the RSAM paper's tables need."""

SMALL_ABLATIONS: tuple[Callable[[], TrainConfig], ...] = (
    small_ablations.small_baseline,
    small_ablations.small_mmmd,
    small_ablations.small_twgm,
    small_ablations.small_both,
    small_ablations.small_early_fusion,
)
"""Table 11 at the size of the bundled model, and early fusion beside it."""

RECIPES: Mapping[str, Callable[[], TrainConfig]] = MappingProxyType(
    {
        recipe.__name__: recipe
        for recipe in (
            rsam_small,
            rsam_small_continued,
            corrections,
            smoke,
            *SMALL_ABLATIONS,
            *PAPER_RECIPES,
        )
    }
)
"""Names to the functions that make the settings of a run."""
