"""`geophrase info`: how large a model is, what it computes, and what its weights are."""

from __future__ import annotations

import argparse
import json
from typing import Any

from geophrase.engine.cli.options import DEFAULT_MODEL, add_json_option


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "info", help="parameters, multiply-accumulates, weights and licence of a model"
    )
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="M", help="model name; default: %(default)s"
    )
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build the model without weights and print what was counted on it."""
    from geophrase.engine.model.complexity import count_complexity
    from geophrase.engine.model.load_model import read_config
    from geophrase.engine.model.rsam.config import PRESETS
    from geophrase.engine.model.weights.load import find_model, locate_weights

    entry = find_model(arguments.model)
    config = PRESETS.get(entry.name) or read_config(locate_weights(entry.name))
    facts = count_complexity(config).to_dict()
    facts["weights"] = _weights_facts(entry.name)
    if arguments.json:
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join(_lines(facts)))
    return 0


def _weights_facts(name: str) -> dict[str, Any]:
    """What the registry and, where the weights are here, their model card say."""
    from geophrase.engine.model.weights.load import list_models

    row = next(row for row in list_models() if row.entry.name == name)
    return {
        "state": row.state,
        "path": None if row.path is None else str(row.path),
        "sha256": row.entry.sha256,
        "size_bytes": row.entry.size_bytes,
        "licence": row.entry.licence,
        "training_data": row.entry.training_data,
        "paper": row.entry.paper,
        "url": row.entry.url,
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    """The same facts for a person: millions of parameters, GMAC with one decimal."""
    weights = facts["weights"]
    parts = [f"    {name:22}{count / 1e6:8.2f} M" for name, count in facts["parameters_by_part"].items()]
    return [
        f"{facts['model']}, {facts['image_px']} px",
        f"  parameters            {facts['parameters_total'] / 1e6:10.2f} M",
        f"  trainable             {facts['parameters_trainable'] / 1e6:10.2f} M",
        f"  guidance and decoder  {facts['parameters_guidance_and_decoder'] / 1e6:10.2f} M",
        *parts,
        f"  one image, one query  {facts['gmac']:10.1f} GMAC",
        f"    encoding the image  {facts['gmac_encode_image']:10.1f} GMAC",
        f"    decoding the query  {facts['gmac_decode_query']:10.1f} GMAC",
        f"  weights               {weights['state']}{', ' + weights['path'] if weights['path'] else ''}",
        f"  licence               {weights['licence']}",
        f"  trained on            {weights['training_data']}",
        f"  paper                 {weights['paper']}",
    ]
