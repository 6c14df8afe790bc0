"""Which bands make the picture and which pixels have data.

Shape letters: B bands, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

Bool = npt.NDArray[np.bool_]
Values = npt.NDArray[np.generic]

_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@dataclass(frozen=True)
class BandPlan:
    """The bands to read, 1-based as in GDAL and QGIS.

    Args:
        indexes: One band (grey or palette) or three (red, green, blue).
        is_palette: The one band holds indexes into a colour table.
        alpha_index: A band that is 0 where there is no data; None without one.
        mask_indexes: Bands whose GDAL masks (nodata value, mask band) say where there is data: a pixel has
            data where any of them does. Empty when GDAL calls every pixel valid.
        fill_values: The nodata value of each of `indexes` where comparing with it is all that the mask does:
            integers without a mask band. Empty otherwise.
    """

    indexes: tuple[int, ...]
    is_palette: bool = False
    alpha_index: int | None = None
    mask_indexes: tuple[int, ...] = ()
    fill_values: tuple[float, ...] = ()


def plan_bands(dataset: DatasetReader, bands: Sequence[int] | None = None) -> BandPlan:
    """Choose the bands: those asked for, else those tagged red, green and blue, else the first three or one.

    Bands tagged as alpha are not picture bands unless they are asked for by number, which is how a
    near-infrared band that a writer mistagged as alpha (four-band NAIP) can be shown; it then masks nothing.

    Raises:
        EngineError: A choice that the raster doesn't have, or pixels that are complex numbers.
    """
    indexes = _default_indexes(dataset) if bands is None else _checked_indexes(dataset, bands)
    if any("complex" in dataset.dtypes[index - 1] for index in indexes):
        raise EngineError(
            ErrorCode.RASTER_UNSUPPORTED,
            "The raster holds complex numbers, as raw radar data does; convert it to amplitude first, "
            "for example with gdal_calc.py or your radar software.",
        )
    alphas = [index for index in _tagged(dataset, ColorInterp.alpha) if index not in indexes]
    is_palette = indexes[0] in _tagged(dataset, ColorInterp.palette)
    indexes = indexes[:1] if is_palette else indexes
    return BandPlan(
        indexes,
        is_palette,
        alphas[0] if alphas else None,
        _mask_indexes(dataset, indexes),
        _fill_values(dataset, indexes),
    )


def read_bands(
    dataset: DatasetReader,
    plan: BandPlan,
    *,
    window: Window | None = None,
    shape_yx: tuple[int, int],
    resampling: Resampling,
) -> tuple[Values, Bool]:
    """The planned bands in their own dtype, (B, H, W), and where they have data, (H, W).

    A pixel has data when GDAL's nodata and mask rules say so for any of the bands (rasterio's `dataset_mask`
    joins per-band masks in the same way: with nodata 0 a pure red roof is data, only black in all the bands
    isn't), and its alpha is above 0, and every band is a finite number. Values that aren't finite come as 0.
    Values are resampled without the pixels that have no data; validity is that of the nearest pixel.
    """
    values_BHW = _read_values(dataset, plan, window=window, shape_yx=shape_yx, resampling=resampling)
    place = {"window": window, "resampling": Resampling.nearest}
    valid_HW = np.ones(shape_yx, np.bool_)
    if plan.fill_values and resampling == Resampling.nearest:
        # What GDAL's mask says, without its second pass over the blocks, which takes as long as the first.
        valid_HW = np.any(
            [values != fill for values, fill in zip(values_BHW, plan.fill_values, strict=True)], 0
        )
    elif plan.mask_indexes:
        masks_shape = len(plan.mask_indexes), *shape_yx
        masks_BHW = dataset.read_masks(list(plan.mask_indexes), out_shape=masks_shape, **place)
        valid_HW = masks_BHW.any(axis=0)
    if plan.alpha_index is not None:
        valid_HW &= dataset.read(plan.alpha_index, out_shape=shape_yx, **place) > 0
    if values_BHW.dtype.kind == "f":
        finite_BHW = np.isfinite(values_BHW)
        valid_HW &= finite_BHW.all(axis=0)
        values_BHW = np.where(finite_BHW, values_BHW, values_BHW.dtype.type(0))
    return values_BHW, valid_HW


def _read_values(
    dataset: DatasetReader,
    plan: BandPlan,
    *,
    window: Window | None,
    shape_yx: tuple[int, int],
    resampling: Resampling,
) -> Values:
    """All bands in one call, so that interleaved blocks are decoded once; one by one if dtypes differ."""
    options = {"window": window, "resampling": resampling}
    if len({dataset.dtypes[index - 1] for index in plan.indexes}) > 1:
        return np.stack([dataset.read(index, out_shape=shape_yx, **options) for index in plan.indexes])
    values_BHW: Values = dataset.read(list(plan.indexes), out_shape=(len(plan.indexes), *shape_yx), **options)
    return values_BHW


def colour_table(dataset: DatasetReader, index: int) -> npt.NDArray[np.uint8]:
    """Red, green, blue, alpha of every value that the band's dtype can hold, (256 or 65536, 4).

    Values that the table lacks are transparent, that is, without data.
    """
    table = np.zeros((2 ** (8 * np.dtype(dataset.dtypes[index - 1]).itemsize), 4), np.uint8)
    for value, rgba in dataset.colormap(index).items():
        table[value] = rgba
    return table


def _default_indexes(dataset: DatasetReader) -> tuple[int, ...]:
    colours = [_tagged(dataset, colour) for colour in _RGB]
    if all(colours):
        return tuple(indexes[0] for indexes in colours)
    alphas = _tagged(dataset, ColorInterp.alpha)
    pictures = tuple(index for index in dataset.indexes if index not in alphas) or tuple(dataset.indexes)
    return pictures[:3] if len(pictures) >= 3 else pictures[:1]


def _checked_indexes(dataset: DatasetReader, bands: Sequence[int]) -> tuple[int, ...]:
    if len(bands) not in (1, 3):
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"The picture is made from one band (grey) or three (red, green, blue), not {len(bands)}; "
            "give one or three band numbers.",
        )
    missing = [band for band in bands if band not in dataset.indexes]
    if missing:
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"The raster has no band {missing[0]}; choose from 1 to {dataset.count}.",
        )
    return tuple(bands)


def _tagged(dataset: DatasetReader, colour: ColorInterp) -> list[int]:
    return [index for index in dataset.indexes if dataset.colorinterp[index - 1] == colour]


def _mask_indexes(dataset: DatasetReader, indexes: tuple[int, ...]) -> tuple[int, ...]:
    """The bands whose masks count; alpha has its own rule, so a mask that GDAL derives from it isn't one."""
    flags_of = {index: dataset.mask_flag_enums[index - 1] for index in dict.fromkeys(indexes)}
    if any(MaskFlags.all_valid in flags or MaskFlags.alpha in flags for flags in flags_of.values()):
        return ()
    if all(MaskFlags.per_dataset in flags for flags in flags_of.values()):
        return indexes[:1]
    return tuple(flags_of)


def _fill_values(dataset: DatasetReader, indexes: tuple[int, ...]) -> tuple[float, ...]:
    """Nodata values that can be compared exactly; GDAL's masks compare floats with a tolerance."""
    is_exact = all(
        dataset.mask_flag_enums[index - 1] == [MaskFlags.nodata]
        and np.dtype(dataset.dtypes[index - 1]).kind in "iu"
        and np.dtype(dataset.dtypes[index - 1]).itemsize <= 4
        for index in indexes
    )
    return tuple(float(dataset.nodatavals[index - 1]) for index in indexes) if is_exact else ()
