import dataclasses
import json
from argparse import ArgumentParser

import cv2
import numpy as np
import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.load import WeightsFile
from geophrase.engine.model.weights.registry import find_entry
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.protocol.errors import ErrorCode
from geophrase.tests.training.evaluation.conftest import HEIGHT_PX, WIDTH_PX
from geophrase.training.cli import main
from geophrase.training.data.risors import Phrase, read_image, write_sample, write_split
from geophrase.training.evaluation import command, measure
from geophrase.training.evaluation.command import add_evaluate_arguments, run_evaluate
from geophrase.training.recipes.smoke import smoke


def tiny_rsam(objectness_bias):
    torch.manual_seed(0)
    rsam = Rsam(smoke().model).eval()
    head = rsam.mask_decoder.pred_obj_score_head.layers[-1]
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, objectness_bias)
    return rsam


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    rsam = tiny_rsam(3.0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    metadata = WeightsMetadata("smoke", "0", "none", "GPL-3.0-or-later", rsam.config.to_json())
    save_weights(rsam.own_state_dict(), path, metadata)
    return path


def run(capsys, *words):
    parser = ArgumentParser()
    add_evaluate_arguments(parser)
    code = run_evaluate(parser.parse_args([*words, "--device", "cpu"]))
    return code, capsys.readouterr().out


def test_the_command_prints_right_beside_shuffled_and_is_repeatable(risors, weights, capsys):
    words = ["--weights", str(weights), "--data", str(risors), "--json"]
    code, out = run(capsys, *words)
    report = json.loads(out)
    assert code == 0
    assert report["images"] == 3
    assert report["right"]["phrases"] == report["shuffled"]["phrases"] == 18
    assert {"oIoU", "mIoU", "P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9"} <= report["right"].keys()
    assert report["at"]["480"]["right"]["phrases"] == 18
    assert run(capsys, *words)[1] == out
    table = run(capsys, *words[:-1])[1]
    assert f"{report['right']['mIoU']:.3f}" in table
    assert "phrases of other classes" in table
    assert "right phrases at 480x480" in table


def test_everything_at_once(risors, weights, tmp_path, capsys):
    words = ["--weights", str(weights), "--data", str(risors), "--at", "native", "120", "--points", "2"]
    words += ["--clicks-to", "50", "90", "--max-clicks", "3", "--latency", "--limit", "2", "--size-px", "32"]
    words += ["--plots", str(tmp_path / "plots")]
    report = json.loads(run(capsys, *words, "--json")[1])
    assert report["images"] == 2
    assert report["size_px"] == 32
    for part in (report, report["at"]["120"]):
        for key in ("points", "points_central"):
            assert list(part[key]) == ["0", "1", "2"]
        measures = ("oIoU", "mIoU", "P@0.5", "P@0.9")
        assert [part["points"]["0"][name] for name in measures] == [part["right"][name] for name in measures]
    assert {row["targets"] for row in report["clicks_to"].values()} == {12, 6}
    assert report["latency"]["encode_ms"]["p50"] > 0
    assert len(report["calibration"]["objectness"]["bins"]) == 10
    for name in ("reliability", "clicks"):
        picture = cv2.imread(str(tmp_path / "plots" / f"{name}.png"))
        assert len(np.unique(picture)) > 50
    table = run(capsys, *words)[1]
    for title in (
        "single objects, clicks alone",
        "false alarms 0.05",
        "p95 ms",
        "random error pixel at 120x120",
    ):
        assert title in table


def test_a_click_model_is_measured_by_its_clicks(risors, tmp_path, capsys, monkeypatch):
    """How official checkpoints become click models is tested with the engine; here a small one is at hand."""
    rsam = Rsam(dataclasses.replace(smoke().model, text=None, guidance=None, is_null_sparse_prompt=False))
    weights = WeightsFile(tmp_path, "0" * 64, find_entry("sam2.1_hiera_tiny"))
    monkeypatch.setattr(command, "locate_weights", lambda _name: weights)
    monkeypatch.setattr(command, "load_model", lambda _weights: rsam)
    words = ["--model", "sam2.1_hiera_tiny", "--data", str(risors), "--size-px", "64", "--max-clicks", "2"]
    report = json.loads(run(capsys, *words, "--limit", "1", "--json")[1])
    assert report["clicks_to"].keys() == {"clicks", "objects"}
    assert report["clicks_to"]["objects"]["targets"] == 3
    assert {"NoC@85", "NoC@90"} <= report["clicks_to"]["clicks"].keys()
    assert "right" not in report
    assert "single objects" in run(capsys, *words, "--limit", "1")[1]
    with pytest.raises(EngineError, match="takes no text") as refused:
        run(capsys, *words, "--points", "1")
    assert refused.value.code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size-px", "50"], "multiple of 32"),
        (["--clicks-to", "0"], "in percent"),
        (["--points", "-1"], "0 or more"),
        (["--false-alarms", "1"], "less than 1"),
        (["--limit", "0"], "at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(risors, weights, capsys, words, message):
    code = main(["evaluate", "--weights", str(weights), "--data", str(risors), "--device", "cpu", *words])
    assert code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_resolution_is_native_or_a_side(risors, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "--data", str(risors), "--at", "huge"])
    assert "neither 'native' nor a side" in capsys.readouterr().err


def test_a_report_is_not_lost_with_its_pictures(risors, weights, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    words = ["--weights", str(weights), "--data", str(risors), "--no-shuffled", "--json", "--device", "cpu"]
    assert main(["evaluate", *words, "--plots", str(tmp_path / "file")]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["right"]["phrases"] == 18
    assert "file" in err.splitlines()[-1]


def test_ctrl_c_ends_with_130_and_leaves_no_pictures(risors, weights, tmp_path, capsys, monkeypatch):
    calls = []

    def read(path):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return read_image(path)

    monkeypatch.setattr(measure, "read_image", read)
    words = ["--weights", str(weights), "--data", str(risors), "--plots", str(tmp_path / "plots")]
    assert main(["evaluate", *words, "--device", "cpu"]) == 130
    assert not (tmp_path / "plots").exists()
    assert "cancelled" in capsys.readouterr().err


def test_a_missing_split_is_one_sentence(risors, capsys):
    assert main(["evaluate", "--data", str(risors), "--split", "val"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no split 'val'" in line


def test_an_empty_split_is_one_sentence(tmp_path, capsys):
    write_split(tmp_path, "test", [])
    assert main(["evaluate", "--data", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no image" in line


def test_an_image_that_is_damaged_is_one_sentence(weights, tmp_path, capsys):
    mask = np.ones((HEIGHT_PX, WIDTH_PX), bool)
    phrase = Phrase.from_mask("ship", mask, kind="class", name="ship")
    write_sample(tmp_path, "i0", np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8), [phrase])
    write_split(tmp_path, "test", ["i0"])
    (tmp_path / "images" / "i0.png").write_bytes(b"no image")
    words = ["evaluate", "--weights", str(weights), "--data", str(tmp_path), "--device", "cpu"]
    assert main(words) == 1
    assert "i0.png" in capsys.readouterr().err.splitlines()[-1]
