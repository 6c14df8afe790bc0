"""What trains and how it is computed, against plain models and the official Hiera."""

from dataclasses import replace

import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import PRESETS, HieraConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.config import ExecutionConfig, GroupConfig, OptimizerConfig, TrainableConfig
from geophrase.training.fit import model_setup
from geophrase.training.fit.model_setup import merged_state_dict, merged_weights, prepare_model
from geophrase.training.fit.optimization import MovingAverage, build_optimizer
from geophrase.training.recipes.smoke import smoke

WHOLE, EAGER = TrainableConfig(), ExecutionConfig(is_bfloat16=False)
TINY_HIERA = HieraConfig(16, 1, (1, 1, 2, 1), (3, 3, 3), window_sizes=(8, 4, 4, 2))
TEXTS = ["the white house", "a pond"]


def small_model(trunk=None, seed=0, **text):
    torch.manual_seed(seed)
    config = smoke().model
    config = replace(config, trunk=trunk or config.trunk, text=replace(config.text, **text))
    rsam = Rsam(config)
    rsam.text_encoder.load()
    return rsam.train()


def images(side_px=64, seed=0):
    return torch.randn(2, 3, side_px, side_px, generator=torch.Generator().manual_seed(seed))


def mask_logits(rsam, image_BCHW=None):
    features = rsam.encode_image(images() if image_BCHW is None else image_BCHW)
    output = rsam.decode(features, text=rsam.encode_text(TEXTS), image_index_Q=torch.tensor([0, 1]))
    return output.mask_logits_QMHW


def one_update(rsam, rate=1e-2):
    optimizer = build_optimizer(OptimizerConfig(learning_rate=rate), rsam)
    mask_logits(rsam).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def values(rsam):
    return {name: value.detach().clone() for name, value in rsam.state_dict().items()}


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_the_refiner_alone_trains_on_what_the_rest_answers():
    rsam = small_model()
    prepare_model(rsam, TrainableConfig(is_refiner_alone=True), EAGER)
    before = values(rsam)
    optimizer = build_optimizer(OptimizerConfig(learning_rate=1e-2), rsam)
    for _ in range(2):
        features = rsam.encode_image(images())
        clicks = {"points_xy_QNC": torch.full((2, 1, 2), 20.0), "point_labels_QN": torch.ones(2, 1)}
        rsam.decode(features, **clicks).mask_logits_QMHW.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    moved = changed(before, values(rsam))
    assert {"refiner.head.weight", "refiner.down4.conv1.weight"} <= moved
    assert all(name.startswith("refiner.") for name in moved)


def test_a_model_without_refiner_cannot_train_it_alone():
    without = Rsam(replace(small_model().config, refiner=None))
    with pytest.raises(EngineError, match="no prompt refiner"):
        prepare_model(without, TrainableConfig(is_refiner_alone=True), EAGER)


def test_a_frozen_image_encoder_keeps_weights_and_batch_statistics_and_no_activations():
    rsam = small_model()
    prepare_model(rsam, TrainableConfig(is_image_encoder_frozen=True), EAGER)
    before = values(rsam)
    with MovingAverage(rsam, decay=0.5).applied():
        assert not rsam.training
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.shape) or x, lambda x: x):
        rsam.image_encoder(images())
    assert kept == []
    one_update(rsam)
    moved = changed(before, values(rsam))
    assert rsam.training
    assert moved
    assert not [name for name in moved if name.startswith(("image_encoder.", "text_encoder."))]


def test_a_freed_text_encoder_trains_at_its_own_rate():
    rsam = small_model(is_frozen=False)
    prepare_model(rsam, WHOLE, EAGER)
    config = OptimizerConfig(text_encoder=GroupConfig(rate_factor=0.1, weight_decay=0.3))
    groups = build_optimizer(config, rsam).param_groups
    own = {id(parameter) for parameter in rsam.text_encoder.parameters()}
    found = {id(p) for group in groups if group["rate_factor"] == 0.1 for p in group["params"]}
    assert found == own
    assert {group["weight_decay"] for group in groups if group["rate_factor"] == 0.1} == {0.0, 0.3}
    before = values(rsam)
    one_update(rsam)
    assert "text_encoder.bert.encoder.layer.0.attention.self.query.weight" in changed(before, values(rsam))


@pytest.mark.parametrize("trunk", [None, TINY_HIERA], ids=["convolutional", "hiera"])
def test_low_rank_updates_start_at_nothing_and_merge_into_the_plain_model(trunk):
    plain, rsam = small_model(trunk), small_model(trunk)
    prepare_model(rsam, TrainableConfig(low_rank=2), EAGER)
    plain.load_own_state_dict(merged_state_dict(rsam))  # as the random trunk's seeds differ in nothing
    torch.testing.assert_close(mask_logits(rsam.eval()), mask_logits(plain.eval()), rtol=0, atol=0)
    start, before = merged_state_dict(rsam.train()), values(rsam)
    one_update(rsam)
    originals = {name for name in changed(before, values(rsam)) if name.endswith("weight.original")}
    assert originals == set()
    merged = merged_state_dict(rsam)
    plain.load_own_state_dict(merged)
    torch.testing.assert_close(mask_logits(rsam.eval()), mask_logits(plain.eval()), rtol=1e-5, atol=1e-5)
    name = "mask_decoder.transformer.layers.0.mlp.layers.0.weight"
    difference = (merged[name] - start[name]).double()
    assert 1 <= torch.linalg.matrix_rank(difference, atol=1e-6) <= 2


