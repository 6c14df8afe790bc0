"""A run that is killed without warning continues as if it had not been."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import Phrase, SampleFacts, write_sample, write_split

SIDE_PX, NUM_STEPS = 64, 30
PATIENCE_S = 240


@pytest.fixture(scope="module")
def risors(tmp_path_factory):
    root = tmp_path_factory.mktemp("risors")
    for number in range(5):
        rng = np.random.default_rng(number)
        image_HWC = rng.integers(90, 130, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
        mask_HW = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
        top, left = rng.integers(4, 40, 2)
        mask_HW[top : top + 20, left : left + 20] = 1
        image_HWC[mask_HW > 0] = (245, 240, 235)
        phrases = [Phrase.from_mask("building", mask_HW, kind="class", name="building")]
        facts = SampleFacts(classes_labelled=frozenset({"building", "ship"}))
        instances = [Instance.from_mask("building", mask_HW)]
        write_sample(root, f"image_{number}", image_HWC, phrases, instances=instances, facts=facts)
    write_split(root, "train", [f"image_{number}" for number in range(4)])
    write_split(root, "val", ["image_4"])
    return root


def started(risors, run, *words):
    """The command in a process of its own, with a checkpoint and a line of the log after every update."""
    command = [sys.executable, "-m", "geophrase.training.cli", "fit", "--recipe", "smoke", "--device", "cpu"]
    command += ["--data", str(risors), "--run", str(run), "--steps", str(NUM_STEPS), "--workers", "1"]
    command += ["--threads", "1", "--set", "checkpoint_minutes=0", "--set", "log_steps=1", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finished(process):
    said = process.communicate(timeout=PATIENCE_S)[1].decode()
    assert process.returncode == 0, said


def rows(run):
    path = run / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def killed_after(process, run, step):
    """Kills a run as soon as its log has reached a step."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not any(row["step"] >= step for row in rows(run)):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def state(run: Path):
    return torch.load(run / "checkpoint.pt", weights_only=True)


def is_equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_equal, one, other))
    return one == other


def test_a_killed_run_resumes_bit_for_bit(risors, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reference, victim = started(risors, whole), started(risors, killed)
    killed_after(victim, killed, 11)
    assert 10 <= state(killed)["trainer"]["step"] < NUM_STEPS
    with (killed / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 30, "loss": 0.')  # as a write that the kill cut off
    finished(started(risors, killed, "--resume"))
    finished(reference)
    expected, found = state(whole)["trainer"], state(killed)["trainer"]
    for part in ("model", "optimizer", "ema", "step"):
        assert is_equal(expected[part], found[part]), part
    told = ("step", "loss", "iou", "rate", "gradient_norm", "validation")
    shown = [[{name: row.get(name) for name in told} for row in rows(run)] for run in (whole, killed)]
    assert shown[0] == shown[1]
    assert [row["step"] for row in shown[0] if row["loss"]] == list(range(1, NUM_STEPS + 1))
