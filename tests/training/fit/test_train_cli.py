import sys

import numpy as np
import pytest

from geophrase.training.cli import main
from geophrase.training.data.risors import Phrase, write_sample, write_split


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("prepare", "scene", "distill", "fit", "evaluate", "benchmark"))


def test_without_the_packages_of_training_the_command_says_how_to_get_them(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pycocotools", None)  # as in the plugin's own environment
    for name in [name for name in sys.modules if name.startswith("geophrase.training.data")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["prepare", "--source", "nwpu", "--from", "x", "--to", "y"]) == 1
    message = capsys.readouterr().err.strip()
    assert "'pycocotools'" in message
    assert f"{sys.executable} -m pip install pycocotools" in message


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["fit"], ["fit", "--data", "x", "--run", "y", "--steps", "many"]]
)
def test_wrong_usage_exits_with_two(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert capsys.readouterr().out == ""


def test_a_missing_folder_is_one_line_on_stderr(tmp_path, capsys):
    code = main(
        ["fit", "--recipe", "smoke", "--data", str(tmp_path / "none"), "--run", str(tmp_path / "run")]
    )
    assert code in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    last = captured.err.strip().splitlines()[-1]
    assert last.startswith("geophrase-train: ")
    assert "has no split 'train'" in last


@pytest.mark.parametrize(
    "words",
    [["scene", "{}/file/x.tif"], ["distill", "--data", "{}", "--teacher", "{}/no.tflite", "--run", "{}/r"]],
)
def test_a_path_that_cannot_be_is_one_line(words, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([word.format(tmp_path) for word in words]) == 1
    said = capsys.readouterr().err
    assert said.startswith("geophrase-train: ")
    assert said.count("\n") == 1


def test_a_negative_seed_is_wrong_usage(tmp_path, capsys):
    assert main(["scene", str(tmp_path / "x.tif"), "--seed", "-1"]) == 2
    assert "seed must not be negative" in capsys.readouterr().err


def test_missing_weights_fail_with_one(tmp_path, capsys):
    image_HWC = np.zeros((32, 32, 3), np.uint8)
    write_sample(tmp_path, "one", image_HWC, [Phrase.from_mask("roof", image_HWC[..., 0] == 0, kind="class")])
    write_split(tmp_path, "test", ["one"])
    code = main(["evaluate", "--data", str(tmp_path), "--weights", str(tmp_path / "none.safetensors")])
    assert code == 1
    assert "none.safetensors" in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "-1"], "0 or more"),
        (["--threads", "-1"], "0 or more"),
        (["--repeats", "1", "2"], "a number for each folder"),
        (["--smoke", "--steps", "5"], "leave --data, --steps out"),
    ],
)
def test_options_that_fit_nothing_are_wrong_usage(words, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--data", str(tmp_path), "--run", str(tmp_path / "run"), *words])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_corrections_are_not_learned_twice_by_two_processes(tmp_path, capsys, monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert main(["fit", "--recipe", "corrections", "--data", str(tmp_path)]) == 2
    assert "without torchrun" in capsys.readouterr().err


def test_a_folder_to_validate_on_must_hold_something(tmp_path, capsys):
    image_HWC = np.zeros((64, 64, 3), np.uint8)
    for stem in ("one", "two"):
        write_sample(
            tmp_path / "data",
            stem,
            image_HWC,
            [Phrase.from_mask("roof", image_HWC[..., 0] == 0, kind="class")],
        )
    write_split(tmp_path / "data", "train", ["one", "two"])
    write_split(tmp_path / "data", "val", [])
    words = ["fit", "--recipe", "smoke", "--device", "cpu", "--data", str(tmp_path / "data"), "--run"]
    validate = ["--validate-on", str(tmp_path / "data")]
    assert main([*words, str(tmp_path / "a"), *validate]) == 2
    assert "nothing to validate on" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "b"), "--steps", "1", "--workers", "0"]) == 0
    assert "the last weights are exported" in capsys.readouterr().err
    assert (tmp_path / "b" / "best.safetensors").is_file()
