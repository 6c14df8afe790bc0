"""`geophrase-train distill`: pre-trains the small trunk and prints where its weights are."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from geophrase.engine.allocator import keep_freed_memory
from geophrase.training.distillation.distillation import DistillationConfig
from geophrase.training.distillation.run import distil
from geophrase.training.distillation.teacher import MobileNetTeacher


def add_distill_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train distill``."""
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="RISORS folders; train splits only"
    )
    parser.add_argument("--teacher", type=Path, required=True, help="the teacher's .tflite file")
    parser.add_argument("--run", type=Path, required=True, help="run folder; a run found there is resumed")
    parser.add_argument("--minutes", type=float, default=60.0, help="wall time, earlier parts included")
    parser.add_argument("--workers", type=int, default=1, help="loader processes")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    parser.add_argument("--crop-px", type=int, default=320, help="side of the crops")


def run_distill(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train distill``; prints the path of the trunk's weights."""
    keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    config = DistillationConfig(minutes=args.minutes, crop_px=args.crop_px)
    teacher = MobileNetTeacher(args.teacher)
    print(distil(config, teacher=teacher, roots=args.data, run=args.run, workers=args.workers))
    return 0
