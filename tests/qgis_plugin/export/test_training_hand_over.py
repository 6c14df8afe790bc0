"""What QGIS writes in its own process, training reads in its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely import from_wkt

from geophrase.training.data.risors import read_image, read_split

SYSTEM_PYTHON = "/usr/bin/python3"
OUTER = "500040.1 5539920.2, 500072.3 5539931.4, 500065 5539960.1, 500040.1 5539955.3, 500040.1 5539920.2"
HOLE = "500050 5539935, 500058 5539935, 500058 5539942, 500050 5539942, 500050 5539935"
WKT = f"POLYGON(({OUTER}), ({HOLE}))"

CLICKS = [[500045.25, 5539940.0, 1], [500054.0, 5539938.0, 0]]
BOX = [[500040.0, 5539961.0], [500073.0, 5539961.0], [500073.0, 5539920.0], [500040.0, 5539920.0]]

SCRIPT = """
import sys
from pathlib import Path
raster, links, tests, folder, wkt = sys.argv[1:6]
sys.path[:0] = [links, tests]
from qgis.core import QgsApplication, QgsCoordinateTransformContext, QgsGeometry, QgsRasterLayer
application = QgsApplication([], False)
application.initQgis()
from export_layers import segment, segments_layer
from geophrase.qgis_plugin.core.vector.fields import text_field
from geophrase.qgis_plugin.core.export.labelled import labelled_objects
from geophrase.qgis_plugin.core.export.sample_folder import ImageSource
from geophrase.qgis_plugin.core.export.training_sample import SampleOptions, write_training_sample
from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
layer, found = QgsRasterLayer(raster, "town"), segments_layer([segment(QgsGeometry.fromWkt(wkt))])
found.dataProvider().addAttributes([text_field("clicks"), text_field("box")])
found.updateFields()
prompts = {"clicks": sys.argv[6], "box": sys.argv[7]}
values = {found.fields().lookupField(name): text for name, text in prompts.items()}
assert found.dataProvider().changeAttributeValues({1: values})
systems = {"crs": found.crs(), "raster_crs": layer.crs(), "context": QgsCoordinateTransformContext()}
objects = labelled_objects(list(found.getFeatures()), **systems)
options = SampleOptions(Path(folder), split="val", side_px=256)
for _ in range(2):
    write_training_sample(layer_raster(layer), objects, ImageSource("town", raster), options)
"""


@pytest.mark.qgis
def test_training_reads_what_qgis_wrote(repository: Path, tmp_path: Path):
    found = subprocess.run([SYSTEM_PYTHON, "-c", "import qgis.core"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip("QGIS's Python bindings are not installed (Debian: python3-qgis)")
    raster, folder = tmp_path / "town.tif", tmp_path / "sample"
    pixels = np.random.default_rng(0).integers(1, 255, (3, 400, 400), np.uint8)
    transform = from_origin(500_000, 5_540_000, 0.5, 0.5)
    shape = {"width": 400, "height": 400, "count": 3, "dtype": "uint8"}
    with rasterio.open(
        raster, "w", driver="GTiff", crs="EPSG:32632", transform=transform, **shape
    ) as dataset:
        dataset.write(pixels)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "geophrase").symlink_to(repository)
    tests = repository / "tests" / "qgis_plugin" / "in_qgis"
    arguments = [str(path) for path in (raster, tmp_path / "links", tests, folder)]
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", SCRIPT, *arguments, WKT, json.dumps(CLICKS), json.dumps(BOX)],
        capture_output=True,
        text=True,
        check=False,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert folder.is_dir(), done.stderr
    (image,) = read_split(folder, "val")
    (phrase,) = image.phrases
    mask = rasterize([from_wkt(WKT)], out_shape=(400, 400), transform=transform, dtype="uint8")
    rows, cols = np.nonzero(mask)
    x, y, _, _ = phrase.bbox_xywh
    top, left = rows.min() - int(y), cols.min() - int(x)
    assert (phrase.mask() == mask[top : top + 256, left : left + 256]).all()
    assert phrase.area_px == mask.sum()
    assert phrase.text == "storage tanks"
    assert phrase.predicted_iou == 0.75

    def to_pix(x: float, y: float) -> tuple[float, float]:
        return (x - 500_000) / 0.5 - left, (5_540_000 - y) / 0.5 - top

    assert phrase.point_labels == (1, 0)
    assert phrase.point_coords == tuple(pytest.approx(to_pix(x, y), abs=1e-3) for x, y, _ in CLICKS)
    document = json.loads((folder / "annotations" / f"{image.path.stem}.json").read_text())
    ((box_x, box_y, width, height),) = document["annotations"][0]["prompt_boxes"]
    assert (box_x, box_y) == pytest.approx(to_pix(*BOX[0]), abs=1e-3)
    assert (width, height) == (66, 82)
    expected = pixels[:, top : top + 256, left : left + 256].transpose(1, 2, 0)
    assert (read_image(image.path) == expected).all()
