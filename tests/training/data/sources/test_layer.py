"""A raster and a layer of polygons with phrases, into samples; GDAL's own burning is the reference."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.transform import Affine

from geophrase.engine.raster.source import RasterSource
from geophrase.protocol.grid import WindowPx
from geophrase.training.cli import main
from geophrase.training.data.prepare import prepare_layer
from geophrase.training.data.risors import RisorsError, RisorsImage, read_image, read_split
from geophrase.training.data.sources.boxed import read_boxes
from geophrase.training.data.sources.features import FeatureTable
from geophrase.training.data.sources.layer import LayerOptions

SIZE_PX = 64
COS, SIN = 0.5 * np.cos(np.radians(23.0)), 0.5 * np.sin(np.radians(23.0))
ROTATED = Affine(COS, SIN, 500000.0, SIN, -COS, 5400000.0)
PHRASES = ("red sheds", "the pond", "a car")


@dataclass(frozen=True)
class World:
    """A raster of 16 bits, turned by 23 degrees, and polygons in longitude and latitude."""

    raster: Path
    layer: Path
    shapes_map: gpd.GeoDataFrame

    def options(self, **changes: object) -> LayerOptions:
        """For the whole layer."""
        options = LayerOptions(self.raster, FeatureTable(self.layer, phrase_column="phrase"), size_px=SIZE_PX)
        return replace(options, **changes)

    def burnt(self, phrase: str) -> npt.NDArray[np.uint8]:
        """GDAL's mask of a phrase over the whole raster, in the raster's own frame."""
        with rasterio.open(self.raster) as dataset:
            shapes = self.shapes_map.geometry[self.shapes_map.phrase == phrase]
            mask_HW = rasterize(shapes, (dataset.height, dataset.width), transform=dataset.transform)
            return np.asarray(mask_HW * (dataset.dataset_mask() > 0), np.uint8)


def write_world(folder: Path, *, width_px: int = 448, height_px: int = 128, seed: int = 0) -> World:
    """Forty polygons with holes and corners, some of them across the edges of images and of the raster."""
    rng = np.random.default_rng(seed)
    values_BHW = rng.integers(200, 4000, (4, height_px, width_px)).astype(np.uint16)
    values_BHW[:, :SIZE_PX, SIZE_PX : 2 * SIZE_PX] = 0
    values_BHW[:, 70:90, 10:40] = 0
    profile = {"driver": "GTiff", "count": 4, "dtype": "uint16", "crs": "EPSG:32632", "nodata": 0}
    raster = folder / "town 2024.tif"
    with rasterio.open(
        raster, "w", width=width_px, height=height_px, transform=ROTATED, tiled=True, **profile
    ) as written:
        written.write(values_BHW)
    centres_pix = rng.uniform((-5, -5), (width_px + 5, height_px + 5), (40, 2))
    shapes_map = [_blob(centre, rng) for centre in centres_pix]
    frame = gpd.GeoDataFrame(
        {
            "phrase": [PHRASES[index % 3] for index in range(40)],
            "kind": ["Shed", "Pond", "Car"] * 13 + ["Shed"],
        },
        geometry=shapes_map,
        crs="EPSG:32632",
    )
    layer = folder / "things.gpkg"
    frame.to_crs("EPSG:4326").to_file(layer, layer="things", driver="GPKG")
    return World(raster, layer, frame.to_crs("EPSG:4326").to_crs("EPSG:32632"))


def to_map(xy_pix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pixel edges of the raster on the map, from the transform's definition."""
    matrix = np.array([[ROTATED.a, ROTATED.b], [ROTATED.d, ROTATED.e]])
    return xy_pix @ matrix.T + (ROTATED.c, ROTATED.f)


def _blob(centre: npt.NDArray[np.float64], rng: np.random.Generator) -> shapely.Polygon:
    angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    shell = shapely.Polygon(to_map(centre + rng.uniform(6, 16, (9, 1)) * directions))
    return shell.difference(shapely.Polygon(to_map(centre + 2.5 * directions[::3])))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return write_world(tmp_path)


def images_of(root: Path) -> list[RisorsImage]:
    return [image for split in ("train", "val", "test") for image in read_split(root, split)]


def window_of(image: RisorsImage) -> WindowPx:
    col, row = (int(number) for number in image.path.stem.split("_")[-2:])
    return WindowPx(col, row, image.width_px, image.height_px)


