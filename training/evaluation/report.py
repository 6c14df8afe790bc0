"""A report as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from geophrase.training.evaluation.metrics import PRECISION_THRESHOLDS

_COLUMNS = ("oIoU", "mIoU", *(f"P@{threshold}" for threshold in PRECISION_THRESHOLDS))
_TITLE_WIDTH = 30

CLICK_TITLES = {
    "phrase": "after the phrase",
    "clicks": "the same masks, clicks alone",
    "objects": "single objects, clicks alone",
}
"""What the parts of ``clicks_to`` are called in front of people."""
_SHOWN_CLICKS = (0, 1, 2, 3, 5, 10, 20)


def as_table(report: Mapping[str, Any]) -> str:
    """Returns the whole report as tables, part by part; what was not measured is left out."""
    parts = [_heading(report)]
    if "right" in report:
        parts += [_scores(report), _groups(report["right"]), _absent(report["right"])]
    if "points" in report:
        parts.append(_points(report))
    if "clicks_to" in report:
        parts.append(_clicks(report["clicks_to"]))
    if "calibration" in report:
        parts.append(_calibration(report["calibration"]))
    if "latency" in report:
        parts.append(_latency(report["latency"]))
    return "\n\n".join(parts)


def _heading(report: Mapping[str, Any]) -> str:
    return (
        f"{report['model']} ({report['weights']}) on {report['images']} images, {report['split']} split, "
        f"input {report['size_px']} px, masks compared at {report['resolution']} resolution"
    )


def _scores(report: Mapping[str, Any]) -> str:
    rows = [_header("phrases"), _row("right phrases", report["right"])]
    if "shuffled" in report:
        rows.append(_row("phrases of other classes", report["shuffled"]))
    rows += [
        _row(f"right phrases at {_at(resolution)}", scores["right"])
        for resolution, scores in report.get("at", {}).items()
    ]
    return "\n".join(rows)


def _groups(right: Mapping[str, Any]) -> str:
    lines = []
    for title, key in (("by kind", "by_kind"), ("class phrases by class", "by_class")):
        lines += [title] + [_row(f"  {name}", scores) for name, scores in right[key].items()]
    return "\n".join(lines)


def _absent(right: Mapping[str, Any]) -> str:
    absent = right["absent"]
    return (
        f"absent phrases: {absent['phrases']}, false alarms {_number(absent['false_alarm_rate'])}, "
        f"objectness AUC {_number(right['objectness_auc'])}"
    )


def _points(report: Mapping[str, Any]) -> str:
    lines = [_header("phrases", "points after the phrase")]
    places = {"": report, **{f" at {_at(name)}": part for name, part in report.get("at", {}).items()}}
    for place, part in places.items():
        for title, key in (
            ("random error pixel", "points"),
            ("centre of the largest error", "points_central"),
        ):
            lines.append(f"{title}{place}")
            lines += [_row(f"  {number}", scores) for number, scores in part[key].items()]
    return "\n".join(lines)


def _clicks(clicks_to: Mapping[str, Mapping[str, Any]]) -> str:
    first = next(iter(clicks_to.values()))
    ious = [name.removeprefix("NoC@") for name in first if name.startswith("NoC@")]
    most = first["max_clicks"]
    shown = [*(number for number in _SHOWN_CLICKS if number < most), most]
    titles = [f"{kind}@{iou}" for iou in ious for kind in ("NoC", "fail")]
    lines = [
        f"clicks on the centre of the largest error, {most} at most; mean IoU after as many",
        f"{'':{_TITLE_WIDTH}}{'masks':>8}{_cells(titles)}{_cells([f'IoU {number}' for number in shown])}",
    ]
    for name, part in clicks_to.items():
        cells = []
        for iou in ious:
            noc = part[f"NoC@{iou}"]
            cells += ["–" if noc is None else f"{noc:.2f}", str(part[f"failures@{iou}"])]
        cells += [_number(part["mIoU_after"][number]) for number in shown]
        lines.append(f"{CLICK_TITLES[name]:{_TITLE_WIDTH}}{part['targets']:>8}{_cells(cells)}")
    return "\n".join(lines)


def _calibration(calibration: Mapping[str, Any]) -> str:
    objectness, iou = calibration["objectness"], calibration["iou"]
    lines = [
        f"objectness of {objectness['present']} present and {objectness['absent']} absent phrases: "
        f"ECE {_number(objectness['ece'])}, Brier {_number(objectness['brier'])}, "
        f"AUC {_number(objectness['auc'])}"
    ]
    lines += [
        f"  false alarms {rate}: logit above {_number(point['threshold_logit'])} "
        f"(probability {_number(point['threshold_probability'])}) finds {_number(point['found'])}"
        for rate, point in objectness["at_false_alarm_rate"].items()
    ]
    lines.append(
        f"predicted IoU of {iou['masks']} masks: ECE {_number(iou['ece'])}, mean error "
        f"{_number(iou['mean_absolute_error'])}, bias {_number(iou['bias'])}, "
        f"correlation {_number(iou['correlation'])}"
    )
    return "\n".join(lines)


def _latency(latency: Mapping[str, Any]) -> str:
    title = f"{latency['device']}, {latency['threads']} threads, {latency['images']} images"
    lines = [f"{title}\n{'':{_TITLE_WIDTH}}{'p50 ms':>10}{'p95 ms':>10}"]
    for name, times in latency.items():
        if name.endswith("_ms"):
            words = name.removesuffix("_ms").replace("_", " ")
            lines.append(f"{words:{_TITLE_WIDTH}}{times['p50']:>10.1f}{times['p95']:>10.1f}")
    return "\n".join(lines)


def _at(resolution: str) -> str:
    return resolution if not resolution.isdecimal() else f"{resolution}x{resolution}"


def _header(count: str, title: str = "") -> str:
    return f"{title:{_TITLE_WIDTH}}{count:>8}{_cells(_COLUMNS)}"


def _row(title: str, scores: Mapping[str, Any]) -> str:
    return (
        f"{title:{_TITLE_WIDTH}}{scores['phrases']:>8}{_cells([_number(scores[name]) for name in _COLUMNS])}"
    )


def _cells(texts: Sequence[str]) -> str:
    return "".join(f"{text:>8}" for text in texts)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
