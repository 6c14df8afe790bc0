"""A run starts with sam2's own tensors in the image and prompt encoders, and at random elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import MINILM, PRESETS
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.fit.initial_weights import load_initial_weights

PARTS = {"image_encoder.": "image_encoder.", "sam_prompt_encoder.": "prompt_encoder."}


@pytest.fixture(scope="module")
def sam2():
    """The smallest SAM 2.1, built and named by its authors' package."""
    from sam2.build_sam import build_sam2

    torch.manual_seed(3)
    return build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu", apply_postprocessing=False)


@pytest.fixture(scope="module")
def checkpoint(sam2, tmp_path_factory):
    path = tmp_path_factory.mktemp("sam2") / "tiny.pt"
    torch.save({"model": sam2.state_dict()}, path)
    return path


@pytest.fixture
def rsam():
    tiny = PRESETS["sam2.1_hiera_tiny"].trunk
    return Rsam(replace(PRESETS["rsam_base_plus"], name="rsam_tiny", trunk=tiny, text=MINILM, image_px=256))


def assert_starts_from(rsam, sam2, before):
    after, theirs = rsam.own_state_dict(), sam2.state_dict()
    taken = {
        ours + name.removeprefix(prefix): value
        for name, value in theirs.items()
        for prefix, ours in PARTS.items()
        if name.startswith(prefix)
    }
    taken["no_mem_embed"] = theirs["no_mem_embed"]
    assert all(torch.equal(after[name], value) for name, value in taken.items())
    untouched = after.keys() - taken.keys()
    assert {name.split(".")[0] for name in untouched} == {"guidance", "mask_decoder"}
    assert all(torch.equal(after[name], before[name]) for name in untouched)


def test_an_official_checkpoint_fills_the_encoders_and_leaves_the_rest_at_random(rsam, sam2, checkpoint):
    before = {name: value.clone() for name, value in rsam.own_state_dict().items()}
    said = load_initial_weights(rsam, str(checkpoint))
    assert "SAM 2.1" in said
    assert_starts_from(rsam, sam2, before)


def test_a_name_means_the_official_file_and_no_other(rsam, checkpoint, monkeypatch, tmp_path):
    (tmp_path / "sam2.1_hiera_tiny.pt").write_bytes(checkpoint.read_bytes())
    monkeypatch.setenv("GEOPHRASE_WEIGHTS", str(tmp_path))
    with pytest.raises(EngineError, match=r"sam2\.1_hiera_tiny\.pt is damaged or another file"):
        load_initial_weights(rsam, "sam2.1_hiera_tiny")


def test_another_size_is_refused(checkpoint):
    small = Rsam(replace(PRESETS["rsam_small"], text=MINILM))
    with pytest.raises(EngineError, match=r"not a SAM 2\.1 checkpoint for rsam_small"):
        load_initial_weights(small, checkpoint)


def test_weights_that_are_not_here_yet_are_named(rsam, tmp_path, monkeypatch):
    monkeypatch.setenv("GEOPHRASE_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path)
    with pytest.raises(EngineError, match=r"geophrase models download sam2\.1_hiera_large"):
        load_initial_weights(rsam, "sam2.1_hiera_large")
