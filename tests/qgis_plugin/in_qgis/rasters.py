"""Small raster files for tests, written by GDAL."""

from __future__ import annotations

import numpy as np
from osgeo import gdal, osr

ROTATED = (500_000.0, 0.8, 0.6, 5_540_000.0, 0.6, -0.8)
NORTH_UP = (500_000.0, 1.0, 0.0, 5_540_000.0, 0.0, -1.0)


def numbered(width: int, height: int) -> np.ndarray:
    """(3, H, W) uint8 in which no two pixels are alike: column, row and both."""
    row, col = np.mgrid[:height, :width]
    return np.stack([col % 251, row % 241, (col // 251) * 16 + row // 241 + 1]).astype(np.uint8)


def write_raster(path, values_BHW, *, transform=None, epsg=None, nodata=None, driver="GTiff", gcps=()):
    """Writes a file; transform in GDAL's order, None for none."""
    num_bands, height, width = values_BHW.shape
    dataset = gdal.GetDriverByName(driver).Create(str(path), width, height, num_bands, gdal.GDT_Byte)
    reference = osr.SpatialReference()
    if epsg:
        reference.ImportFromEPSG(epsg)
        dataset.SetProjection(reference.ExportToWkt())
    if gcps:
        dataset.SetGCPs(list(gcps), reference.ExportToWkt())
    if transform:
        dataset.SetGeoTransform(transform)
    for index, values_HW in enumerate(values_BHW, start=1):
        dataset.GetRasterBand(index).WriteArray(values_HW)
        if nodata is not None:
            dataset.GetRasterBand(index).SetNoDataValue(nodata)
    dataset.FlushCache()
    return str(path)


def in_thread(app, work):
    """What `work` returns in a thread of its own while this one turns the event loop."""
    import threading
    import time

    results = []

    def run():
        try:
            results.append((work(), None))
        except BaseException as error:
            results.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    end = time.monotonic() + 30
    while thread.is_alive() and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.005)
    assert not thread.is_alive(), "the worker did not finish"
    value, error = results[0]
    if error is not None:
        raise error
    return value
