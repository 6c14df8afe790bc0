"""`geophrase models`: which models there are, getting their weights, and removing one's own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from geophrase.engine.cli.interrupts import INTERRUPTED
from geophrase.engine.cli.options import add_json_option

if TYPE_CHECKING:
    from geophrase.engine.model.weights.download import DownloadProgress
    from geophrase.engine.model.weights.load import ModelRow


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command and its actions."""
    parser = commands.add_parser("models", help="list the models, download their weights, remove your own")
    actions = parser.add_subparsers(title="actions", metavar="list|download|remove", required=True)
    listing = actions.add_parser("list", help="every model: licence, size, whether its weights are here")
    add_json_option(listing)
    listing.set_defaults(run=run_list)
    fetching = actions.add_parser("download", help="fetch a model's weights and check them")
    fetching.add_argument("name", metavar="NAME", help="as `geophrase models list` shows it")
    fetching.add_argument(
        "--folder", type=Path, metavar="DIR", help="where to put them; default: the user's data folder"
    )
    fetching.set_defaults(run=run_download)
    removing = actions.add_parser("remove", help="delete a model of your own, made by fine-tuning")
    removing.add_argument("name", metavar="NAME", help="as `geophrase models list` shows it")
    removing.set_defaults(run=run_remove)


def run_list(arguments: argparse.Namespace) -> int:
    """Print one line or one JSON object per model."""
    from geophrase.engine.model.weights.load import list_models

    rows = list_models()
    if arguments.json:
        print(json.dumps([_as_json(row) for row in rows], indent=2))
        return 0
    for row in rows:
        size_bytes = row.entry.size_bytes
        size_text = "" if size_bytes is None else f"{size_bytes / 1e6:.0f} MB"
        print(f"{row.entry.name:24}{row.state:12}{size_text:>8}  {row.entry.licence:16} {row.entry.summary}")
    return 0


def run_download(arguments: argparse.Namespace) -> int:
    """Fetch the weights, with a bar on a terminal, and print where they are."""
    from geophrase.engine.model.weights.download import DownloadOptions
    from geophrase.engine.model.weights.load import download_weights

    with tqdm(
        desc=arguments.name, unit="B", unit_scale=True, disable=not sys.stderr.isatty(), file=sys.stderr
    ) as bar:

        def show(progress: DownloadProgress) -> None:
            bar.total = progress.total_bytes
            bar.update(progress.done_bytes - bar.n)

        options = DownloadOptions(on_progress=show, is_cancelled=INTERRUPTED.is_set)
        weights = download_weights(arguments.name, folder=arguments.folder, options=options)
    print(weights.path)
    return 0


def run_remove(arguments: argparse.Namespace) -> int:
    """Delete a model of the user's own and print where it was."""
    from geophrase.engine.model.weights.user_models import remove_model

    print(remove_model(arguments.name))
    return 0


def _as_json(row: ModelRow) -> dict[str, object]:
    entry = row.entry
    return {
        "name": entry.name,
        "family": entry.family,
        "state": row.state,
        "path": None if row.path is None else str(row.path),
        "url": entry.url,
        "sha256": entry.sha256,
        "size_bytes": entry.size_bytes,
        "licence": entry.licence,
        "training_data": entry.training_data,
        "paper": entry.paper,
        "summary": entry.summary,
    }
