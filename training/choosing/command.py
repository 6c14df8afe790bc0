"""`geophrase-train choose`: teaches a model to choose among objects and writes its weights anew."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from geophrase.engine.allocator import keep_freed_memory
from geophrase.engine.errors import EngineError
from geophrase.engine.loading import choose_device
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.rsam.config import ChooserConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.engine.model.weights.load import WeightsFile, locate_weights, read_metadata
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.protocol.errors import ErrorCode
from geophrase.training.choosing.chunks import ExampleChunks
from geophrase.training.choosing.config import ChoosingConfig
from geophrase.training.choosing.layouts import RecordedLayouts
from geophrase.training.choosing.run import ChooserRun
from geophrase.training.choosing.seen_layouts import SeenLayouts
from geophrase.training.choosing.trainer import Encode
from geophrase.training.choosing.validation import held_out_examples
from geophrase.training.config import Budget
from geophrase.training.fit.checkpoint import data_fingerprint

_VALIDATION_SEED = 0  # the same phrases for all runs


def add_choose_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train choose``."""
    parser.add_argument("--weights", type=Path, required=True, metavar="FILE", help="the model to start from")
    parser.add_argument(
        "--to", dest="target", type=Path, required=True, metavar="FILE", help="the whole model's new weights"
    )
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR",
        help="RISORS folders: the annotations of train are learned from, those of val are validated on",
    )  # fmt: skip
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="RUN",
        help="run folder; a run found there goes on (default: beside --to)",
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="wall time, earlier parts included")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    parser.add_argument(
        "--views", type=int, default=0, metavar="N",
        help="also learn from what the model itself marks in N views of each image (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--typed", type=int, default=0, metavar="N",
        help="also learn from N of the phrases that people typed for each image of NWPU VHR-10 (default: 0)",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, help="processes that make examples")
    parser.add_argument("--seed", type=int, default=0, help="start of all chance")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def run_choose(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train choose``; prints the path of the new weights.

    Raises:
        TrainingError: A data folder can't be used.
        EngineError: The weights can't be used or written, or the run folder holds another run.
    """
    keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    weights = locate_weights(args.weights)
    torch.manual_seed(args.seed)
    rsam = _with_chooser(load_model(weights)).to(choose_device(args.device).device)
    assert rsam.chooser is not None
    budget = Budget(minutes=args.minutes)
    config = ChoosingConfig(budget=budget, num_views=args.views, typed_per_layout=args.typed, seed=args.seed)
    held_out = held_out_examples(RecordedLayouts(args.data, "val"), _VALIDATION_SEED)
    run = ChooserRun(
        rsam.chooser,
        _encoder(rsam),
        config,
        args.resume or args.target.with_suffix(".choosing"),
        origins={"the training data": data_fingerprint(args.data), "the weights": weights.sha256},
    )
    recorded = RecordedLayouts(args.data, "train", has_typed=config.typed_per_layout > 0)
    chunks = ExampleChunks(recorded, config, _seen(rsam, args.data, config))
    rsam.chooser.load_state_dict(run.train(chunks, held_out, workers=args.workers))
    save_weights(rsam.own_state_dict(), args.target, _metadata(weights, rsam), half=True)
    print(args.target)
    return 0


def _with_chooser(rsam: Rsam) -> Rsam:
    """The model itself, or one with a new chooser and the weights of a model without.

    Raises:
        EngineError: The model takes no text.
    """
    if rsam.config.text is None:
        message = (
            f"{rsam.config.name} takes no text, so there is nothing to choose by: give a model with text."
        )
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if rsam.chooser is not None:
        return rsam
    print(
        f"{rsam.config.name} has no chooser: it gets a new one. Its decoder's masks of kinds and landmarks, "
        "which the choice is made among, are still to be trained with `geophrase-train fit`.",
        file=sys.stderr,
    )
    wider = Rsam(replace(rsam.config, chooser=ChooserConfig()))
    wider.load_own_state_dict({**wider.own_state_dict(), **rsam.own_state_dict()})
    return wider


def _seen(rsam: Rsam, roots: Sequence[Path], config: ChoosingConfig) -> SeenLayouts | None:
    if not config.num_views:
        return None
    return SeenLayouts(
        rsam.eval(),
        roots,
        "train",
        num_views=config.num_views,
        seed=config.seed,
        has_typed=config.typed_per_layout > 0,
    )


def _encoder(rsam: Rsam) -> Encode:
    """The frozen text encoder, in bfloat16 as in the rest of training."""

    def encode(texts: Sequence[str]) -> TextFeatures:
        with torch.autocast(rsam.device.type, torch.bfloat16):
            return rsam.encode_text(texts)

    return encode


def _metadata(weights: WeightsFile, rsam: Rsam) -> WeightsMetadata:
    """What the starting weights said of themselves, with the configuration as it is now."""
    start = read_metadata(weights)
    start = start or WeightsMetadata(rsam.config.name, "1", "unknown", "that of its starting model")
    return replace(
        start,
        version=f"{start.version}, choosing among objects trained",
        config_json=rsam.config.to_json(),
    )
