"""`geophrase demo`: several typed queries over a scene, as polygons and as a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from geophrase.engine.cli.options import add_cache_option, add_model_options, embedding_cache


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser("demo", help="run several queries over a scene and draw what was found")
    parser.add_argument("raster", type=Path, nargs="?", metavar="RASTER", help="default: a generated scene")
    parser.add_argument("--query", action="append", metavar="Q", help="what to look for; repeat for several")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("demo"), metavar="DIR", help="default: %(default)s"
    )
    add_model_options(parser)
    add_cache_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo and say where to look."""
    from geophrase.engine.cli.interrupts import INTERRUPTED
    from geophrase.engine.cli.progress_bar import ProgressBar
    from geophrase.engine.demo import run_demo

    with ProgressBar("demo") as bar:
        report = run_demo(
            arguments.raster,
            arguments.output,
            queries=arguments.query,
            model=arguments.model,
            device=arguments.device,
            cache=embedding_cache(arguments.cache),
            progress=bar.update,
            cancel=INTERRUPTED.is_set,
        )
    for query, count in report.num_polygons.items():
        print(f"{query}: {count} polygon{'' if count == 1 else 's'}", file=sys.stderr)
    print(f"polygons  {report.polygons}")
    print(f"picture   {report.picture}")
    return 0
