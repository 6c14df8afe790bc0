"""What RSAM promises about queries, sizes, ablations and its weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from geophrase.engine.model.rsam.config import PRESETS, ChooserConfig, ConvTrunkConfig, RsamConfig
from geophrase.engine.model.rsam.object_choice import sure_parts
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextFeatures

TEXTS = ["roof", "the white building north of the long river", "storage tanks", "a small tree"]
TINY_TRUNK = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))


def _tiny(**changes: object) -> RsamConfig:
    as_in_the_paper = {"trunk": TINY_TRUNK, "image_px": 128, "chooser": None}
    return replace(PRESETS["rsam_small"], **{**as_in_the_paper, **changes})


def _built(config: RsamConfig, seed: int = 0) -> Rsam:
    """A model with random weights also where a new one's guidance has zeros."""
    torch.manual_seed(seed)
    rsam = Rsam(config).eval()
    for layer in [] if rsam.guidance is None else rsam.guidance.modules():
        if isinstance(layer, nn.Linear) and not layer.weight.any():
            layer.reset_parameters()
    return rsam


@pytest.fixture(scope="module")
def rsam():
    return _built(_tiny())


@pytest.fixture(scope="module")
def text(rsam):
    return rsam.encode_text(TEXTS)


@pytest.fixture(scope="module")
def features(rsam):
    torch.manual_seed(3)
    with torch.no_grad():
        return rsam.encode_image(torch.randn(2, 3, 128, 128))


def _close(first, second, tolerance=1e-5):
    torch.testing.assert_close(first.mask_logits_QMHW, second.mask_logits_QMHW, atol=tolerance, rtol=1e-4)
    torch.testing.assert_close(first.iou_QM, second.iou_QM, atol=tolerance, rtol=1e-4)
    torch.testing.assert_close(first.objectness_Q1, second.objectness_Q1, atol=tolerance, rtol=1e-4)


def test_padding_never_changes_an_answer(rsam, features):
    one_image = features.select(torch.tensor([0]))
    alone = rsam.encode_text(TEXTS[:1])
    together = rsam.encode_text(TEXTS)
    assert alone.tokens_BLD.shape[1] < together.tokens_BLD.shape[1]
    padded = together.select(torch.tensor([0]))
    garbage = TextFeatures(
        torch.where(padded.is_padding_BL[..., None], 1e3, padded.tokens_BLD), padded.is_padding_BL
    )
    with torch.no_grad():
        expected = rsam.decode(one_image, text=alone)
        _close(rsam.decode(one_image, text=padded), expected)
        _close(rsam.decode(one_image, text=garbage), expected)


def test_a_batch_of_queries_equals_them_one_by_one(rsam, features, text):
    image_index = torch.tensor([1, 0, 1, 1])
    points = torch.tensor([[[3.0, 5.0]], [[90.0, 17.0]], [[64.0, 64.0]], [[1.0, 127.0]]])
    labels = torch.tensor([[1], [0], [1], [-1]])
    with torch.no_grad():
        together = rsam.decode(
            features, image_index_Q=image_index, text=text, points_xy_QNC=points, point_labels_QN=labels
        )
        for query in range(4):
            chosen = torch.tensor([query])
            alone = rsam.decode(
                features.select(image_index[chosen]),
                text=text.select(chosen),
                points_xy_QNC=points[chosen],
                point_labels_QN=labels[chosen],
            )
            torch.testing.assert_close(
                together.mask_logits_QMHW[query : query + 1], alone.mask_logits_QMHW, atol=1e-5, rtol=1e-4
            )
    assert (together.mask_logits_QMHW[0] - together.mask_logits_QMHW[2]).abs().max() > 1e-3


def test_text_order_and_words_change_the_answer(rsam, features):
    one_image = features.select(torch.tensor([0]))
    texts = rsam.encode_text(["north of the river", "river of the north", "south of the river"])
    with torch.no_grad():
        masks = rsam.decode(one_image, text=texts).mask_logits_QMHW
    for first, second in ((0, 1), (0, 2)):
        assert (masks[first] - masks[second]).abs().max() > 1e-4


