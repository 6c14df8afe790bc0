"""The training benchmark runs, and its figures fit together."""

import json

import pytest

from geophrase.benchmarks import training_step


def test_the_figures_of_a_small_update_fit_together(capsys):
    words = ["--trunk", "tiny", "--image-px", "64", "--batch", "2", "--rounds", "1", "--device", "cpu"]
    assert training_step.main([*words, "--float32", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    work_tflops = 6 * figures["gmac_per_image"] / 1000 * figures["images_per_s"]
    assert figures["tflops"] == pytest.approx(work_tflops)
    assert 0 < figures["share_of_matmul"] < 1
    assert figures["peak_gib"] is None
    assert figures["ours_over_sam2"] > 0
    assert figures["subject"] == "rsam_base_plus with Hiera tiny, 2 images of 64 px on cpu in float32"


def test_the_defaults_are_the_papers_model_and_batch():
    size, config = training_step._settings(
        training_step.argparse.Namespace(
            preset="rsam_base_plus", trunk=None, image_px=None, batch=4, float32=False, compiled=False,
            checkpointed=False,
        )
    )  # fmt: skip
    assert size == "base_plus"
    assert config.data.image_px == (1024,)
    assert config.data.batch_size == 4
