"""Weights scored on a data set's test split, once: results are kept by what they were made from."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.device import DeviceChoice
from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.weights.load import WeightsFile
from geophrase.protocol.errors import ErrorCode
from geophrase.training.data.risors import RisorsError, RisorsImage
from geophrase.training.evaluation.measure import Measure, images_to_score, measure_images
from geophrase.training.evaluation.phrases import PhraseMeasure
from geophrase.training.evaluation.points import PointsMeasure
from geophrase.training.evaluation.resolution import NATIVE, Resolution
from geophrase.training.evaluation.segmenter import RsamSegmenter

SPLIT = "test"
RESOLUTIONS = (NATIVE, Resolution(480))
"""The images' own size, and the square at which LAVT, RMSIN and FIANet compare."""

_FORMAT = 1  # of the kept files; another number when what is measured changes


@dataclass(frozen=True)
class HeldOutData:
    """The test split of a data set in one or more RISORS folders.

    Attributes:
        roots: The folders.
        images: Their test images.
        fingerprint: Hash of the annotations and of the names and sizes of the images.
    """

    roots: tuple[Path, ...]
    images: tuple[RisorsImage, ...]
    fingerprint: str

    @classmethod
    def read(cls, roots: Sequence[Path]) -> HeldOutData:
        """Reads the test splits.

        Raises:
            RisorsError: A folder is not in the RISORS format, has estimated masks or nothing to test on.
        """
        images = images_to_score(roots, SPLIT)
        if all(phrase.is_absent for image in images for phrase in image.phrases):
            names = ", ".join(str(root) for root in roots)
            raise RisorsError(f"The {SPLIT} split of {names} has no phrases: prepare the whole data set.")
        digest = hashlib.sha256()
        for image in images:
            digest.update(f"{image.path.name}\0{image.path.stat().st_size}\0".encode())
            for phrase in image.phrases:
                digest.update(f"{phrase.text}\0{phrase.name}\0{json.dumps(phrase.mask_rle)}\0".encode())
        return cls(tuple(roots), tuple(images), digest.hexdigest())

    @property
    def num_phrases(self) -> int:
        """Phrases whose objects are there, which are those that the papers count."""
        return sum(not phrase.is_absent for image in self.images for phrase in image.phrases)


class Results:
    """Scores of weights on test data, computed when they are first asked for and kept in a folder.

    A kept file is named by the weights' hash, the data's fingerprint and the number of points, so that
    weights or data that changed are scored again, and a benchmark that was stopped goes on with what it has
    not scored yet. The precision of the computation is noted in it.

    Args:
        folder: Where results are kept.
        device: What computes.
    """

    def __init__(self, folder: Path, device: DeviceChoice) -> None:
        self._folder = folder
        self._device = device

    def of(self, weights: WeightsFile, data: HeldOutData, *, num_points: int) -> dict[str, Any]:
        """Returns scores by resolution, then by number of points after the phrase ("0" is text alone).

        Args:
            weights: A model with text.
            data: What it is scored on.
            num_points: The largest number of simulated points.

        Raises:
            EngineError: The weights can't be loaded or take no text.
            RisorsError: An image can't be read.
        """
        path = self._path(weights, data, num_points)
        scores = _read_kept(path)
        if scores is None:
            scores = self._evaluate(weights, data, num_points)
            kept = {
                "weights": weights.sha256,
                "data": data.fingerprint,
                "precision": self._precision,
                "scores": scores,
            }
            write_text_atomically(path, json.dumps(kept, indent=1))
        return scores

    def _path(self, weights: WeightsFile, data: HeldOutData, num_points: int) -> Path:
        parts = (weights.short_hash, data.fingerprint[:12], num_points, self._precision, _FORMAT)
        return self._folder / f"{'-'.join(str(part) for part in parts)}.json"

    @property
    def _precision(self) -> str:
        return str(self._device.dtype).removeprefix("torch.")

    def _evaluate(self, weights: WeightsFile, data: HeldOutData, num_points: int) -> dict[str, Any]:
        rsam = load_model(weights)
        if not rsam.config.has_text:
            message = f"{weights.path} takes no text: give the weights of a run with a recipe of the paper."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        segmenter = RsamSegmenter(
            rsam.to(self._device.device).eval(),
            image_px=rsam.config.image_px,
            is_bfloat16=self._device.dtype is torch.bfloat16,
        )
        phrases = PhraseMeasure(RESOLUTIONS)
        measures: list[Measure] = [phrases]
        points = PointsMeasure(num_points, resolutions=RESOLUTIONS) if num_points else None
        if points is not None:
            measures.append(points)
        print(f"scoring {weights.path} on {len(data.images)} images", file=sys.stderr)
        measure_images(segmenter, data.images, measures, is_quiet=False)
        return _by_points(phrases.report(), {} if points is None else points.report())


def _read_kept(path: Path) -> dict[str, Any] | None:
    try:
        scores: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["scores"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # never kept, or damaged: scored anew
        return None
    return scores


def _by_points(by_text: dict[str, Any], by_points: dict[str, Any]) -> dict[str, Any]:
    """Text alone is what the text measure says: it has the classes, too."""
    return {
        resolution: {**by_points.get(resolution, {}), "0": scores} for resolution, scores in by_text.items()
    }
