"""Statistics as pictures: the paper's Figures 2 to 5.

Drawn with matplotlib's objects on Agg, so that neither a display nor global state is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from geophrase.engine.atomic_file import write_atomically
from geophrase.training.annotation.statistics import FolderStatistics

_INK = "#22272e"
_QUIET = "#6b7480"
_FILL = "#2f6f9f"
_ACCENT = "#d9822b"
_DPI = 150
_MAX_CLASSES = 40
_MAX_BARS = 24
_ROW_INCHES = 0.27
_FOOT_INCHES = 0.16
_RIDGE_BINS_PER_DECADE = 40
_RIDGE_BANDWIDTH_DECADES = 0.07


def write_plots(found: FolderStatistics, folder: Path) -> list[Path]:
    """Draws the figures that the folder has numbers for; the paths written.

    Raises:
        OSError: The folder can't be written.
    """
    if not found.num_instances:
        return []
    title = f"{found.folder.resolve().name}: {found.num_instances:,} instances in {found.num_images:,} images"
    figures: dict[str, Callable[[FolderStatistics], Figure]] = {
        "instances_per_image": _instances_per_image,
        "instances_per_category": _instances_per_category,
        "areas": _areas,
        "areas_per_category": _areas_per_category,
    }
    paths = []
    for name, draw in figures.items():
        figure = draw(found)
        figure.text(0.99, 0.01, title, ha="right", va="bottom", fontsize=7, color=_QUIET)
        path = folder / f"{name}.png"
        write_atomically(path, partial(figure.savefig, format="png", dpi=_DPI))
        paths.append(path)
    return paths


def _instances_per_image(found: FolderStatistics) -> Figure:
    """Figure 2: how many images have one instance, two, and so on; of many numbers some share a bar."""
    first, last = min(found.per_image), max(found.per_image)
    step = (last - first) // _MAX_BARS + 1
    starts = range(first, last + 1, step)
    heights = [sum(found.per_image[number] for number in range(start, start + step)) for start in starts]
    figure, axes = _figure(7.2, 4.0, x="instances in an image", y="images")
    drawn = axes.bar(range(len(starts)), heights, width=0.82, color=_FILL)
    axes.bar_label(drawn, labels=[f"{height:,}" for height in heights], fontsize=7, color=_QUIET, padding=2)
    labels = [f"{start}" if step == 1 else f"{start}–{start + step - 1}" for start in starts]
    axes.set_xticks(range(len(starts)), labels, rotation=0 if step == 1 else 45)
    _count_on(axes.yaxis)
    return figure


def _instances_per_category(found: FolderStatistics) -> Figure:
    """Figure 3: instances of each class, the most frequent on top."""
    names = found.classes()[:_MAX_CLASSES]
    heights = [len(found.areas[name]) for name in names]
    figure, axes = _figure(7.2, 1.1 + _ROW_INCHES * len(names), x="instances", grid="x")
    drawn = axes.barh(range(len(names)), heights, height=0.78, color=_FILL)
    axes.bar_label(drawn, labels=[f"{height:,}" for height in heights], fontsize=7, color=_QUIET, padding=3)
    _name_rows(axes, names, len(found.areas))
    axes.margins(x=0.08)
    _count_on(axes.xaxis)
    return figure


def _areas(found: FolderStatistics) -> Figure:
    """Figure 4: areas of all instances on a logarithmic axis, with their mean and median."""
    areas = found.all_areas()
    figure, axes = _figure(7.2, 4.0, x="area of an instance in pixels", y="instances")
    edges = np.geomspace(areas.min(), areas.max() + 1, 49)  # the ends exactly: the smallest is counted
    axes.hist(areas, bins=edges.tolist(), color=_FILL, edgecolor="white", linewidth=0.3)
    axes.set_xscale("log")
    for value, label, style in ((areas.mean(), "mean", "-"), (np.median(areas), "median", "--")):
        axes.axvline(value, color=_ACCENT, linestyle=style, linewidth=1.4, label=f"{label} {value:,.0f} px")
    axes.legend(frameon=False, fontsize=8, labelcolor=_INK)
    _count_on(axes.yaxis)
    return figure


def _areas_per_category(found: FolderStatistics) -> Figure:
    """Figure 5: the areas of each class as violins on a logarithmic axis, the largest median on top."""
    names = found.classes()[:_MAX_CLASSES]
    names.sort(key=lambda name: -float(np.median(found.areas_of(name))))
    figure, axes = _figure(
        7.2, 1.1 + 1.25 * _ROW_INCHES * len(names), x="area of an instance in pixels", grid="x"
    )
    everything = found.all_areas()
    margin = 3 * _RIDGE_BANDWIDTH_DECADES
    low, high = np.log10(everything.min()) - margin, np.log10(everything.max()) + margin
    decades = np.linspace(low, high, max(50, round((high - low) * _RIDGE_BINS_PER_DECADE)))
    for row, name in enumerate(names):
        areas = found.areas_of(name)
        width = 0.42 * _density(np.log10(areas), decades)
        axes.fill_between(10**decades, row - width, row + width, color=_FILL, alpha=0.75, linewidth=0)
        quarter, median, three = np.percentile(areas, (25, 50, 75))
        axes.hlines(row, quarter, three, color=_INK, linewidth=1.6)
        axes.plot(median, row, "o", markersize=3.6, color="white", markeredgecolor=_INK, markeredgewidth=0.9)
    axes.set_xscale("log")
    axes.set_xlim(10**low, 10**high)
    _name_rows(axes, [f"{name}  ({len(found.areas[name]):,})" for name in names], len(found.areas))
    return figure


def _density(values: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Gaussian kernel density on a grid, its peak 1; counted into bins first, so any number is cheap."""
    step = grid[1] - grid[0]
    counts, _ = np.histogram(values, bins=np.append(grid - step / 2, grid[-1] + step / 2))
    reach = int(np.ceil(4 * _RIDGE_BANDWIDTH_DECADES / step))
    offsets = np.arange(-reach, reach + 1) * step
    smooth = np.convolve(counts, np.exp(-0.5 * (offsets / _RIDGE_BANDWIDTH_DECADES) ** 2), mode="same")
    return np.asarray(smooth[: len(grid)] / smooth.max(), np.float64)


def _name_rows(axes: Axes, names: list[str], num_classes: int) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    if num_classes > len(names):
        axes.set_ylabel(f"the {len(names)} most frequent of {num_classes} classes", color=_QUIET, fontsize=8)


def _figure(
    width_inches: float, height_inches: float, *, x: str, y: str = "", grid: Literal["x", "y"] = "y"
) -> tuple[Figure, Axes]:
    below = _FOOT_INCHES / height_inches
    layout = ConstrainedLayoutEngine(rect=(0, below, 1, 1 - below))
    figure = Figure(figsize=(width_inches, height_inches), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for side in ("top", "right", "left" if grid == "y" else "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(axis=grid, color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=8)
    axes.set_xlabel(x, color=_INK, fontsize=9)
    axes.set_ylabel(y, color=_INK, fontsize=9)
    return figure, axes


def _count_on(axis: Axis) -> None:
    """Whole numbers only: an axis of small counts would get ticks at halves, which round to wrong labels."""
    axis.set_major_locator(MaxNLocator(integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.0f}"))
