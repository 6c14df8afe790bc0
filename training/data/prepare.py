"""`geophrase-train prepare`: a data set's own folder, or a raster and a layer, becomes a RISORS folder."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from geophrase.engine.errors import CancelledError
from geophrase.training.data.risors import SPLITS, RisorsError, read_split, write_provenance, write_split
from geophrase.training.data.sources.boxed import BOXES_FILE_NAME, BoxedImage, write_boxes
from geophrase.training.data.sources.catalog import ALL_SPLITS, BOX_SOURCES, MASK_SOURCES, Provenance
from geophrase.training.data.sources.features import FeatureTable
from geophrase.training.data.sources.layer import LayerOptions, convert_layer, convert_layer_to_boxes
from geophrase.training.data.sources.streaming import tell

LAYER = "layer"
_PROVENANCE = "provenance.json"
_MADE = ("images", "annotations", BOXES_FILE_NAME, _PROVENANCE, "splits")  # without the last, not prepared
_FILLED = ".being_prepared"

Counts = dict[str, tuple[int, int]]
"""Images and phrases of each split."""


def add_prepare_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources, the folders and what a raster with a layer needs."""
    names = sorted([*MASK_SOURCES, *BOX_SOURCES, LAYER])
    parser.add_argument("--source", choices=names, required=True, help="the data set's layout")
    parser.add_argument(
        "--from",
        dest="from_dirs",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="its original folder; several for corrections and risors, which are merged",
    )
    parser.add_argument(
        "--to", dest="to_dir", type=Path, required=True, metavar="DIR", help="the RISORS folder"
    )
    _add_layer_arguments(
        parser.add_argument_group("--source layer", "a raster and the polygons on it, instead of --from")
    )


def run_prepare(args: argparse.Namespace) -> int:
    """Run the command; the exit code.

    Raises:
        RisorsError: What was given is missing, partial, of another data set, or not enough.
        EngineError: The raster can't be read.
        CancelledError: Ctrl-C; the target is as it was.
    """
    try:
        counts = _prepared(args)
    except KeyboardInterrupt:
        message = f"cancelled before {args.to_dir} was whole; run the command again"
        raise CancelledError(message) from None
    for split, (num_images, num_phrases) in counts.items():
        print(f"{split}: {num_images} images, {num_phrases} phrases")
    return 0


def _prepared(args: argparse.Namespace) -> Counts:
    if args.source == LAYER:
        return prepare_layer(_layer_options(args), args.to_dir, as_boxes=args.boxes)
    if args.raster is not None or args.layer is not None:
        raise RisorsError(f"--raster and --layer are for --source layer; {args.source} is read with --from.")
    return prepare(args.source, args.from_dirs, args.to_dir)


def prepare(source: str, from_dirs: Path | Sequence[Path], to_dir: Path) -> Counts:
    """Convert a data set; images and phrases of each split.

    What was prepared in the target before is replaced once all is read: where that fails, it stays, and of a
    new folder nothing is left.

    Raises:
        RisorsError: A folder given is missing, partial or of another data set, or the target holds others.
    """
    folders = [from_dirs] if isinstance(from_dirs, Path) else list(from_dirs)
    mask_source = MASK_SOURCES.get(source)
    _refuse_folders(
        source, folders, to_dir, takes_several=mask_source is not None and mask_source.takes_several
    )
    if mask_source is None:
        box_source = BOX_SOURCES[source]
        with _made_anew(source, to_dir) as filled_dir:
            images = list(box_source.read(folders[0]))
            write_boxes(filled_dir / BOXES_FILE_NAME, images)
            return _finish(source, filled_dir, box_source.provenance, _count_boxes(images))
    with _made_anew(source, to_dir) as filled_dir:
        splits = mask_source.convert(folders, filled_dir)
        return _finish(source, filled_dir, mask_source.provenance, _write_splits(filled_dir, splits))


def prepare_layer(options: LayerOptions, to_dir: Path, *, as_boxes: bool = False) -> Counts:
    """Cut a raster with a layer into samples, or into images with boxes; images and phrases of each split.

    Where it fails, the target is as it was.

    Raises:
        RisorsError: The layer can't be used, or the target holds other data.
        EngineError: The raster can't be used.
    """
    title = f"{options.table.path.name} on {options.raster.name}"
    provenance = Provenance(title, "that of the imagery and the layer")
    with _made_anew(LAYER, to_dir) as filled_dir:
        if as_boxes:
            counts = _count_boxes(convert_layer_to_boxes(options, filled_dir))
        else:
            counts = _write_splits(filled_dir, convert_layer(options, filled_dir))
        return _finish(LAYER, filled_dir, provenance, counts)


