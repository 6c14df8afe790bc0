"""What a raster's pixels are, in one short hash: the part of a cache key that changes when the file does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import DatasetReader

_CHUNK_BYTES = 1 << 16
_NUM_CHUNKS = 16
_SAMPLE_SIDE_PX = 256


def raster_fingerprint(dataset: DatasetReader, *, options: Iterable[object]) -> str:
    """A hash, 32 hexadecimal digits, of the raster's content and of how it is read.

    It covers every file of the raster (masks, overviews, sidecars, the sources of a VRT) by size, time of
    change and samples of the bytes, but not by name or place: a renamed or moved raster keeps its
    fingerprint, an edited one doesn't. A raster that isn't made of local files is sampled by pixels instead.

    Args:
        dataset: The open raster.
        options: Whatever else decides what is read: bands, resolution.
    """
    digest = hashlib.sha256(repr((dataset.shape, dataset.dtypes, tuple(dataset.transform))).encode())
    digest.update(repr(tuple(options)).encode())
    paths = raster_files(dataset)
    if paths and all(path.is_file() for path in paths):
        for path in sorted(paths, key=lambda path: (path.suffix, path.stat().st_size)):
            _add_file(digest, path)
    else:
        sample_yx = tuple(min(side, _SAMPLE_SIDE_PX) for side in dataset.shape)
        digest.update(dataset.name.encode())
        digest.update(dataset.read(1, out_shape=sample_yx).tobytes())
    return digest.hexdigest()[:32]


def fingerprint_of_key(content_key: str, *, options: Iterable[object]) -> str:
    """A hash like that of `raster_fingerprint`, of content that somebody else vouches for."""
    return hashlib.sha256(repr((content_key, tuple(options))).encode()).hexdigest()[:32]


def raster_files(dataset: DatasetReader) -> list[Path]:
    """All files that a raster is made of; those of a VRT inside a VRT, which GDAL leaves out, included."""
    found: dict[Path, None] = {}
    waiting = [Path(name) for name in dataset.files]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = None
        if path.suffix.lower() == ".vrt" and path != Path(dataset.name) and path.is_file():
            with rasterio.open(path) as inner:
                waiting += [Path(name) for name in inner.files]
    return list(found)


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    status = path.stat()
    digest.update(repr((path.suffix, status.st_size, status.st_mtime_ns)).encode())
    last = max(0, status.st_size - _CHUNK_BYTES)
    with path.open("rb") as file:
        for offset in dict.fromkeys(np.linspace(0, last, _NUM_CHUNKS, dtype=np.int64).tolist()):
            file.seek(offset)
            digest.update(file.read(_CHUNK_BYTES))
