"""Square crops of unlabelled images, changed more strongly than labels would allow."""

from __future__ import annotations

import glob
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.data.risors import read_image, read_stems
from geophrase.training.distillation.distillation import DistillationConfig


class UnlabelledCrops(IterableDataset[Tensor]):
    """An endless stream of augmented square crops, uint8 (3, crop_px, crop_px).

    Args:
        paths: Image files; each crop's image is drawn with probability in proportion to its area.
        config: Crop size and scale range.
    """

    def __init__(self, paths: Sequence[Path], config: DistillationConfig) -> None:
        super().__init__()
        self._images = [read_image(path) for path in paths]
        # Square roots keep a few very large images from drowning the many small ones.
        areas = np.array([image.shape[0] * image.shape[1] for image in self._images], float) ** 0.5
        self._shares = areas / areas.sum()
        self._config = config

    def __iter__(self) -> Iterator[Tensor]:
        """Yields crops without end, differently in every worker and at every start."""
        worker = get_worker_info()
        rng = np.random.default_rng([self._config.seed, worker.id if worker else 0, time.time_ns()])
        cv2.setNumThreads(0)
        while True:
            image = self._images[rng.choice(len(self._images), p=self._shares)]
            crop = _augment(_random_crop(image, self._config, rng), rng)
            yield torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))


def _random_crop(image: np.ndarray, config: DistillationConfig, rng: np.random.Generator) -> np.ndarray:
    low, high = np.log(config.scale_range)
    aspect = np.exp(rng.uniform(-0.2, 0.2))
    scale = np.exp(rng.uniform(low, high))
    height = min(image.shape[0], max(32, round(config.crop_px * scale * aspect)))
    width = min(image.shape[1], max(32, round(config.crop_px * scale / aspect)))
    top, left = rng.integers(image.shape[0] - height + 1), rng.integers(image.shape[1] - width + 1)
    crop = image[top : top + height, left : left + width]
    shrinks = height * width > config.crop_px**2
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(crop, (config.crop_px, config.crop_px), interpolation=interpolation)


def _augment(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turns, mirrors and recolours a crop; no label is attached, so nothing needs to stay true."""
    crop = np.rot90(crop, int(rng.integers(4)))
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    values = crop.astype(np.float32)
    values *= rng.uniform(0.75, 1.3, 3).astype(np.float32) * np.float32(rng.uniform(0.8, 1.2))
    values += np.float32(rng.uniform(-20, 20))
    mean = values.mean()
    values = (values - mean) * np.float32(rng.uniform(0.7, 1.4)) + mean
    if rng.random() < 0.1:
        values = np.repeat(values.mean(2, keepdims=True), 3, axis=2)
    if rng.random() < 0.15:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), rng.uniform(0.4, 1.5)), np.float32)
    return values.clip(0, 255).astype(np.uint8)


def training_images(roots: Sequence[Path]) -> list[Path]:
    """The image files of the train splits of several RISORS folders.

    Raises:
        EngineError: A folder has no train split or names an image that is not there.
    """
    paths = []
    for root in roots:
        stems = read_stems(root, "train")
        if not stems:
            message = f"{root} lists no images in splits/train.txt: make it with `geophrase-train prepare`."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        for stem in stems:
            matches = sorted((root / "images").glob(f"{glob.escape(stem)}.*"))
            if not matches:
                raise EngineError(
                    ErrorCode.BAD_REQUEST, f"{root}/images has no file for '{stem}' of its train split."
                )
            paths.append(matches[0])
    return paths