def test_every_polygon_is_burnt_where_gdal_burns_it(world: World, tmp_path: Path) -> None:
    prepare_layer(world.options(split="train"), tmp_path / "out")
    images = images_of(tmp_path / "out")
    assert {image.path.stem.rsplit("_", 3)[0] for image in images} == {"town-2024"}
    for text in PHRASES:
        expected_HW = world.burnt(text)
        found_HW = np.zeros_like(expected_HW)
        for image in images:
            window = window_of(image)
            cut = np.s_[window.row : window.row_end, window.col : window.col_end]
            masks = [phrase.mask() for phrase in image.phrases if phrase.text == text]
            assert len(masks) <= 1
            if masks:
                found_HW[cut] = masks[0]
            elif expected_HW[cut].sum() < 8:
                expected_HW[cut] = 0
        num_different = int((found_HW != expected_HW).sum())
        assert num_different <= 2, "but for centres on an edge, within the rounding of a degree"
        assert expected_HW.sum() > 500
    assert not any(window_of(image).col == SIZE_PX and window_of(image).row == 0 for image in images)


def test_pixels_are_those_that_the_engine_shows_its_model(world: World, tmp_path: Path) -> None:
    prepare_layer(world.options(split="train"), tmp_path / "out")
    with RasterSource.open(world.raster) as source:
        for image in images_of(tmp_path / "out"):
            assert np.array_equal(read_image(image.path), source.read(window_of(image)).image_HWC)
    with rasterio.open(world.raster) as dataset:
        band_HW = dataset.read(1, masked=True)
    low, high = np.percentile(band_HW.compressed(), (2, 98))
    stretched_HW = np.clip(np.rint((band_HW.filled(0) - low) * 255 / (high - low)), 0, 255)
    stretched_HW[band_HW.mask] = 0
    image = next(image for image in images_of(tmp_path / "out") if window_of(image).row == SIZE_PX)
    window = window_of(image)
    expected_HW = stretched_HW[window.row : window.row_end, window.col : window.col_end]
    assert np.abs(read_image(image.path)[..., 0] - expected_HW).max() <= 1


def test_bands_and_resolution_are_settings(world: World, tmp_path: Path) -> None:
    prepare_layer(world.options(split="test", bands=(4,), resolution_m=1.0), tmp_path / "out")
    images = read_split(tmp_path / "out", "test")
    assert {window_of(image).row for image in images} == {0}
    pixels_HWC = read_image(images[0].path)
    assert np.array_equal(pixels_HWC[..., 0], pixels_HWC[..., 2])
    with RasterSource.open(world.raster, bands=(4,), resolution_m=1.0) as source:
        assert np.array_equal(pixels_HWC, source.read(window_of(images[0])).image_HWC)


