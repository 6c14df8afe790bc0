"""Export training data, in real Processing: no engine is needed, only layers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from processing_layers import LONLAT, Told, layer_of
from qgis.core import (
    QgsApplication,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
)

from geophrase.qgis_plugin.core.export.rle import encode_rle

pytest_plugins = ["processing_fixtures"]

ALGORITHM = "geophrase:exporttrainingdata"
LEFT, TOP = 500_000.0, 5_540_000.0


def box(left: float, top: float, width: float, height: float) -> QgsGeometry:
    """A rectangle, in metres right of and below the raster's corner."""
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    return QgsGeometry.fromPolygonXY([[QgsPointXY(LEFT + x, TOP - y) for x, y in corners]])


@pytest.fixture
def run(processing, provider, project, tmp_path):
    """Runs the algorithm; gives its results and the folder."""

    def run_it(raster, polygons, feedback=None, **parameters):
        project.addMapLayer(polygons)
        given = {"INPUT": raster, "POLYGONS": polygons.id(), "FOLDER": str(tmp_path / "training")}
        results = processing.run(ALGORITHM, {**given, **parameters}, feedback=feedback or Told())
        return results, tmp_path / "training"

    return run_it


def _annotations(folder: Path) -> dict[str, dict]:
    """Of all images, by phrase; each phrase is in one image here."""
    documents = [json.loads(path.read_text()) for path in sorted((folder / "annotations").glob("*.json"))]
    return {
        row["description"]: {**row, **document["image"]}
        for document in documents
        for row in document["annotations"]
    }


def test_polygons_of_another_crs_become_masks_on_the_same_pixels(run, town):
    rows = [(box(50, 60, 40, 20), "roof"), (box(200, 100, 10, 30), "tree"), (box(300, 300, 5, 5), "roof")]
    polygons = layer_of("Polygon", rows, fields=[("what", "string")], crs=LONLAT)

    results, folder = run(town, polygons, PHRASE_FIELD="what")

    assert (results["NUM_IMAGES"], results["NUM_OBJECTS"]) == (1, 3)
    found = _annotations(folder)
    assert found["roof"]["area"] == 40 * 20 + 5 * 5
    assert found["tree"]["area"] == 10 * 30
    assert (found["tree"]["width"], found["tree"]["height"]) == (800, 800)
    left, top, width, height = found["tree"]["bbox"]
    assert (width, height) == (10, 30)
    image = gdal.Open(str(folder / "images" / found["tree"]["file_name"])).ReadAsArray()
    source = gdal.Open(town).ReadAsArray()
    assert np.array_equal(image[:, top : top + 30, left : left + 10], source[:, 100:130, 200:210])
    mask_HW = np.zeros((800, 800), np.bool_)
    mask_HW[top : top + 30, left : left + 10] = True
    assert found["tree"]["segmentation"] == encode_rle(mask_HW)
    assert (folder / "splits" / "train.txt").read_text().split() == [Path(found["tree"]["file_name"]).stem]


def test_one_phrase_for_all_a_split_and_a_side(run, town):
    polygons = layer_of("Polygon", [[box(50, 60, 40, 20)]])

    _, folder = run(town, polygons, PHRASE=" large  roofs ", SPLIT=1, SIDE=256)

    found = _annotations(folder)["large roofs"]
    assert (found["width"], found["height"], found["area"]) == (256, 256, 800)
    assert (folder / "splits" / "val.txt").exists()
    assert not (folder / "splits" / "train.txt").exists()


def test_a_coarser_resolution_makes_smaller_masks(run, town):
    polygons = layer_of("Polygon", [[box(50, 60, 40, 20)]])

    _, folder = run(town, polygons, PHRASE="roofs", RESOLUTION=2.0)

    assert _annotations(folder)["roofs"]["area"] == pytest.approx(800 / 4, rel=0.06)


