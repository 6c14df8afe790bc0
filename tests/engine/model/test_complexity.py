"""The built models have the published sizes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from geophrase.engine.model.complexity import count_complexity
from geophrase.engine.model.rsam.config import PRESETS, GuidanceConfig


@pytest.fixture(scope="module")
def base_plus():
    return count_complexity(PRESETS["rsam_base_plus"])


def _millions(count: int) -> float:
    return round(count / 1e6, 3)


def test_base_plus_has_the_published_parameters(base_plus):
    assert _millions(base_plus.parameters_by_part["guidance"]) == 12.803
    assert _millions(base_plus.parameters_by_part["mask_decoder"]) == 3.794
    assert _millions(base_plus.parameters_by_part["prompt_encoder"]) == 0.006
    assert _millions(base_plus.parameters_by_part["image_encoder"]) == round(68.676 + 0.431, 3)
    assert _millions(base_plus.parameters_guidance_and_decoder) == 16.603
    assert round(base_plus.parameters_trainable / 1e6, 2) == 85.71
    assert round(base_plus.parameters_total / 1e6, 1) == 194.6


def test_base_plus_has_the_published_compute(base_plus):
    assert base_plus.gmac == pytest.approx(281, abs=1)
    trunk_and_neck = count_complexity(PRESETS["sam2.1_hiera_base_plus"]).gmac_encode_image
    assert trunk_and_neck == pytest.approx(264, abs=1)
    first_self_attention = 4096 * 4 * 256**2 / 1e9  # the guidance's, done once per image
    assert base_plus.gmac_encode_image == pytest.approx(trunk_and_neck + first_self_attention)
    parts = base_plus.gmac_encode_image + base_plus.gmac_encode_text + base_plus.gmac_decode_query
    assert base_plus.gmac == pytest.approx(parts)


def test_a_linear_layers_macs_are_counted_by_hand():
    """Taking the guidance out takes out what its layers are known to multiply."""
    config = PRESETS["rsam_small"]
    tokens, width = (config.image_px // 16) ** 2, config.width
    shallow = replace(config, guidance=replace(config.guidance, num_layers=1))
    difference = (
        count_complexity(config).gmac_decode_query - count_complexity(shallow).gmac_decode_query
    ) * 1e9
    mlp, self_attention = 2 * width * config.guidance.mlp_dim, 4 * width * width
    cross_attention = 4 * width * width  # query and out one way, key and value the other
    of_image = tokens * (mlp + self_attention + cross_attention)
    of_text = 32 * (mlp + self_attention + cross_attention)
    assert difference == pytest.approx(of_image + of_text, rel=1e-6)


def test_large_has_the_published_parameters():
    large = count_complexity(PRESETS["rsam_large"])
    assert round(large.parameters_trainable / 1e6, 2) == 229.31
    assert round(large.parameters_total / 1e6, 1) == 338.2


def test_the_lean_guidance_needs_12_03_million():
    config = PRESETS["rsam_base_plus"]
    lean = replace(
        config,
        guidance=GuidanceConfig(position_pairs_per_layer=1),
        text=replace(config.text, max_tokens=32),
    )
    assert round(count_complexity(lean).parameters_guidance_and_decoder / 1e6, 2) == 12.03


def test_four_mask_tokens_cost_what_sam2s_decoder_does():
    click = count_complexity(PRESETS["sam2.1_hiera_tiny"])
    assert _millions(click.parameters_by_part["mask_decoder"]) == 4.215
    assert click.gmac_encode_text == 0


def test_the_small_preset_fits_the_bundle():
    small = count_complexity(PRESETS["rsam_small"])
    assert small.parameters_trainable * 2 < 15.98e6  # bytes in float16; 16 MB with the names of its tensors
    assert json.loads(json.dumps(small.to_dict()))["model"] == "rsam_small"
