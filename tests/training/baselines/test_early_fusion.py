"""The early-fusion baseline reads the phrase in its trunk, learns from it, and is asked as RSAM is."""

import json
from dataclasses import replace

import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model as load_by_engine
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.engine.model.weights.load import locate_weights
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.training.baselines.early_fusion import EarlyFusion, EarlyFusionConfig
from geophrase.training.baselines.models import load_model
from geophrase.training.cli import main
from geophrase.training.config import TrainableConfig
from geophrase.training.fit.model_setup import prepare_model
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.recipes.miniature import Miniature
from geophrase.training.recipes.small_ablations import small_early_fusion

SIDE_PX = 64
TEXTS = ["the red disc on the left", "the blue square"]
SMALL = [
    "model.trunk.stem_channels=8",
    "model.trunk.channels=(8, 16, 32, 32)",
    "model.trunk.depths=(1, 1, 1, 1)",
    "data.batch_size=2",
    "data.image_px=(64,)",
    "validation.image_px=64",
    "validation.num_rounds=1",
    "validation.num_panels=0",
    "execution.is_bfloat16=False",
]


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    return Miniature.write(tmp_path_factory.mktemp("miniature"))


@pytest.fixture
def model(miniature):
    """In evaluation, with gates that let words through, as training opens them."""
    torch.manual_seed(0)
    model = EarlyFusion(miniature.shrink(small_early_fusion()).model).eval()
    for gate in model.image_encoder.gates:
        torch.nn.init.normal_(gate.layers[2].weight, std=0.3)
    for module in model.modules():  # residual branches start at zero
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)
    return model


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(1))


def test_an_answer_has_the_shapes_of_rsams_and_its_losses_reach_every_weight(model, images):
    features = model.encode_image(images)
    index_Q = torch.tensor([0, 1, 1])
    output = model.train().decode(
        features, image_index_Q=index_Q, text=model.encode_text([*TEXTS, "the disc"])
    )
    assert output.mask_logits_QMHW.shape == (3, 1, SIDE_PX // 4, SIDE_PX // 4)
    assert output.iou_QM.shape == output.objectness_Q1.shape == (3, 1)
    assert ((output.iou_QM >= 0) & (output.iou_QM <= 1)).all()
    heads = output.iou_QM.sum() + output.objectness_Q1.sum()
    (output.mask_logits_QMHW.square().mean() + heads).backward()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith("text_encoder.") for name in trained)
    without = [name for name, p in trained.items() if p.grad is None or not p.grad.any()]
    # A bias before a norm moves nothing.
    assert [name for name in without if not name.endswith(("query.0.bias", "gathered.0.bias"))] == []


def deepest(model, images, texts):
    """What the trunk's last stage gives for one image and one phrase each."""
    kept = []
    hook = model.image_encoder.trunk.stages[-1].register_forward_hook(lambda *call: kept.append(call[2]))
    with torch.no_grad():
        model.decode(model.encode_image(images), text=model.encode_text(texts))
    hook.remove()
    return kept[0]


def test_another_phrase_changes_the_trunks_deepest_map(model, images):
    one, other = (deepest(model, images, texts) for texts in (TEXTS, TEXTS[::-1]))
    assert (one - other).abs().max() > 1e-3 * one.abs().max()


def test_an_untrained_gate_leaves_a_pre_trained_trunk_undisturbed(miniature, images):
    model = EarlyFusion(miniature.shrink(small_early_fusion()).model).eval()
    with torch.no_grad():
        plain = model.image_encoder.trunk(images)[-1]
    assert torch.equal(deepest(model, images, TEXTS), plain)


def test_padding_says_nothing(model, images):
    features, text = model.encode_image(images), model.encode_text(TEXTS)
    junk_BLD = torch.full((2, 3, text.tokens_BLD.shape[2]), 7.0)
    padded = TextFeatures(
        torch.cat([text.tokens_BLD, junk_BLD], 1),
        torch.cat([text.is_padding_BL, torch.ones(2, 3, dtype=torch.bool)], 1),
    )
    with torch.no_grad():
        answers = [model.decode(features, text=each).mask_logits_QMHW for each in (text, padded)]
    torch.testing.assert_close(*answers)


def test_queries_are_about_the_images_that_they_name(model, images):
    text = model.encode_text(TEXTS)
    with torch.no_grad():
        features = model.encode_image(images)
        swapped = model.decode(features, image_index_Q=torch.tensor([1, 0]), text=text)
        alone = model.decode(model.encode_image(images[1:]), text=text)
    torch.testing.assert_close(swapped.mask_logits_QMHW[0], alone.mask_logits_QMHW[0])
    with pytest.raises(ValueError, match="3 phrases about 2 images"):
        model.decode(features, text=model.encode_text([*TEXTS, "the disc"]))


