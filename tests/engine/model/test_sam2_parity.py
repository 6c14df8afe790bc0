"""The same weights give the sam2 package's masks, IoU and objectness, through the whole predictor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.sam2_checkpoint import load_sam2_checkpoint, load_sam2_state_dict
from geophrase.engine.predictor import Predictor
from geophrase.protocol.errors import ErrorCode

from .conftest import REFERENCE_PX, build_reference

TOLERANCE = 1e-4
IMAGE_HW = (190, 310)

_FEEDBACK = np.random.default_rng(5).normal(0, 6, (REFERENCE_PX // 4, REFERENCE_PX // 4)).astype(np.float32)
PROMPTS = {
    "point": {"points_xy": [[120.0, 60.5]], "point_labels": [1]},
    "points of both kinds": {"points_xy": [[12, 160], [300, 3], [140, 90]], "point_labels": [1, 0, 1]},
    "box": {"box_xyxy": [30.0, 20.0, 222.5, 141.0]},
    "box and point": {"box_xyxy": [30, 20, 222, 141], "points_xy": [[70, 70]], "point_labels": [0]},
    "mask": {"mask_logits": _FEEDBACK},
    "mask and point": {"mask_logits": _FEEDBACK, "points_xy": [[200, 100]], "point_labels": [1]},
}


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).integers(0, 256, (*IMAGE_HW, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def report_and_predictor(reference_config, reference_checkpoint):
    rsam = Rsam(reference_config)
    report = load_sam2_checkpoint(rsam, reference_checkpoint)
    return report, Predictor.from_model(rsam)


@pytest.fixture(scope="module")
def predictor(report_and_predictor):
    return report_and_predictor[1]


@pytest.fixture(scope="module")
def embedding(predictor, image):
    return predictor.encode(image)


@pytest.fixture(scope="module")
def sam2_predictor(image_predictor_class, reference, image):
    predictor = image_predictor_class(reference)
    predictor._bb_feat_sizes = [(REFERENCE_PX // s, REFERENCE_PX // s) for s in (4, 8, 16)]
    predictor.set_image(image)
    return predictor


def _sam2_answer(sam2_predictor, prompts, *, multimask):
    mask_input = prompts.get("mask_logits")
    return sam2_predictor.predict(
        point_coords=np.asarray(prompts["points_xy"], dtype=np.float32) if "points_xy" in prompts else None,
        point_labels=np.asarray(prompts["point_labels"]) if "points_xy" in prompts else None,
        box=np.asarray(prompts["box_xyxy"], dtype=np.float32) if "box_xyxy" in prompts else None,
        mask_input=None if mask_input is None else mask_input[None],
        multimask_output=multimask,
        return_logits=True,
    )


def _assert_equal_answers(predictions, sam2_answer):
    masks_MHW, iou_M, low_res_MHW = sam2_answer
    assert len(predictions) == len(masks_MHW)
    assert np.abs(masks_MHW).max() > 100 * TOLERANCE  # there is something to compare
    for prediction, mask_HW, iou, low_res_HW in zip(predictions, masks_MHW, iou_M, low_res_MHW, strict=True):
        np.testing.assert_allclose(prediction.mask_logits_HW, mask_HW, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(prediction.low_res_logits_HW, low_res_HW, atol=TOLERANCE, rtol=0)
        assert prediction.iou == pytest.approx(float(iou), abs=TOLERANCE)


@pytest.mark.parametrize("kind", PROMPTS)
def test_single_mask_equals_sam2s_image_predictor(predictor, embedding, sam2_predictor, kind):
    prediction = predictor.predict(embedding, **PROMPTS[kind], is_absent_kept=True)
    _assert_equal_answers([prediction], _sam2_answer(sam2_predictor, PROMPTS[kind], multimask=False))


@pytest.mark.parametrize("kind", PROMPTS)
def test_alternatives_equal_sam2s_image_predictor(predictor, embedding, sam2_predictor, kind):
    predictions = predictor.predict_alternatives(embedding, **PROMPTS[kind], is_absent_kept=True)
    assert len(predictions) == 3
    _assert_equal_answers(predictions, _sam2_answer(sam2_predictor, PROMPTS[kind], multimask=True))


def test_both_outcomes_of_the_stability_test_are_met(reference, predictor, embedding, sam2_predictor):
    threshold = reference.sam_mask_decoder.dynamic_multimask_stability_thresh
    answers = {}
    try:
        for forced in (0.0, 1.1):  # never and always unstable
            reference.sam_mask_decoder.dynamic_multimask_stability_thresh = forced
            forced_config = replace(predictor.rsam.mask_decoder.config, stability_threshold=forced)
            predictor.rsam.mask_decoder.config, kept = forced_config, predictor.rsam.mask_decoder.config
            answers[forced] = predictor.predict(embedding, **PROMPTS["point"], is_absent_kept=True)
            predictor.rsam.mask_decoder.config = kept
            expected = _sam2_answer(sam2_predictor, PROMPTS["point"], multimask=False)
            _assert_equal_answers([answers[forced]], expected)
    finally:
        reference.sam_mask_decoder.dynamic_multimask_stability_thresh = threshold
    assert answers[0.0].iou != answers[1.1].iou


@pytest.mark.parametrize("shift_logit", [-30.0, 30.0])
@pytest.mark.parametrize("multimask", [False, True])
def test_objectness_and_absent_masks_equal_sam2s_base_model(
    reference, reference_config, image, shift_logit, multimask
):
    with torch.no_grad():
        bias = reference.sam_mask_decoder.pred_obj_score_head.layers[-1].bias
        kept = bias.clone()
        bias.add_(shift_logit)
        rsam = Rsam(reference_config)
        load_sam2_state_dict(rsam, reference.state_dict())
        predictor = Predictor.from_model(rsam)
        expected = _base_model_answer(reference, predictor, image, multimask=multimask)
        bias.copy_(kept)
    ask = predictor.predict_alternatives if multimask else lambda *a, **k: [predictor.predict(*a, **k)]
    predictions = ask(predictor.encode(image), points_xy=[[150, 80]], point_labels=[1])

    masks_MHW, iou_M, objectness = expected
    assert (masks_MHW < -1023).all() == (shift_logit < 0)  # resampling rounds -1024
    for prediction, mask_HW, iou in zip(predictions, masks_MHW, iou_M, strict=True):
        np.testing.assert_allclose(prediction.mask_logits_HW, mask_HW, atol=TOLERANCE, rtol=0)
        assert prediction.iou == pytest.approx(float(iou), abs=TOLERANCE)
        assert prediction.objectness == pytest.approx(objectness, abs=TOLERANCE)


def _base_model_answer(reference, predictor, image, *, multimask):
    """sam2's SAM2Base heads, asked as its video models ask them about a frame."""
    from geophrase.engine.input_frame import normalised_input

    image = normalised_input(image[None], image_px=REFERENCE_PX, device=torch.device("cpu"))
    backbone = reference.forward_image(image)
    _, flat, _, sizes = reference._prepare_backbone_features(backbone)
    flat[-1] = flat[-1] + reference.no_mem_embed
    maps = [x.permute(1, 2, 0).reshape(1, -1, *size) for x, size in zip(flat, sizes, strict=True)]
    scale = torch.tensor([REFERENCE_PX / IMAGE_HW[1], REFERENCE_PX / IMAGE_HW[0]])
    low_res, _, ious, *_, objectness = reference._forward_sam_heads(
        maps[-1],
        point_inputs={
            "point_coords": torch.tensor([[[150.0, 80.0]]]) * scale,
            "point_labels": torch.tensor([[1]], dtype=torch.int32),
        },
        high_res_features=maps[:-1],
        multimask_output=multimask,
    )
    masks = torch.nn.functional.interpolate(low_res, IMAGE_HW, mode="bilinear", align_corners=False)
    return masks[0].numpy(), ious[0], float(objectness)


