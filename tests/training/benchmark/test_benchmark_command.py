"""Tables are filled with what the weights really score, once, and say what is missing."""

from __future__ import annotations

import json
import shutil
import tempfile

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from geophrase.engine.device import DeviceChoice
from geophrase.engine.predictor import Predictor
from geophrase.training.benchmark.experiments import EXPERIMENTS
from geophrase.training.benchmark.published import ABLATIONS, CLASSES, OURS
from geophrase.training.benchmark.results import HeldOutData, Results
from geophrase.training.benchmark.rows import Benchmark
from geophrase.training.cli import main
from geophrase.training.data.risors import read_image, read_split

RUN = "risors_mmmd"
CPU = DeviceChoice(torch.device("cpu"), torch.float32, "as the test wants")


def benchmark(capsys, *words):
    """The rows by experiment, and what was said besides."""
    code = main(["benchmark", "--json", "--device", "cpu", *map(str, words)])
    said = capsys.readouterr()
    assert code == 0, said.err
    return {row["experiment"]: row for row in json.loads(said.out)["rows"]}, said.err


@pytest.fixture
def data(miniature, tmp_path):
    """A copy of the drawn images that a test may spoil."""
    shutil.copytree(miniature.data, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def words(data, runs, trained, tmp_path):
    trained(RUN)
    return ["--tables", "11", "--data", f"risors={data}", "--runs", runs, "--cache", tmp_path / "cache"]


def ious(weights, data):
    """IoUs of every test phrase by pycocotools, from the engine's own answers."""
    predictor = Predictor.load(weights, CPU)
    found = []
    for image in read_split(data, "test"):
        embedding = predictor.encode(read_image(image.path))
        for phrase in image.phrases:
            prediction = predictor.predict(embedding, text=phrase.text)
            mask_HW = (prediction.mask_logits_HW > 0) & (prediction.objectness > 0)
            answer = coco_mask.encode(np.asfortranarray(mask_HW.astype(np.uint8)))
            reference = coco_mask.encode(np.asfortranarray(phrase.mask()))
            found.append(float(coco_mask.iou([answer], [reference], [0])[0, 0]))
    return found


def test_ours_is_what_the_engine_answers_and_the_difference_is_to_the_paper(data, trained, tmp_path):
    weights = trained(RUN)
    experiment = next(row for row in EXPERIMENTS if row.run == RUN)
    benchmark = Benchmark({"risors": HeldOutData.read([data])}, {RUN: weights})
    row = benchmark.row(experiment, Results(tmp_path, CPU), resolution="native")
    assert row.ours["mIoU"] == pytest.approx(100 * np.mean(ious(weights, data)), rel=1e-6)
    assert row.difference() == {name: row.ours[name] - paper for name, paper in ABLATIONS["MMMD"].items()}


def test_what_is_missing_is_named_row_by_row(words, trained, tmp_path, capsys):
    runs = tmp_path / "runs"
    shutil.copytree(trained(RUN).parent, runs / RUN)
    rows, _ = benchmark(capsys, *words, "--runs", runs, "--tables", "5", "11")
    assert rows["table5:rsam"]["missing"] == [
        "the data of RefSegRS: give --data refsegrs=DIR",
        f"the weights of refsegrs_base_plus: train {runs}/refsegrs_base_plus/best.safetensors, "
        "or give --weights refsegrs_base_plus=FILE",
    ]
    assert "ours" not in rows["table5:rsam"]
    (sentence,) = rows["table11:twgm"]["missing"]
    assert sentence.startswith("the weights of risors_twgm: ")
    assert "missing" not in rows["table11:mmmd"]


def test_a_part_of_the_data_and_another_model_are_not_passed_off_as_the_papers(words, trained, capsys):
    notes = benchmark(capsys, *words)[0]["table11:mmmd"]["notes"]
    assert notes == [
        f"{trained(RUN)} holds a rsam_base_plus_mmmd of another shape than {RUN} trains",
        "the test split given for RISORS has 4 phrases, the paper's has 8685",
    ]


def test_nothing_is_scored_twice_and_whatever_changed_is(words, data, trained, tmp_path, capsys):
    first, said = benchmark(capsys, *words)
    assert "scoring" in said
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text("[]")  # damaged
    again, said = benchmark(capsys, *words)
    assert again == first
    assert "scoring" in said
    for path in (data / "images").iterdir():
        path.write_bytes(bytes(path.stat().st_size))  # nothing could be scored now
    again, said = benchmark(capsys, *words)
    assert again == first
    assert "scoring" not in said
    other = with_other_weights(trained(RUN), tmp_path / "other.safetensors")
    assert main(["benchmark", *map(str, words), "--weights", f"{RUN}={other}"]) == 1
    path = next((data / "annotations").glob("test_0*"))
    path.write_text(path.read_text().replace("the ", "that "))
    assert main(["benchmark", *map(str, words)]) == 1


def with_other_weights(weights, target):
    with safe_open(weights, framework="pt") as stream:
        metadata = stream.metadata()
    tensors = load_file(weights)
    tensors["no_mem_embed"] = tensors["no_mem_embed"] + 1
    save_file(tensors, target, metadata)
    return target


def test_points_are_scored_from_the_run_of_table_14(data, trained, runs, tmp_path, capsys):
    trained("risors_base_plus")
    words = ["--tables", "8", "14", "--data", f"risors={data}", "--runs", runs, "--cache", tmp_path / "cache"]
    rows, said = benchmark(capsys, *words)
    assert said.count("scoring") == 1
    zero, one, two = (rows[f"table14:{name}"]["ours"] for name in ("0-points", "1-point", "2-points"))
    assert zero == rows["table8:rsam"]["ours"]
    assert len({row["mIoU"] for row in (zero, one, two)}) == 3
    at_480 = benchmark(capsys, *words, "--at", "480")[0]["table8:rsam"]["ours"]
    assert at_480["mIoU"] == pytest.approx(zero["mIoU"], abs=2)
    assert at_480 != zero


def test_tables_show_the_methods_and_the_classes_beside_ours(data, trained, tmp_path, capsys):
    weights = trained("risors_base_plus")
    words = ["--tables", "8", "11", "--data", f"risors={data}", "--weights", f"risors_base_plus={weights}"]
    words += ["--cache", tmp_path / "cache", "--device", "cpu"]
    assert main(["benchmark", *map(str, words)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("FIANet")).split()[1:] == [
        "75.19", "70.39", "63.50", "52.46", "33.70", "79.59", "67.04"
    ]  # fmt: skip
    windmill = next(line for line in lines if line.startswith("windmill")).split()
    assert float(windmill[3]) == CLASSES["risors"]["windmill"][OURS]
    assert float(windmill[4]) - float(windmill[3]) == pytest.approx(float(windmill[5]), abs=0.011)
    assert sum(line.strip().startswith("ours") and "missing" in line for line in lines) == 3


def test_a_smoke_run_fills_its_rows_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows, said = benchmark(capsys, "--smoke", "--tables", "5")
    assert rows["table5:rsam"]["ours"].keys() == rows["table5:rsam"]["paper"].keys()
    assert "only that they run is worth anything" in said
    assert not list(tmp_path.iterdir())


def test_the_list_has_a_command_for_every_row(capsys):
    assert main(["benchmark", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 22
    assert all(f"--recipe {row['recipe']} " in row["command"] for row in rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--data", "dota=x"],
            "with a name of refsegrs, rrsis-d, risors, not 'dota=x'",
        ),
        (["--weights", "risors_twgm"], "not 'risors_twgm'"),
        (["--tables", "3"], "no row of ours in table 3"),
    ],
)
def test_wrong_words_are_one_line_and_exit_two(words, sentence, capsys):
    assert main(["benchmark", *words]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


def test_a_folder_without_test_phrases_is_refused(data, capsys):
    for path in (data / "annotations").glob("test_*"):
        document = json.loads(path.read_text())
        path.write_text(json.dumps(document | {"annotations": []}))
    assert main(["benchmark", "--data", f"risors={data}"]) == 1
    assert "has no phrases" in capsys.readouterr().err
    (data / "splits" / "test.txt").write_text("")
    assert main(["benchmark", "--data", f"risors={data}"]) == 1
    assert "has no image" in capsys.readouterr().err