def test_it_learns_which_object_a_phrase_means(miniature):
    """The trained answers are judged on the squares themselves, in an image where only the phrase decides."""
    torch.manual_seed(0)
    model = EarlyFusion(miniature.shrink(small_early_fusion()).model)
    image_BCHW = torch.zeros(1, 3, SIDE_PX, SIDE_PX)
    masks_QHW = torch.zeros(2, SIDE_PX // 4, SIDE_PX // 4)
    masks_QHW[0, 4:12, 1:7], masks_QHW[1, 4:12, 9:15] = 1, 1
    image_BCHW[:, :, 16:48, 4:28], image_BCHW[:, :, 16:48, 36:60] = 2, 2
    text = model.encode_text(["the square on the left", "the square on the right"])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(60):
        logits_QHW = model.decode(model.encode_image(image_BCHW), text=text).mask_logits_QMHW[:, 0]
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(logits_QHW, masks_QHW).backward()
        optimizer.step()
    found_QHW = logits_QHW > 0
    iou_Q = (found_QHW & (masks_QHW > 0)).sum((1, 2)) / (found_QHW | (masks_QHW > 0)).sum((1, 2))
    assert iou_Q.min() > 0.8


def test_weights_come_back_as_they_were_and_the_engine_refuses_them(model, images, tmp_path):
    path, config = tmp_path / "model.safetensors", model.config
    metadata = WeightsMetadata(config.name, "1", "none", "GPL-3.0-or-later", config.to_json())
    save_weights(model.own_state_dict(), path, metadata)
    loaded = load_model(locate_weights(path)).eval()
    assert loaded.config == config
    with torch.no_grad():
        one, other = (
            each.decode(each.encode_image(images), text=each.encode_text(TEXTS)) for each in (model, loaded)
        )
    assert torch.equal(one.mask_logits_QMHW, other.mask_logits_QMHW)
    assert torch.equal(one.objectness_Q1, other.objectness_Q1)
    with pytest.raises(EngineError, match="cannot be used"):
        load_by_engine(locate_weights(path))
    save_weights({"x": torch.zeros(1)}, path, metadata)
    with pytest.raises(EngineError, match="do not fit small_early_fusion"):
        load_model(locate_weights(path))


@pytest.mark.parametrize("text", ["{", '{"early_fusion": {}}', '{"early_fusion": 3}'])
def test_a_damaged_configuration_is_refused(text):
    with pytest.raises(ValueError, match="not a model configuration"):
        EarlyFusionConfig.from_json(text)


def test_only_phrases_can_be_asked(model, images):
    features, text = model.encode_image(images), model.encode_text(TEXTS)
    points = {"points_xy_QNC": torch.zeros(2, 1, 2), "point_labels_QN": torch.ones(2, 1)}
    boxes, masks = {"boxes_xyxy_QC": torch.ones(2, 4)}, {"mask_logits_Q1HW": torch.zeros(2, 1, 16, 16)}
    for prompts in (points, boxes, masks):
        with pytest.raises(ValueError, match="takes text alone"):
            model.decode(features, text=text, **prompts)
    with pytest.raises(ValueError, match="takes text alone"):
        model.decode(features)


def test_settings_that_it_cannot_follow_are_refused(model):
    config = small_early_fusion()
    with pytest.raises(ValueError, match="takes text alone"):
        replace(config, clicks=ClickConfig(batch_probability=0.3))
    with pytest.raises(ValueError, match="frozen"):
        replace(config.model, text=replace(config.model.text, is_frozen=False))
    with pytest.raises(EngineError, match="no low-rank updates"):
        prepare_model(model, TrainableConfig(low_rank=4), config.execution)


def test_the_commands_train_and_score_it(miniature, tmp_path, capsys):
    trunk = EarlyFusion(
        replace(small_early_fusion().model, trunk=miniature.shrink(small_early_fusion()).model.trunk)
    ).image_encoder.trunk
    torch.save(trunk.state_dict(), tmp_path / "trunk.pt")
    data, run = str(miniature.data), tmp_path / "run"
    words = ["fit", "--recipe", "small_early_fusion", "--data", data, "--run", str(run), "--steps", "2"]
    words += ["--device", "cpu", "--workers", "0", "--init", str(tmp_path / "trunk.pt")]
    small = [*SMALL, "model.trunk.gate_ratio=4"]
    assert main([*words, *(word for setting in small for word in ("--set", setting))]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(run / "best.safetensors")
    assert "starting with the image encoder's trunk" in said.err
    evaluate = [
        "evaluate",
        "--weights",
        said.out.strip(),
        "--data",
        data,
        "--device",
        "cpu",
        "--size-px",
        "64",
    ]
    assert main([*evaluate, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "small_early_fusion"
    assert report["right"]["phrases"] == report["shuffled"]["phrases"] == 4
    weights = load_model(locate_weights(run / "best.safetensors"))
    counted = sum(
        p.numel()
        for part in weights.children()
        if part is not weights.text_encoder
        for p in part.parameters()
    )
    assert report["parameters"] == counted
    assert main([*evaluate, "--points", "1"]) == 2
    assert "takes text alone: leave --points" in capsys.readouterr().err


def test_the_smoke_command_says_who_takes_its_weights(tmp_path, capsys):
    assert main(["fit", "--recipe", "small_early_fusion", "--smoke", "--run", str(tmp_path)]) == 0
    assert "the engine doesn't take this model's weights" in capsys.readouterr().out