def test_splits_are_areas_apart(tmp_path: Path) -> None:
    world = write_world(tmp_path, width_px=704, height_px=192)
    prepare_layer(world.options(), tmp_path / "out")
    col_of = {
        split: {window_of(image).col // SIZE_PX for image in read_split(tmp_path / "out", split)}
        for split in ("train", "val", "test")
    }
    assert all(col_of.values())
    assert min(col_of["val"]) - max(col_of["train"]) >= 2
    assert min(col_of["test"]) - max(col_of["val"]) >= 2


def test_a_complete_layer_tells_what_is_absent_and_gives_its_objects(world: World, tmp_path: Path) -> None:
    table = FeatureTable(world.layer, phrase_column="phrase", class_column="kind")
    prepare_layer(world.options(table=table, split="train"), tmp_path / "partial")
    assert not any(phrase.is_absent for image in images_of(tmp_path / "partial") for phrase in image.phrases)
    assert not any(image.instances or image.classes_labelled for image in images_of(tmp_path / "partial"))
    prepare_layer(world.options(table=table, split="train", is_complete=True), tmp_path / "out")
    num_absent = 0
    for image in images_of(tmp_path / "out"):
        assert image.classes_labelled == {"shed", "pond", "car"}
        window = window_of(image)
        for phrase in image.phrases:
            seen_HW = world.burnt(phrase.text)[window.row : window.row_end, window.col : window.col_end]
            num_absent += phrase.is_absent
            assert phrase.is_absent == (not seen_HW.any())
            assert phrase.kind == ("absent" if phrase.is_absent else "class")
        union_HW = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
        for stored in image.instances:
            instance = stored.decoded()
            assert instance is not None
            instance.paint(union_HW)
        phrases_HW = sum(phrase.mask().astype(int) for phrase in image.phrases)
        assert np.array_equal(union_HW > 0, np.asarray(phrases_HW) > 0) or any(
            stored.area_px < 8 for stored in image.instances
        )
    assert num_absent > 0


def test_several_features_of_a_phrase_are_one_mask_and_several_objects(tmp_path: Path) -> None:
    world = write_world(tmp_path)
    boxes = [shapely.box(10, 10, 20, 20), shapely.box(30, 10, 40, 30), shapely.box(15, 15, 25, 25)]
    frame = gpd.GeoDataFrame(
        {"what": ["tank"] * 3},
        geometry=[shapely.transform(box, to_map) for box in boxes],
        crs="EPSG:32632",
    )
    frame.to_file(world.layer, layer="things", driver="GPKG")
    table = FeatureTable(world.layer, phrase="storage tanks", class_column="what")
    prepare_layer(world.options(table=table, split="train", is_complete=True), tmp_path / "out")
    image = next(image for image in images_of(tmp_path / "out") if image.instances)
    (phrase,) = image.phrases
    assert (phrase.text, phrase.name) == ("storage tanks", "tank")
    assert sorted(stored.area_px for stored in image.instances) == [100, 100, 200]
    assert phrase.area_px == 100 + 200 + 100 - 25


def test_boxes_for_annotation_are_those_of_the_visible_parts(world: World, tmp_path: Path) -> None:
    prepare_layer(world.options(split="val"), tmp_path / "out", as_boxes=True)
    prepare_layer(world.options(split="val"), tmp_path / "masks")
    masks = {image.path.stem: image for image in images_of(tmp_path / "masks")}
    images = list(read_boxes(tmp_path / "out"))
    assert {image.path.stem for image in images} >= set(masks)
    for image in images:
        assert image.split == "val"
        assert read_image(image.path).shape == (SIZE_PX, SIZE_PX, 3)
        for phrase in masks[image.path.stem].phrases if image.path.stem in masks else ():
            boxes = np.array([box.bbox_xyxy for box in image.boxes if box.text == phrase.text])
            x, y, width, height = phrase.bbox_xywh
            assert (*boxes.min(axis=0)[:2], *boxes.max(axis=0)[2:]) == (x, y, x + width, y + height)


def test_the_command_prepares_a_layer(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["prepare", "--source", "layer", "--raster", str(world.raster), "--layer", str(world.layer)]
    command += ["--to", str(tmp_path / "out")]
    assert main([*command, "--phrase-column", "phrase", "--size-px", "64", "--split", "train"]) == 0
    assert capsys.readouterr().out.startswith("train: ")
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert provenance["title"] == "things.gpkg on town 2024.tif"
    assert main(command) == 1
    assert "either the column with the phrases or one phrase" in capsys.readouterr().err
    assert main(["prepare", "--source", "layer", "--to", str(tmp_path / "out")]) == 1
    assert "--raster and --layer" in capsys.readouterr().err
    assert main([*command, "--phrase", "x", "--from", str(tmp_path)]) == 1
    assert "and no --from" in capsys.readouterr().err
    assert main(["prepare", "--source", "nwpu", *command[3:]]) == 1
    assert "nwpu is read with --from" in capsys.readouterr().err
    assert main([*command, "--phrase", "x", "--raster", str(tmp_path / "no.tif")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_features_that_are_no_polygons_or_have_no_phrase_are_told(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = gpd.read_file(world.layer)
    bowtie = shapely.transform(shapely.Polygon([(10, 10), (40, 40), (40, 10), (10, 40)]), to_map)
    extra = gpd.GeoDataFrame({"phrase": ["a kite"]}, geometry=[bowtie], crs="EPSG:32632").to_crs("EPSG:4326")
    frame = gpd.pd.concat([frame, extra], ignore_index=True)
    frame.loc[0, "phrase"] = None
    frame.loc[1, "phrase"] = "  "
    frame.loc[2, "geometry"] = shapely.Point(frame.geometry[2].centroid)
    frame.loc[3, "geometry"] = None
    frame.to_file(tmp_path / "mixed.gpkg", driver="GPKG")
    options = world.options(
        table=FeatureTable(tmp_path / "mixed.gpkg", phrase_column="phrase"), split="train"
    )
    prepare_layer(options, tmp_path / "out")
    told = capsys.readouterr().err
    num_told = int(told.split("geophrase-train: ")[1].split()[0])
    assert num_told in (3, 4), "a reader with a bounding box leaves out the feature without geometry"
    kites = [p for image in images_of(tmp_path / "out") for p in image.phrases if p.text == "a kite"]
    assert sum(phrase.area_px for phrase in kites) == pytest.approx(450, abs=25)


def test_what_is_wrong_with_a_layer_is_one_sentence(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def refuses(message: str, table: FeatureTable, **changes: object) -> None:
        with pytest.raises(RisorsError, match=message):
            prepare_layer(world.options(table=table, **changes), out)

    refuses("no column 'text'; its columns are phrase, kind", FeatureTable(world.layer, phrase_column="text"))
    refuses("no layer 'a', but things", FeatureTable(world.layer, layer_name="a", phrase="x"))
    refuses("can't be read as a vector layer", FeatureTable(tmp_path / "no.gpkg", phrase="x"))
    refuses("can't be read as a vector layer", FeatureTable(world.raster, phrase="x"))
    frame = gpd.read_file(world.layer)
    frame.to_file(tmp_path / "two.gpkg", layer="one", driver="GPKG")
    frame.to_file(tmp_path / "two.gpkg", layer="two", driver="GPKG")
    refuses(r"several layers \(one, two\)", FeatureTable(tmp_path / "two.gpkg", phrase="x"))
    far = frame.set_geometry(frame.geometry.translate(1.0, 1.0))
    far.to_file(tmp_path / "far.gpkg", driver="GPKG")
    refuses("no polygon with a phrase on the raster", FeatureTable(tmp_path / "far.gpkg", phrase="x"))
    frame.iloc[:0].to_file(tmp_path / "empty.gpkg", driver="GPKG")
    refuses("The layer 'empty' of .* is empty", FeatureTable(tmp_path / "empty.gpkg", phrase="x"))
    frame.set_geometry(frame.geometry.boundary).to_file(tmp_path / "lines.gpkg", driver="GPKG")
    refuses(r"None of the \d+ features of .* is a polygon", FeatureTable(tmp_path / "lines.gpkg", phrase="x"))
    frame.set_crs(None, allow_override=True).to_file(tmp_path / "none.gpkg", driver="GPKG")
    refuses("The layer has no coordinate system", FeatureTable(tmp_path / "none.gpkg", phrase="x"))
    with pytest.raises(RisorsError, match="too small"):
        world.options(size_px=10)
    assert not out.exists()


@pytest.mark.parametrize(
    ("value", "shown"), [(12, "12"), (1e-7, "1e-07"), (True, "True"), ("0012", "0012"), ("1.5", "1.5")]
)
def test_a_column_without_words_is_refused(world: World, tmp_path: Path, value: object, shown: str) -> None:
    frame = gpd.read_file(world.layer)
    frame.assign(code=value).to_file(tmp_path / "codes.gpkg", driver="GPKG")
    for columns in ({"phrase_column": "code"}, {"phrase": "a shed", "class_column": "code"}):
        table = FeatureTable(tmp_path / "codes.gpkg", **columns)
        with pytest.raises(RisorsError, match=rf"'code' holds no words \({shown}, for example\)"):
            prepare_layer(world.options(table=table), tmp_path / "out")
    mixed = frame.assign(code=["12", "площадь 7"] * (len(frame) // 2))
    mixed.to_file(tmp_path / "mixed.gpkg", driver="GPKG")
    prepare_layer(
        world.options(table=FeatureTable(tmp_path / "mixed.gpkg", phrase_column="code")), tmp_path / "out"
    )


def test_plain_pixels_without_a_coordinate_system_work(tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "plain.png", "w", driver="PNG", width=100, height=80, count=3, dtype="uint8"
    ) as written:
        written.write(np.random.default_rng(0).integers(1, 255, (3, 80, 100), np.uint8))
    frame = gpd.GeoDataFrame({"phrase": ["a box"]}, geometry=[shapely.box(10, 20, 30, 50)])
    frame.to_file(tmp_path / "plain.gpkg", driver="GPKG")
    table = FeatureTable(tmp_path / "plain.gpkg", phrase_column="phrase")
    prepare_layer(LayerOptions(tmp_path / "plain.png", table, size_px=128), tmp_path / "out")
    (image,) = read_split(tmp_path / "out", "train")
    assert (image.width_px, image.height_px) == (128, 128)
    assert image.phrases[0].bbox_xywh == (10, 20, 20, 30)
    assert not read_image(image.path)[80:].any()
