"""The predictor: pixels, texts and clicks in, masks at the image's size out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.rsam.config import PRESETS, ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.load import WeightsFile
from geophrase.engine.model.weights.registry import find_entry
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.engine.predictor import Embedding, Predictor
from geophrase.protocol.errors import ErrorCode

TRUNK = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))
CONFIG = replace(PRESETS["rsam_small"], trunk=TRUNK, image_px=128)
HW = (75, 110)
TEXTS = ["roof", "the large tank north of the river", "a road"]


def _model(seed: int = 0) -> Rsam:
    torch.manual_seed(seed)
    return Rsam(CONFIG)


def _images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *HW, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def predictor():
    return Predictor.from_model(_model())


@pytest.fixture(scope="module")
def embeddings(predictor):
    return predictor.encode_batch(_images(4))


def test_masks_come_back_at_the_images_size(predictor, embeddings):
    prediction = predictor.predict(embeddings[0], text="roof")
    assert prediction.mask_logits_HW.shape == HW
    assert prediction.mask_logits_HW.dtype == np.float32
    assert prediction.low_res_logits_HW.shape == (32, 32)
    assert 0 <= prediction.iou <= 1


def test_images_in_a_batch_are_encoded_as_if_alone(predictor, embeddings):
    for image, embedding in zip(_images(4), embeddings, strict=True):
        alone = predictor.encode(image)
        torch.testing.assert_close(
            alone.features.deep_BDHW, embedding.features.deep_BDHW, atol=1e-5, rtol=1e-4
        )
        assert alone.image_hw_px == HW


def test_all_texts_about_all_images_equal_single_answers(predictor, embeddings):
    answers = predictor.predict_texts(embeddings, TEXTS)  # 12 queries: more than one decode
    assert answers.mask_logits_BQHW.shape == (4, 3, *HW)
    for b, embedding in enumerate(embeddings):
        for q, text in enumerate(TEXTS):
            alone = predictor.predict(embedding, text=text)
            np.testing.assert_allclose(
                answers.mask_logits_BQHW[b, q], alone.mask_logits_HW, atol=1e-4, rtol=1e-4
            )
            assert answers.iou_BQ[b, q] == pytest.approx(alone.iou, abs=1e-5)
            assert answers.objectness_BQ[b, q] == pytest.approx(alone.objectness, abs=1e-4)


def test_a_text_finds_the_same_to_the_last_bit_whatever_is_asked_with_it():
    predictor = Predictor.load("rsam_small", "cpu")  # in whose bfloat16 padding shows
    embeddings = predictor.encode_batch(_images(2))
    together = predictor.predict_texts(embeddings, TEXTS)
    for query, text in enumerate(TEXTS):
        alone = predictor.predict_texts(embeddings, [text])
        for name in ("mask_logits_BQHW", "iou_BQ", "objectness_BQ"):
            assert np.array_equal(getattr(together, name)[:, query], getattr(alone, name)[:, 0])


def test_a_distinct_text_is_encoded_once(embeddings):
    rsam = _model()
    predictor = Predictor.from_model(rsam)
    encoded: list[str] = []
    rsam.text_encoder.register_forward_pre_hook(lambda _, inputs: encoded.extend(inputs[0]))
    predictor.predict_texts(embeddings[:2], ["roof", "road", "roof"])
    predictor.predict(embeddings[0], text="road")
    predictor.predict_texts(embeddings, ["tank", "roof"])
    assert encoded == ["roof", "road", "tank"]


def test_an_image_is_encoded_once_for_any_number_of_queries():
    rsam = _model()
    predictor = Predictor.from_model(rsam)
    passes: list[int] = []
    rsam.image_encoder.register_forward_pre_hook(lambda _, inputs: passes.append(len(inputs[0])))
    embedding = predictor.encode(_images(1)[0])
    predictor.predict_texts([embedding], TEXTS)
    predictor.predict(embedding, points_xy=[[3, 4]], point_labels=[1])
    assert passes == [1]


def test_embeddings_survive_the_disks_half_precision(predictor, embeddings):
    arrays = embeddings[0].to_arrays()
    assert {array.dtype for name, array in arrays.items() if name != "image_hw_px"} == {np.dtype(np.float16)}
    restored = predictor.embedding_from_arrays(arrays)
    assert restored.image_hw_px == HW
    again = restored.to_arrays()
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays)
    fresh = predictor.predict(embeddings[0], text="roof").mask_logits_HW
    stored = predictor.predict(restored, text="roof").mask_logits_HW
    assert np.abs(fresh - stored).max() < 0.02 * np.abs(fresh).max()


def test_arrays_of_something_else_are_refused():
    with pytest.raises(ValueError, match="not an embedding"):
        Embedding.from_arrays({"deep_DHW": np.zeros((1, 1, 1))})


def test_coordinates_are_the_images_own(predictor):
    """A click on an image and the same click on its enlarged copy ask for the same place."""
    small = np.full((128, 128, 3), 90, dtype=np.uint8)  # even, so that resampling changes nothing
    large = small.repeat(2, axis=0).repeat(3, axis=1)
    first = predictor.predict(
        predictor.encode(small), points_xy=[[40, 90]], point_labels=[1], box_xyxy=[8, 16, 64, 100]
    )
    second = predictor.predict(
        predictor.encode(large), points_xy=[[120, 180]], point_labels=[1], box_xyxy=[24, 32, 192, 200]
    )
    elsewhere = predictor.predict(
        predictor.encode(small), points_xy=[[100, 10]], point_labels=[1], box_xyxy=[8, 16, 64, 100]
    )
    assert second.mask_logits_HW.shape == (256, 384)
    moved = np.abs(first.low_res_logits_HW - elsewhere.low_res_logits_HW).max()
    assert np.abs(first.low_res_logits_HW - second.low_res_logits_HW).max() < 1e-3 * moved


def test_absent_objects_have_no_foreground(embeddings):
    rsam = _model()
    with torch.no_grad():
        rsam.mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(-50)
    predictor = Predictor.from_model(rsam)
    prediction = predictor.predict(embeddings[0], text="roof")
    kept = predictor.predict(embeddings[0], text="roof", is_absent_kept=True)
    assert prediction.objectness < 0
    assert (prediction.mask_logits_HW < -1023).all()
    assert (kept.mask_logits_HW > -1000).all()
    assert (prediction.low_res_logits_HW == kept.low_res_logits_HW).all()
    assert (predictor.predict_texts(embeddings[:1], ["roof"]).mask_logits_BQHW < -1023).all()


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"points_xy": [3, 4], "point_labels": [1]},
        {"points_xy": [[3, 4]]},
        {"points_xy": [[3, 4]], "point_labels": [1, 0]},
        {"box_xyxy": [[1, 2, 3, 4]]},
        {"mask_logits": np.zeros((1, 8, 8))},
    ],
    ids=["nothing", "flat points", "no labels", "label count", "two-dimensional box", "mask with channels"],
)
def test_malformed_queries_are_refused(predictor, embeddings, query):
    with pytest.raises(ValueError, match=r"\w+"):
        predictor.predict(embeddings[0], **query)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8, 3)),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["float", "grey", "four bands", "empty"],
)
def test_other_images_are_refused(predictor, image):
    with pytest.raises(ValueError, match="images must"):
        predictor.encode(image)


def test_bfloat16_stays_close_and_is_another_identity(predictor, embeddings):
    half = Predictor.from_model(_model(), dtype=torch.bfloat16)
    assert half.identity != predictor.identity
    embedding = half.encode(_images(1)[0])
    assert embedding.features.deep_BDHW.dtype == torch.bfloat16
    exact = predictor.predict(embeddings[0], text="roof", is_absent_kept=True).mask_logits_HW
    rough = half.predict(embedding, text="roof", is_absent_kept=True).mask_logits_HW
    assert np.corrcoef(exact.ravel(), rough.ravel())[0, 1] > 0.98


def test_identity_follows_the_weights(predictor):
    assert Predictor.from_model(_model()).identity == predictor.identity
    assert Predictor.from_model(_model(seed=1)).identity != predictor.identity


def _save(path, model, *, config_json):
    metadata = WeightsMetadata("rsam_small", "1", "nothing", "GPL-3.0-or-later", config_json)
    save_weights(model.own_state_dict(), path, metadata)


def test_saved_weights_load_with_the_configuration_they_carry(tmp_path, predictor, embeddings):
    path = tmp_path / "mine.safetensors"
    _save(path, predictor.rsam, config_json=CONFIG.to_json())
    loaded = Predictor.load(path, device="cpu")
    assert loaded.image_px == 128
    loaded = Predictor.from_model(loaded.rsam)  # float32 wherever the test runs
    first, second = (p.predict(embeddings[1], text="road").mask_logits_HW for p in (predictor, loaded))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("config_json", ["{}", '{"name": "other"}'])
def test_weights_that_do_not_fit_are_refused_in_a_sentence(tmp_path, predictor, config_json):
    path = tmp_path / "mine.safetensors"
    _save(path, predictor.rsam, config_json=config_json)  # the preset of that name is larger
    with pytest.raises(EngineError, match="cannot be used") as caught:
        Predictor.load(path, device="cpu")
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID


@pytest.fixture
def click_checkpoint(tmp_path):
    """Random weights under the name and in the form of an official checkpoint."""
    torch.manual_seed(0)
    rsam = Rsam(PRESETS["sam2.1_hiera_tiny"])
    prefixes = {"prompt_encoder.": "sam_prompt_encoder.", "mask_decoder.": "sam_mask_decoder."}
    state = {}
    for name, value in rsam.state_dict().items():
        prefix = next((p for p in prefixes if name.startswith(p)), "")
        state[prefixes.get(prefix, "") + name.removeprefix(prefix)] = value
    path = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": state}, path)
    return rsam, state, path


def test_a_sam2_checkpoint_becomes_its_click_model(click_checkpoint):
    rsam, state, path = click_checkpoint
    entry = find_entry("sam2.1_hiera_tiny")
    loaded = load_model(WeightsFile(path, "0" * 64, entry))
    assert loaded.config == PRESETS["sam2.1_hiera_tiny"]
    for name, value in rsam.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name

    del state["sam_mask_decoder.iou_token.weight"]
    torch.save({"model": state}, path)
    with pytest.raises(EngineError, match="iou_token"):
        load_model(WeightsFile(path, "0" * 64, entry))


def test_other_bytes_under_a_sam2_checkpoints_name_are_refused(click_checkpoint):
    with pytest.raises(EngineError) as caught:
        Predictor.load("sam2.1_hiera_tiny", device="cpu", folder=click_checkpoint[2].parent)
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID
