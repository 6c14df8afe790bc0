"""The paper's rows filled with our figures, as far as weights and data are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from geophrase.engine.model.load_model import read_config
from geophrase.engine.model.rsam.config import RsamConfig
from geophrase.engine.model.weights.load import WeightsFile, locate_weights
from geophrase.training.benchmark.experiments import EXPERIMENTS, Experiment
from geophrase.training.benchmark.published import CLASSES, DATASETS, MEASURES, Figures
from geophrase.training.benchmark.results import HeldOutData, Results

_EXPORTED = "best.safetensors"


@dataclass(frozen=True)
class BenchmarkRow:
    """A row of the paper and what became of ours.

    Attributes:
        experiment: The row.
        ours: In percent; None where something is missing.
        by_class: Our mIoU in percent by the paper's names of the classes, and their average.
        missing: What has to be given, and how; nothing where the row is filled.
        notes: Why the figures can't be compared, in sentences; none where they can.
    """

    experiment: Experiment
    ours: Figures | None = None
    by_class: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def difference(self) -> Figures:
        """Ours less the paper's, for the measures that the paper gives and ours has."""
        ours = self.ours or {}
        return {name: ours[name] - value for name, value in self.experiment.published.items() if name in ours}

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        row: dict[str, Any] = {
            "experiment": self.experiment.name,
            "table": self.experiment.table,
            "row": self.experiment.row,
            "dataset": self.experiment.dataset,
            "recipe": self.experiment.run,
            "points": self.experiment.points,
            "paper": dict(self.experiment.published),
        }
        if self.ours is not None:
            row |= {"ours": self.ours, "difference": self.difference(), "by_class": dict(self.by_class)}
        return row | {key: list(said) for key in ("missing", "notes") if (said := getattr(self, key))}


@dataclass(frozen=True)
class Benchmark:
    """What is there to fill the rows with.

    Attributes:
        data: Test splits by the keys of ``published.DATASETS``.
        weights: Files by the recipe that trained them.
        runs: A folder of run folders named by their recipes, for recipes without a file.
    """

    data: Mapping[str, HeldOutData]
    weights: Mapping[str, Path]
    runs: Path | None = None

    def row(self, experiment: Experiment, results: Results, *, resolution: str) -> BenchmarkRow:
        """Fills one row, scoring the weights if they were not scored on this data before.

        Args:
            experiment: The row.
            results: Where scores come from.
            resolution: At which masks are compared.

        Raises:
            EngineError: Weights that are there can't be used.
            RisorsError: An image can't be read.
        """
        data, file = self.data.get(experiment.dataset), self._weights_file(experiment.run)
        if data is None or file is None:
            return BenchmarkRow(experiment, missing=tuple(self._missing(experiment)))
        num_points = max(other.points for other in EXPERIMENTS if other.run == experiment.run)
        weights = locate_weights(file)
        scores = results.of(weights, data, num_points=num_points)
        score = scores[resolution][str(experiment.points)]
        return BenchmarkRow(
            experiment,
            ours={name: 100 * score[name] for name in MEASURES},
            by_class=_by_class(experiment.dataset, score.get("by_class", {})),
            notes=tuple(_notes(experiment, weights, data)),
        )

    def _weights_file(self, run: str) -> Path | None:
        if run in self.weights:
            return self.weights[run]
        exported = None if self.runs is None else self.runs / run / _EXPORTED
        return exported if exported is not None and exported.is_file() else None

    def _missing(self, experiment: Experiment) -> Iterator[str]:
        name, run = experiment.dataset, experiment.run
        if name not in self.data:
            yield f"the data of {DATASETS[name].title}: give --data {name}=DIR"
        if self._weights_file(run) is None:
            file = (self.runs or Path("runs")) / run / _EXPORTED
            yield f"the weights of {run}: train {file}, or give --weights {run}=FILE"


def _notes(experiment: Experiment, weights: WeightsFile, data: HeldOutData) -> Iterator[str]:
    model, trained = read_config(weights), experiment.recipe().model
    assert isinstance(trained, RsamConfig)  # the paper's rows are
    if _architecture(model) != _architecture(trained):
        yield f"{weights.path} holds a {model.name} of another shape than {experiment.run} trains"
    published = DATASETS[experiment.dataset]
    if data.num_phrases != published.num_test_phrases:
        yield (
            f"the test split given for {published.title} has {data.num_phrases} phrases, "
            f"the paper's has {published.num_test_phrases}"
        )


def _architecture(model: RsamConfig) -> RsamConfig:
    """A model's configuration without where its text encoder lies."""
    text = model.text and replace(model.text, location="", revision=None, sha256=())
    return replace(model, text=text)


def _by_class(dataset: str, scores: Mapping[str, Any]) -> dict[str, float]:
    """Our mIoU in percent by the paper's names, and their average where every class was there."""
    names = [name for name in CLASSES.get(dataset, {}) if name != "average"]
    keys = {name: name.replace(" ", "_") for name in names}
    found = {name: 100 * scores[key]["mIoU"] for name, key in keys.items() if key in scores}
    return found | ({"average": fmean(found.values())} if names and len(found) == len(names) else {})
