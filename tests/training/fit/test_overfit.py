"""From random weights to eight images by heart, by text alone: the parts of training work together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from geophrase.engine.model.rsam.config import DecoderConfig, GuidanceConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.config import Budget, DataConfig, OptimizerConfig
from geophrase.training.data.risors import Phrase, read_split, write_sample, write_split
from geophrase.training.evaluation.phrases import score_images, shuffled_phrases
from geophrase.training.evaluation.segmenter import RsamSegmenter
from geophrase.training.fit.batches import TrainingData
from geophrase.training.fit.run import Fitting
from geophrase.training.fit.trainer import Trainer
from geophrase.training.recipes.smoke import smoke

NUM_IMAGES, SIDE_PX = 8, 96
COLOURS = {"red": (220, 40, 40), "blue": (50, 70, 220), "yellow": (235, 215, 60), "white": (240, 240, 240)}
ROWS, COLS = np.mgrid[:SIDE_PX, :SIDE_PX] + 0.5


def shape(form, x, y, radius_px):
    if form == "circle":
        return (COLS - x) ** 2 + (ROWS - y) ** 2 < radius_px**2
    if form == "square":
        return np.maximum(abs(COLS - x), abs(ROWS - y)) < 0.9 * radius_px
    return (abs(COLS - x) < (ROWS - y + radius_px) / 2) & (ROWS - y < 0.8 * radius_px)


def drawn(seed):
    """Three shapes beside each other on grey ground, and six phrases that mean different ones of them."""
    rng = np.random.default_rng(seed)
    image_HWC = rng.integers(80, 110, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    colours = rng.permutation(list(COLOURS))
    names, masks = [], []
    for number, form in enumerate(rng.permutation(["circle", "square", "triangle"])):
        x, y = 16 + 32 * number + rng.integers(-2, 3), rng.integers(20, SIDE_PX - 20)
        masks.append(shape(form, x, y, rng.integers(11, 14)))
        names.append(f"{colours[number]} {form}")
        image_HWC[masks[-1]] = COLOURS[colours[number]]
    said = dict(zip((f"the {name}" for name in names), masks, strict=True))
    said["the shape on the left"] = masks[0]
    said["the shape on the right"] = masks[2]
    said[f"everything but the {names[1]}"] = masks[0] | masks[2]
    said[f"the {colours[3]} shape"] = np.zeros_like(masks[0])
    phrases = [
        Phrase.from_mask(text, mask, kind="class" if mask.any() else "absent", name=text)
        for text, mask in said.items()
    ]
    return image_HWC, phrases


@pytest.fixture(scope="module")
def risors(tmp_path_factory):
    root = tmp_path_factory.mktemp("shapes")
    stems = [f"image_{number}" for number in range(NUM_IMAGES)]
    for number, stem in enumerate(stems):
        write_sample(root, stem, *drawn(number))
    write_split(root, "train", stems)
    return root


def recipe(steps):
    config = smoke()
    model = replace(
        config.model,
        name="small",
        image_px=SIDE_PX,
        width=64,
        trunk=ConvTrunkConfig(stem_channels=16, channels=(16, 32, 48, 64), depths=(1, 1, 1, 1), gate_ratio=4),
        guidance=GuidanceConfig(num_layers=1, num_heads=4, mlp_dim=128, position_pairs_per_layer=1),
        decoder=DecoderConfig(num_heads=4, mlp_dim=128, iou_hidden_dim=32),
    )
    return replace(
        config,
        model=model,
        data=DataConfig(NUM_IMAGES, queries_per_image=7, image_px=(SIDE_PX,), augment=None),
        loss=replace(config.loss, loss_stride=1),
        clicks=replace(config.clicks, batch_probability=0.0),
        optimizer=OptimizerConfig(learning_rate=3e-3, betas=(0.9, 0.95), warmup_fraction=0.1, ema_decay=0.98),
        budget=Budget(steps=steps),
    )


def test_eight_images_are_learned_by_heart_from_text_alone(risors, tmp_path):
    torch.manual_seed(0)
    config = recipe(steps=350)
    stream = TrainingData((risors,), workers=0).stream(config.data, seed=config.seed)
    fitting = Fitting(
        Trainer(config, Rsam(config.model)),
        stream.batches,
        validation=(),
        run=tmp_path,
        data_fingerprint="shapes",
    )
    weights = {name: value.float() for name, value in load_file(fitting.fit()).items()}
    rsam = Rsam(config.model)
    rsam.load_own_state_dict(weights)
    segmenter = RsamSegmenter(rsam.eval(), image_px=SIDE_PX, is_bfloat16=False)
    images = read_split(risors, "train")
    asked = score_images(segmenter, images).report()
    shuffled = score_images(segmenter, images, replacements=shuffled_phrases(images)).report()
    assert asked["phrases"] == 6 * NUM_IMAGES
    assert asked["mIoU"] >= 0.9
    assert asked["absent"]["false_alarm_rate"] <= 0.25
    assert shuffled["mIoU"] < 0.5
