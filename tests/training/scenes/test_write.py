from __future__ import annotations

import argparse
import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.data.phrases import PhraseSampler
from geophrase.training.data.risors import read_image, read_split
from geophrase.training.scenes.command import add_scene_arguments, run_scene
from geophrase.training.scenes.kinds import EXPORTED
from geophrase.training.scenes.scene import SceneConfig, generate_scene
from geophrase.training.scenes.write import NEVER_DRAWN, training_instances, write_risors, write_scene


@pytest.fixture(scope="module")
def suburb():
    return generate_scene(SceneConfig(size_px=400, gsd_m=0.4, seed=5, theme="suburb"))


def test_the_geotiff_is_where_the_grid_says(suburb, tmp_path):
    write_scene(suburb, tmp_path / "scene.tif", truth_path=tmp_path / "truth.gpkg")
    with rasterio.open(tmp_path / "scene.tif") as source:
        assert np.array_equal(np.moveaxis(source.read(), 0, -1), suburb.image_HWC)
        assert source.crs.is_projected
        assert source.crs.linear_units == "metre"
        assert "UTM" in source.crs.wkt
        assert source.res == (0.4, 0.4)
        left, bottom, right, top = source.bounds
        assert (right - left) * (top - bottom) == pytest.approx((400 * 0.4) ** 2)
        transform, crs = source.transform, source.crs
    truth = gpd.read_file(tmp_path / "truth.gpkg")
    assert truth.crs == crs
    assert len(truth) == len(suburb.instances)
    assert np.allclose(truth.geometry.area, truth["area_m2"])
    house = next(each for each in suburb.instances if each.name == "house")
    row = truth[truth["kind"] == "house"].iloc[0]
    burnt = rasterize([row.geometry], (400, 400), transform=transform)
    expected = np.zeros((400, 400), np.uint8)
    house.instance.paint(expected)
    assert np.array_equal(burnt, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene.tif", "truth.gpkg"]


def test_training_names_leave_nothing_out():
    for seed, theme in ((1, "town"), (2, "harbour"), (3, "countryside")):
        scene = generate_scene(SceneConfig(size_px=400, gsd_m=0.5, seed=seed, theme=theme))
        instances = training_instances(scene)
        area = {}
        for instance in instances:
            area[instance.name] = area.get(instance.name, 0) + instance.area_px
        for general in ("building", "water", "vegetation", "bare_land"):
            assert area.get(general, 0) == sum(each.instance.area_px for each in scene.of_kind(general))
        assert not {"car", "vehicle"} <= set(area)
        assert "boat" not in area
        sampler = PhraseSampler(
            instances, width_px=400, height_px=400, classes_labelled=EXPORTED | NEVER_DRAWN
        )
        assert not set(sampler.absent_classes()) & set(area)


def test_risors_folder_reads_back(tmp_path):
    write_risors(tmp_path, 3, size_px=256, seed=40)
    images = [image for split in ("train", "val", "test") for image in read_split(tmp_path, split)]
    assert sorted(image.path.stem for image in images) == ["scene_000040", "scene_000041", "scene_000042"]
    for image in images:
        assert read_image(image.path).shape == (256, 256, 3)
        assert image.instances
        kinds = {phrase.kind for phrase in image.phrases}
        assert {"class", "synonym", "absent"} <= kinds
        for phrase in image.phrases:
            assert int(phrase.mask().sum()) == phrase.area_px
            assert phrase.is_absent == (phrase.kind == "absent")
    assert json.loads((tmp_path / "provenance.json").read_text())["seeds"] == [40, 42]


def test_risors_scenes_do_not_depend_on_the_number_of_workers(tmp_path):
    write_risors(tmp_path / "one", 2, size_px=128, seed=7, workers=1)
    write_risors(tmp_path / "two", 2, size_px=128, seed=7, workers=2)
    files = sorted(
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()
    )
    assert len(files) == 8
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_command_writes_a_scene_and_says_what_it_shows(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    add_scene_arguments(parser)
    out = tmp_path / "deep" / "scene.tif"
    args = parser.parse_args(
        [str(out), "--size-px", "160", "--gsd", "0.5", "--seed", "3", "--theme", "refinery"]
    )
    assert run_scene(args) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["theme"] == "refinery"
    assert summary["kinds"]["storage_tank"] > 0
    with rasterio.open(out) as source:
        assert source.shape == (160, 160)
    with pytest.raises(EngineError) as failure:
        run_scene(parser.parse_args([str(out), "--gsd", "50"]))
    assert failure.value.code is ErrorCode.BAD_REQUEST
