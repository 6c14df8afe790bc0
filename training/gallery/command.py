"""`geophrase-train gallery`: a page of what a model finds on real scenes, with verdicts given by eye."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.loading import load_predictor
from geophrase.training.gallery.gallery import make_gallery, refuse_missing
from geophrase.training.gallery.questions import OWN_QUESTIONS, read_questions
from geophrase.training.gallery.verdicts import OWN_VERDICTS, blank_verdicts


def add_gallery_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train gallery``."""
    parser.add_argument(
        "--scenes", type=Path, required=True, metavar="DIR", help="the folder that holds the scenes' files"
    )
    parser.add_argument(
        "--to",
        dest="page",
        type=Path,
        required=True,
        metavar="PAGE.md",
        help="the page to write; its pictures go into a folder of its name beside it",
    )
    parser.add_argument("--model", default="rsam_small", help="a model's name (default: rsam_small)")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="a weights file to use instead of the named model's"
    )
    parser.add_argument(
        "--questions",
        type=Path,
        default=OWN_QUESTIONS,
        metavar="FILE",
        help="what to ask where, and what is to be seen there (default: this repository's)",
    )
    parser.add_argument(
        "--verdicts",
        type=Path,
        default=OWN_VERDICTS,
        metavar="FILE",
        help="verdicts given by eye on the answers of these and other weights (default: this repository's)",
    )
    parser.add_argument(
        "--unseen", type=Path, metavar="FILE", help="write the verdicts that are missing, to be filled in"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")


def run_gallery(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train gallery``; prints the page's path.

    Raises:
        TrainingError: A scene, the questions or the verdicts are missing or can't be used.
        EngineError: The weights can't be used, or a scene can't be read.
        OSError: The page or a picture can't be written.
    """
    if args.threads:
        torch.set_num_threads(args.threads)
    scenes = read_questions(args.questions)
    refuse_missing(scenes, args.scenes)  # before the seconds that a model takes to load
    model = load_predictor(str(args.weights or args.model), device=args.device)
    gallery = make_gallery(scenes, args.scenes, args.page, model=model, verdicts=args.verdicts)
    missing = gallery.missing()
    if missing:
        num_missing = sum(map(len, missing.values()))
        print(f"Phrases without a verdict on {gallery.weights}: {num_missing}.", file=sys.stderr)
    if args.unseen is not None:
        write_text_atomically(args.unseen, blank_verdicts(gallery.weights, missing))
    print(args.page)
    return 0
