"""The rows of the RSAM paper's tables that its own model fills, each with the recipe that trains it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from geophrase.training.benchmark.published import (
    ABLATIONS,
    DATASETS,
    FREEZING,
    METHODS,
    OURS,
    POINTS,
    SIZES,
    Figures,
)
from geophrase.training.config import TrainConfig
from geophrase.training.recipes.ablations import risors_baseline, risors_mmmd, risors_twgm
from geophrase.training.recipes.freezing import (
    risors_base_plus_all_trained,
    risors_base_plus_both_frozen,
    risors_large_all_trained,
    risors_large_both_frozen,
)
from geophrase.training.recipes.paper import NUM_GPUS, initial_weights
from geophrase.training.recipes.refsegrs import refsegrs_base_plus, refsegrs_large
from geophrase.training.recipes.risors import risors_base_plus, risors_large
from geophrase.training.recipes.rrsis_d import rrsis_d_base_plus, rrsis_d_large

Recipe = Callable[[], TrainConfig]


@dataclass(frozen=True)
class Experiment:
    """One row of a table.

    Attributes:
        table: Its number in the paper.
        row: What the row is called there.
        dataset: A key of ``published.DATASETS``.
        recipe: Makes the settings of the run that fills the row; rows may share a run.
        published: The row's figures in percent.
        points: Simulated points that are given after the phrase.
    """

    table: int
    row: str
    dataset: str
    recipe: Recipe
    published: Figures
    points: int = 0

    @property
    def name(self) -> str:
        """Unique among the experiments, and one word for the shell."""
        return f"table{self.table}:{self.row.lower().replace(' ', '-')}"

    @property
    def run(self) -> str:
        """The recipe's name, which is also what its run and its weights go by."""
        return self.recipe.__name__

    def training_command(self) -> str:
        """The command that trains the row's model as the paper did."""
        return (
            f"torchrun --nproc-per-node {NUM_GPUS} -m -- geophrase.training.cli fit --recipe {self.run} "
            f"--data data/{self.dataset} --init {initial_weights(self.recipe())} --run runs/{self.run}"
        )


def _experiments() -> Iterator[Experiment]:
    base_plus: Mapping[str, Recipe] = {
        "refsegrs": refsegrs_base_plus,
        "rrsis-d": rrsis_d_base_plus,
        "risors": risors_base_plus,
    }
    large: Mapping[str, Recipe] = {
        "refsegrs": refsegrs_large,
        "rrsis-d": rrsis_d_large,
        "risors": risors_large,
    }
    for table, dataset in ((5, "refsegrs"), (6, "rrsis-d"), (8, "risors")):
        yield Experiment(table, "RSAM", dataset, base_plus[dataset], METHODS[dataset][OURS])
    ablations = (risors_baseline, risors_mmmd, risors_twgm, risors_base_plus)
    for (row, figures), recipe in zip(ABLATIONS.items(), ablations, strict=True):
        yield Experiment(11, row, "risors", recipe, figures)
    freezing: Mapping[str, Recipe] = {
        "base+": risors_base_plus_all_trained,
        "base+*": risors_base_plus,
        "base+**": risors_base_plus_both_frozen,
        "large": risors_large_all_trained,
        "large*": risors_large,
        "large**": risors_large_both_frozen,
    }
    for row, recipe in freezing.items():
        yield Experiment(12, row, "risors", recipe, FREEZING[row].figures)
    for dataset, split in DATASETS.items():
        for size, recipes in (("base+", base_plus), ("large", large)):
            row = f"{split.title} {size}"
            yield Experiment(13, row, dataset, recipes[dataset], SIZES[dataset, size])
    for points, figures in POINTS.items():
        row = f"{points} point{'' if points == 1 else 's'}"
        yield Experiment(14, row, "risors", risors_base_plus, figures, points)


EXPERIMENTS: tuple[Experiment, ...] = tuple(_experiments())
"""In the order of the paper's tables."""
