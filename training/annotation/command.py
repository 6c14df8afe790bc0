"""`geophrase-train annotate`: boxes become masks that a person accepted, as RISORS was made."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

from geophrase.engine.errors import EngineError
from geophrase.training.annotation.candidates import MaskModel
from geophrase.training.annotation.decide import decide, read_table
from geophrase.training.annotation.encodings import EncodingStore
from geophrase.training.annotation.finish import SIZE_PX, FinishConfig, FinishReport, finish
from geophrase.training.annotation.journal import Journal
from geophrase.training.annotation.project import AnnotationError, Project
from geophrase.training.annotation.propose import propose
from geophrase.training.annotation.review_server import ReviewServer
from geophrase.training.annotation.session import AnnotationSession
from geophrase.training.data.risors import SPLITS

DEFAULT_MODEL = "sam2.1_hiera_large"
"""Source: paper, Section 3.1.1."""

_GIB = 2**30


def add_annotate_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds propose, review, decide and finish."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    _add_propose(steps.add_parser("propose", help="three masks for every box"))
    review = steps.add_parser("review", help="accept, correct or drop them on a local web page")
    _add_project(review)
    _add_model(review)
    review.add_argument("--port", type=int, default=0, help="port of the page (default: any free one)")
    review.add_argument("--no-browser", action="store_true", help="print the address only")
    decide_step = steps.add_parser("decide", help="take decisions from a CSV file")
    _add_project(decide_step)
    _add_model(decide_step)
    decide_step.add_argument("--decisions", type=Path, required=True, metavar="FILE.csv")
    _add_finish(steps.add_parser("finish", help="write what was accepted as a RISORS folder"))


def _add_propose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--boxes", type=Path, required=True, metavar="FILE", help="boxes file, or a folder that holds one"
    )
    parser.add_argument(
        "--to", dest="project", type=Path, required=True, metavar="PROJECT", help="the project's folder"
    )
    _add_model(parser, default=DEFAULT_MODEL)
    parser.add_argument("--no-sheets", action="store_true", help="draw no review sheets")


def _add_finish(parser: argparse.ArgumentParser) -> None:
    _add_project(parser)
    parser.add_argument(
        "--to", dest="to_dir", type=Path, required=True, metavar="DIR", help="the RISORS folder"
    )
    parser.add_argument(
        "--size-px", type=int, default=SIZE_PX, metavar="N", help="side of the images (default: %(default)s)"
    )
    parser.add_argument(
        "--val-fraction", type=float, metavar="P", help="share of images (default: the boxes' own splits)"
    )
    parser.add_argument("--test-fraction", type=float, metavar="P", help="share of images")
    parser.add_argument(
        "--keep-every-phrase",
        action="store_true",
        help='keep phrases such as "the largest ship" where their image has to be cut',
    )


def _add_project(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", type=Path, required=True, metavar="PROJECT")


def _add_model(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    parser.add_argument(
        "--model",
        default=default,
        metavar="M",
        help=f"SAM 2.1 model or weights file (default: {default or 'the project’s'})",
    )
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument(
        "--encodings-gb",
        type=float,
        default=8.0,
        metavar="GB",
        help="disk space for encoded images, which spare the review its waiting (default: %(default)g)",
    )


def run_annotate(args: argparse.Namespace) -> int:
    """Runs one step; the exit code.

    Raises:
        EngineError: The model is unknown, its weights are missing, or it gives a single mask.
        TrainingError: The project, the boxes or a decision can't be used.
        CancelledError: Ctrl-C; what was done stays.
    """
    steps: dict[str, Callable[[argparse.Namespace], int]] = {
        "propose": _run_propose,
        "review": _run_review,
        "decide": _run_decide,
        "finish": _run_finish,
    }
    return steps[args.step](args)


def _run_propose(args: argparse.Namespace) -> int:
    model = MaskModel.load(args.model, args.device)
    predictor = model.predictor
    project = Project.begin(args.project, args.boxes, model=predictor.name, weights=predictor.weights_sha256)
    with project.locked("propose"), _encodings(args, project, lambda: model) as encodings:
        num_new = propose(project, encodings, has_sheets=not args.no_sheets)
    print(
        json.dumps(
            {"images": len(project.images), "instances": len(project.instances), "proposed_now": num_new}
        )
    )
    return 0


def _run_review(args: argparse.Namespace) -> int:
    project = Project.open(args.project)
    model = _project_model(args, project)
    with (
        project.locked("decide"),
        Journal(project.journal_path) as journal,
        _encodings(args, project, lambda: model) as encodings,
    ):
        session = AnnotationSession(project, journal, encodings)
        server = ReviewServer(session, port=args.port)
        server.start()
        print(server.url, flush=True)
        print("Open the address in a browser on this computer; Ctrl-C ends.", file=sys.stderr)
        if not args.no_browser:
            webbrowser.open(server.url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(file=sys.stderr)
        finally:
            server.stop()
    print(json.dumps(session.counts))
    return 0


def _run_decide(args: argparse.Namespace) -> int:
    project = Project.open(args.project)
    rows = read_table(args.decisions, project.number_of)
    with (
        project.locked("decide"),
        Journal(project.journal_path) as journal,
        _encodings(args, project, lambda: _project_model(args, project)) as encodings,
    ):
        session = AnnotationSession(project, journal, encodings)
        num_taken = decide(session, rows)
    print(json.dumps({"decisions": num_taken, **session.counts}))
    return 0


def _run_finish(args: argparse.Namespace) -> int:
    shares = (args.val_fraction, args.test_fraction)
    if (shares[0] is None) != (shares[1] is None):
        raise AnnotationError("Give both --val-fraction and --test-fraction, or neither.")
    config = FinishConfig(
        size_px=args.size_px,
        shares=None if shares[0] is None else shares,
        is_every_phrase_kept=args.keep_every_phrase,
    )
    project = Project.open(args.project)
    _print_report(finish(project, args.to_dir, config))
    return 0


def _print_report(report: FinishReport) -> None:
    for split in SPLITS:
        print(f"{split}: {report.images[split]} images, {report.instances[split]} instances")
    print(f"left out: {report.dropped} dropped, {report.pending} undecided", end="")
    if report.cut_phrases:
        print(
            f", {report.cut_phrases} whose image was cut and whose phrase speaks of a place, a size or a "
            "neighbour in it (--keep-every-phrase keeps them)",
            end="",
        )
    print(f"; {report.cut_masks} masks larger than an image were cut" if report.cut_masks else "")


def _project_model(args: argparse.Namespace, project: Project) -> MaskModel:
    try:
        model = MaskModel.load(args.model or project.facts.model, args.device)
    except EngineError as error:
        if args.model is not None:
            raise
        raise AnnotationError(
            f"{error.message} {project.folder} was begun with it; if its weights are a file of yours, give "
            "that with --model."
        ) from error
    if model.predictor.weights_sha256 != project.facts.weights:
        raise AnnotationError(
            f"{project.folder} was begun with other weights of {project.facts.model} "
            f"({project.facts.weights[:12]}); give their file with --model."
        )
    return model


def _encodings(
    args: argparse.Namespace, project: Project, load_model: Callable[[], MaskModel]
) -> EncodingStore:
    return EncodingStore(project, load_model, limit_bytes=round(args.encodings_gb * _GIB))