def test_a_hiera_moves_by_its_queries_and_values_alone():
    rsam = small_model(TINY_HIERA)
    prepare_model(rsam, TrainableConfig(low_rank=2), EAGER)
    start = merged_state_dict(rsam)
    one_update(rsam)
    merged = merged_state_dict(rsam)
    moved = {name for name in changed(start, merged) if name.startswith("image_encoder.trunk.")}
    assert moved == {f"image_encoder.trunk.blocks.{block}.attn.qkv.weight" for block in range(5)}
    for name in moved:
        query, key, value = (merged[name] != start[name]).any(1).chunk(3)
        assert query.any()
        assert value.any()
        assert not key.any()


def test_the_number_of_updated_parameters_is_that_of_the_paper_of_rs_sam():
    """Rank 4 on q and v of every block of SAM's ViT-B: 12 x 2 x 4 x (768 + 768) = 147,456 (SAMed's count)."""
    layer = torch.nn.Linear(768, 3 * 768)
    update = model_setup.LowRankUpdate(layer.weight, rank=4, first_rows=(0, 1536), num_rows=768)
    assert 12 * sum(parameter.numel() for parameter in update.parameters()) == 147_456


def test_low_rank_with_a_frozen_encoder_trains_a_twentieth():
    config = replace(smoke().model, width=128, guidance=PRESETS["rsam_small"].guidance)
    rsam = Rsam(replace(config, decoder=PRESETS["rsam_small"].decoder, refiner=None))
    whole = sum(p.numel() for p in rsam.parameters() if p.requires_grad)
    prepare_model(rsam, TrainableConfig(is_image_encoder_frozen=True, low_rank=4), EAGER)
    assert sum(p.numel() for p in rsam.parameters() if p.requires_grad) < 0.15 * whole
    assert merged_weights(rsam.own_state_dict()).keys() == Rsam(rsam.config).own_state_dict().keys()


@pytest.mark.parametrize("trunk", [None, TINY_HIERA], ids=["convolutional", "hiera"])
def test_activation_checkpoints_change_memory_and_nothing_else(trunk):
    results, kept = [], []
    for is_checkpointed in (False, True):
        rsam = small_model(trunk)
        prepare_model(rsam, WHOLE, replace(EAGER, is_activation_checkpointed=is_checkpointed))
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x
        ):
            maps = rsam.image_encoder(images(side_px=128))
        sum(x.square().mean() for x in maps).backward()
        kept.append(sum(sizes))
        gradients = {name: p.grad for name, p in rsam.named_parameters() if p.grad is not None}
        results.append((gradients, dict(rsam.named_buffers())))
    for one, other in zip(*results, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=0)
    assert kept[1] < 0.6 * kept[0]


def asked(rsam, side_px, num_queries):
    features = rsam.encode_image(images(side_px))
    image_index_Q = torch.arange(num_queries) % 2
    text = rsam.encode_text([TEXTS[index % 2] for index in range(num_queries)])
    return rsam.decode(features, text=text, image_index_Q=image_index_Q).mask_logits_QMHW


@pytest.mark.slow
def test_compiled_parts_agree_with_plain_ones_and_settle_after_two_sizes(monkeypatch):
    """The tracing and its guards are under test, not Inductor's code, which takes minutes to compile."""
    monkeypatch.setattr(model_setup, "_BACKEND", "aot_eager")
    torch._dynamo.reset()
    plain, rsam = small_model(), small_model()
    prepare_model(rsam, WHOLE, replace(EAGER, is_compiled=True))
    for side_px, num_queries in ((64, 2), (96, 3)):
        one, other = (asked(model, side_px, num_queries) for model in (plain, rsam))
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        one.square().mean().backward()
        other.square().mean().backward()
    compiled = dict(rsam.named_parameters())
    for name, parameter in plain.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(compiled[name].grad, parameter.grad, rtol=1e-3, atol=1e-6)
    assert not torch._dynamo.utils.counters["graph_break"]
    with torch.compiler.set_stance("fail_on_recompile"):
        for side_px, num_queries in ((128, 5), (192, 4)):
            asked(rsam, side_px, num_queries)


def test_without_a_compiler_compilation_is_one_sentence(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(EngineError, match=r"torch\.compile needs .*no-such-compiler: install"):
        prepare_model(small_model(), WHOLE, replace(EAGER, is_compiled=True))
