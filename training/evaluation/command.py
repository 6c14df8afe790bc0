"""`geophrase-train evaluate`: prints how well right phrases are found, beside phrases of other classes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from geophrase.engine.device import select_device
from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.weights.load import locate_weights
from geophrase.protocol.errors import ErrorCode
from geophrase.training.data.dataset import EvaluationSet
from geophrase.training.data.risors import RisorsImage
from geophrase.training.evaluation.phrases import score_images, shuffled_phrases
from geophrase.training.evaluation.segmenter import RsamSegmenter

_COLUMNS = ("oIoU", "mIoU", "P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9")


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train evaluate``."""
    parser.add_argument("--model", default="rsam_small", help="a model's name (default: rsam_small)")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights of ours to use instead of the named model"
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="RISORS folders")
    parser.add_argument("--split", default="test", help="split to score (default: test)")
    parser.add_argument("--size-px", type=int, help="input side (default: the preset's)")
    parser.add_argument(
        "--shuffled",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also ask phrases of other classes about the same masks",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice of other phrases")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_evaluate(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train evaluate``; prints a table or JSON.

    Raises:
        EngineError: With a sentence for the user.
        RisorsError: A data folder is not in the RISORS format, or an image cannot be read.
    """
    if args.threads:
        torch.set_num_threads(args.threads)
    images = [record for root in args.data for record in EvaluationSet(root, args.split).records]
    report = evaluate(args, images)
    print(json.dumps(report, indent=1) if args.json else as_table(report))
    return 0


def evaluate(args: argparse.Namespace, images: list[RisorsImage]) -> dict[str, Any]:
    """Returns the report: what was scored and how, ``right`` phrases and ``shuffled`` ones.

    Raises:
        EngineError: The weights are missing or do not fit.
    """
    choice = select_device(args.device)
    print(choice.reason, file=sys.stderr)
    weights = locate_weights(args.weights or args.model)
    rsam = load_model(weights)
    if not rsam.config.has_text:
        message = f"{rsam.config.name} takes no text: give a model of ours."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    rsam.to(choice.device).eval()
    size_px = args.size_px or rsam.config.image_px
    segmenter = RsamSegmenter(rsam, image_px=size_px, is_bfloat16=choice.dtype is torch.bfloat16)
    report: dict[str, Any] = {
        "model": rsam.config.name,
        "weights": weights.short_hash,
        "data": [str(root) for root in args.data],
        "split": args.split,
        "size_px": size_px,
        "images": len(images),
        "right": score_images(segmenter, images, is_quiet=False).report(),
    }
    if args.shuffled:
        replacements = shuffled_phrases(images, seed=args.seed)
        report["shuffled"] = score_images(
            segmenter, images, replacements=replacements, is_quiet=False
        ).report()
    return report


def as_table(report: Mapping[str, Any]) -> str:
    """Returns the report for people: right beside shuffled, then kinds and classes."""
    right, shuffled = report["right"], report.get("shuffled", {})
    lines = [f"{report['model']} ({report['weights']}) on {report['images']} images, {report['split']} split"]
    lines.append(f"{'':28}{'phrases':>8}" + "".join(f"{name:>8}" for name in _COLUMNS))
    lines.append(_row("right phrases", right))
    if shuffled:
        lines.append(_row("phrases of other classes", shuffled))
    for title, key in (("by kind", "by_kind"), ("class phrases by class", "by_class")):
        lines += ["", title] + [_row(f"  {name}", scores) for name, scores in right[key].items()]
    absent = right["absent"]
    lines += [
        "",
        f"absent phrases: {absent['phrases']}, false alarms {_number(absent['false_alarm_rate'])}, "
        f"objectness AUC {_number(right['objectness_auc'])}",
    ]
    return "\n".join(lines)


def _row(title: str, scores: Mapping[str, Any]) -> str:
    return f"{title:28}{scores['phrases']:>8}" + "".join(f"{_number(scores[name]):>8}" for name in _COLUMNS)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
