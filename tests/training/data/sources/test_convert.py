from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import geopandas
import numpy as np
import pytest
import rasterio
from pycocotools.coco import COCO
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely.geometry import box

from geophrase.training.cli import main
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import RisorsError, RisorsImage, read_image, read_split
from geophrase.training.data.sources.neon import crown_instances
from geophrase.training.data.sources.nwpu import is_natural_colour


def read_all(root: Path) -> list[RisorsImage]:
    return [image for split in ("train", "val", "test") for image in read_split(root, split)]


def test_nwpu_keeps_images_and_masks(tiny_nwpu: Path, tmp_path: Path) -> None:
    prepare("nwpu", tiny_nwpu, tmp_path / "out")
    images = read_all(tmp_path / "out")
    assert len(images) == 9
    coco = COCO(str(tiny_nwpu / "annotations" / "instances_train.json"))
    for image in images:
        number = int(image.path.stem.removeprefix("nwpu_"))
        original = tiny_nwpu / "images" / f"{number:03d}.jpg"
        assert image.path.read_bytes() == original.read_bytes()
        truth = [coco.annToMask(annotation) for annotation in coco.loadAnns(coco.getAnnIds(number))]
        planes_HW = np.maximum(truth[0], truth[1])
        planes = next(
            phrase for phrase in image.phrases if phrase.kind == "class" and phrase.name == "airplane"
        )
        assert np.array_equal(planes.mask(), planes_HW)
        assert len(image.instances) == 3
        assert image.is_true_colour == (number != 9)
        absent = {phrase.name for phrase in image.phrases if phrase.is_absent}
        assert "vehicle" not in absent


def test_composites_are_told_from_natural_colours() -> None:
    plain_HWC = np.full((60, 80, 3), (90, 110, 70), np.uint8)
    assert is_natural_colour(plain_HWC)
    for plants in ((180, 70, 90), (20, 200, 40)):
        composite_HWC = plain_HWC.copy()
        composite_HWC[:20] = plants
        assert not is_natural_colour(composite_HWC)
    clay_HWC = plain_HWC.copy()
    clay_HWC[:20] = (190, 100, 60)
    assert is_natural_colour(clay_HWC)


def test_dubai_is_split_by_district_without_uneven_roads(tiny_dubai: Path, tmp_path: Path) -> None:
    prepare("dubai", tiny_dubai, tmp_path / "out")
    test = read_split(tmp_path / "out", "test")
    train = read_split(tmp_path / "out", "train")
    assert {image.path.stem.split("_")[1] for image in test} == {"8"}
    assert {image.path.stem.split("_")[1] for image in train} == {"4", "7"}
    assert len(test) == 9
    for image in (*train, *test):
        areas = {stored.name: stored.area_px for stored in image.instances}
        expected = {"building": 2900, "bare_land": 3000, "vegetation": 3000, "water": 3000}
        has_roads = image.path.stem.startswith("dubai_4")
        assert areas == expected | ({"road": 3000} if has_roads else {})
        assert ("road" in image.classes_labelled) == has_roads
        assert ("road" in {phrase.name for phrase in image.phrases}) <= has_roads


def test_dubai_rejects_a_mask_saved_as_jpeg(tiny_dubai: Path, tmp_path: Path) -> None:
    mask = tiny_dubai / "tile_4" / "masks" / "image_part_001.png"
    noisy_HWC = np.random.default_rng(0).integers(0, 255, (100, 150, 3), np.uint8)
    cv2.imwrite(str(mask), noisy_HWC)
    with pytest.raises(RisorsError, match="colours of no class"):
        prepare("dubai", tiny_dubai, tmp_path / "out")
    assert not (tmp_path / "out" / "splits").exists()


