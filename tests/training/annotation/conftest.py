"""A click model of a few thousand weights, images with bright objects, and boxes around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from geophrase.engine.model.rsam.config import PRESETS, ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.tests.engine.model.conftest import image_predictor_class  # noqa: F401 - a fixture
from geophrase.training.annotation.candidates import MaskModel
from geophrase.training.annotation.encodings import EncodingStore
from geophrase.training.annotation.journal import Journal
from geophrase.training.annotation.project import Project
from geophrase.training.annotation.session import AnnotationSession
from geophrase.training.data.sources.boxed import BoxedImage, BoxPhrase, write_boxes

TRUNK = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """Random weights of a small model with SAM 2.1's four mask tokens, as a file."""
    base = PRESETS["rsam_small"]
    config = replace(
        base,
        name="tiny_click_model",
        trunk=TRUNK,
        image_px=128,
        text=None,
        guidance=None,
        decoder=replace(base.decoder, num_mask_tokens=4),
    )
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "tiny_click_model.safetensors"
    metadata = WeightsMetadata(
        model=config.name, version="0", training_data="none", licence="CC0-1.0", config_json=config.to_json()
    )
    save_weights(Rsam(config).own_state_dict(), path, metadata)
    return path


@pytest.fixture(scope="session")
def model(weights) -> MaskModel:
    return MaskModel.load(weights, "cpu")


def write_image(path: Path, size_yx: tuple[int, int], *, seed: int) -> np.ndarray:
    """Every pixel differs from its neighbours, so that a shift by one shows."""
    image_HWC = np.random.default_rng(seed).integers(0, 256, (*size_yx, 3), dtype=np.uint8)
    cv2.imwrite(str(path), image_HWC[..., ::-1])
    return image_HWC


@pytest.fixture
def boxes_file(tmp_path) -> Path:
    """Four images with seven boxes; two of the images share a name."""
    folder = tmp_path / "origin"
    images = []
    for number, (name, size_yx, num_boxes) in enumerate(
        [
            ("a.png", (90, 120), 2),
            ("b.png", (100, 100), 1),
            ("more/a.png", (70, 140), 3),
            ("c d.png", (80, 80), 1),
        ]
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, size_yx, seed=number)
        boxes = tuple(
            BoxPhrase(f"the ship number {k} of {name}", "ship", (5.0 + 20 * k, 8.5, 24.0 + 20 * k, 60.0))
            for k in range(num_boxes)
        )
        split = ("train", "train", "val", "test")[number]
        images.append(BoxedImage(path, size_yx[1], size_yx[0], split, boxes))
    write_boxes(folder / "boxes.jsonl", images)
    return folder / "boxes.jsonl"


@pytest.fixture
def project(tmp_path, boxes_file, model) -> Project:
    """Begun, with nothing proposed yet."""
    predictor = model.predictor
    return Project.begin(
        tmp_path / "project", boxes_file, model=predictor.name, weights=predictor.weights_sha256
    )


@contextmanager
def opened(project: Project, model: MaskModel) -> Iterator[AnnotationSession]:
    """A session on a project, as the commands open it."""
    with (
        Journal(project.journal_path) as journal,
        EncodingStore(project, lambda: model, limit_bytes=10**8) as encodings,
    ):
        yield AnnotationSession(project, journal, encodings)


@pytest.fixture
def session(project, model) -> Iterator[AnnotationSession]:
    with opened(project, model) as session:
        yield session