@pytest.mark.parametrize("side_hw", [(96, 160), (256, 256)])
def test_any_multiple_of_32_works_and_gives_stride_4(rsam, side_hw):
    with torch.no_grad():
        features = rsam.encode_image(torch.randn(1, 3, *side_hw))
        output = rsam.decode(features, text=rsam.encode_text(["roof"]))
    assert output.mask_logits_QMHW.shape == (1, 1, side_hw[0] // 4, side_hw[1] // 4)
    assert output.mask_logits_QMHW.isfinite().all()


def test_other_sides_are_refused(rsam):
    with pytest.raises(ValueError, match="multiples of 32"):
        rsam.encode_image(torch.zeros(1, 3, 100, 128))


def test_hiera_presets_run_at_other_sizes_too():
    config = replace(PRESETS["sam2.1_hiera_tiny"], image_px=128)
    features = _built(config).encode_image(torch.zeros(1, 3, 64, 96))
    assert features.deep_BDHW.shape[-2:] == (4, 6)


@pytest.mark.parametrize(
    "changes",
    [
        {"guidance": None, "is_text_added_to_mask_token": False},
        {"guidance": None},
        {"is_text_added_to_mask_token": False},
        {},
    ],
    ids=["baseline", "+MMMD", "+TWGM", "both"],
)
def test_every_ablation_hears_the_text_and_trains(changes):
    rsam = _built(_tiny(**changes))
    features = rsam.encode_image(torch.randn(1, 3, 128, 128))
    output = rsam.decode(features, text=rsam.encode_text(TEXTS[:2]))
    assert (output.mask_logits_QMHW[0] - output.mask_logits_QMHW[1]).abs().max() > 1e-4
    output.mask_logits_QMHW.square().mean().backward()
    entry = rsam.guidance.text_projection if rsam.guidance is not None else rsam.text_projection
    assert entry.weight.grad.abs().max() > 0
    assert (rsam.guidance is None) == ("guidance" in changes)


def test_the_baselines_text_is_one_more_sparse_prompt():
    rsam = _built(_tiny(guidance=None, is_text_added_to_mask_token=False))
    seen = []
    rsam.mask_decoder.transformer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
    with torch.no_grad():
        features = rsam.encode_image(torch.randn(1, 3, 128, 128))
        text = rsam.encode_text(["roof"])
        rsam.decode(features, text=text)
        tokens = seen[0][0]
        fixed = torch.cat(
            [
                rsam.mask_decoder.obj_score_token.weight,
                rsam.mask_decoder.iou_token.weight,
                rsam.mask_decoder.mask_tokens.weight,
                rsam.prompt_encoder.not_a_point_embed.weight,
                rsam.text_projection(text.tokens_BLD[:, 0]),
            ]
        )
    torch.testing.assert_close(tokens, fixed)


def test_the_multimodal_decoder_adds_text_to_the_mask_token_alone(rsam, features):
    seen = []
    hook = rsam.mask_decoder.transformer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
    one_image = features.select(torch.tensor([0]))
    with torch.no_grad():
        rsam.decode(one_image, text=rsam.encode_text(["roof"]))
        rsam.decode(one_image)
    hook.remove()
    is_changed_T = (seen[0] != seen[1]).any(-1)[0]
    assert is_changed_T.tolist() == [False, False, True, False]  # objectness, IoU, mask, null prompt


def test_texts_alone_have_referents_and_masks_are_those_of_a_decoder_without_where_there_is_no_text():
    plain, choosing = _built(_tiny()), _built(_tiny(chooser=ChooserConfig()), seed=1)
    shared = plain.state_dict()
    choosing.load_state_dict(shared, strict=False)
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(5))
    points = {"points_xy_QNC": torch.tensor([[[30.0, 40.0]]]), "point_labels_QN": torch.tensor([[1]])}
    with torch.no_grad():
        features = choosing.encode_image(image)
        clicked = choosing.decode(features, **points)
        _close(clicked, plain.decode(plain.encode_image(image), **points))
        asked = choosing.decode(features, text=choosing.encode_text(["roof"]))
    assert clicked.referent_logits_QRHW is None
    assert asked.referent_logits_QRHW.shape == (1, 2, 32, 32)


def test_a_chooser_leaves_masks_alone_while_the_decoder_learns():
    rsam = _built(_tiny(chooser=ChooserConfig()))
    rsam.chooser.head.bias.data.fill_(50.0)  # everything is meant
    for head in rsam.mask_decoder.referent_hypernetworks_mlps:
        head.layers[-1].weight.data.mul_(50.0)  # and the kind is sure of itself
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        features, text = rsam.encode_image(image), rsam.encode_text(["roof"])
        rsam.training = True  # of the whole, not of its parts, whose statistics stay
        raw = rsam.decode(features, text=text)
        rsam.training = False
        chosen = rsam.decode(features, text=text)
    kind = raw.referent_logits_QRHW[:, :1]
    is_part_HW = torch.from_numpy(sure_parts(kind[0, 0].numpy()))
    inside, outside = chosen.mask_logits_QMHW[0, 0, is_part_HW], chosen.mask_logits_QMHW[0, 0, ~is_part_HW]
    assert len(inside)
    assert len(outside)
    torch.testing.assert_close(
        inside, torch.maximum(raw.mask_logits_QMHW, kind)[0, 0, is_part_HW], rtol=0, atol=1e-6
    )
    assert (outside <= raw.mask_logits_QMHW[0, 0, ~is_part_HW]).all()  # what lies beside must be surer