def test_every_tensor_of_a_checkpoint_is_accounted_for(report_and_predictor, reference):
    report, _ = report_and_predictor
    names = set(reference.state_dict())
    of_images = {
        name
        for name in names
        if name.startswith(("image_encoder.", "sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed"))
    }
    assert report.missing == ()
    assert report.sliced == ()
    assert len(report.loaded) == len(of_images)
    assert set(report.unused) == names - of_images
    assert any(name.startswith("memory_attention.") for name in report.unused)


def test_a_model_with_one_mask_token_keeps_sam2s_single_mask(reference, image_predictor_class, image):
    config = replace(
        PRESETS["rsam_base_plus"], trunk=PRESETS["sam2.1_hiera_tiny"].trunk, image_px=REFERENCE_PX
    )
    rsam = Rsam(config)
    report = load_sam2_state_dict(rsam, reference.state_dict())
    assert all(name.startswith("guidance.") for name in report.missing)
    assert "mask_decoder.mask_tokens.weight" in report.sliced
    assert any("hypernetworks_mlps.3" in name for name in report.unused)

    # Four tokens attend to each other, so the reference keeps one token, too.
    state = reference.sam_mask_decoder.state_dict()
    expected_point = _single_token_answer(state, rsam, image)
    predictor = Predictor.from_model(rsam)
    prediction = predictor.predict(
        predictor.encode(image), points_xy=[[150, 80]], point_labels=[1], is_absent_kept=True
    )
    np.testing.assert_allclose(prediction.low_res_logits_HW, expected_point, atol=TOLERANCE, rtol=0)


