"""`geophrase-train scene`: one generated scene as a GeoTIFF."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.scenes.scene import SceneConfig, generate_scene
from geophrase.training.scenes.themes import THEMES
from geophrase.training.scenes.write import kinds_present, write_scene


def add_scene_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("out", type=Path, metavar="OUT.tif", help="GeoTIFF to write")
    parser.add_argument(
        "--size-px", type=int, default=1536, help="side of the square picture (default %(default)s)"
    )
    parser.add_argument(
        "--gsd", type=float, default=0.3, metavar="METRES", help="metres per pixel (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=7, help="the same seed gives the same scene (default %(default)s)"
    )
    parser.add_argument(
        "--theme", choices=list(THEMES), default="", help="kind of place (default: drawn by the seed)"
    )
    parser.add_argument(
        "--truth", type=Path, metavar="OUT.gpkg", help="also write what the scene shows, as polygons"
    )


def run_scene(args: argparse.Namespace) -> int:
    """Generate and write the scene; prints what it shows as JSON.

    Raises:
        EngineError: A size that can't be drawn, or a place that can't be written to.
    """
    try:
        config = SceneConfig(size_px=args.size_px, gsd_m=args.gsd, seed=args.seed, theme=args.theme)
    except ValueError as error:
        raise EngineError(ErrorCode.BAD_REQUEST, f"{error}") from error
    scene = generate_scene(config)
    write_scene(scene, args.out, truth_path=args.truth)
    summary = {"path": str(args.out), "theme": scene.config.theme, "kinds": kinds_present(scene.instances)}
    print(json.dumps(summary))
    return 0