def test_spacenet_burns_footprints_where_gdal_does(tmp_path: Path) -> None:
    source = tmp_path / "spacenet"
    source.mkdir()
    transform = from_origin(653000.0, 4012300.0, 0.5, 0.5)
    footprints = [box(653005, 4012270, 653020, 4012290), box(653030, 4012260, 653045, 4012265)]
    expected_HW = rasterize(footprints, (80, 100), transform=transform)
    for raster, vectors, driver in (
        ("sn1_AOI2_LasVegas_RGB.tif", "sn1_AOI2_LasVegas.gpkg", "GPKG"),
        ("sn4_Atlanta_RGBNIR.tif", "sn4_Atlanta_buildings.geojson", "GeoJSON"),
    ):
        profile = {"width": 100, "height": 80, "count": 4, "dtype": "uint16", "crs": "EPSG:26911"}
        with rasterio.open(source / raster, "w", driver="GTiff", transform=transform, **profile) as written:
            written.write(np.random.default_rng(0).integers(200, 3000, (4, 80, 100), np.uint16))
        geopandas.GeoDataFrame(geometry=footprints, crs="EPSG:26911").to_file(source / vectors, driver=driver)
    prepare("spacenet", source, tmp_path / "out")
    for image in read_all(tmp_path / "out"):
        union_HW = next(phrase for phrase in image.phrases if phrase.kind == "class").mask()
        assert np.array_equal(union_HW, expected_HW)
        assert read_image(image.path).std() > 40
    (source / "sn4_Atlanta_buildings.geojson").unlink()
    with pytest.raises(RisorsError, match="Atlanta"):
        prepare("spacenet", source, tmp_path / "out")


def test_neon_crowns_are_ellipses_in_their_boxes(tmp_path: Path) -> None:
    annotation = tmp_path / "SJER_003.xml"
    annotation.write_text(
        "<annotation><object><name>Tree</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>50</xmax>"
        "<ymax>40</ymax></bndbox></object></annotation>"
    )
    (crown,) = crown_instances(annotation, height_px=100, width_px=100)
    assert crown.area_px == pytest.approx(np.pi / 4 * 40 * 20, rel=0.08)
    assert crown.bbox_xywh == pytest.approx((10, 20, 40, 20), abs=1.5)
    annotation.write_text("<annotation><object>")
    with pytest.raises(RisorsError, match="Pascal VOC"):
        crown_instances(annotation, height_px=100, width_px=100)


def test_the_command_ends_with_one_sentence_on_a_wrong_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["prepare", "--source", "nwpu", "--from", str(tmp_path), "--to", str(tmp_path / "out")]
    assert main(command) == 1
    message = capsys.readouterr().err
    assert "instances_train.json is missing" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("part", "field", "words"),
    [
        ("categories", "id", "not a COCO instances file"),
        ("images", "file_name", "not a COCO instances file"),
        ("annotations", "category_id", "not a COCO instances file"),
        ("annotations", "segmentation", "A mask of .* is damaged"),
    ],
)
def test_a_field_that_is_wrong_is_one_sentence(
    part: str, field: str, words: str, tiny_nwpu: Path, tmp_path: Path
) -> None:
    path = tiny_nwpu / "annotations" / "instances_train.json"
    document = json.loads(path.read_text())
    if field == "segmentation":
        document[part][0][field] = None
    else:
        del document[part][0][field]
    path.write_text(json.dumps(document))
    with pytest.raises(RisorsError, match=words):
        prepare("nwpu", tiny_nwpu, tmp_path / "out")


def test_a_missing_image_is_named(tiny_nwpu: Path, tmp_path: Path) -> None:
    (tiny_nwpu / "images" / "004.jpg").unlink()
    with pytest.raises(RisorsError, match=r"lacks 1 of 9 images, 004\.jpg"):
        prepare("nwpu", tiny_nwpu, tmp_path / "out")


def test_a_failure_half_way_leaves_nothing_of_a_new_folder(tiny_nwpu: Path, tmp_path: Path) -> None:
    last = tiny_nwpu / "images" / "009.jpg"
    whole = last.read_bytes()
    last.write_bytes(whole[:100])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    for to_dir in (tmp_path / "out", tmp_path / "mine"):
        with pytest.raises(RisorsError, match=r"009\.jpg .* is not an image"):
            prepare("nwpu", tiny_nwpu, to_dir)
    assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_failure_leaves_a_folder_that_was_prepared_before_as_it_was(
    tiny_nwpu: Path, tmp_path: Path
) -> None:
    prepare("nwpu", tiny_nwpu, tmp_path / "out")
    before = _contents(tmp_path / "out")
    last = tiny_nwpu / "images" / "009.jpg"
    last.write_bytes(last.read_bytes()[:100])
    with pytest.raises(RisorsError, match=r"009\.jpg .* is not an image"):
        prepare("nwpu", tiny_nwpu, tmp_path / "out")
    assert _contents(tmp_path / "out") == before