def _single_token_answer(state, rsam, image):
    """sam2's own decoder with one mask token, on our features and prompts."""
    from sam2.modeling.sam.mask_decoder import MaskDecoder
    from sam2.modeling.sam.transformer import TwoWayTransformer

    decoder = MaskDecoder(
        transformer_dim=256,
        transformer=TwoWayTransformer(depth=2, embedding_dim=256, num_heads=8, mlp_dim=2048),
        num_multimask_outputs=0,
        use_high_res_features=True,
        iou_prediction_use_sigmoid=True,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
    ).eval()
    own = decoder.state_dict()
    decoder.load_state_dict({name: state[name][: own[name].shape[0]] for name in own})
    predictor = Predictor.from_model(rsam)
    features = predictor.encode(image).features
    grid_hw = tuple(features.deep_BDHW.shape[-2:])
    scale = torch.tensor([REFERENCE_PX / IMAGE_HW[1], REFERENCE_PX / IMAGE_HW[0]])
    with torch.no_grad():
        masks, *_ = decoder(
            image_embeddings=features.deep_BDHW,
            image_pe=rsam.prompt_encoder.image_position(grid_hw),
            sparse_prompt_embeddings=rsam.prompt_encoder.encode_points(
                torch.tensor([[[150.0, 80.0]]]) * scale,
                torch.tensor([[1]]),
                input_hw_px=(REFERENCE_PX, REFERENCE_PX),
            ),
            dense_prompt_embeddings=rsam.prompt_encoder.no_mask(),
            multimask_output=False,
            repeat_image=False,
            high_res_features=[features.shallow4_BDHW, features.shallow8_BDHW],
        )
    return masks[0, 0].numpy()


def test_the_papers_start_leaves_the_decoder_at_random(reference):
    config = replace(
        PRESETS["rsam_base_plus"], trunk=PRESETS["sam2.1_hiera_tiny"].trunk, image_px=REFERENCE_PX
    )
    rsam = Rsam(config)
    before = {name: value.clone() for name, value in rsam.mask_decoder.state_dict().items()}
    report = load_sam2_state_dict(rsam, reference.state_dict(), with_decoder=False)
    assert {name for name in report.missing if name.startswith("mask_decoder.")}
    assert all(torch.equal(before[name], value) for name, value in rsam.mask_decoder.state_dict().items())


@pytest.mark.parametrize("spoil", ["foreign tensor", "other size", "lacking tensor"])
def test_a_checkpoint_that_does_not_fit_is_refused(reference, reference_config, spoil):
    state = dict(reference.state_dict())
    if spoil == "foreign tensor":
        state["classifier.weight"] = torch.zeros(3)
    elif spoil == "lacking tensor":
        del state["image_encoder.trunk.blocks.3.norm1.weight"]
    config = reference_config
    if spoil == "other size":
        config = replace(config, trunk=PRESETS["sam2.1_hiera_base_plus"].trunk)
    with pytest.raises(EngineError) as caught:
        load_sam2_state_dict(Rsam(config), state)
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "config_name"),
    [("sam2.1_hiera_base_plus", "sam2.1_hiera_b+"), ("sam2.1_hiera_large", "sam2.1_hiera_l")],
)
def test_parity_at_full_size(image_predictor_class, image, preset, config_name):
    reference = build_reference(config_name, image_px=1024)
    rsam = Rsam(PRESETS[preset])
    report = load_sam2_state_dict(rsam, reference.state_dict())
    assert report.missing == ()
    predictor = Predictor.from_model(rsam)
    sam2_predictor = image_predictor_class(reference)
    sam2_predictor.set_image(image)
    embedding = predictor.encode(image)
    for kind in ("point", "box and point"):
        prediction = predictor.predict(embedding, **PROMPTS[kind], is_absent_kept=True)
        _assert_equal_answers([prediction], _sam2_answer(sam2_predictor, PROMPTS[kind], multimask=False))
