"""Whole fine-tunings of a tiny model: a better one is offered at once, a worse or broken one never."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from geophrase.engine.device import DeviceChoice
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights import user_models
from geophrase.engine.model.weights.load import locate_weights, read_metadata
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.engine.model.weights.user_models import list_user_models
from geophrase.engine.predictor import Predictor
from geophrase.engine.server.engine_application import EngineApplication, EngineConfig
from geophrase.engine.server.folders import ServerFolders
from geophrase.engine.server.http_server import EngineHttpServer
from geophrase.protocol.messages import Hello
from geophrase.tests.engine.server.http_probe import TOKEN, exchange, request
from geophrase.tests.training.corrections.conftest import write_ponds
from geophrase.training.cli import main
from geophrase.training.config import Budget, OptimizerConfig, TrainableConfig, TrainConfig
from geophrase.training.corrections.fine_tune import run_corrections
from geophrase.training.corrections.rehearsal import RehearsalConfig
from geophrase.training.corrections.task import read_task
from geophrase.training.data.augment import AugmentConfig
from geophrase.training.errors import TrainingError
from geophrase.training.fit.command import add_fit_arguments
from geophrase.training.recipes.corrections import corrections
from geophrase.training.recipes.smoke import smoke

# A model that starts from nothing has nothing to keep, and random weights have no mean with trained ones.
FEW_SCENES = RehearsalConfig(num_scenes=1, num_exam_scenes=2, scene_px=64, tuned_share=1.0)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GEOPHRASE_WEIGHTS", raising=False)


def random_model(path: Path) -> Path:
    """Random weights of the smoke recipe's model, which find no pond yet."""
    torch.manual_seed(0)
    config = smoke().model
    save_weights(
        Rsam(config).own_state_dict(), path, WeightsMetadata("smoke", "0", "", "CC0-1.0", config.to_json())
    )
    return path


@pytest.fixture
def start(tmp_path: Path) -> Path:
    return random_model(tmp_path / "start.safetensors")


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_fit_arguments(parser)
    return parser.parse_args(["--recipe", "corrections", "--workers", "0", "--device", "cpu", *words])


def settings(num_steps: int) -> TrainConfig:
    """The recipe for a model that starts from nothing: its encoder has to learn, and fast."""
    return replace(
        corrections(),
        data=replace(corrections().data, augment=AugmentConfig(whole_image=1.0, photometric=0.0)),
        optimizer=OptimizerConfig(learning_rate=3e-3, ema_decay=0.8),
        trainable=TrainableConfig(),
        execution=replace(corrections().execution, is_bfloat16=False),
        budget=Budget(steps=num_steps),
    )


def fine_tuned(data: Path, start: Path, *words: str, num_steps: int = 60) -> int:
    args = options("--data", str(data), "--init", str(start), "--run", str(data.parent / "run"), *words)
    return run_corrections(args, settings(num_steps), FEW_SCENES)


@contextmanager
def running_engine(folder: Path) -> Iterator[Callable[[], Hello]]:
    choice = DeviceChoice(torch.device("cpu"), torch.float32, "Running on the CPU.")

    def load(name: str, choice: DeviceChoice) -> Any:
        return Predictor.load(name, choice)

    application = EngineApplication(
        EngineConfig(model="rsam_small", folders=ServerFolders.under(folder)), load, choice
    )
    server = EngineHttpServer(application, token=TOKEN)
    server.start()
    try:
        yield lambda: exchange(server, request(server)).frame.read_as(Hello)
    finally:
        server.stop()
        application.close(5.0)


