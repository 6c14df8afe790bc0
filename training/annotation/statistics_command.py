"""`geophrase-train statistics`: what data folders hold, as tables, JSON and plots."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from geophrase.training.annotation.statistics import FolderStatistics, gather
from geophrase.training.annotation.statistics_plots import write_plots

_SPLIT_TITLES = {"train": "Training", "val": "Validation", "test": "Test"}


def add_statistics_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folders, `--plots` and `--json`."""
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="RISORS folders")
    parser.add_argument(
        "--plots",
        type=Path,
        metavar="DIR",
        help="also draw instances per image and category, and areas (one subfolder for each of several DIRs)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_statistics(args: argparse.Namespace) -> int:
    """Counts, prints and draws; the exit code.

    Raises:
        RisorsError: A folder is not in the RISORS format.
        CancelledError: Ctrl-C.
    """
    gathered = [gather(folder) for folder in args.folders]
    if args.json:
        print(json.dumps({"folders": [found.report() for found in gathered]}, indent=1))
    else:
        print("\n\n".join(as_table(found) for found in gathered))
        if len(gathered) > 1:
            print(f"\n{as_comparison(gathered)}")
    if args.plots is not None:
        for number, found in enumerate(gathered, start=1):
            name = found.folder.resolve().name
            is_taken = any(other.folder.resolve().name == name for other in gathered[: number - 1])
            own = args.plots / (f"{name}_{number}" if is_taken else name)
            for path in write_plots(found, own if len(gathered) > 1 else args.plots):
                print(path, file=sys.stderr)
    return 0


def as_table(found: FolderStatistics) -> str:
    """The paper's Table 2 for a folder, and what its text tells."""
    report = found.report()
    lines = [str(found.folder), f"{'set':<12}{'images':>10}{'instances':>11}{'absent':>9}{'objects':>10}"]
    for split, counts in found.splits.items():
        lines.append(
            f"{_SPLIT_TITLES[split]:<12}{counts.images:>10,}{counts.instances:>11,}{counts.absent:>9,}"
            f"{counts.objects:>10,}"
        )
    absent, objects = (
        sum(getattr(each, name) for each in found.splits.values()) for name in ("absent", "objects")
    )
    lines.append(f"{'Total':<12}{found.num_images:>10,}{found.num_instances:>11,}{absent:>9,}{objects:>10,}")
    words, areas, points = report["words"], report["areas_px"], report["mean_points"]
    lines += ["", f"words in a phrase   {_of(words, 2)}", f"area in pixels      {_of(areas, 0)}"]
    lines += [f"guiding points      {'–' if points is None else f'{points:.2f}'} on average"]
    lines += [f"image sizes         {_sizes(found)}", f"classes             {len(found.areas)}"]
    width = max((len(name) for name in found.areas), default=0)
    for name in found.classes():
        row = report["classes"][name]
        lines.append(f"  {name:<{width}}{row['instances']:>8,}   area {_of(row['areas_px'], 0)}")
    return "\n".join(lines)


def as_comparison(gathered: Sequence[FolderStatistics]) -> str:
    """The paper's Table 3: folders beside each other."""
    lines = [f"{'dataset':<24}{'images':>10}{'instances':>11}{'ave. words':>12}   image size"]
    for found in gathered:
        words = found.report()["words"]["mean"]
        mean = "–" if words is None else f"{words:.2f}"
        name = found.folder.resolve().name
        lines.append(
            f"{name:<24}{found.num_images:>10,}{found.num_instances:>11,}{mean:>12}   {_sizes(found)}"
        )
    return "\n".join(lines)


def _of(spread: dict[str, float | None], digits: int) -> str:
    if spread["mean"] is None:
        return "–"
    return f"{spread['min']:,} to {spread['max']:,}, mean {spread['mean']:,.{digits}f}"


def _sizes(found: FolderStatistics) -> str:
    """The most frequent size, with a star where there are others, as in the paper."""
    (width_px, height_px), _ = found.sizes.most_common(1)[0]
    return f"{width_px} × {height_px}{' *' if len(found.sizes) > 1 else ''}"
