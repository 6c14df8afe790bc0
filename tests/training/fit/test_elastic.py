"""A run under torchrun goes on when one of its processes is killed."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from geophrase.tests.training.fit.launched import write_folders
from geophrase.training.fit.run_log import read_rows

NUM_STEPS, KILL_AFTER = 24, 6


@pytest.fixture(scope="module")
def elastic_run(tmp_path_factory):
    """The run folder and what torchrun printed, of a run whose second process was killed once."""
    root = tmp_path_factory.mktemp("elastic")
    write_folders(root)
    run = root / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["--max-restarts=1", "--monitor-interval=0.1", "-m", "--"]
    command += [
        "geophrase.training.cli",
        "fit",
        "--recipe",
        "smoke",
        "--data",
        str(root / "risors"),
        "--run",
        str(run),
        "--device",
        "cpu",
    ]
    command += ["--workers", "0", "--threads", "1", "--steps", str(NUM_STEPS)]
    command += ["--set", "log_steps=1", "--set", "checkpoint_minutes=0", "--set", "data.batch_size=1"]
    launcher = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _kill_one(launcher, run)
        out, err = launcher.communicate(timeout=240)
    finally:
        for process in [*psutil.Process(os.getpid()).children(recursive=True)]:
            process.kill()
    assert launcher.returncode == 0, err[-4000:]
    return run, out, err


def _kill_one(launcher, run):
    """Waits for some updates and kills the process of rank 1."""
    deadline_s = time.monotonic() + 240
    while len(read_rows(run / "metrics.jsonl")) < KILL_AFTER:
        assert launcher.poll() is None, launcher.communicate()[1][-4000:]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    workers = psutil.Process(launcher.pid).children()
    (second,) = [worker for worker in workers if worker.environ().get("RANK") == "1"]
    second.send_signal(signal.SIGKILL)


def test_the_run_ends_as_if_nothing_had_happened(elastic_run):
    run, out, _ = elastic_run
    assert out.strip() == str(run / "best.safetensors")
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    assert state["trainer"]["step"] == NUM_STEPS
    assert json.loads(state["config"])["num_processes"] == 2
    assert (run / "best.safetensors").is_file()


def test_every_update_is_logged_once(elastic_run):
    rows = read_rows(elastic_run[0] / "metrics.jsonl")
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, NUM_STEPS + 1))
    assert all(row["images"] == 2 for row in rows if "loss" in row)


def test_the_run_had_been_hurt(elastic_run):
    assert "exitcode: -9" in elastic_run[2]
