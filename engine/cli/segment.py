"""`geophrase segment`: typed queries on a raster become polygons in a file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from geophrase.engine.cli.options import (
    add_cache_option,
    add_json_option,
    add_model_options,
    add_polygon_options,
    add_raster_options,
    embedding_cache,
)

if TYPE_CHECKING:
    from geophrase.engine.segment import SegmentReport

_EPILOG = """\
The format follows the suffix: .gpkg, .geojson, .shp, .fgb, .parquet hold polygons, .tif the mask raster.
Several queries share one encoding of the raster: geophrase segment town.tif "roofs" "trees" -o town.gpkg
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "segment",
        help="find what typed queries name and write polygons",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("raster", metavar="RASTER", help="any raster file that GDAL reads")
    parser.add_argument(
        "queries", nargs="+", metavar="QUERY", help='what to look for, such as "storage tanks"'
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="file to write")
    add_model_options(parser)
    parser.add_argument(
        "--extent",
        type=float,
        nargs=4,
        metavar=("XMIN", "YMIN", "XMAX", "YMAX"),
        help="only this part, in the raster's coordinates",
    )
    add_raster_options(parser)
    parser.add_argument(
        "--tile-px", type=int, metavar="N", help="tile side; default: five sixths of the model's input side"
    )
    parser.add_argument(
        "--overlap-px", type=int, metavar="N", help="tile overlap; default: a quarter of the tile"
    )
    parser.add_argument(
        "--one-window",
        action="store_true",
        help='show the extent to the model as one image, so that "the leftmost" means what you see',
    )
    add_polygon_options(parser)
    add_cache_option(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Segment the raster and say what came out."""
    from geophrase.engine.cli.interrupts import INTERRUPTED
    from geophrase.engine.cli.progress_bar import ProgressBar
    from geophrase.engine.pipeline.run_config import SegmentConfig, distinct_queries

    config = SegmentConfig(
        queries=distinct_queries(arguments.queries),
        extent_map=None if arguments.extent is None else tuple(arguments.extent),
        resolution_m=arguments.resolution,
        bands=None if arguments.bands is None else tuple(arguments.bands),
        tile_px=arguments.tile_px,
        overlap_px=arguments.overlap_px,
        one_window=arguments.one_window,
        threshold=arguments.threshold,
        min_area_m2=arguments.min_area,
        simplify_m=arguments.simplify,
    )
    # After the options are checked: this imports torch, which takes seconds.
    from geophrase.engine.segment import SegmentJob

    with ProgressBar("segment", is_quiet=arguments.json) as bar:
        job = SegmentJob(
            arguments.raster,
            config,
            model=arguments.model,
            device=arguments.device,
            cache=embedding_cache(arguments.cache),
            progress=bar.update,
            cancel=INTERRUPTED.is_set,
        )
        report = job.write(arguments.output)
    if arguments.json:
        print(json.dumps(report.as_json()))
    else:
        _print_summary(report)
    return 0


def _print_summary(report: SegmentReport) -> None:
    """The counts on stderr, the path of the output alone on stdout."""
    for query, num_polygons in report.num_polygons.items():
        noun = "polygon" if num_polygons == 1 else "polygons"
        print(f"{query}: {num_polygons} {noun}", file=sys.stderr)
    tiles = report.tiles
    noun = "tile" if tiles.num_total == 1 else "tiles"
    print(
        f"{tiles.num_total} {noun}: {tiles.num_encoded} encoded, {tiles.num_cached} from the cache, "
        f"{tiles.num_empty} without data; {report.wall_s:.1f} s",
        file=sys.stderr,
    )
    print(report.output)
