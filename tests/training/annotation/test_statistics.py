"""Counts against a folder whose content is known, and plots that show it."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from geophrase.training.annotation.statistics import SEVERAL, gather
from geophrase.training.cli import main
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import Phrase, RisorsError, write_sample, write_split

AREAS_PX = {"train": [[4, 100], [1000]], "val": [[25]], "test": [[]]}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "known"
    for split, images in AREAS_PX.items():
        stems = []
        for number, areas_px in enumerate(images):
            stem = f"{split}_{number}"
            phrases = []
            for area_px in areas_px:
                mask_HW = np.zeros((40, 50), np.uint8)
                mask_HW.ravel()[:area_px] = 1
                name = "ship" if area_px > 4 else "ship+bridge"
                phrase = Phrase.from_mask(
                    " ".join(["w"] * len(str(area_px))), mask_HW, kind="class", name=name
                )
                points = (
                    {"point_coords": ((1.0, 2.0),) * 3, "point_labels": (1, 1, 0)} if area_px == 25 else {}
                )
                phrases.append(Phrase(**{**vars(phrase), **points}))
            nothing = np.zeros((40, 50), np.uint8)
            phrases.append(Phrase.from_mask("five words that mean nothing", nothing, kind="absent"))
            whole = Instance.from_mask("ship", np.ones((40, 50), np.uint8))
            write_sample(root, stem, np.zeros((40, 50, 3), np.uint8), phrases, instances=[whole])
            stems.append(stem)
        write_split(root, split, stems)
    return root


def test_counts_are_those_of_the_folder(folder, capsys):
    assert main(["statistics", str(folder), "--json"]) == 0
    [report] = json.loads(capsys.readouterr().out)["folders"]
    assert report["splits"] == {
        "train": {"images": 2, "instances": 3, "absent": 2, "objects": 2},
        "val": {"images": 1, "instances": 1, "absent": 1, "objects": 1},
        "test": {"images": 1, "instances": 0, "absent": 1, "objects": 1},
    }
    assert (report["images"], report["instances"]) == (4, 4)
    assert report["areas_px"] == {"min": 4, "mean": (4 + 100 + 1000 + 25) / 4, "max": 1000}
    assert report["words"] == {"min": 1, "mean": round((1 + 3 + 4 + 2 + 4 * 5) / 8, 4), "max": 5}
    assert report["mean_points"] == 0.75
    assert report["instances_per_image"] == {"0": 1, "1": 2, "2": 1}
    assert {name: row["instances"] for name, row in report["classes"].items()} == {"ship": 3, SEVERAL: 1}
    assert report["image_sizes"] == [{"width": 50, "height": 40, "images": 4}]


def test_the_table_reads_like_the_papers(folder, capsys):
    assert main(["statistics", str(folder), str(folder)]) == 0
    said = capsys.readouterr().out
    lines = [line.split() for line in said.splitlines()]
    assert ["Training", "2", "3", "2", "2"] in lines
    assert ["Total", "4", "4", "4", "4"] in lines
    assert ["known", "4", "4", "3.75", "50", "×", "40"] in lines


def test_four_plots_are_drawn(folder, tmp_path):
    assert main(["statistics", str(folder), "--plots", str(tmp_path / "plots")]) == 0
    names = ["areas", "areas_per_category", "instances_per_category", "instances_per_image"]
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [f"{name}.png" for name in names]
    for name in names:
        with Image.open(tmp_path / "plots" / f"{name}.png") as picture:
            pixels = np.asarray(picture.convert("RGB"), int)
        assert pixels.shape[1] == 1080
        is_blue = (np.abs(pixels - (47, 111, 159)).max(axis=-1) < 80).sum()
        assert is_blue > 300, name


def test_bars_are_as_high_as_the_counts(folder, tmp_path):
    from geophrase.training.annotation.statistics_plots import _instances_per_image

    axes = _instances_per_image(gather(folder)).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [1, 2, 1]


def test_counts_are_marked_with_whole_numbers(folder):
    from geophrase.training.annotation.statistics_plots import _areas, _instances_per_image

    for draw in (_instances_per_image, _areas):
        figure = draw(gather(folder))
        figure.draw_without_rendering()
        ticks = figure.axes[0].get_yticks()
        assert len(ticks) > 1
        assert all(tick == round(tick) for tick in ticks)


@pytest.mark.parametrize("smallest", [200, 457, 783])
def test_every_area_is_in_the_histogram(folder, smallest):
    from geophrase.training.annotation.statistics_plots import _areas

    found = replace(gather(folder), areas={"ship": array("q", [smallest, smallest, 5000])})
    assert sum(bar.get_height() for bar in _areas(found).axes[0].patches) == 3


def test_several_folders_have_plots_of_their_own(folder, tmp_path):
    assert main(["statistics", str(folder), str(folder), "--plots", str(tmp_path / "plots")]) == 0
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["known", "known_2"]


def test_a_folder_without_instances_has_counts_and_no_plots(folder, tmp_path):
    (folder / "splits" / "train.txt").unlink()
    (folder / "splits" / "val.txt").unlink()
    assert gather(folder).report()["areas_px"] == {"min": None, "mean": None, "max": None}
    assert main(["statistics", str(folder), "--plots", str(tmp_path / "plots")]) == 0
    assert not (tmp_path / "plots").exists()


def test_another_folder_is_told(tmp_path, capsys):
    assert main(["statistics", str(tmp_path)]) == 1
    assert "no images in the RISORS format" in capsys.readouterr().err
    with pytest.raises(RisorsError):
        gather(tmp_path / "none")