def _add_layer_arguments(layer: argparse._ArgumentGroup) -> None:
    layer.add_argument("--raster", type=Path, metavar="FILE", help="any raster that GDAL reads")
    layer.add_argument(
        "--layer", type=Path, metavar="FILE", help="any vector file that GDAL reads, in any CRS"
    )
    layer.add_argument("--layer-name", metavar="NAME", help="of a file with several layers")
    layer.add_argument("--phrase-column", metavar="COLUMN", help="column with the phrase of each feature")
    layer.add_argument("--phrase", metavar="TEXT", help="the phrase of every feature, instead of a column")
    layer.add_argument(
        "--class-column",
        metavar="COLUMN",
        help="column with the class of each feature; of a complete layer, training then makes phrases itself",
    )
    layer.add_argument("--size-px", type=int, default=800, metavar="N", help="side of the images (800)")
    layer.add_argument("--resolution", type=float, metavar="METRES", help="default: the raster's own")
    layer.add_argument("--bands", type=int, nargs="+", metavar="B", help="one or three band numbers, from 1")
    layer.add_argument(
        "--complete",
        action="store_true",
        help="the layer holds every object that its phrases mean: learn from places without them, too",
    )
    layer.add_argument(
        "--split",
        choices=("auto", *SPLITS),
        default="auto",
        help="auto gives every split an area of its own, with a gap between",
    )
    layer.add_argument(
        "--boxes", action="store_true", help="write the features' boxes for `geophrase-train annotate`"
    )


def _layer_options(args: argparse.Namespace) -> LayerOptions:
    if args.raster is None or args.layer is None or args.from_dirs:
        raise RisorsError("A layer is prepared from --raster and --layer; give both, and no --from.")
    table = FeatureTable(args.layer, args.layer_name, args.phrase_column, args.phrase, args.class_column)
    return LayerOptions(
        args.raster,
        table,
        size_px=args.size_px,
        resolution_m=args.resolution,
        bands=None if args.bands is None else tuple(args.bands),
        is_complete=args.complete,
        split=args.split,
    )


def _refuse_folders(source: str, folders: Sequence[Path], to_dir: Path, *, takes_several: bool) -> None:
    if not folders:
        raise RisorsError(f"Give the original folder of {source} with --from.")
    if len(folders) > 1 and not takes_several:
        raise RisorsError(f"{source} is read from one folder, not {len(folders)}.")
    for folder in folders:
        if not folder.is_dir():
            raise RisorsError(f"{folder} is not a folder.")
        if folder.resolve() == to_dir.resolve():
            raise RisorsError(f"{folder} can't be read and written at once; give another folder with --to.")


@contextmanager
def _made_anew(source: str, to_dir: Path) -> Iterator[Path]:
    """A folder inside the target to fill; what is in it then takes the place of what was prepared before.

    Ctrl-C leaves it there, for samples may still be on their way; the next run clears it.

    Raises:
        RisorsError: The target holds something that was not prepared from this source.
    """
    _refuse_other_data(source, to_dir)
    is_new = not to_dir.exists()
    filled_dir = to_dir / _FILLED
    shutil.rmtree(filled_dir, ignore_errors=True)
    filled_dir.mkdir(parents=True)
    try:
        yield filled_dir
    except Exception:
        shutil.rmtree(filled_dir, ignore_errors=True)
        if is_new:
            with suppress(OSError):
                to_dir.rmdir()
        raise
    for name in reversed(_MADE):
        _remove(to_dir / name)
    for name in _MADE:
        if (filled_dir / name).exists():
            (filled_dir / name).rename(to_dir / name)
    filled_dir.rmdir()


def _refuse_other_data(source: str, to_dir: Path) -> None:
    try:
        known = json.loads((to_dir / _PROVENANCE).read_text(encoding="utf-8")).get("source")
    except (OSError, ValueError):
        known = None
    if known != source and any((to_dir / name).exists() for name in _MADE):
        origin = "other data" if known is None else f"data of {known}"
        raise RisorsError(f"{to_dir} holds {origin}; give a new folder with --to.")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _finish(source: str, to_dir: Path, provenance: Provenance, counts: Counts) -> Counts:
    """Record the counts, and tell where they are not the published ones."""
    for split, published in provenance.published.items():
        chosen = counts.values() if split == ALL_SPLITS else [counts.get(split, (0, 0))]
        num_phrases = sum(phrases for _, phrases in chosen)
        if num_phrases != published:
            tell(f"{split}: {num_phrases} phrases, but {provenance.title} was published with {published}.")
    splits = {split: {"images": images, "phrases": phrases} for split, (images, phrases) in counts.items()}
    write_provenance(to_dir, _described(source, provenance) | {"splits": splits})
    return counts


def _described(source: str, provenance: Provenance) -> dict[str, Any]:
    return {
        "source": source,
        "title": provenance.title,
        "licence": provenance.licence,
        "citation": provenance.citation,
    }


def _write_splits(to_dir: Path, splits: Mapping[str, Iterable[str]]) -> Counts:
    for split, stems in splits.items():
        write_split(to_dir, split, stems)
    return {split: _count(to_dir, split) for split in splits}


def _count(root: Path, split: str) -> tuple[int, int]:
    images = read_split(root, split)
    return len(images), sum(len(image.phrases) for image in images)


def _count_boxes(images: Sequence[BoxedImage]) -> Counts:
    chosen = {split: [image for image in images if image.split == split] for split in SPLITS}
    return {split: (len(found), sum(len(image.boxes) for image in found)) for split, found in chosen.items()}
