from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.dataset import PhraseDataset
from geophrase.training.data.lexicon import LEXICON, may_be_confused
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import RisorsError, RisorsImage, read_image, read_split
from geophrase.training.data.sources import dubai, naip, neon, spacenet
from geophrase.training.data.sources.absences import AbsenceSurvey

SURVEYS = {module.__name__: module.SURVEY for module in (dubai, spacenet, neon, naip)}

pytestmark = pytest.mark.usefixtures("no_ground_cover")


def write_tiles(root: Path, *stems: str, planted_px: int = 0) -> Path:
    """Four-band tiles side by side, but the third half across the second; one corner of each is planted."""
    (root / "images").mkdir(parents=True)
    for number, stem in enumerate(stems):
        east = 500000.0 + 153.6 * (number - 0.5 * (number > 1))
        profile = {"width": 256, "height": 256, "count": 4, "dtype": "uint8", "crs": "EPSG:26911"}
        bands_CHW = np.random.default_rng(number).integers(20, 200, (4, 256, 256), np.uint8)
        bands_CHW[3] = bands_CHW[0]
        bands_CHW[3, :planted_px, :planted_px] += 50
        transform = from_origin(east, 3700000.0, 0.6, 0.6)
        with rasterio.open(root / "images" / f"{stem}.tif", "w", transform=transform, **profile) as tile:
            tile.write(bands_CHW)
    return root


def read_all(root: Path) -> dict[str, RisorsImage]:
    splits = ("train", "val", "test")
    return {image.path.stem: image for split in splits for image in read_split(root, split)}


def test_a_class_is_absent_only_where_somebody_looked() -> None:
    survey = AbsenceSurvey(frozenset({"a", "b"}), all_but={"ship": "a", "train": ""}, only={"car": "a"})
    assert survey.absent_from("a") == {"train", "car"}
    assert survey.absent_from("b") == {"train", "ship"}
    assert survey.absent_from("c") == frozenset()
    with pytest.raises(ValueError, match="not among the images of the survey: c"):
        AbsenceSurvey(frozenset({"a"}), all_but={"ship": "c"})


@pytest.mark.parametrize("survey", SURVEYS.values(), ids=SURVEYS)
def test_what_is_absent_has_words_and_confuses_nobody(survey: AbsenceSurvey) -> None:
    """A class that the model can't be asked for teaches nothing; one absent, its double unsure, lies."""
    for image in survey.images:
        absent = survey.absent_from(image)
        assert absent <= LEXICON.keys()
        assert absent
        assert ("ship" in absent) == ("boat" in absent)


def test_the_test_district_of_dubai_has_no_absences() -> None:
    assert {name.split("_")[0] for name in dubai.SURVEY.images} == {"4", "7"}


def test_dubai_asks_for_what_its_parts_lack(tiny_dubai: Path, tmp_path: Path) -> None:
    prepare("dubai", tiny_dubai, tmp_path / "out")
    for stem, image in read_all(tmp_path / "out").items():
        part = stem.removeprefix("dubai_").rsplit("_", 1)[0]
        covers = set(dubai.COLOURS) - ({"road"} if part[0] in "78" else set())
        assert image.classes_labelled == dubai.SURVEY.absent_from(part) | covers
        named = {phrase.name for phrase in image.phrases if phrase.is_absent and phrase.name}
        shown = {stored.name for stored in image.instances}
        asked_for_classes = {name for name in named if name not in shown}
        assert asked_for_classes <= image.classes_labelled
        assert not any(may_be_confused(name, there) for name in asked_for_classes for there in shown)
        assert not (part[0] == "8" and asked_for_classes)


def test_naip_tiles_hold_their_colours_and_only_absent_phrases(tmp_path: Path) -> None:
    stems = ("claremont_2020_6", "palm_springs_2020_19", "palm_springs_2020_20", "eureka_2020_1")
    source = write_tiles(tmp_path / "naip", *stems, "claremont_2018_6")
    counts = prepare("naip", source, tmp_path / "out")
    assert sum(images for images, _ in counts.values()) == 3
    images = read_all(tmp_path / "out")
    for stem in stems[:3]:
        image = images[f"naip_{stem}"]
        with rasterio.open(source / "images" / f"{stem}.tif") as tile:
            assert np.array_equal(read_image(image.path), tile.read([1, 2, 3]).transpose(1, 2, 0))
        assert not image.instances
        assert len({phrase.text.lower() for phrase in image.phrases}) == naip.PHRASES_PER_TILE
        assert all(phrase.is_absent and phrase.kind == "absent" for phrase in image.phrases)
        assert {phrase.name for phrase in image.phrases} <= image.classes_labelled | {""}
    tennis = {stem for stem, image in images.items() if "tennis_court" in image.classes_labelled}
    planes = {stem for stem, image in images.items() if "airplane" in image.classes_labelled}
    assert (tennis, planes) == ({f"naip_{stem}" for stem in stems[1:3]}, {f"naip_{stems[0]}"})


def test_naip_tiles_show_plants_where_infrared_outweighs_red(tmp_path: Path) -> None:
    prepare("naip", write_tiles(tmp_path / "naip", "claremont_2020_6", planted_px=100), tmp_path / "out")
    (image,) = read_all(tmp_path / "out").values()
    (planted,) = image.instances
    assert (planted.name, planted.is_crowd) == ("vegetation", True)
    assert planted.area_px == pytest.approx(100**2, rel=0.05)
    assert planted.bbox_xywh[:2] == (0, 0)
    assert "vegetation" in image.classes_labelled


def test_naip_tiles_that_overlap_share_a_split(tmp_path: Path) -> None:
    stems = ("claremont_2020_6", "palm_springs_2020_19", "palm_springs_2020_20")
    source = write_tiles(tmp_path / "naip", *stems)
    prepare("naip", source, tmp_path / "out")
    lists = [(tmp_path / "out" / "splits" / f"{split}.txt").read_text() for split in ("train", "val", "test")]
    assert len({text for text in lists if "palm_springs" in text}) == 1


def test_naip_refuses_a_folder_without_known_tiles(tmp_path: Path) -> None:
    with pytest.raises(RisorsError, match="holds no tile that is known"):
        prepare("naip", write_tiles(tmp_path / "naip", "eureka_2020_1"), tmp_path / "out")


@pytest.mark.parametrize("augment", [None, AugmentConfig()], ids=["plain", "augmented"])
def test_an_image_without_objects_is_a_sample_of_absences(
    augment: AugmentConfig | None, tmp_path: Path
) -> None:
    prepare("naip", write_tiles(tmp_path / "naip", "claremont_2020_6"), tmp_path / "out")
    split = next(path.stem for path in (tmp_path / "out" / "splits").glob("*.txt") if path.read_text())
    data = PhraseDataset([tmp_path / "out"], split, image_px=64, queries_per_image=8, augment=augment, seed=0)
    (sample,) = [data[index] for index in range(len(data))]
    assert sample.image_HWC.shape == (64, 64, 3)
    assert len({query.text for query in sample.queries}) == 8
    assert all(query.is_absent and not query.mask_HW.any() for query in sample.queries)
