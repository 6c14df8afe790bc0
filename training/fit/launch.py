"""How a run's settings meet the processes that are there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.config import TrainConfig
from geophrase.training.fit.parallel import Ranks

CONFIG_FILE = "config.json"


def settings_of(config: TrainConfig, num_processes: int) -> dict[str, Any]:
    """A run's settings as plain values, with the number of processes that share each batch."""
    settings: dict[str, Any] = json.loads(json.dumps(config.as_dict()))
    return settings | {"num_processes": num_processes}


def images_per_update(settings: Mapping[str, Any]) -> int:
    """Images that an update takes in all, by what :func:`settings_of` gave."""
    batches = settings["num_processes"] * settings["optimizer"]["accumulated_batches"]
    return int(batches * settings["data"]["batch_size"])


def is_restart(run: Path, ranks: Ranks) -> bool:
    """Whether the launcher has started a run's processes anew: one was lost, or machines came or went.

    Only the machine that lost a process counts it as a restart. That the folder was written by a launch of
    the same name shows it too, and so after a job was queued again.
    """
    path = run / CONFIG_FILE
    if ranks.num_restarts or ranks.launch_id is None or not path.is_file():
        return ranks.num_restarts > 0
    return bool(_started_with(path).get("launch_id") == ranks.launch_id)


def for_processes(config: TrainConfig, num_processes: int) -> TrainConfig:
    """The settings for several processes: without any word on how, each has a copy of the model."""
    execution = config.execution
    if num_processes > 1 and execution.parallel == "none":
        return replace(config, execution=replace(execution, parallel="ddp"))
    return config


def for_resuming(config: TrainConfig, run: Path, num_processes: int) -> TrainConfig:
    """The settings with which an update takes as many images as before, on other processes than before.

    Batches become no larger than the settings say, and as many are accumulated as it takes.

    Raises:
        EngineError: The processes can't share an update's images equally.
    """
    path = run / CONFIG_FILE
    if not path.is_file():
        return config
    before = _started_with(path)
    num_images = images_per_update({"num_processes": 1} | before)
    share, left_over = divmod(num_images, num_processes)
    if left_over or not share:
        counts = [count for count in range(1, num_images + 1) if num_images % count == 0]
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"An update of {run} takes {num_images} images, which {num_processes} processes can't share: "
            f"start one of {', '.join(map(str, counts))}.",
        )
    limit = min(share, config.data.batch_size)
    batch_size = next(size for size in range(limit, 0, -1) if share % size == 0)
    return replace(
        config,
        data=replace(config.data, batch_size=batch_size),
        optimizer=replace(config.optimizer, accumulated_batches=share // batch_size),
    )


def _started_with(path: Path) -> dict[str, Any]:
    """The settings that a run folder's file keeps.

    Raises:
        EngineError: The file is damaged.
    """
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{path} is damaged ({error}): put the file of the run's start back, or start a new run."
        raise EngineError(ErrorCode.BAD_REQUEST, message) from error
    return settings
