"""Every recipe of the paper in miniature, as a benchmark to fill the tables with."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from geophrase.training.benchmark.experiments import Experiment
from geophrase.training.benchmark.published import DATASETS
from geophrase.training.benchmark.results import HeldOutData
from geophrase.training.benchmark.rows import Benchmark
from geophrase.training.fit.smoke import fit_miniature
from geophrase.training.recipes.miniature import NUM_STEPS, Miniature


@contextmanager
def smoke_benchmark(experiments: Sequence[Experiment]) -> Iterator[tuple[Benchmark, Path]]:
    """Trains what the experiments need for a few updates, and gives the benchmark and a folder for scores.

    All of it is gone when the block ends. The figures say only that everything runs.

    Args:
        experiments: Rows that are to be filled.
    """
    torch.set_num_threads(1)  # miniatures gain nothing from more, and wait for them on a busy machine
    with tempfile.TemporaryDirectory(prefix="geophrase-smoke-") as temporary:
        folder = Path(temporary)
        miniature = Miniature.write(folder / "miniature")
        for run, recipe in {experiment.run: experiment.recipe for experiment in experiments}.items():
            fit_miniature(miniature, recipe(), folder / "runs" / run)
        print(f"miniatures after {NUM_STEPS} updates: only that they run is worth anything", file=sys.stderr)
        data = HeldOutData.read([miniature.data])
        yield Benchmark(dict.fromkeys(DATASETS, data), {}, folder / "runs"), folder / "scores"
