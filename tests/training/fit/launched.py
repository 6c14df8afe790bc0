"""Runs of a tiny Hiera RSAM on one process, or on several with the environment that torchrun gives them.

Importing torch costs more than these runs do. So one process imports it and then forks: once for each group
of processes, which makes one run after another.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from geophrase.engine.errors import CancelledError
from geophrase.training.config import Budget, DataConfig, TrainConfig
from geophrase.training.data.risors import Phrase, write_sample, write_split
from geophrase.training.fit.build_fitting import build_fitting
from geophrase.training.fit.parallel import Ranks, joined
from geophrase.training.fit.trainer import Trainer
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.recipes.miniature import Miniature
from geophrase.training.recipes.rrsis_d import rrsis_d_base_plus

IMAGES_PER_UPDATE, ACCUMULATED, NUM_STEPS = 8, 2, 12
_SIDE_PX, _NUM_TRAIN, _NUM_VAL = 64, 12, 2


def write_folders(root: Path) -> None:
    """Images with a phrase for a white square, one for a blue disc and one for nothing, and a BERT."""
    Miniature.write(root)
    rows, cols = np.mgrid[:_SIDE_PX, :_SIDE_PX]
    for number in range(_NUM_TRAIN + _NUM_VAL):
        rng = np.random.default_rng(number)
        image = rng.integers(90, 130, (_SIDE_PX, _SIDE_PX, 3), dtype=np.uint8)
        top, left = rng.integers(2, 40, 2)
        square = (rows >= top) & (rows < top + 20) & (cols >= left) & (cols < left + 20)
        centre = rng.integers(12, 52, 2)
        disc = ((rows - centre[0]) ** 2 + (cols - centre[1]) ** 2 < 90) & ~square
        image[square], image[disc] = (240, 235, 230), (40, 60, 190)
        masks = {"the white square": square, "the blue disc": disc, "the red square": square & disc}
        phrases = [
            Phrase.from_mask(text, mask, kind="class" if mask.any() else "absent", name=text.split()[-1])
            for text, mask in masks.items()
        ]
        write_sample(root / "risors", f"image_{number}", image, phrases)
    stems = [f"image_{number}" for number in range(_NUM_TRAIN + _NUM_VAL)]
    write_split(root / "risors", "train", stems[:_NUM_TRAIN])
    write_split(root / "risors", "val", stems[_NUM_TRAIN:])


def tiny_config(root: Path, *, parallel: str, batch_size: int) -> TrainConfig:
    """Settings in float32 without batch norms, with corrections, of updates of two batches."""
    config = Miniature(root / "data", root / "text_encoder").shrink(rrsis_d_base_plus())
    return replace(
        config,
        data=replace(DataConfig(), batch_size=batch_size, queries_per_image=3, image_px=(_SIDE_PX, 96)),
        clicks=ClickConfig(batch_probability=0.6, sample_fraction=0.4, max_rounds=2),
        optimizer=replace(config.optimizer, learning_rate=1e-3, accumulated_batches=ACCUMULATED),
        execution=replace(config.execution, parallel=parallel),
        validation=replace(config.validation, num_rounds=2),
        budget=Budget(steps=NUM_STEPS),
        checkpoint_minutes=60,
        log_steps=1,
    )


def make_run(
    root: Path, name: str, *, ranks: Ranks, parallel: str = "none", stop_at: int = 0, resume: bool = False
) -> None:
    """Makes a run, resumes one, or stops it after an update by a signal to the last process."""
    batch_size = IMAGES_PER_UPDATE // ACCUMULATED // ranks.world_size
    args = argparse.Namespace(
        data=[root / "risors"], repeats=[], validate_on=None, run=root / name, init=None, resume=resume,
        teacher=None, device="cpu", workers=0,
    )  # fmt: skip
    config = tiny_config(root, parallel=parallel, batch_size=batch_size)
    fitting = build_fitting(args, config, ranks=ranks, device=torch.device("cpu"))
    if resume:
        fitting.resume()
    _signal_after(fitting._trainer, stop_at if ranks.rank == ranks.world_size - 1 else 0)
    try:
        fitting.fit()
    except CancelledError:
        assert fitting._trainer.step == stop_at


def _signal_after(trainer: Trainer, step: int) -> None:
    update = trainer.update

    def update_and_signal(batches):
        row = update(batches)
        if trainer.step == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return row

    trainer.update = update_and_signal


def launch(root: Path, *groups: tuple[int, list[dict]]) -> None:
    """Makes the runs of each group, a number of processes and its runs, one group after another."""
    command = [sys.executable, __file__, str(root), json.dumps(groups)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]


def _fork_group(root: Path, num_processes: int, runs: list[dict]) -> None:
    """Forks the processes and ends when they have; where one has failed, so do the others."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(num_processes)}
    children = []
    for rank in range(num_processes):
        os.environ.update(address, RANK=str(rank), LOCAL_RANK=str(rank))
        child = os.fork()
        if child == 0:
            with joined(Ranks.from_environment(), torch.device("cpu")) as connected:
                for run in runs:
                    make_run(root, ranks=connected, **run)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * num_processes


if __name__ == "__main__":
    torch.set_num_threads(1)
    for count, runs_of_group in json.loads(sys.argv[2]):
        _fork_group(Path(sys.argv[1]), count, runs_of_group)
