"""Which blocks of a sparse GeoTIFF exist: where a mosaic has no data, without reading a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

from geophrase.engine.raster.bands import BandPlan, Bool
from geophrase.protocol.grid import WindowPx


@dataclass(frozen=True)
class BlockMap:
    """Presence of a TIFF's blocks.

    Args:
        is_present_HW: One value per block, rows and columns of blocks.
        block_height_px: Rows in a block.
        block_width_px: Columns in a block.
    """

    is_present_HW: Bool
    block_height_px: int
    block_width_px: int

    @classmethod
    def of(cls, dataset: DatasetReader, plan: BandPlan) -> BlockMap | None:
        """The map of a raster with missing blocks; None where nothing can be told from blocks.

        GDAL reads a missing block as the nodata value, or as 0 without one. So it is surely without data if
        the band has a nodata value, or is the alpha band of a raster that has none.

        Source: GDAL's GeoTIFF driver, metadata domain "TIFF", items BLOCK_OFFSET_<column>_<row>.
        """
        index = _deciding_band(dataset, plan)
        if dataset.driver != "GTiff" or index is None:
            return None
        height_px, width_px = dataset.block_shapes[index - 1]
        num_rows, num_cols = -(-dataset.height // height_px), -(-dataset.width // width_px)
        is_present_HW = np.array(
            [
                [
                    dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=index) is not None
                    for col in range(num_cols)
                ]
                for row in range(num_rows)
            ]
        )
        return None if is_present_HW.all() else cls(is_present_HW, height_px, width_px)

    def has_data(self, window: WindowPx) -> bool:
        """False only if every block that the window of native pixels touches is missing."""
        rows = slice(max(0, window.row // self.block_height_px), -(-window.row_end // self.block_height_px))
        cols = slice(max(0, window.col // self.block_width_px), -(-window.col_end // self.block_width_px))
        return bool(self.is_present_HW[rows, cols].any())


def _deciding_band(dataset: DatasetReader, plan: BandPlan) -> int | None:
    """A band whose missing blocks have no data; None if there is none, or not a single one."""
    has_nodata = any(value is not None for value in dataset.nodatavals)
    if plan.alpha_index is not None and not has_nodata:
        return plan.alpha_index
    is_shared = dataset.interleaving is not None and dataset.interleaving.value.lower() == "pixel"
    flags = dataset.mask_flag_enums[plan.indexes[0] - 1]
    if plan.mask_indexes and flags == [MaskFlags.nodata] and (is_shared or len(plan.mask_indexes) == 1):
        return plan.mask_indexes[0]
    return None
