"""How well objects are chosen, by kind of phrase, as overlap with what the phrase means."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from geophrase.training.choosing.examples import Example, draw_examples
from geophrase.training.choosing.layouts import RecordedLayouts
from geophrase.training.choosing.trainer import ChoiceBatch, EncodedExample
from geophrase.training.data.risors import KINDS

_BATCH_SIZE = 256
_PHRASES_PER_LAYOUT = 10
_VIEWS_PER_IMAGE = 2
_TOLD_APART = frozenset({"place", "size", "relation", "plural"})
ALL = "told apart"
"""The row of all phrases of place, size, relation and number."""


@dataclass(frozen=True)
class ChoiceRow:
    """Mean IoU over the phrases of a kind, and the share of them that are answered right.

    Attributes:
        num_phrases: How many.
        whole_kind: With every object of the kind.
        chosen: With the chooser's objects.
        best: With the best set of whole objects.
        right: Share of the phrases of which every object is rightly in or out.

    A phrase that means nothing has an IoU of 1 where nothing is chosen, and 0 otherwise.
    """

    num_phrases: int
    whole_kind: float
    chosen: float
    best: float
    right: float


def held_out_examples(recorded: RecordedLayouts, seed: int) -> list[Example]:
    """The same fresh phrases on every call about annotated images, whole and in parts, with true masks."""
    rng = random.Random(f"{seed}/held out")
    layouts = [recorded.whole(index) for index in range(len(recorded))]
    layouts += [recorded.view(index, rng) for index in range(len(recorded)) for _ in range(_VIEWS_PER_IMAGE)]
    return [one for layout in layouts for one in draw_examples(layout, rng, _PHRASES_PER_LAYOUT)]


@torch.no_grad()
def validate(chooser: nn.Module, examples: Sequence[EncodedExample]) -> dict[str, ChoiceRow]:
    """Scores a chooser by kind; `ALL` comes last."""
    device = next(chooser.parameters()).device
    scores: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for start in range(0, len(examples), _BATCH_SIZE):
        part = examples[start : start + _BATCH_SIZE]
        batch = ChoiceBatch.of(part, device)
        logits_QO = chooser(batch.descriptors_QOF, batch.text).float().cpu().numpy()
        for one, logits_O in zip(part, logits_QO, strict=True):
            scores[one.example.kind].append(_scores(one.example, logits_O))
    told_apart = [score for kind, own in scores.items() if kind in _TOLD_APART for score in own]
    rows = {kind: _row(scores[kind]) for kind in KINDS if scores[kind]}
    return {**rows, ALL: _row(told_apart)} if told_apart else rows


def table(rows: Mapping[str, ChoiceRow]) -> str:
    """The rows for people."""
    lines = [f"{'kind':12}{'phrases':>8}{'all':>8}{'chosen':>8}{'best':>8}{'right':>8}"]
    lines += [
        f"{kind:12}{row.num_phrases:8}{row.whole_kind:8.3f}{row.chosen:8.3f}{row.best:8.3f}{row.right:8.3f}"
        for kind, row in rows.items()
    ]
    return "\n".join(lines)


def plain(rows: Mapping[str, ChoiceRow]) -> dict[str, dict[str, float]]:
    """The rows for a metrics file."""
    return {
        kind: {name: round(value, 4) for name, value in asdict(row).items()} for kind, row in rows.items()
    }


def iou_of(example: Example, is_chosen_O: NDArray[np.bool_]) -> float:
    """IoU of some objects' cells with the cells that the phrase means."""
    if not example.num_target_cells:
        return float(not is_chosen_O.any())
    inside = int(example.num_meant_cells_O[is_chosen_O].sum())
    return inside / (int(example.num_cells_O[is_chosen_O].sum()) + example.num_target_cells - inside)


def best_iou(example: Example) -> float:
    """The highest IoU of any set of objects: those with the largest shares of what is meant."""
    if not example.num_target_cells:
        return 1.0
    share_O = example.num_meant_cells_O / example.num_cells_O
    rank_O = np.argsort(np.argsort(-share_O, kind="stable"))
    return max(iou_of(example, rank_O < count) for count in range(1, len(rank_O) + 1))


def _scores(example: Example, logits_O: NDArray[np.float32]) -> tuple[float, float, float, float]:
    logits_O = logits_O[: len(example.is_meant_O)]
    is_chosen_O = logits_O > 0
    if example.num_target_cells and not is_chosen_O.any():
        is_chosen_O = logits_O == logits_O.max()
    is_right = (is_chosen_O == (example.is_meant_O > 0))[example.weights_O > 0].all()
    whole_O = np.ones(len(logits_O), bool)
    return iou_of(example, whole_O), iou_of(example, is_chosen_O), best_iou(example), float(is_right)


def _row(scores: Sequence[tuple[float, float, float, float]]) -> ChoiceRow:
    whole, chosen, best, right = np.mean(scores, axis=0)
    return ChoiceRow(len(scores), float(whole), float(chosen), float(best), float(right))