def test_null_mask_prompt_differs_from_any_mask(rsam, features):
    one_image = features.select(torch.tensor([0]))
    with torch.no_grad():
        without = rsam.decode(one_image).mask_logits_QMHW
        zeros = rsam.decode(one_image, mask_logits_Q1HW=torch.zeros(1, 1, 32, 32)).mask_logits_QMHW
        coarse = rsam.decode(one_image, mask_logits_Q1HW=torch.zeros(1, 1, 16, 16)).mask_logits_QMHW
    assert (without - zeros).abs().max() > 1e-4
    torch.testing.assert_close(zeros, coarse)


def test_absent_objects_are_emptied_only_on_request(rsam, features, text):
    with torch.no_grad():
        output = rsam.decode(features, image_index_Q=torch.zeros(4, dtype=torch.long), text=text)
    output = replace(output, objectness_Q1=torch.tensor([[-3.0], [0.0], [0.1], [9.0]]))
    emptied = output.without_absent().mask_logits_QMHW
    assert (output.mask_logits_QMHW > -1000).all()
    assert (emptied[:2] == -1024).all()
    torch.testing.assert_close(emptied[2:], output.mask_logits_QMHW[2:])


def test_own_weights_hold_no_text_encoder_and_round_trip(rsam, features, text):
    own = rsam.own_state_dict()
    assert own
    assert not any(name.startswith("text_encoder.") for name in own)
    other = _built(rsam.config, seed=9)
    index = torch.zeros(4, dtype=torch.long)
    with torch.no_grad():
        expected = rsam.decode(features, image_index_Q=index, text=text)
        assert (other.decode(features, image_index_Q=index, text=text).iou_QM != expected.iou_QM).any()
        other.load_own_state_dict(own)
        _close(other.decode(features, image_index_Q=index, text=text), expected, tolerance=0)
    with pytest.raises(ValueError, match="do not fit"):
        other.load_own_state_dict({name: own[name] for name in list(own)[1:]})


def test_training_leaves_the_text_encoder_alone(rsam):
    rsam.train()
    first, second = (rsam.encode_text(["a roof"]).tokens_BLD for _ in range(2))
    is_text_training = rsam.text_encoder.training
    rsam.eval()
    assert not is_text_training
    assert not first.requires_grad
    torch.testing.assert_close(first, second, atol=0, rtol=0)  # no dropout
    assert not any(p.requires_grad for p in rsam.text_encoder.parameters())


def test_a_released_text_encoder_gets_gradients():
    config = _tiny()
    rsam = _built(replace(config, text=replace(config.text, is_frozen=False)))
    rsam.encode_text(["roof"]).tokens_BLD.sum().backward()
    assert rsam.text_encoder.bert.embeddings.word_embeddings.weight.grad is not None
    assert any(name.startswith("text_encoder.") for name in rsam.own_state_dict())


@pytest.mark.parametrize(
    "prompts",
    [
        {"points_xy_QNC": torch.zeros(1, 2, 2)},
        {"points_xy_QNC": torch.zeros(1, 2, 2), "point_labels_QN": torch.zeros(1, 3)},
        {"boxes_xyxy_QC": torch.zeros(3, 4), "image_index_Q": torch.zeros(2, dtype=torch.long)},
        {"boxes_xyxy_QC": torch.zeros(3, 4)},
        {"multimask": True},
    ],
    ids=["no labels", "label count", "query count", "which image", "no alternatives"],
)
def test_prompts_that_disagree_are_refused(rsam, features, prompts):
    with pytest.raises(ValueError, match=r"\w+"):
        rsam.decode(features, **prompts)


def test_click_models_refuse_text(features):
    rsam = _built(replace(PRESETS["sam2.1_hiera_tiny"], image_px=64))
    with pytest.raises(ValueError, match="takes no text"):
        rsam.encode_text(["roof"])


@pytest.mark.parametrize("name", PRESETS)
def test_configurations_survive_json(name):
    config = PRESETS[name]
    assert config.name == name
    assert RsamConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"trunk": 3}'])
def test_other_json_is_refused(text):
    with pytest.raises(ValueError, match="not a model configuration"):
        RsamConfig.from_json(text)


def test_points_stay_where_they_are_in_bfloat16(rsam):
    points = torch.tensor([[[511.0, 300.0], [508.0, 300.0]]])
    labels = torch.tensor([[1, 1]])
    exact = rsam.prompt_encoder.encode_points(points, labels, input_hw_px=(512, 512))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = rsam.prompt_encoder.encode_points(points, labels, input_hw_px=(512, 512))
    torch.testing.assert_close(under_autocast, exact, atol=0, rtol=0)
