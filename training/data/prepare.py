"""`geophrase-train prepare`: a public data set's own folder becomes a RISORS folder."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from geophrase.training.data.risors import RisorsError, read_split, write_provenance, write_split
from geophrase.training.data.sources.dubai import convert_dubai
from geophrase.training.data.sources.neon import convert_neon
from geophrase.training.data.sources.nwpu import convert_nwpu
from geophrase.training.data.sources.spacenet import convert_spacenet


@dataclass(frozen=True)
class DataSource:
    """A data set that can be converted, with what a model card must say of it."""

    convert: Callable[[Path, Path], dict[str, list[str]]]
    title: str
    licence: str


SOURCES: dict[str, DataSource] = {
    "nwpu": DataSource(
        convert_nwpu, "NWPU VHR-10 with instance polygons", "annotations MIT; images carry no open licence"
    ),
    "dubai": DataSource(
        convert_dubai,
        "Semantic segmentation of aerial imagery, Dubai (Humans in the Loop, MBRSC)",
        "believed CC0; licence to be confirmed",
    ),
    "spacenet": DataSource(
        convert_spacenet, "SpaceNet 1 (Las Vegas) and 4 (Atlanta), a tile each", "CC BY-SA 4.0"
    ),
    "neon": DataSource(convert_neon, "NEON tree crowns, open sites, ellipses in boxes", "CC0"),
}


def add_prepare_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--source`, `--from` and `--to`."""
    parser.add_argument("--source", choices=sorted(SOURCES), required=True, help="the data set's layout")
    parser.add_argument(
        "--from", dest="from_dir", type=Path, required=True, metavar="DIR", help="its original folder"
    )
    parser.add_argument(
        "--to", dest="to_dir", type=Path, required=True, metavar="DIR", help="the RISORS folder"
    )


def run_prepare(args: argparse.Namespace) -> int:
    """Run the command; the exit code.

    Raises:
        RisorsError: The folder given is missing, partial or of another data set.
    """
    counts = prepare(args.source, args.from_dir, args.to_dir)
    for split, (num_images, num_phrases) in counts.items():
        print(f"{split}: {num_images} images, {num_phrases} phrases")
    return 0


def prepare(source: str, from_dir: Path, to_dir: Path) -> dict[str, tuple[int, int]]:
    """Convert a data set; images and phrases of each split.

    The split lists are written last, so a folder that was left half-way reads as not prepared.

    Raises:
        RisorsError: The folder given is missing, partial or of another data set.
    """
    if not from_dir.is_dir():
        raise RisorsError(f"{from_dir} is not a folder.")
    for stale in (to_dir / "splits").glob("*.txt"):
        stale.unlink()
    splits = SOURCES[source].convert(from_dir, to_dir)
    for split, stems in splits.items():
        write_split(to_dir, split, stems)
    counts = {split: _count(to_dir, split) for split in splits}
    write_provenance(
        to_dir,
        {
            "source": source,
            "title": SOURCES[source].title,
            "licence": SOURCES[source].licence,
            "splits": {
                split: {"images": images, "phrases": phrases} for split, (images, phrases) in counts.items()
            },
        },
    )
    return counts


def _count(root: Path, split: str) -> tuple[int, int]:
    images = read_split(root, split)
    return len(images), sum(len(image.phrases) for image in images)
