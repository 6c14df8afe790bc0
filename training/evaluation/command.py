"""`geophrase-train evaluate`: how well a model finds what is asked for, as tables or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from geophrase.engine.device import DeviceChoice, select_device
from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.load import locate_weights
from geophrase.protocol.errors import ErrorCode
from geophrase.training.baselines.models import Model, load_model, num_own_parameters
from geophrase.training.data.risors import RisorsImage
from geophrase.training.data.typed_phrases import OWN, ask_instead
from geophrase.training.evaluation.evaluation import EvaluationConfig, evaluate
from geophrase.training.evaluation.latency import device_name, measure_latency
from geophrase.training.evaluation.measure import images_to_score
from geophrase.training.evaluation.plots import write_plots
from geophrase.training.evaluation.report import as_table
from geophrase.training.evaluation.resolution import Resolution
from geophrase.training.evaluation.segmenter import RsamSegmenter
from geophrase.training.fit.texts import TextCache

_CLICK_MODEL_IOUS = (85, 90)
_INPUT_MULTIPLE_PX = 32


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train evaluate``."""
    parser.add_argument("--model", default="rsam_small", help="a model's name (default: rsam_small)")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="a weights file to use instead of the named model's"
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="RISORS folders")
    parser.add_argument("--split", default="test", help="split to score (default: test)")
    parser.add_argument(
        "--phrases",
        default=OWN,
        metavar="WHICH",
        help="own: the folder's; typed, typed-by-others: what people typed at these images; or such a file "
        "(default: own)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="score N images, spread over the split")
    parser.add_argument("--size-px", type=int, metavar="PX", help="input side (default: the preset's)")
    parser.add_argument(
        "--at",
        nargs="+",
        type=_resolution,
        default=[Resolution(), Resolution(480)],
        metavar="PX",
        help="where masks are compared: native, or a side in pixels (default: native 480)",
    )
    parser.add_argument(
        "--points", type=int, default=0, metavar="N", help="add up to N simulated points after each phrase"
    )
    parser.add_argument(
        "--clicks-to",
        type=int,
        nargs="+",
        default=[],
        metavar="IOU",
        help="count the clicks to these IoUs in percent (default: 85 90 for a model without text)",
    )
    parser.add_argument("--max-clicks", type=int, default=20, metavar="N", help="at most (default: 20)")
    parser.add_argument(
        "--false-alarms",
        type=float,
        nargs="+",
        default=[0.05, 0.1],
        metavar="RATE",
        help="give the objectness thresholds for these rates (default: 0.05 0.1)",
    )
    parser.add_argument("--latency", action="store_true", help="time encoding, queries and clicks")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw reliability and clicks as PNG")
    parser.add_argument(
        "--shuffled",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also ask phrases of other classes about the same masks",
    )
    parser.add_argument("--seed", type=int, default=0, help="of other phrases and random points")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_evaluate(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train evaluate``; prints tables or JSON.

    Raises:
        EngineError: With a sentence for the user.
        RisorsError: A data folder is not in the RISORS format, its split is empty, or an image cannot be
            read.
        OSError: The pictures cannot be written; the report is printed then.
    """
    if args.threads:
        torch.set_num_threads(args.threads)
    images = ask_instead(images_to_score(args.data, args.split), args.phrases)
    report = _evaluate(args, _spread(images, args.limit))
    print(json.dumps(report, indent=1) if args.json else as_table(report), flush=True)
    if args.plots is not None:
        for path in write_plots(report, args.plots):
            print(f"wrote {path}", file=sys.stderr)
    return 0


def _evaluate(args: argparse.Namespace, images: list[RisorsImage]) -> dict[str, Any]:
    choice = select_device(args.device)
    print(choice.reason, file=sys.stderr)
    weights = locate_weights(args.weights or args.model)
    rsam = load_model(weights)
    _refuse_clicks_in_vain(args, rsam)
    rsam.to(choice.device).eval()
    config = _config(args, has_text=rsam.config.has_text)
    texts = TextCache(rsam)
    segmenter = _segmenter(args, rsam, choice, texts)
    report: dict[str, Any] = {
        "model": rsam.config.name,
        "weights": weights.short_hash,
        "parameters": num_own_parameters(rsam),
        "data": [str(root) for root in args.data],
        "split": args.split,
        "phrases_of": args.phrases,
        "size_px": args.size_px or rsam.config.image_px,
        "resolution": str(config.resolutions[0]),
        "images": len(images),
        "device": device_name(choice.device),
        **evaluate(segmenter, images, config, is_quiet=False),
    }
    if args.latency:
        report["latency"] = measure_latency(segmenter, images, device=choice.device, forget_texts=texts.clear)
    return report


def _refuse_clicks_in_vain(args: argparse.Namespace, model: Model) -> None:
    if not isinstance(model, Rsam) and (args.points or args.clicks_to or args.latency):
        message = f"{model.config.name} takes text alone: leave --points, --clicks-to and --latency out."
        raise EngineError(ErrorCode.BAD_REQUEST, message)


def _segmenter(
    args: argparse.Namespace, rsam: Model, choice: DeviceChoice, texts: TextCache
) -> RsamSegmenter:
    size_px = args.size_px or rsam.config.image_px
    if size_px <= 0 or size_px % _INPUT_MULTIPLE_PX:
        message = f"--size-px is a multiple of {_INPUT_MULTIPLE_PX}, not {size_px}."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    return RsamSegmenter(rsam, image_px=size_px, is_bfloat16=choice.dtype is torch.bfloat16, texts=texts)


def _config(args: argparse.Namespace, *, has_text: bool) -> EvaluationConfig:
    if args.points and not has_text:
        message = "This model takes no text, and --points come after a phrase: use --clicks-to."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    try:
        return EvaluationConfig(
            resolutions=tuple(dict.fromkeys(args.at)),
            is_shuffled=args.shuffled,
            num_points=args.points,
            clicks_to=tuple(args.clicks_to or (() if has_text else _CLICK_MODEL_IOUS)),
            max_clicks=args.max_clicks,
            false_alarm_rates=tuple(args.false_alarms),
            seed=args.seed,
        )
    except ValueError as error:
        raise EngineError(ErrorCode.BAD_REQUEST, str(error)) from error


def _spread(images: list[RisorsImage], limit: int | None) -> list[RisorsImage]:
    if limit is None:
        return images
    if limit < 1:
        raise EngineError(ErrorCode.BAD_REQUEST, "--limit is at least 1.")
    return images[:: max(1, len(images) // limit)][:limit]


def _resolution(text: str) -> Resolution:
    try:
        return Resolution.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
