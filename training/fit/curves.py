"""A run's curves as one picture, for a person to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geophrase.engine.atomic_file import write_atomically
from geophrase.training.fit.run_log import read_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Rows = Sequence[Mapping[str, Any]]

_SIZE_INCHES = (13.0, 7.5)
_MARGINS = {"left": 0.05, "right": 0.99, "bottom": 0.07, "top": 0.95, "wspace": 0.16, "hspace": 0.14}
_SMOOTHED_SHARE = 0.05
_FAINT = 0.25
_LEGEND: dict[str, Any] = {"framealpha": 0.7, "edgecolor": "none"}


def plot_curves(metrics: Path, png: Path) -> None:
    """Draws losses, IoU, mIoU by kind of phrase, learning rate and gradient norm against the updates.

    Training values are faint, their running means strong. Validation values are dots.

    Args:
        metrics: The run's ``metrics.jsonl``.
        png: Picture that is written, in one step.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # a second that a run's start can do without
    from matplotlib.figure import Figure

    rows = read_rows(metrics)
    training = [row for row in rows if "loss" in row]
    validation = [row for row in rows if "validation" in row]
    figure = Figure(_SIZE_INCHES, dpi=110)
    figure.subplots_adjust(**_MARGINS)
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3, sharex=True)
    _plot_loss(axes[0, 0], training)
    _plot_terms(axes[0, 1], training)
    _plot_iou(axes[0, 2], training, validation)
    _plot_kinds(axes[1, 0], validation)
    _plot_rate(axes[1, 1], training)
    _plot_gradients(axes[1, 2], training)
    for axis in axes[1]:
        axis.set_xlabel("updates")
    for axis in axes.flat:
        axis.grid(alpha=_FAINT)
        axis.spines[["top", "right"]].set_visible(False)
    write_atomically(png, lambda part: figure.savefig(part, format="png"))


def _plot_loss(axis: Axes, training: _Rows) -> None:
    axis.set_title("loss, corrections included")
    _smoothed(axis, training, "loss")


def _plot_terms(axis: Axes, training: _Rows) -> None:
    axis.set_title("terms of the loss, before their weights")
    names = sorted({name for row in training for name in row if name.startswith("loss_")})
    for name in names:
        _smoothed(axis, training, name, label=name.removeprefix("loss_"))
    if names:
        _to_powers(axis)
        axis.legend(**_LEGEND)


def _plot_iou(axis: Axes, training: _Rows, validation: _Rows) -> None:
    axis.set_title("IoU from text alone")
    axis.set_ylim(0, 1)
    _smoothed(axis, training, "iou", label="training, mean")
    for name in ("mIoU", "oIoU"):
        _dots(axis, validation, (name,), label=f"validation, {name}")
    if training or validation:
        axis.legend(**_LEGEND)


def _plot_kinds(axis: Axes, validation: _Rows) -> None:
    axis.set_title("validation mIoU by kind of phrase")
    axis.set_ylim(0, 1)
    kinds = sorted({kind for row in validation for kind in row["validation"].get("by_kind", {})})
    for kind in kinds:
        _dots(axis, validation, ("by_kind", kind, "mIoU"), label=kind)
    _dots(axis, validation, ("absent", "false_alarm_rate"), label="false alarms", style="k--")
    if validation:
        axis.legend(**_LEGEND, ncols=2, fontsize="small")


def _plot_rate(axis: Axes, training: _Rows) -> None:
    axis.set_title("learning rate")
    axis.plot(*_points(training, "rate"))
    axis.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))


def _plot_gradients(axis: Axes, training: _Rows) -> None:
    axis.set_title("gradient norm before clipping")
    _smoothed(axis, training, "gradient_norm")
    if any(value > 0 for value in _points(training, "gradient_norm")[1]):
        _to_powers(axis)


def _to_powers(axis: Axes) -> None:
    """A logarithmic axis with plain numbers, even where it spans less than a power of ten."""
    from matplotlib.ticker import LogFormatter

    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))


def _smoothed(axis: Axes, rows: _Rows, name: str, *, label: str | None = None) -> None:
    steps, values = _points(rows, name)
    (line,) = axis.plot(steps, values, alpha=_FAINT, linewidth=1)
    axis.plot(steps, _running_means(values), color=line.get_color(), label=label)


def _running_means(values: Sequence[float]) -> list[float]:
    """Each value with those before it, the weights halving over a share of the curve."""
    half_life = max(1.0, _SMOOTHED_SHARE * len(values))
    keep = 0.5 ** (1 / half_life)
    means, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        means.append(total / weight)
    return means


def _dots(axis: Axes, rows: _Rows, path: Sequence[str], *, label: str, style: str = "o-") -> None:
    points = [(row["step"], _inner(row["validation"], path)) for row in rows]
    known = [(step, value) for step, value in points if value is not None]
    if known:
        axis.plot(*zip(*known, strict=True), style, markersize=4, label=label)


def _inner(report: Any, path: Sequence[str]) -> float | None:
    """A number inside nested reports, None where a round has not counted it."""
    for name in path:
        report = report.get(name) if isinstance(report, Mapping) else None
    return report if isinstance(report, int | float) else None


def _points(rows: _Rows, name: str) -> tuple[list[int], list[float]]:
    known = [(row["step"], row[name]) for row in rows if math.isfinite(row.get(name, math.nan))]
    return [step for step, _ in known], [value for _, value in known]
