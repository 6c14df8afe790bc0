"""`geophrase refine`: points and boxes on a raster become one object each."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from geophrase.engine.cli.options import (
    add_json_option,
    add_model_options,
    add_polygon_options,
    add_raster_options,
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser("refine", help="outline what points and boxes (map coordinates) mark")
    parser.add_argument("raster", metavar="RASTER", help="any raster file that GDAL reads")
    parser.add_argument(
        "--point",
        action="append",
        default=[],
        type=_point,
        metavar="X,Y[,+|-]",
        help="on the object (+, the default) or off it (-); repeat as needed",
    )
    parser.add_argument(
        "--box",
        action="append",
        default=[],
        type=_box,
        metavar="XMIN,YMIN,XMAX,YMAX",
        help="around an object; several boxes mark several objects",
    )
    parser.add_argument("--query", metavar="Q", help="what the object is, if the model reads text")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="file to write")
    add_model_options(parser)
    add_raster_options(parser)
    add_polygon_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Outline the objects and say what came out."""
    from geophrase.engine.refine import RefineConfig, refine_to_file

    config = RefineConfig(
        points=tuple(arguments.point),
        boxes_map=tuple(arguments.box),
        query=arguments.query,
        resolution_m=arguments.resolution,
        bands=None if arguments.bands is None else tuple(arguments.bands),
        threshold=arguments.threshold,
        min_area_m2=arguments.min_area,
        simplify_m=arguments.simplify,
    )
    frame = refine_to_file(
        arguments.raster, arguments.output, config=config, model=arguments.model, device=arguments.device
    )
    if arguments.json:
        print(json.dumps({"outputs": [str(arguments.output)], "num_polygons": len(frame)}))
    else:
        print(f"{len(frame)} polygon{'' if len(frame) == 1 else 's'}", file=sys.stderr)
        print(arguments.output)
    return 0


def _point(text: str) -> tuple[float, float, bool]:
    """x, y in map coordinates and whether the point is on the object."""
    parts = text.strip().split(",")
    label = parts.pop() if len(parts) == 3 else "+"
    if label not in ("+", "-"):
        raise argparse.ArgumentTypeError(f"a point ends in + or -, not '{label}'")
    x_map, y_map = _numbers(parts, 2, "X,Y or X,Y,+ or X,Y,-")
    return x_map, y_map, label == "+"


def _box(text: str) -> tuple[float, float, float, float]:
    xmin, ymin, xmax, ymax = _numbers(text.split(","), 4, "XMIN,YMIN,XMAX,YMAX")
    if not (xmin < xmax and ymin < ymax):
        raise argparse.ArgumentTypeError("a box needs XMIN < XMAX and YMIN < YMAX")
    return xmin, ymin, xmax, ymax


def _numbers(parts: list[str], num_expected: int, form: str) -> list[float]:
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != num_expected or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"expected {form}, not '{','.join(parts)}'")
    return numbers
