"""One contrast stretch per raster: never per tile, never from the extent; no result depends on those.

Shape letters: B bands, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from geophrase.engine.raster.bands import BandPlan, Values, read_bands

PERCENTILES = (2.0, 98.0)
SAMPLE_SIDE_PX = 1024
_NUM_PROBES_PER_SIDE = 16
_PROBE_PX = SAMPLE_SIDE_PX // _NUM_PROBES_PER_SIDE
_ENOUGH_SAMPLES = 20_000

_Read = tuple[Window, tuple[int, int]]


@dataclass(frozen=True)
class Stretch:
    """A linear map of each band's [low, high] to [0, 255], clipped.

    Args:
        low: Per band, the value that becomes 0. Empty for the identity, which leaves 8-bit values alone.
        high: Per band, the value that becomes 255.
    """

    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def is_identity(self) -> bool:
        """Whether 8-bit values pass through untouched."""
        return not self.low

    @classmethod
    def from_samples(cls, samples_per_band: Sequence[Values]) -> Stretch:
        """Map the 2nd to 98th percentile of each band to the whole range; a constant band becomes 0."""
        lows, highs = [], []
        for samples in samples_per_band:
            low, high = np.percentile(samples.astype(np.float64), PERCENTILES) if samples.size else (0.0, 1.0)
            lows.append(float(low))
            highs.append(float(high if high > low else low + 1))
        return cls(tuple(lows), tuple(highs))

    def to_uint8(self, values_BHW: Values) -> npt.NDArray[np.uint8]:
        """Stretched values, rounded, (B, H, W).

        Raises:
            ValueError: The identity was asked to convert something other than uint8.
        """
        if self.is_identity:
            if values_BHW.dtype != np.uint8:
                raise ValueError(f"only 8-bit values pass through untouched, not {values_BHW.dtype}")
            return values_BHW.astype(np.uint8, copy=False)
        if values_BHW.dtype.kind in "iu" and values_BHW.dtype.itemsize == 2:
            tables = _lookup_tables(self, values_BHW.dtype)
            bits_BHW = values_BHW.view(np.uint16)
            return np.stack([table[bits_HW] for table, bits_HW in zip(tables, bits_BHW, strict=True)])
        return self._scaled(values_BHW)

    def _scaled(self, values_BHW: Values) -> npt.NDArray[np.uint8]:
        low = np.array(self.low)[:, None, None]
        scale = 255 / (np.array(self.high)[:, None, None] - low)
        stretched_BHW: npt.NDArray[np.float64] = (values_BHW - low) * scale
        return np.clip(np.rint(stretched_BHW), 0, 255).astype(np.uint8)


@lru_cache(maxsize=8)
def _lookup_tables(stretch: Stretch, dtype: np.dtype[np.generic]) -> npt.NDArray[np.uint8]:
    """The stretched value of every 16-bit pattern, (B, 65536): far cheaper per tile than arithmetic."""
    every_value = np.arange(2**16, dtype=np.uint16).view(dtype)
    return stretch._scaled(np.broadcast_to(every_value, (len(stretch.low), 1, 2**16)))[:, 0]


def measure_stretch(dataset: DatasetReader, plan: BandPlan) -> Stretch:
    """The stretch of a raster, from at most about 1024² pixels spread over the whole of it.

    8-bit bands and colour tables are pictures already and pass through untouched; a band that declares fewer
    than 8 bits is stretched.
    """
    is_picture = all(
        dataset.dtypes[index - 1] == "uint8" and not dataset.tags(index, ns="IMAGE_STRUCTURE").get("NBITS")
        for index in plan.indexes
    )
    if plan.is_palette or is_picture:
        return Stretch()
    longest_px = max(dataset.width, dataset.height)
    if longest_px > SAMPLE_SIDE_PX and not dataset.overviews(plan.indexes[0]):
        # A decimated read would decode every block; probes decode a few hundred.
        samples = _samples(dataset, plan, _probes(dataset))
        if min(len(band) for band in samples) >= _ENOUGH_SAMPLES:
            return Stretch.from_samples(samples)
    factor = max(1.0, longest_px / SAMPLE_SIDE_PX)
    shape_yx = max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor))
    whole = Window(0, 0, dataset.width, dataset.height)
    return Stretch.from_samples(_samples(dataset, plan, [(whole, shape_yx)]))


def _probes(dataset: DatasetReader) -> Iterator[_Read]:
    """Small windows at full resolution, evenly spread over the raster."""
    for row in np.linspace(0, max(0, dataset.height - _PROBE_PX), _NUM_PROBES_PER_SIDE, dtype=int):
        for col in np.linspace(0, max(0, dataset.width - _PROBE_PX), _NUM_PROBES_PER_SIDE, dtype=int):
            width, height = min(_PROBE_PX, dataset.width), min(_PROBE_PX, dataset.height)
            yield Window(int(col), int(row), width, height), (height, width)


def _samples(dataset: DatasetReader, plan: BandPlan, reads: Iterable[_Read]) -> list[Values]:
    """The values of each band's pixels that have data, one 1-D array per band."""
    found: list[list[Values]] = [[] for _ in plan.indexes]
    for window, shape_yx in reads:
        values_BHW, valid_HW = read_bands(
            dataset, plan, window=window, shape_yx=shape_yx, resampling=Resampling.nearest
        )
        for samples, index, values_HW in zip(found, plan.indexes, values_BHW, strict=True):
            # Where only some of the bands have data the pixel counts, this band's fill value doesn't.
            samples.append(values_HW[valid_HW & (values_HW != dataset.nodatavals[index - 1])])
    return [np.concatenate(samples) for samples in found]
