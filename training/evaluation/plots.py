"""Pictures of a report: reliability diagrams, and the IoU by number of clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from geophrase.engine.atomic_file import write_atomically
from geophrase.training.evaluation.report import CLICK_TITLES

_INK, _BAR, _COUNT = "#222222", "#3b6fb6", "#c9c9c9"


def write_plots(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes the pictures that a report has figures for, and returns their paths.

    Args:
        report: What :func:`geophrase.training.evaluation.evaluation.evaluate` gives.
        folder: Made where it is missing.

    Raises:
        OSError: The folder cannot be written.
    """
    paths = []
    if "calibration" in report:
        paths.append(_save(_reliability_figure(report["calibration"]), folder / "reliability.png"))
    if "clicks_to" in report:
        paths.append(_save(_clicks_figure(report["clicks_to"]), folder / "clicks.png"))
    return paths


def _reliability_figure(calibration: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    upper, lower = figure.subplots(2, 2, height_ratios=(4, 1), sharex=True)
    parts = (
        (calibration["objectness"], "objectness as a probability", "share of phrases with an object"),
        (calibration["iou"], "predicted IoU", "mean IoU"),
    )
    for column, (part, estimate, truth) in enumerate(parts):
        _draw_bins(upper[column], part["bins"])
        upper[column].set_title(f"{estimate} (ECE {_number(part['ece'])})", fontsize=10)
        upper[column].set_ylabel(truth)
        lower[column].bar(*_counts(part["bins"]), width=0.094, color=_COUNT)
        lower[column].set_xlabel(estimate)
        lower[column].set_ylabel("count")
        lower[column].yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))
    return figure


def _draw_bins(axes: Axes, bins: Sequence[Mapping[str, Any]]) -> None:
    filled = [row for row in bins if row["count"]]
    places = [(row["low"] + row["high"]) / 2 for row in filled]
    axes.bar(places, [row["mean_truth"] for row in filled], width=0.094, color=_BAR, alpha=0.6)
    axes.plot(
        [row["mean_estimate"] for row in filled], [row["mean_truth"] for row in filled], "o", color=_INK
    )
    axes.plot([0, 1], [0, 1], "--", color=_INK, linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _counts(bins: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[int]]:
    return [(row["low"] + row["high"]) / 2 for row in bins], [row["count"] for row in bins]


def _clicks_figure(clicks_to: Mapping[str, Mapping[str, Any]]) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, part in clicks_to.items():
        points = [(number, iou) for number, iou in enumerate(part["mIoU_after"]) if iou is not None]
        if points:
            axes.plot(*zip(*points, strict=True), "o-", markersize=3, label=CLICK_TITLES[name])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="clicks", ylabel="mean IoU", ylim=(0, 1))
    if axes.lines:
        axes.legend(frameon=False)
    return figure


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _save(figure: Figure, path: Path) -> Path:
    write_atomically(path, lambda part: figure.savefig(part, format="png", dpi=120))
    return path
