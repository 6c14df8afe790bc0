"""`geophrase-train choose` from weights to weights: the chooser alone is another."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.load import locate_weights, read_metadata
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.training.choosing.command import add_choose_arguments, run_choose
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import RisorsError, write_sample, write_split
from geophrase.training.recipes.catalog import RECIPES
from geophrase.training.recipes.miniature import Miniature


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> RsamConfig:
    """RSAM small in miniature, with a text encoder of its own."""
    miniature = Miniature.write(tmp_path_factory.mktemp("miniature"))
    config = miniature.shrink(RECIPES["rsam_small"]()).model
    assert isinstance(config, RsamConfig)
    return config


def stored(config: RsamConfig, path: Path) -> Path:
    torch.manual_seed(1)
    metadata = WeightsMetadata(config.name, "3", "drawn", "GPL-3.0-or-later", config.to_json())
    save_weights(Rsam(config).own_state_dict(), path, metadata, half=True)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two images with three ships each."""
    return with_ships(tmp_path / "data", top_px=20)


def with_ships(root: Path, *, top_px: int) -> Path:
    for stem, split in (("a", "train"), ("b", "val")):
        ships = [Instance("ship", np.ones((9, 9), np.uint8), 10 + 30 * i, top_px + 9 * i) for i in range(3)]
        write_sample(root, stem, np.zeros((100, 100, 3), np.uint8), [], instances=ships)
        write_split(root, split, [stem])
    return root


def choose(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_choose_arguments(parser)
    fast = ["--minutes", "0.005", "--workers", "0", "--device", "cpu", "--threads", "1"]
    return run_choose(parser.parse_args([*map(str, arguments), *fast]))


def test_only_the_chooser_changes(small, folder, tmp_path, capsys):
    start, target = stored(small, tmp_path / "start.safetensors"), tmp_path / "chosen.safetensors"
    assert choose("--weights", start, "--to", target, "--data", folder) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(target)
    before = load_model(locate_weights(start)).own_state_dict()
    after = load_model(locate_weights(target)).own_state_dict()
    assert before.keys() == after.keys()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed
    assert all(name.startswith("chooser.") for name in changed)
    assert (tmp_path / "chosen.choosing" / "metrics.jsonl").is_file()


def test_a_model_without_a_chooser_gets_one_and_keeps_its_weights(small, folder, tmp_path, capsys):
    start = stored(replace(small, chooser=None), tmp_path / "start.safetensors")
    target = tmp_path / "chosen.safetensors"
    choose("--weights", start, "--to", target, "--data", folder, "--resume", tmp_path / "run")
    assert "has no chooser" in capsys.readouterr().err
    before, after = load_model(locate_weights(start)), load_model(locate_weights(target))
    assert after.config.chooser is not None
    own = after.own_state_dict()
    assert all(torch.equal(own[name], value) for name, value in before.own_state_dict().items())
    metadata = read_metadata(locate_weights(target))
    assert metadata is not None
    assert metadata.training_data == "drawn"
    assert (tmp_path / "run" / "checkpoint.pt").is_file()


def test_a_run_goes_on_with_its_own_data_alone(small, folder, tmp_path):
    start, target = stored(small, tmp_path / "start.safetensors"), tmp_path / "chosen.safetensors"
    words = ["--weights", start, "--to", target, "--resume", tmp_path / "run"]
    choose(*words, "--data", folder)
    with pytest.raises(EngineError, match=r"other settings \(the training data\)"):
        choose(*words, "--data", with_ships(tmp_path / "other", top_px=30))
    with pytest.raises(RisorsError, match="has no split 'val'"):
        choose(*words, "--data", tmp_path / "none")
    assert choose(*words, "--data", folder.rename(tmp_path / "moved")) == 0


def test_a_model_without_text_is_refused(folder, tmp_path):
    click = replace(PRESETS["sam2.1_hiera_tiny"], name="clicks", image_px=64)
    start = stored(click, tmp_path / "click.safetensors")
    with pytest.raises(EngineError, match="takes no text"):
        choose("--weights", start, "--to", tmp_path / "x.safetensors", "--data", folder)