def test_a_folder_that_is_prepared_again_keeps_nothing_of_before_but_what_is_not_ours(
    tiny_nwpu: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare("nwpu", tiny_nwpu, out)
    before = _contents(out)
    (out / "annotations" / "gone_from_the_source.json").write_text("{}")
    (out / "notes.txt").write_text("mine")
    prepare("nwpu", tiny_nwpu, out)
    assert _contents(out) == before | {"notes.txt": b"mine"}


@pytest.mark.parametrize("name", ["images/site.tif", "annotations/notes.txt", "provenance.json"])
def test_a_folder_with_something_of_ones_own_in_our_places_is_refused(
    name: str, tiny_nwpu: Path, tmp_path: Path
) -> None:
    own = tmp_path / "mine" / name
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    with pytest.raises(RisorsError, match="holds other data; give a new folder"):
        prepare("nwpu", tiny_nwpu, tmp_path / "mine")
    assert _contents(tmp_path / "mine") == {name: b"mine"}


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.data
@pytest.mark.slow
def test_the_real_nwpu_agrees_with_pycocotools(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "nwpu_vhr10"
    coco = COCO(str(source / "annotations" / "instances_train.json"))
    prepare("nwpu", _every_eighth(source, coco, tmp_path / "sample"), tmp_path / "out")
    images = read_all(tmp_path / "out")
    assert len({image.path.stem for image in images}) == 65
    by_file = {row["file_name"]: row["id"] for row in coco.dataset["images"]}
    for image in images:
        number = by_file[image.path.name.removeprefix("nwpu_")]
        truth_px = sorted(int(coco.annToMask(row).sum()) for row in coco.loadAnns(coco.getAnnIds(number)))
        assert sorted(stored.area_px for stored in image.instances if not stored.is_crowd) == truth_px
    assert 5 <= sum(not image.is_true_colour for image in images) <= 12


def _every_eighth(source: Path, coco: COCO, target: Path) -> Path:
    """A folder of NWPU's layout with every eighth of its images."""
    (target / "annotations").mkdir(parents=True)
    (target / "images").mkdir()
    rows = coco.dataset["images"][::8]
    for row in rows:
        shutil.copy(source / "images" / row["file_name"], target / "images")
    annotations = coco.loadAnns(coco.getAnnIds([row["id"] for row in rows]))
    document = {**coco.dataset, "images": rows, "annotations": annotations}
    (target / "annotations" / "instances_train.json").write_text(json.dumps(document))
    return target


@pytest.mark.data
@pytest.mark.slow
def test_the_real_dubai_keeps_every_labelled_pixel_of_its_chips(shared_data: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_data / "dubai_semseg" / "tile_4", tmp_path / "dubai" / "tile_4")
    prepare("dubai", tmp_path / "dubai", tmp_path / "out")
    image = next(iter(read_split(tmp_path / "out", "train")))
    part = int(image.path.stem.split("_")[2])
    path = shared_data / "dubai_semseg" / "tile_4" / "masks" / f"image_part_{part:03d}.png"
    with rasterio.open(path) as mask:
        reds = {index: colour[0] for index, colour in mask.colormap(1).items()}
        red_HW = np.vectorize(reds.get)(mask.read(1))
    water_px = int((red_HW == 0xE2).sum())
    stored = {instance.name: instance.area_px for instance in image.instances}
    assert stored["building"] == int((red_HW == 0x3C).sum())
    assert stored.get("water", 0) == (water_px if water_px >= 400 else 0)


def test_provenance_counts_match(tiny_nwpu: Path, tmp_path: Path) -> None:
    counts = prepare("nwpu", tiny_nwpu, tmp_path / "out")
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert {split: (row["images"], row["phrases"]) for split, row in provenance["splits"].items()} == counts
    assert "MIT" in provenance["licence"]
