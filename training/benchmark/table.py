"""The paper's tables with our figures under its own, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from geophrase.training.benchmark.experiments import Experiment
from geophrase.training.benchmark.published import CLASSES, DATASETS, MEASURES, METHODS, OURS, Figures
from geophrase.training.benchmark.rows import BenchmarkRow
from geophrase.training.recipes.paper import NUM_GPUS

_TITLE_WIDTH = 32
_TITLES = {
    5: "Comparison on RefSegRS",
    6: "Comparison on RRSIS-D",
    8: "Comparison on RISORS",
    11: "Ablations on RISORS",
    12: "Frozen encoders on RISORS (*: text, **: text and image)",
    13: "Sizes of the image encoder",
    14: "Points after the phrase on RISORS",
}
_COMPARISONS = (5, 6, 8)
_TABLES_OF_CLASSES = {6: 7, 8: 9}


def as_tables(rows: Sequence[BenchmarkRow], *, resolution: str) -> str:
    """Returns paper, ours and difference of every row in percent, and what is missing.

    Args:
        rows: In the order of the tables.
        resolution: At which our masks were compared.
    """
    parts = [f"In percent; our masks are compared at {resolution} resolution, on the test splits."]
    for table, group in groupby(rows, key=lambda row: row.experiment.table):
        of_table = list(group)
        parts.append("\n".join(_table(table, of_table)))
        if table in _TABLES_OF_CLASSES:
            parts += ["\n".join(_classes(row)) for row in of_table if row.by_class]
    parts += _told("Missing (--list prints what trains them):", [row.missing for row in rows])
    parts += _told("Not comparable:", [row.notes for row in rows])
    return "\n\n".join(parts)


def _told(title: str, sentences_of_rows: Sequence[Sequence[str]]) -> list[str]:
    """A paragraph with each sentence once, or none without sentences."""
    sentences = dict.fromkeys(sentence for sentences in sentences_of_rows for sentence in sentences)
    return ["\n".join([title, *(f"  {sentence}" for sentence in sentences)])] if sentences else []


def _table(table: int, rows: Sequence[BenchmarkRow]) -> Iterator[str]:
    yield f"Table {table}: {_TITLES[table]}"
    yield _line("", dict(zip(MEASURES, MEASURES, strict=True)))
    if table in _COMPARISONS:
        for method, figures in METHODS[rows[0].experiment.dataset].items():
            if method != OURS:
                yield _figures(method, figures)
    for row in rows:
        yield _figures(f"{row.experiment.row}, paper", row.experiment.published)
        if row.ours is None:
            yield _line("  ours", {MEASURES[0]: "missing"})
        else:
            yield _figures("  ours", row.ours)
            yield _figures("  difference", row.difference(), is_signed=True)


def _classes(row: BenchmarkRow) -> Iterator[str]:
    """Tables 7 and 9: mIoU of each class, smallest objects first."""
    dataset = row.experiment.dataset
    title = DATASETS[dataset].title
    yield f"Table {_TABLES_OF_CLASSES[row.experiment.table]}: mIoU by class on {title}"
    columns = ("RMSIN", "FIANet", "paper", "ours", "difference")
    yield f"{'':{_TITLE_WIDTH}}" + "".join(f"{column:>12}" for column in columns)
    for name, published in CLASSES[dataset].items():
        ours = row.by_class.get(name)
        cells = [f"{value:.2f}" for value in published.values()]
        cells += ["–", "–"] if ours is None else [f"{ours:.2f}", f"{ours - published[OURS]:+.2f}"]
        yield f"{name:{_TITLE_WIDTH}}" + "".join(f"{cell:>12}" for cell in cells)


def _figures(title: str, figures: Figures, *, is_signed: bool = False) -> str:
    sign = "+" if is_signed else ""
    return _line(title, {name: f"{value:{sign}.2f}" for name, value in figures.items()})


def _line(title: str, cells: Mapping[str, str]) -> str:
    line = f"{title:{_TITLE_WIDTH}}" + "".join(f"{cells.get(name, ''):>9}" for name in MEASURES)
    return line.rstrip()


def as_list(experiments: Sequence[Experiment]) -> str:
    """Returns every experiment with the paper's figures, then the command that trains each model."""
    lines = [_line("", dict(zip(MEASURES, MEASURES, strict=True)))]
    lines += [_figures(experiment.name, experiment.published) for experiment in experiments]
    commands = dict.fromkeys(experiment.training_command() for experiment in experiments)
    hint = (
        f"The paper's updates take the batches of {NUM_GPUS} GPUs: on fewer, add "
        "--set optimizer.accumulated_batches=N so that GPUs times N stays the same."
    )
    return "\n".join([*lines, "", "Trained by:", *commands, "", hint])
