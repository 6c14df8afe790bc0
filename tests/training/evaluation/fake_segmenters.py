"""Segmenters whose answers are known beforehand, behind the protocol that real ones implement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from geophrase.training.evaluation.segmenter import Answers

SURE_LOGIT = 8.0


def answers_of(masks, *, objectness=None, iou=1.0):
    """Answers with given masks at native size; what is empty is said to be absent unless told otherwise."""
    masks = np.stack(masks)
    if objectness is None:
        objectness = [2.0 if mask.any() else -2.0 for mask in masks]
    logits = torch.where(torch.from_numpy(masks), SURE_LOGIT, -SURE_LOGIT)
    return Answers(logits, np.full(len(masks), iou, np.float32), np.asarray(objectness, np.float32))


@dataclass
class FakeImage:
    hw_px: tuple[int, int]
    number: int
    answer: object
    asked: list

    def ask(self, prompts):
        assert prompts.num_queries > 0
        self.asked.append(prompts)
        return self.answer(self, prompts)


class FakeSegmenter:
    """Answers by a method of its own; the red of the first pixel says which image it is."""

    has_text = True

    def __init__(self, images=()):
        self.images = images
        self.asked = []

    def encode(self, image_HWC):
        return FakeImage(image_HWC.shape[:2], int(image_HWC[0, 0, 0]), self.answer, self.asked)

    def answer(self, image, prompts):
        raise NotImplementedError


class KnowsEverything(FakeSegmenter):
    """Gives the reference of the phrase, else of what the first point is on; empty for anything else."""

    def answer(self, image, prompts):
        return answers_of([self.mask(image, prompts, index) for index in range(prompts.num_queries)])

    def mask(self, image, prompts, index):
        phrases = self.images[image.number].phrases
        if prompts.texts is not None:
            masks = {phrase.text: phrase.mask() > 0 for phrase in phrases}
            return masks.get(prompts.texts[index], np.zeros(image.hw_px, bool))
        x, y = prompts.points_xy_QNC[index, 0].astype(int)
        hit = [phrase.mask() > 0 for phrase in phrases if phrase.mask()[y, x]]
        return hit[0] if hit else np.zeros(image.hw_px, bool)


class FindsNothing(FakeSegmenter):
    """Is sure that everything is there, and marks no pixel."""

    def answer(self, image, prompts):
        masks = np.zeros((prompts.num_queries, *image.hw_px), bool)
        return answers_of(masks, objectness=[1.0] * len(masks), iou=0.0)
