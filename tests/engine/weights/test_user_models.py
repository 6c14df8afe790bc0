"""A user's own models: installed whole or not at all, found by name, checked by hash, removed."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from geophrase.engine.cli.main import main
from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.rsam.config import PRESETS, DecoderConfig, GuidanceConfig, RsamConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights import load, user_models
from geophrase.engine.model.weights.card import ModelCard, TrainingSource, card_path
from geophrase.engine.model.weights.load import list_models, locate_weights, read_metadata
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.engine.model.weights.user_models import (
    check_name,
    free_name,
    install_model,
    models_folder,
    remove_model,
)
from geophrase.engine.server.model_list import ModelList
from geophrase.protocol.errors import ErrorCode


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GEOPHRASE_WEIGHTS", raising=False)


def tiny_config(name: str) -> RsamConfig:
    return replace(
        PRESETS["rsam_small"],
        name=name,
        image_px=64,
        width=32,
        trunk=ConvTrunkConfig(stem_channels=8, channels=(8, 16, 32, 32), depths=(1, 1, 1, 1), gate_ratio=4),
        guidance=GuidanceConfig(num_layers=1, num_heads=2, mlp_dim=64, position_pairs_per_layer=1),
        decoder=DecoderConfig(num_heads=2, mlp_dim=64, iou_hidden_dim=32),
    )


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    config = tiny_config("mytown")
    path = tmp_path / "run" / "candidate.safetensors"
    metadata = WeightsMetadata(
        "rsam_small", "1", "12 corrections", "CC0-1.0", config.to_json(), json.dumps({"base": "rsam_small"})
    )
    save_weights(Rsam(config).own_state_dict(), path, metadata)
    return path


def card_of(weights: Path) -> ModelCard:
    return ModelCard.describing(
        weights,
        model="mytown",
        version="1",
        licence="CC0-1.0",
        created="2026-11-21",
        summary="rsam_small with 12 corrections.",
        training_data=(TrainingSource("town", "own", "corrections", 12),),
        figures={"after": {"mIoU": 0.5}},
    )


def names_in_folder() -> list[str]:
    return sorted(path.name for path in models_folder().iterdir())


def test_an_installed_model_is_found_by_name_and_is_the_same_model(candidate):
    path = install_model("mytown", candidate, card_of(candidate))

    weights = locate_weights("mytown")
    assert weights.path == path
    assert weights.sha256 == card_of(candidate).sha256
    rsam, original = load_model(weights), load_model(locate_weights(candidate))
    assert rsam.config.name == "mytown"  # what outputs record
    assert rsam.config == original.config
    loaded = rsam.own_state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in original.own_state_dict().items())
    metadata = read_metadata(weights)
    assert metadata is not None
    assert json.loads(metadata.fine_tuning_json) == {"base": "rsam_small"}


def test_a_listing_shows_it_beside_the_others(candidate, capsys):
    before = [row.entry.name for row in list_models()]
    install_model("mytown", candidate, card_of(candidate))

    assert [row.entry.name for row in list_models()] == [*before, "mytown"]
    assert main(["models", "list", "--json"]) == 0
    (listed,) = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "mytown"]
    assert listed["state"] == "your own"
    assert listed["licence"] == "CC0-1.0"
    assert listed["summary"] == "rsam_small with 12 corrections."
    assert main(["info", "--model", "mytown"]) == 0
    assert "mytown, 64 px" in capsys.readouterr().out


def test_an_engine_offers_it_at_once_and_forgets_it_at_once(candidate):
    models = ModelList("rsam_small")
    names = [status.name for status in models.statuses()]
    with pytest.raises(EngineError) as refused:
        models.key_of("mytown")
    assert refused.value.code is ErrorCode.MODEL_UNKNOWN

    install_model("mytown", candidate, card_of(candidate))

    (status,) = [status for status in models.statuses() if status.name not in names]
    assert (status.name, status.has_text, status.is_here, status.image_px) == ("mytown", True, True, 64)
    assert models.key_of("mytown") == "mytown"
    remove_model("mytown")
    assert [status.name for status in models.statuses()] == names


def test_an_engine_started_with_it_lists_it_once(candidate):
    install_model("mytown", candidate, card_of(candidate))
    names = [status.name for status in ModelList("mytown").statuses()]
    assert names.count("mytown") == 1


def test_other_bytes_than_the_card_says_are_refused_with_a_sentence(candidate):
    path = install_model("mytown", candidate, card_of(candidate))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(EngineError) as damaged:
        locate_weights("mytown")
    assert damaged.value.code is ErrorCode.WEIGHTS_INVALID
    assert "geophrase models remove mytown" in damaged.value.message


@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_without_its_card_it_is_listed_as_damaged_and_not_used(candidate, damage, capsys):
    path = install_model("mytown", candidate, card_of(candidate))
    if damage == "missing":
        card_path(path).unlink()
    else:
        card_path(path).write_text(card_path(path).read_text()[:40])

    (row,) = [row for row in list_models() if row.entry.name == "mytown"]
    assert row.state == "damaged"
    assert "mytown" not in [status.name for status in ModelList("rsam_small").statuses()]
    assert main(["info", "--model", "mytown"]) == 1
    said = capsys.readouterr().err
    assert "mytown.json" in said
    assert said.count("\n") == 1
    assert main(["models", "remove", "mytown"]) == 0
    assert names_in_folder() == []


@pytest.mark.parametrize(("name", "other"), [("My Town", "my-town"), ("rsam_small", "rsam_small-2")])
def test_a_file_copied_there_under_a_name_that_cannot_be_is_no_model(candidate, name, other):
    known = [status.name for status in ModelList("rsam_small").statuses()]
    path = install_model("mytown", candidate, card_of(candidate))
    card_path(path).rename(models_folder() / f"{name}.json")
    path.rename(models_folder() / f"{name}.safetensors")

    row = list_models()[-1]
    assert (row.entry.name, row.state) == (name, "damaged")
    assert other in row.entry.summary
    assert [status.name for status in ModelList("rsam_small").statuses()] == known
    assert locate_weights("rsam_small").path.parent == load.BUNDLED_FOLDER
    if name == "My Town":
        with pytest.raises(EngineError) as refused:
            locate_weights(name)
        assert refused.value.code is ErrorCode.MODEL_UNKNOWN
        assert "did you mean My Town" not in refused.value.message
        assert main(["models", "remove", name]) == 0


def test_nothing_is_overwritten(candidate):
    first = install_model("mytown", candidate, card_of(candidate)).read_bytes()

    with pytest.raises(EngineError, match="already: choose another name, such as mytown-2"):
        install_model("mytown", candidate, card_of(candidate))

    assert free_name("mytown") == "mytown-2"
    install_model("mytown-2", candidate, card_of(candidate))
    assert free_name("mytown") == "mytown-3"
    assert (models_folder() / "mytown.safetensors").read_bytes() == first


def test_of_two_that_install_under_one_name_at_once_one_does(candidate, monkeypatch):
    def copy_slowly(source: Path, target: Path) -> None:
        time.sleep(0.3)
        target.write_bytes(source.read_bytes())

    def install(card: ModelCard) -> str:
        try:
            install_model("mytown", candidate, card)
        except EngineError as error:
            return error.message
        return card.summary

    monkeypatch.setattr(user_models, "copyfile", copy_slowly)
    cards = [replace(card_of(candidate), summary=summary) for summary in ("one", "other")]
    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(install, cards))
    (installed,) = set(said) & {"one", "other"}
    assert "already" in (set(said) - {installed}).pop()
    assert list_models()[-1].entry.summary == installed
    assert names_in_folder() == ["mytown.json", "mytown.safetensors"]


def test_a_full_disk_leaves_the_models_that_were_there(candidate, monkeypatch):
    install_model("mytown", candidate, card_of(candidate))
    before = names_in_folder()

    def fill_up(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(user_models, "copyfile", fill_up)
    with pytest.raises(EngineError, match="No space left on device") as full:
        install_model("mytown-2", candidate, card_of(candidate))

    assert full.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    assert names_in_folder() == before


def test_a_file_that_changed_after_it_was_judged_is_not_installed(candidate):
    card = card_of(candidate)
    candidate.write_bytes(candidate.read_bytes() + b" ")
    with pytest.raises(EngineError, match="changed while it was copied"):
        install_model("mytown", candidate, card)
    assert names_in_folder() == []


@pytest.mark.parametrize("name", ["", "My Town", "../up", "rsam_small", "town.safetensors", "-x", "a" * 65])
def test_a_name_that_cannot_be_is_wrong_usage(name):
    with pytest.raises(EngineError) as refused:
        check_name(name)
    assert refused.value.code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("My Town 2026", "my-town-2026"), ("Zürich", "z-rich"), ("…", "model"), ("rsam_small", "rsam_small-2")],
)
def test_any_folder_name_gives_a_name_that_can_be(wanted, name):
    assert free_name(wanted) == name
    check_name(name)


def test_only_ones_own_models_can_be_removed(candidate, capsys):
    install_model("mytown", candidate, card_of(candidate))
    assert main(["models", "remove", "rsam_small"]) == 2
    assert "belongs to GeoPhrase" in capsys.readouterr().err
    assert load.BUNDLED_FOLDER.joinpath("rsam_small.safetensors").is_file()
    assert main(["models", "remove", "their_town"]) == 1
    assert "there are mytown" in capsys.readouterr().err
    assert main(["models", "remove", "mytown"]) == 0
    assert names_in_folder() == []


def test_a_misspelt_name_is_answered_with_ones_own_models_too(candidate):
    install_model("mytown", candidate, card_of(candidate))
    with pytest.raises(EngineError, match="did you mean mytown"):
        locate_weights("mytwon")