@dataclass(frozen=True)
class Town:
    """A fine-tuning that went well, beside a running engine."""

    before: Hello
    after: Hello
    printed: str
    weights: Path
    start: Path


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    start, printed = random_model(folder / "start.safetensors"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, running_engine(folder / "engine") as hello:
        patch.setenv("XDG_DATA_HOME", str(folder / "user"))
        before = hello()
        with redirect_stdout(printed):
            code = fine_tuned(write_ponds(folder / "data", 12), start, "--name", "mytown", num_steps=80)
        assert code == 0
        path = user_models.models_folder() / "mytown.safetensors"
        yield Town(before, hello(), printed.getvalue(), path, start)


def test_a_better_model_is_installed_and_a_running_engine_offers_it(town, capsys):
    (offered,) = [model for model in town.after.models if model not in town.before.models]
    assert (offered.name, offered.has_text, offered.is_here) == ("mytown", True, True)
    assert "ponds" in offered.title
    assert town.printed == f"{town.weights}\n"
    weights = locate_weights(town.weights)
    made_from = json.loads(read_metadata(weights).fine_tuning_json)
    figures = made_from["validation"]["corrections"]
    assert figures["after"] > figures["before"] + 0.2
    assert made_from["start_sha256"] == locate_weights(town.start).sha256
    assert Predictor.load(town.weights, "cpu").name == "mytown"


def test_a_second_model_of_the_folder_stands_beside_the_first(export, start, tmp_path):
    """Both with the recipe's own choice of what moves: all but the image encoder."""
    data = export(6)
    config = replace(corrections(), budget=Budget(steps=2), execution=settings(1).execution)
    for number in range(2):
        run = str(tmp_path / f"run_{number}")
        args = options("--data", str(data), "--init", str(start), "--run", run, "--unguarded")
        assert run_corrections(args, config, FEW_SCENES) == 0
    first, second = list_user_models()
    assert first.entry.name.startswith("town-2")
    assert second.entry.name == f"{first.entry.name}-2"
    before, after = (_tensors(path) for path in (start, second.path))
    changed = {name for name in before if not torch.equal(before[name].half(), after[name].half())}
    assert changed
    assert not any(name.startswith("image_encoder.") for name in changed)


@pytest.mark.parametrize("name", [[], ["--name", "town"]])
def test_of_two_at_once_each_has_its_folder_and_its_model(export, start, monkeypatch, name, capsys):
    """The second starts and ends while the first is being trained."""
    from geophrase.training.fit.trainer import Trainer

    data, update = export(6), Trainer.update
    args = options("--data", str(data), "--init", str(start), "--unguarded", *name)

    def update_after_another(self, batches):
        monkeypatch.setattr(Trainer, "update", update)
        assert run_corrections(args, settings(1), FEW_SCENES) == 0
        return update(self, batches)

    monkeypatch.setattr(Trainer, "update", update_after_another)
    assert run_corrections(args, settings(3), FEW_SCENES) == 0

    one, two = list_user_models()
    assert two.entry.name == f"{one.entry.name}-2"
    assert f"this one is {two.entry.name}." in capsys.readouterr().err
    runs = user_models.models_folder().with_name("runs")
    assert {path.name for path in runs.iterdir()} == {one.entry.name, f"{one.entry.name}-run2"}
    made_from = json.loads(read_metadata(locate_weights(two.path)).fine_tuning_json)
    assert made_from["name"] == two.entry.name
    trained = json.loads((runs / one.entry.name / "config.json").read_text())
    assert trained["budget"]["steps"] == 3


def test_two_that_start_together_have_different_folders(export, start):
    args = options("--data", str(export(6)), "--init", str(start))
    first, second = (read_task(args, settings(1)) for _ in range(2))
    assert first.run != second.run


def test_a_model_of_wrong_masks_is_refused_with_both_figures(town, export, tmp_path, capsys):
    """Corrections to learn from are wrong, those held back are right: learning makes the model worse."""
    spoilt, right = export(8, name="spoilt", is_wrong=True), export(4, name="right", split="val")
    args = options(
        "--data", str(spoilt), str(right), "--init", str(town.weights), "--run", str(tmp_path / "run")
    )

    with pytest.raises(TrainingError, match=r"mIoU on the corrections went from 0\.\d+ to 0\.\d+") as refused:
        run_corrections(args, settings(30), FEW_SCENES)

    assert list_user_models() == []
    candidate = tmp_path / "run" / "candidate.safetensors"
    assert str(candidate) in str(refused.value)
    assert locate_weights(candidate).path.is_file()
    figures = json.loads((tmp_path / "run" / "guard.json").read_text())["figures"]["corrections"]
    assert figures["after"] < figures["before"]
    assert "before" in capsys.readouterr().err  # the table is shown all the same


def test_ctrl_c_leaves_nothing_installed(export, start, monkeypatch):
    from geophrase.training.fit.trainer import Trainer

    update = Trainer.update

    def update_and_interrupt(self, batches):
        row = update(self, batches)
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return row

    monkeypatch.setattr(Trainer, "update", update_and_interrupt)
    with pytest.raises(CancelledError, match="no model was installed"):
        fine_tuned(export(6), start)
    assert list_user_models() == []


def test_a_full_disk_keeps_the_result_in_the_run_folder(export, start, monkeypatch, tmp_path):
    def fill_up(_source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(user_models, "copyfile", fill_up)
    with pytest.raises(EngineError, match="No space left on device"):
        fine_tuned(export(6), start, "--unguarded", num_steps=2)
    assert list_user_models() == []
    assert (tmp_path / "run" / "candidate.safetensors").is_file()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--name", "rsam_small"], 2, "There is a model called rsam_small already"),
        (["--init", "rsam_smal"], 1, "did you mean rsam_small"),
        (["--init", "{start}"], 1, "too few to hold some back"),
        (["--resume"], 2, "is not resumed"),
        (["--repeats", "3"], 2, "leave --repeats"),
        (["--run", "{run}"], 2, "already holds a run: choose another folder."),
    ],
)
def test_what_can_not_be_is_one_sentence_before_any_work(
    export, start, tmp_path, capsys, words, code, sentence
):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").touch()
    words = [word.format(start=start, run=tmp_path / "run") for word in words]
    assert main(["fit", "--recipe", "corrections", "--data", str(export(3)), *words]) == code
    said = capsys.readouterr().err.strip().splitlines()
    assert sentence in said[-1]
    assert not any("Traceback" in line for line in said)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    from geophrase.engine.model.weights.load import read_state_dict

    return read_state_dict(locate_weights(path))


def test_low_rank_updates_are_merged_into_a_plain_model(export, start, tmp_path):
    config = replace(
        corrections(), trainable=TrainableConfig(True, low_rank=2), execution=settings(1).execution
    )
    run = str(tmp_path / "run")
    args = options(
        "--data", str(export(6)), "--init", str(start), "--run", run, "--unguarded", "--name", "low"
    )
    assert (
        run_corrections(args, replace(config, budget=Budget(steps=2)), replace(FEW_SCENES, tuned_share=0.5))
        == 0
    )
    assert _tensors(locate_weights("low").path).keys() == _tensors(start).keys()
    assert Predictor.load("low", "cpu").name == "low"
