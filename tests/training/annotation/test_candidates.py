"""The masks on offer are SAM 2's own for the same box, points and earlier mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from sam2.utils.amg import calculate_stability_score

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.sam2_checkpoint import load_sam2_state_dict
from geophrase.engine.predictor import Predictor
from geophrase.tests.engine.model.conftest import build_reference
from geophrase.training.annotation.candidates import Candidate, Guidance, MaskModel, stability_of

IMAGE_PX = 256
BOX = (30.0, 20.0, 222.5, 141.0)
ROUNDS = (
    Guidance(2, ((70.0, 70.0),), (1,)),
    Guidance(0, ((70.0, 70.0), (200.0, 30.0)), (1, 0)),
)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).integers(0, 256, (190, 310, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def sam2_model():
    return build_reference("sam2.1_hiera_t", image_px=IMAGE_PX)


@pytest.fixture(scope="module")
def sam2_predictor(image_predictor_class, sam2_model, image):
    predictor = image_predictor_class(sam2_model)
    predictor._bb_feat_sizes = [(IMAGE_PX // s, IMAGE_PX // s) for s in (4, 8, 16)]
    predictor.set_image(image)
    return predictor


@pytest.fixture(scope="module")
def same_weights(sam2_model):
    rsam = Rsam(replace(PRESETS["sam2.1_hiera_tiny"], image_px=IMAGE_PX))
    load_sam2_state_dict(rsam, sam2_model.state_dict())
    return MaskModel(Predictor.from_model(rsam))


def sam2_answer(predictor, rounds):
    """What sam2's own predictor gives, each round from the mask that was chosen in the one before."""
    prompts = {"box": np.asarray(BOX, np.float32), "multimask_output": True, "return_logits": True}
    answer = predictor.predict(**prompts)
    for guidance in rounds:
        answer = predictor.predict(
            **prompts,
            point_coords=np.asarray(guidance.points_xy, np.float32),
            point_labels=np.asarray(guidance.point_labels),
            mask_input=answer[2][guidance.base][None],
        )
    return answer


@pytest.mark.parametrize("num_rounds", [0, 1, 2])
def test_three_masks_are_sam2s_own(same_weights, sam2_predictor, image, num_rounds):
    rounds = ROUNDS[:num_rounds]
    candidates = same_weights.candidates(same_weights.encode(image), BOX, rounds)
    logits_MHW, iou_M, _ = sam2_answer(sam2_predictor, rounds)
    assert len(candidates) == len(logits_MHW) == 3
    for candidate, logits_HW, iou in zip(candidates, logits_MHW, iou_M, strict=True):
        is_sure_HW = np.abs(logits_HW) > 1e-3
        mask_HW = coco_mask.decode(candidate.mask_rle)
        assert (logits_HW > 0).any()
        assert (logits_HW < 0).any()
        np.testing.assert_array_equal(mask_HW[is_sure_HW], (logits_HW > 0)[is_sure_HW])
        assert candidate.area_px == mask_HW.sum()
        assert candidate.predicted_iou == pytest.approx(float(iou), abs=1e-4)
        stability = calculate_stability_score(torch.from_numpy(logits_HW)[None], 0.0, 1.0)
        assert candidate.stability == pytest.approx(float(stability), abs=1e-3)


def test_points_change_the_masks(same_weights, image):
    embedding = same_weights.encode(image)
    answers = [same_weights.candidates(embedding, BOX, ROUNDS[:number]) for number in range(3)]
    assert len({answer[0].mask_rle["counts"] for answer in answers}) == 3


def test_the_chosen_mask_goes_back_into_the_model(same_weights, image):
    embedding = same_weights.encode(image)
    first, second = (
        same_weights.candidates(embedding, BOX, (replace(ROUNDS[0], base=base),)) for base in (0, 2)
    )
    assert [each.mask_rle for each in first] != [each.mask_rle for each in second]


def test_an_empty_mask_is_a_mask_without_stability():
    assert stability_of(np.full((4, 4), -9.0, np.float32)) == 0.0


def test_a_model_with_one_mask_is_refused():
    config = replace(PRESETS["rsam_small"], text=None, guidance=None)
    with pytest.raises(EngineError, match=r"sam2\.1_hiera_large"):
        MaskModel(Predictor.from_model(Rsam(config)))


def test_candidates_survive_json(same_weights, image):
    for candidate in same_weights.candidates(same_weights.encode(image), BOX):
        assert Candidate.from_json(candidate.to_json()) == candidate


@pytest.mark.parametrize(
    ("base", "points", "labels"),
    [
        (3, ((1.0, 1.0),), (1,)),
        (-1, ((1.0, 1.0),), (1,)),
        (0, (), ()),
        (0, ((1.0, 1.0),), (1, 0)),
        (0, ((1.0, 1.0),), (2,)),
        (0, ((float("nan"), 1.0),), (1,)),
    ],
)
def test_guidance_that_no_model_could_use_is_refused(base, points, labels):
    with pytest.raises(ValueError, match=r"point|mask"):
        Guidance(base, points, labels)
