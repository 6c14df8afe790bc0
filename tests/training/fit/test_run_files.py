"""What lies in a run folder after a run with parts frozen, updated in low rank and computed again."""

import json
import resource
from argparse import ArgumentParser

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.data.risors import Phrase, write_sample, write_split
from geophrase.training.fit.build_fitting import build_fitting
from geophrase.training.fit.checkpoint import data_fingerprint, load_checkpoint, save_checkpoint
from geophrase.training.fit.command import add_fit_arguments
from geophrase.training.fit.run_log import read_rows
from geophrase.training.recipes.smoke import smoke

SIDE_PX = 64
LIGHT = ("trainable.low_rank=2", "trainable.is_image_encoder_frozen=True", "validation.num_rounds=2")


@pytest.fixture(scope="module")
def risors(tmp_path_factory):
    root = tmp_path_factory.mktemp("risors")
    for number in range(4):
        mask_HW = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
        mask_HW[10 * number : 10 * number + 30, 8:50] = 1
        image_HWC = np.repeat(40 + 160 * mask_HW[..., None], 3, axis=2)
        write_sample(
            root, f"i{number}", image_HWC, [Phrase.from_mask("a bright field", mask_HW, kind="class")]
        )
    write_split(root, "train", ["i0", "i1", "i2"])
    write_split(root, "val", ["i3"])
    return root


def fitting(risors, run, *words):
    parser = ArgumentParser()
    add_fit_arguments(parser)
    fixed = [
        "--recipe",
        "smoke",
        "--device",
        "cpu",
        "--workers",
        "0",
        "--data",
        str(risors),
        "--run",
        str(run),
    ]
    settings = [word for setting in LIGHT for word in ("--set", setting)]
    return build_fitting(parser.parse_args([*fixed, *settings, *words]))


@pytest.fixture(scope="module")
def run(risors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fitting(risors, folder, "--steps", "6").fit()
    return folder


def test_the_exported_weights_are_a_plain_model_that_says_how_it_scored(risors, run):
    best = max(row["validation"]["mIoU"] for row in read_rows(run / "metrics.jsonl") if "validation" in row)
    with safe_open(run / "best.safetensors", "pt") as file:
        header = file.metadata()
    assert f"validation mIoU {best:.4f}" in header["geophrase.version"]
    assert data_fingerprint([risors]) in header["geophrase.training_data"]
    weights = {name: value.float() for name, value in load_file(run / "best.safetensors").items()}
    Rsam(smoke().model).load_own_state_dict(weights)


def test_the_checkpoint_says_what_it_is_of(risors, run):
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    rows = read_rows(run / "metrics.jsonl")
    validation = [row for row in rows if "validation" in row]
    assert json.loads(state["config"])["trainable"]["low_rank"] == 2
    assert state["data_fingerprint"] == data_fingerprint([risors])
    assert state["metrics"]["training"] == [row for row in rows if "loss" in row][-1]
    assert [row["mIoU"] for row in state["metrics"]["validation"]] == [
        row["validation"]["mIoU"] for row in validation
    ]
    assert state["metrics"]["best_mIoU"] == max(row["validation"]["mIoU"] for row in validation)


def test_a_light_run_resumes_exactly(risors, tmp_path):
    whole = tmp_path / "whole"
    flat = ["--set", "optimizer.final_rate_fraction=1.0", "--set", "optimizer.warmup_fraction=0.0"]
    fitting(risors, whole, "--steps", "6", *flat).fit()
    halves = tmp_path / "halves"
    fitting(risors, halves, "--steps", "3", *flat).fit()
    resumed = fitting(risors, halves, "--steps", "6", *flat, "--resume")
    resumed.resume()
    resumed.fit()
    expected, found = (
        torch.load(each / "checkpoint.pt", weights_only=True)["trainer"] for each in (whole, halves)
    )
    assert expected["model"].keys() == found["model"].keys()
    assert all(torch.equal(expected["model"][name], found["model"][name]) for name in expected["model"])
    assert any("parametrizations.weight.0.up_POR" in name for name in found["model"])


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint({"weights": torch.ones(3)}, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))  # no file may become larger
    try:
        with pytest.raises(EngineError, match=r"checkpoint\.pt can't be written"):
            save_checkpoint({"weights": torch.zeros(2**20)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load_checkpoint(path)["weights"].tolist() == [1, 1, 1]
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_light_runs_checkpoint_starts_a_plain_run(risors, run, tmp_path):
    started = fitting(
        risors,
        tmp_path,
        "--steps",
        "1",
        "--init",
        str(run / "checkpoint.pt"),
        "--set",
        "trainable.low_rank=0",
    )
    rsam = started._trainer.rsam
    assert rsam.own_state_dict().keys() == Rsam(smoke().model).own_state_dict().keys()
    average = torch.load(run / "checkpoint.pt", weights_only=True)["trainer"]["ema"]["weights"]
    layer = "mask_decoder.transformer.layers.0.mlp.layers.0"
    update = f"{layer}.parametrizations.weight.0"
    merged = average[f"{layer}.parametrizations.weight.original"].clone()
    merged += average[f"{update}.up_POR"][0] @ average[f"{update}.down_PRI"][0]
    torch.testing.assert_close(rsam.state_dict()[f"{layer}.weight"], merged)
    assert average[f"{update}.up_POR"].any()
