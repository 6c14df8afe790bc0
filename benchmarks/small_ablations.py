"""What the two modules are worth at the small size: reports of the ablations beside each other, as Markdown.

Train each recipe of `geophrase.training.recipes.small_ablations` with the same options, score each with the
same options, and put the reports beside each other:

    for name in small_baseline small_mmmd small_twgm small_both small_early_fusion; do
        geophrase-train fit --recipe $name --data nwpu dubai --init trunk.pt --run runs/$name
        geophrase-train evaluate --weights runs/$name/best.safetensors --data nwpu --json > $name.json
    done
    python benchmarks/small_ablations.py small_*.json

Reports on different data, phrases, splits or input sides come in tables of their own. The column after the
mIoU is how far it lies above the first row's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geophrase.training.data.typed_phrases import OWN
from geophrase.training.recipes.catalog import SMALL_ABLATIONS

_ORDER = [recipe.__name__ for recipe in SMALL_ABLATIONS]
_FIGURES = ("oIoU", "P@0.5")

Report = Mapping[str, Any]


def tables(reports: Sequence[Report]) -> str:
    """Returns a table for each group of reports that can be compared, its rows in the order of the recipes.

    Args:
        reports: What ``geophrase-train evaluate --json`` printed, one for each model and data set.
    """
    groups: dict[str, list[Report]] = {}
    for report in reports:
        groups.setdefault(_subject(report), []).append(report)
    return "\n\n".join("\n".join([f"{title}\n", *_table(group)]) for title, group in groups.items())


def _subject(report: Report) -> str:
    names = ", ".join(Path(root).name for root in report["data"])
    phrases = "" if report["phrases_of"] == OWN else f", phrases of {report['phrases_of']}"
    images = f"{report['images']} images of the {report['split']} split"
    return f"{names}: {images}, input {report['size_px']} px{phrases}"


def _table(reports: Sequence[Report]) -> Iterator[str]:
    known = [report for name in _ORDER for report in reports if report["model"] == name]
    rows = [*known, *(report for report in reports if report["model"] not in _ORDER)]
    kinds = list(dict.fromkeys(kind for report in rows for kind in report["right"]["by_kind"]))
    titles = ["model", "own parameters", "mIoU", "", *_FIGURES, *kinds, "shuffled", "false alarms", "AUC"]
    yield _line(titles)
    yield _line(["---", *("---:" for _ in titles[1:])])
    for report in rows:
        yield _line(_cells(report, kinds, first=rows[0]))


def _cells(report: Report, kinds: Sequence[str], *, first: Report) -> list[str]:
    right = report["right"]
    by_kind = (right["by_kind"].get(kind, {}).get("mIoU") for kind in kinds)
    shuffled = report.get("shuffled", {}).get("mIoU")
    above = "" if report is first else f"{right['mIoU'] - first['right']['mIoU']:+.3f}"
    figures = [right[name] for name in _FIGURES]
    of_absent = right["absent"]["false_alarm_rate"], right["objectness_auc"]
    return [
        report["model"],
        f"{report['parameters'] / 1e6:.2f} M",
        _number(right["mIoU"]),
        above,
        *map(_number, [*figures, *by_kind, shuffled, *of_absent]),
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reports", type=Path, nargs="+", metavar="FILE", help="reports as JSON")
    arguments = parser.parse_args(argv)
    print(tables([json.loads(path.read_text(encoding="utf-8")) for path in arguments.reports]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
