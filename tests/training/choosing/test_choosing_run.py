"""A chooser learns sizes and orders from drawn layouts, and a stopped run goes on as if it had not been."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from functools import cache

import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import ChooserConfig
from geophrase.engine.model.rsam.object_chooser import ObjectChooser
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.training.choosing.chunks import ExampleChunks
from geophrase.training.choosing.config import ChoosingConfig
from geophrase.training.choosing.drawn_layouts import drawn_layout
from geophrase.training.choosing.examples import draw_examples
from geophrase.training.choosing.run import ChooserRun
from geophrase.training.choosing.trainer import encode_examples
from geophrase.training.choosing.validation import validate
from geophrase.training.config import Budget, OptimizerConfig
from geophrase.training.data.phrases import SamplerConfig

TEXT_WIDTH = 48
SMALL = ChoosingConfig(
    budget=Budget(steps=8),
    layouts_per_chunk=4,
    phrases_per_layout=6,
    loose_per_layout=0,
    pool_chunks=3,
    updates_per_chunk=2,
    batch_size=32,
    checkpoint_minutes=0.0,
    optimizer=OptimizerConfig(learning_rate=3e-3, ema_decay=0.98),
)


@cache
def word_vector(word: str) -> torch.Tensor:
    return torch.randn(TEXT_WIDTH, generator=torch.Generator().manual_seed(zlib.crc32(word.encode())))


def encode_words(texts) -> TextFeatures:
    """A fixed random vector for every word: all that sizes need."""
    rows = [torch.stack([word_vector(word) for word in text.lower().rstrip("?").split()]) for text in texts]
    tokens_BLD = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths_B1 = torch.tensor([[len(row)] for row in rows])
    return TextFeatures(tokens_BLD, torch.arange(tokens_BLD.shape[1]) >= lengths_B1)


def new_chooser() -> ObjectChooser:
    torch.manual_seed(0)
    return ObjectChooser(
        ChooserConfig(width=48, num_text_layers=1, mlp_dim=64, num_blocks=2), text_width=TEXT_WIDTH
    )


class Interrupted(ExampleChunks):
    """Chunks of a run that is stopped by the user at the third."""

    def __getitem__(self, number: int):
        if number == 2:
            raise KeyboardInterrupt
        return super().__getitem__(number)


def test_a_stopped_run_ends_where_an_unbroken_one_does(tmp_path):
    chunks = ExampleChunks(None, SMALL)
    unbroken = ChooserRun(new_chooser(), encode_words, SMALL, tmp_path / "unbroken").train(chunks, [])
    stopped = ChooserRun(new_chooser(), encode_words, SMALL, tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        stopped.train(Interrupted(None, SMALL), [])
    resumed = ChooserRun(new_chooser(), encode_words, SMALL, tmp_path / "stopped").train(chunks, [])
    assert resumed.keys() == unbroken.keys()
    for name, value in unbroken.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)
    assert any((value != before).any() for value, before in zip(
        unbroken.values(), new_chooser().state_dict().values(), strict=True))  # fmt: skip


def test_a_run_with_other_settings_is_refused_in_a_sentence(tmp_path):
    ChooserRun(new_chooser(), encode_words, SMALL, tmp_path).train(ExampleChunks(None, SMALL), [])
    with pytest.raises(EngineError, match=r"other settings \(batch_size\)"):
        ChooserRun(new_chooser(), encode_words, replace(SMALL, batch_size=16), tmp_path)


def test_a_run_that_started_from_other_weights_is_refused_in_a_sentence(tmp_path):
    def run(weights, data):
        origins = {"the weights": weights, "the training data": data}
        return ChooserRun(new_chooser(), encode_words, SMALL, tmp_path, origins=origins)

    run("a", "b").train(ExampleChunks(None, SMALL), [])
    run("a", "b")
    with pytest.raises(EngineError, match=r"other settings \(the weights\)"):
        run("c", "b")
    with pytest.raises(EngineError, match=r"other settings \(the weights, the training data\)"):
        run("c", "d")


def test_seconds_of_training_beat_naming_every_object_on_layouts_never_seen(tmp_path):
    sizes = SamplerConfig(0, 0, 0, 1, 0, 0, 0, 0, typo_rate=0)
    config = replace(
        SMALL, budget=Budget(steps=120), phrases=sizes, layouts_per_chunk=12, pool_chunks=40,
        updates_per_chunk=4, batch_size=64, checkpoint_minutes=10.0,
    )  # fmt: skip
    rng = random.Random("held out")
    held_out = [one for _ in range(80) for one in draw_examples(drawn_layout(rng), rng, 6, phrases=sizes)]
    chooser = new_chooser()
    before = validate(chooser, encode_examples(held_out, encode_words))["size"]
    weights = ChooserRun(chooser, encode_words, config, tmp_path).train(ExampleChunks(None, config), held_out)
    chooser.load_state_dict(weights)
    after = validate(chooser, encode_examples(held_out, encode_words))["size"]
    assert before.chosen == pytest.approx(before.whole_kind)  # a new one has no opinion
    assert after.chosen > after.whole_kind + 0.2
    assert after.chosen <= after.best + 1e-9
    assert "validation" in (tmp_path / "metrics.jsonl").read_text()