@pytest.fixture
def large(tmp_path) -> str:
    """A raster of 6000 x 6000 pixels of 1 m, of which every pixel is data."""
    path = str(tmp_path / "large.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, 6000, 6000, 1, gdal.GDT_Byte, ["SPARSE_OK=TRUE"])
    dataset.SetGeoTransform((LEFT, 1, 0, TOP, 0, -1))
    del dataset
    return path


def test_sharing_out_by_place_gives_every_split_its_own_ground(run, large):
    places = [(left, top) for left in range(100, 5900, 580) for top in range(100, 5900, 580)]
    rows = [(box(left, top, 20, 20), f"{left},{top}") for left, top in places]
    polygons = layer_of("Polygon", rows, fields=[("query", "string")])
    told = Told()

    results, folder = run(large, polygons, told, SPLIT=3, SIDE=128)

    splits = {path.stem: set(path.read_text().split()) for path in (folder / "splits").glob("*.txt")}
    assert set(splits) == {"train", "val", "test"}
    assert results["NUM_IMAGES"] == sum(len(stems) for stems in splits.values())
    assert len(set.union(*splits.values())) == results["NUM_IMAGES"]
    assert 0.6 < len(splits["train"]) / results["NUM_IMAGES"] < 0.98
    bounds = {split: [_bounds(folder, stem) for stem in stems] for split, stems in splits.items()}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not any(_overlap(a, b) for a in bounds[one] for b in bounds[other])


def _bounds(folder: Path, stem: str) -> tuple[float, float, float, float]:
    image = json.loads((folder / "annotations" / f"{stem}.json").read_text())["image"]
    a, _, c, _, e, f = image["place"]["map_from_pix"]
    return c, f + e * image["height"], c + a * image["width"], f


def _overlap(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_polygons_without_a_phrase_or_beside_the_raster_are_told(run, town):
    rows = [(box(50, 60, 40, 20), "roof"), (box(100, 60, 40, 20), None), (box(-500, 60, 40, 20), "roof")]
    polygons = layer_of("Polygon", rows, fields=[("query", "string")])
    told = Told()

    results, _ = run(town, polygons, told)

    assert results["NUM_OBJECTS"] == 1
    assert told.warnings == [
        "Polygons left out because they have no phrase: 1.",
        "Polygons left out because they lie beside the raster: 1.",
    ]


def test_a_field_that_is_not_there_is_named(run, town):
    polygons = layer_of("Polygon", [(box(50, 60, 40, 20), "roof")], fields=[("what", "string")])

    with pytest.raises(QgsProcessingException, match="There is no field name; the layer has what"):
        run(town, polygons, PHRASE_FIELD="name")


def test_nothing_to_export_is_an_error(run, town):
    polygons = layer_of("Polygon", [(box(50, 60, 40, 20), "  ")], fields=[("query", "string")])

    with pytest.raises(QgsProcessingException, match="There is no polygon with a phrase"):
        run(town, polygons)


def test_a_folder_that_cannot_be_written_is_an_error(run, town, tmp_path):
    (tmp_path / "training").write_text("a file in the way")

    with pytest.raises(QgsProcessingException, match="could not be written"):
        run(town, layer_of("Polygon", [[box(50, 60, 40, 20)]]), PHRASE="roofs")


def test_without_any_phrase_the_parameters_are_refused(provider, town, project):
    polygons = layer_of("Polygon", [[box(50, 60, 40, 20)]])
    project.addMapLayer(polygons)
    context = QgsProcessingContext()
    context.setProject(project)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)

    is_valid, message = algorithm.checkParameterValues(
        {"INPUT": town, "POLYGONS": polygons.id(), "FOLDER": "TEMPORARY_OUTPUT"}, context
    )

    assert not is_valid
    assert message == "The polygons have no phrase. Choose the field that has it, or type one for all."


def test_a_cancelled_export_keeps_whole_images(run, large):
    rows = [[box(left, 100, 20, 20)] for left in range(100, 5900, 1000)]

    results, folder = run(large, layer_of("Polygon", rows), Told(cancel_at_progress=30), PHRASE="roofs")

    stems = (folder / "splits" / "train.txt").read_text().split()
    assert 1 <= len(stems) < len(rows)
    assert "NUM_IMAGES" not in results
    for stem in stems:
        assert gdal.Open(str(folder / "images" / f"{stem}.png")).RasterXSize == 800
