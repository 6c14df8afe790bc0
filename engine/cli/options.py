"""Options that several commands share, spelled and explained once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geophrase.engine.embedding_cache import EmbeddingCache

DEFAULT_MODEL = "rsam_small"
NO_CACHE = "none"
"""What `--cache` takes for no cache."""


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """`--model` and `--device`."""
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="M",
        help="model name (see `geophrase models list`) or weights file; default: %(default)s",
    )
    parser.add_argument(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda|mps",
        help="where the model runs; auto takes the fastest there is (default)",
    )


def add_raster_options(parser: argparse.ArgumentParser) -> None:
    """`--resolution` and `--bands`."""
    parser.add_argument(
        "--resolution",
        type=float,
        metavar="METRES",
        help="pixel side to work at; default: the raster's own",
    )
    parser.add_argument(
        "--bands",
        type=int,
        nargs="+",
        metavar="N",
        help="1-based bands to use as red, green and blue (one band is shown as grey)",
    )


def add_polygon_options(parser: argparse.ArgumentParser) -> None:
    """`--threshold`, `--min-area` and `--simplify`."""
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        metavar="P",
        help="probability from which a pixel belongs to an object; default: %(default)s",
    )
    parser.add_argument(
        "--min-area", type=float, metavar="M2", help="drop polygons under this area in square metres"
    )
    parser.add_argument("--simplify", type=float, metavar="M", help="simplify outlines by this many metres")


def add_cache_option(parser: argparse.ArgumentParser) -> None:
    """`--cache`."""
    parser.add_argument(
        "--cache",
        default=None,
        metavar="DIR",
        help="where image encodings are kept for later queries, or 'none'; default: the user's cache folder",
    )


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def embedding_cache(choice: str | None) -> EmbeddingCache | None:
    """The cache that `--cache` asks for; None for 'none'."""
    from geophrase.engine.embedding_cache import EmbeddingCache, default_cache_folder

    if choice is None:
        return EmbeddingCache(default_cache_folder())
    return None if choice.lower() == NO_CACHE else EmbeddingCache(Path(choice))
