#!/usr/bin/env python3
"""Puts trained weights into the engine with a model card made of what was measured.

    tools/publish_weights.py --weights FILE --data DIR … --version 1 --evaluation NAME=FILE … --summary TEXT

An evaluation is what `geophrase-train evaluate --json` printed. The weights are copied tensor by tensor into
a file whose header names model, version, data and licence, and the card beside it holds the file's hash.
Several files of one run after another are averaged (model soups, Wortsman et al. 2022, Section 2). The
chooser among objects may come from other weights than the rest, such as `geophrase-train choose` wrote.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.weights import load
from geophrase.engine.model.weights.card import ModelCard, TrainingSource, write_card
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights

LICENCE = "GPL-3.0-or-later"
CHOOSER = "chooser."
OBJECTNESS_BIAS = "mask_decoder.pred_obj_score_head.layers.2.bias"
FIGURES = ("phrases", "oIoU", "mIoU", "P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9", "objectness_auc")
UNSHIPPED = (
    TrainingSource("MobileNetV2 1.0, ImageNet, int8", "Apache-2.0", "distillation teacher, not shipped"),
    TrainingSource(
        "sentence-transformers/all-MiniLM-L6-v2", "Apache-2.0", "frozen text encoder, not shipped"
    ),
)


def training_source(folder: Path) -> TrainingSource:
    """What the provenance of a RISORS folder says of it."""
    facts = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    num_images = len((folder / "splits" / "train.txt").read_text(encoding="utf-8").split())
    name = facts.get("title", facts["source"])
    return TrainingSource(name, facts["licence"], "images, masks and generated phrases", num_images)


def figures_of(report: Mapping[str, Any]) -> dict[str, float]:
    """The card's figures of one evaluation: right phrases, phrases of each kind, and shuffled phrases."""
    right, shuffled = report["right"], report["shuffled"]
    figures = {name: right[name] for name in FIGURES if right.get(name) is not None}
    if right["absent"]["phrases"]:
        figures["false_alarm_rate"] = right["absent"]["false_alarm_rate"]
    for kind, scores in sorted(right["by_kind"].items()):
        figures |= {f"{kind} {name}": scores[name] for name in ("phrases", "mIoU") if name in scores}
    return figures | {f"shuffled {name}": shuffled[name] for name in ("oIoU", "mIoU", "P@0.5")}


def averaged(several: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor of the last weights over those that have it; counters are the last's."""
    means = {}
    for name, tensor in several[-1].items():
        alike = [tensors[name] for tensors in several if name in tensors]
        means[name] = (
            torch.stack([one.float() for one in alike]).mean(0) if tensor.is_floating_point() else tensor
        )
    return means


def with_chooser_of(tensors: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights with the chooser among objects of others."""
    chooser = {name: tensor for name, tensor in other.items() if name.startswith(CHOOSER)}
    if chooser.keys() != {name for name in tensors if name.startswith(CHOOSER)}:
        raise SystemExit("The weights of --chooser have another chooser than those it is for.")
    return {**tensors, **chooser}


def with_objectness_lowered(tensors: Mapping[str, Tensor], threshold_logit: float) -> dict[str, Tensor]:
    """The weights with a bias such that what was a threshold of objectness is 0, which every user has."""
    return {**tensors, OBJECTNESS_BIAS: tensors[OBJECTNESS_BIAS] - threshold_logit}


def publish(args: argparse.Namespace) -> Path:
    """Writes the weights and their card; returns the weights' path."""
    trained = [load.locate_weights(path) for path in args.weights]
    names = {metadata.model if (metadata := load.read_metadata(weights)) else "?" for weights in trained}
    if len(names) > 1 or names == {"?"}:
        raise SystemExit("These are not weights of one model that say so: give what geophrase-train wrote.")
    (name,) = names
    sources = (*(training_source(folder) for folder in args.data), *UNSHIPPED)
    metadata = WeightsMetadata(
        model=name,
        version=args.version,
        training_data="; ".join(f"{source.name} ({source.licence})" for source in sources),
        licence=LICENCE,
        config_json=PRESETS[name].to_json(),
    )
    path = load.BUNDLED_FOLDER / f"{name}.safetensors"
    tensors = averaged([load.read_state_dict(weights) for weights in trained])
    if args.chooser:
        choosers = [load.read_state_dict(load.locate_weights(path)) for path in args.chooser]
        tensors = with_chooser_of(tensors, averaged(choosers))
    tensors = with_objectness_lowered(tensors, args.objectness_threshold)
    save_weights(tensors, path, metadata, half=True)
    reports = (pair.partition("=") for pair in args.evaluation)
    card = ModelCard.describing(
        path,
        model=name,
        version=args.version,
        licence=LICENCE,
        created=datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        summary=args.summary,
        training_data=sources,
        figures={title: figures_of(json.loads(Path(file).read_text())) for title, _, file in reports},
        recipe=args.recipe,
    )
    write_card(path, card)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the options and publishes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--weights",
        type=Path,
        nargs="+",
        required=True,
        help="what `fit` or `choose` wrote; several are averaged",
    )
    parser.add_argument(
        "--chooser",
        type=Path,
        nargs="+",
        default=[],
        help="weights to take the chooser from, averaged likewise",
    )
    parser.add_argument(
        "--objectness-threshold", type=float, default=0.0, metavar="LOGIT",
        help="of what is there, as `evaluate --false-alarms` gave it on validation images",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the RISORS folders it saw")
    parser.add_argument("--version", required=True, help="version of the weights")
    parser.add_argument("--evaluation", action="append", default=[], metavar="NAME=FILE", help="figures")
    parser.add_argument("--summary", required=True, help="what the weights can and can't do")
    parser.add_argument("--recipe", default="runs/LOG.md", help="where the commands are")
    print(publish(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
