import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.predictor import Predictor
from geophrase.engine.prompt_pixels import PromptPixels
from geophrase.training.evaluation.segmenter import Prompts, RsamSegmenter
from geophrase.training.recipes.smoke import smoke

HEIGHT_PX, WIDTH_PX = 60, 80
TEXTS = ["ship", "the second largest bridge from the left", "harbor"]


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)


def tiny_rsam(objectness_bias=None):
    torch.manual_seed(0)
    rsam = Rsam(smoke().model).eval()
    if objectness_bias is not None:
        head = rsam.mask_decoder.pred_obj_score_head.layers[-1]
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.constant_(head.bias, objectness_bias)
    return rsam


def segmenter_of(rsam):
    return RsamSegmenter(rsam, image_px=64, is_bfloat16=False)


def test_what_the_model_calls_absent_has_an_empty_mask_and_can_still_be_seen(image):
    texts = [f"phrase {number}" for number in range(20)]  # more than one decoder pass
    for bias in (3.0, -3.0):
        encoded = segmenter_of(tiny_rsam(bias)).encode(image)
        answers = encoded.ask(Prompts(texts=texts))
        masks = np.stack(answers.present_masks(encoded.hw_px))
        assert masks.shape == (20, HEIGHT_PX, WIDTH_PX)
        assert answers.objectness_Q.tolist() == pytest.approx([bias] * 20)
        assert masks.any() == (bias > 0)
        assert np.stack(answers.masks(encoded.hw_px)).any()


def test_a_phrase_gets_the_same_mask_alone_and_among_others(image):
    segmenter = segmenter_of(tiny_rsam())
    together = segmenter.encode(image).ask(Prompts(texts=TEXTS))
    for index, text in enumerate(TEXTS):
        alone = segmenter_of(tiny_rsam()).encode(image).ask(Prompts(texts=[text]))
        torch.testing.assert_close(together.logits_QHW[index], alone.logits_QHW[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("with_text", [True, False])
@pytest.mark.parametrize("with_box", [True, False])
@pytest.mark.parametrize("with_previous", [True, False])
def test_every_mix_of_prompts_gives_what_the_plugin_gets(image, with_text, with_box, with_previous):
    """Evaluation batches the queries of an image; the product answers them one by one."""
    rsam = tiny_rsam()
    predictor, encoded = Predictor.from_model(rsam), segmenter_of(rsam).encode(image)
    embedding = predictor.encode(image)
    pixels = PromptPixels((HEIGHT_PX, WIDTH_PX), predictor.image_px)
    rng = np.random.default_rng(1)
    points = rng.uniform(0, HEIGHT_PX, (3, 2, 2)).astype(np.float32)
    labels = np.array([[1, 0], [0, 1], [1, 1]])
    boxes = np.sort(rng.uniform(0, HEIGHT_PX, (3, 2, 2)), axis=1).reshape(3, 4).astype(np.float32)
    first = encoded.ask(Prompts(texts=TEXTS))
    answers = encoded.ask(
        Prompts(
            texts=TEXTS if with_text else None,
            points_xy_QNC=points,
            point_labels_QN=labels,
            boxes_xyxy_QC=boxes if with_box else None,
            previous_QHW=first.feedback() if with_previous else None,
        )
    )
    masks = answers.masks(encoded.hw_px)
    for index, text in enumerate(TEXTS):
        earlier = predictor.predict(embedding, text=text)
        expected = predictor.predict(
            embedding,
            text=text if with_text else None,
            points_xy=pixels.points_xy(points[index]),
            point_labels=labels[index],
            box_xyxy=pixels.box_xyxy(boxes[index]) if with_box else None,
            mask_logits=earlier.low_res_logits_HW if with_previous else None,
            is_absent_kept=True,
        )
        np.testing.assert_allclose(
            answers.logits_QHW[index].numpy().clip(-32, 32), expected.low_res_logits_HW, atol=2e-3
        )
        assert (masks[index] == (expected.mask_logits_HW > 0)).mean() > 0.999
        assert answers.iou_Q[index] == pytest.approx(expected.iou, abs=1e-4)
        assert answers.objectness_Q[index] == pytest.approx(expected.objectness, abs=1e-3)


def test_a_model_without_text_answers_points(image):
    config = dataclasses.replace(
        smoke().model,
        decoder=dataclasses.replace(smoke().model.decoder, num_mask_tokens=4),
        text=None,
        guidance=None,
        is_null_sparse_prompt=False,
    )
    segmenter = segmenter_of(Rsam(config).eval())
    assert not segmenter.has_text
    points = np.full((2, 1, 2), 30, np.float32)
    answers = segmenter.encode(image).ask(Prompts(points_xy_QNC=points, point_labels_QN=np.ones((2, 1), int)))
    assert len(answers.masks((5, 7))) == 2
    torch.testing.assert_close(answers.logits_QHW[0], answers.logits_QHW[1])


def test_masks_are_the_enlarged_logits_cut_at_zero(image):
    answers = segmenter_of(tiny_rsam()).encode(image).ask(Prompts(texts=TEXTS))
    expected = F.interpolate(answers.logits_QHW[:, None], (33, 47), mode="bilinear", align_corners=False)
    assert (np.stack(answers.masks((33, 47))) == (expected[:, 0] > 0).numpy()).all()


def test_prompts_for_different_numbers_of_queries_are_refused():
    with pytest.raises(ValueError, match="no queries"):
        _ = Prompts().num_queries
    with pytest.raises(ValueError, match=r"\[2, 3\]"):
        _ = Prompts(texts=TEXTS, boxes_xyxy_QC=np.zeros((2, 4), np.float32)).num_queries
