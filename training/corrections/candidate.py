"""The weights that a fine-tuning gives, and what they say of themselves."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from geophrase.engine.model.weights.card import ModelCard, TrainingSource, read_card
from geophrase.engine.model.weights.load import WeightsFile, read_metadata, read_state_dict
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.training.corrections.guard import Verdict
from geophrase.training.corrections.task import FineTuning
from geophrase.training.fit.checkpoint import data_fingerprint


def averaged_weights(start: WeightsFile, tuned: WeightsFile, *, tuned_share: float) -> dict[str, Tensor]:
    """The mean of two models' weights, which has most of what is new and most of what was there.

    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", Section 3; they advise one half.
    """
    old, new = read_state_dict(start), read_state_dict(tuned)
    return {
        name: old[name].lerp(value, tuned_share) if value.is_floating_point() else value
        for name, value in new.items()
    }


def write_candidate(
    path: Path, weights: dict[str, Tensor], task: FineTuning, verdict: Verdict | None
) -> None:
    """Writes weights under the model's own name, with what it was made from and how it was judged.

    Raises:
        EngineError: The file can't be written.
    """
    made_from = {
        "name": task.name,
        "start": task.start_name,
        "start_sha256": task.start.sha256,
        "created": f"{datetime.date.today():%Y-%m-%d}",
        "data_fingerprint": data_fingerprint(task.data),
        "num_images": len(task.corrections.train),
        "num_phrases": task.corrections.num_phrases,
        "validation": None if verdict is None else verdict.figures(),
    }
    start = read_metadata(task.start)
    metadata = WeightsMetadata(
        model=start.model if start else task.start_name,
        version="1",
        training_data=_sentence_on_data(task),
        licence=_licence(task),
        config_json=replace(task.config.model, name=task.name).to_json(),
        fine_tuning_json=json.dumps(made_from),
    )
    save_weights(weights, path, metadata, half=True)


def card_of(candidate: Path, task: FineTuning, verdict: Verdict | None) -> ModelCard:
    """What a person should know of the model."""
    start_card = read_card(task.start.path)
    own = TrainingSource(
        name=", ".join(folder.resolve().name for folder in task.data),
        licence="of whoever corrected",
        use="corrections",
        num_images=len(task.corrections.train),
    )
    return ModelCard.describing(
        candidate,
        model=task.name,
        version="1",
        licence=_licence(task),
        created=f"{datetime.date.today():%Y-%m-%d}",
        summary=f"{_sentence_on_data(task)} {_sentence_on_figures(task, verdict)}",
        training_data=(*(start_card.training_data if start_card else ()), own),
        figures={} if verdict is None else verdict.figures(),
        recipe="corrections",
    )


def _licence(task: FineTuning) -> str:
    return task.start.entry.licence if task.start.entry else "that of its starting model"


def _sentence_on_data(task: FineTuning) -> str:
    texts = [phrase.text for image in task.corrections.train for phrase in image.phrases]
    shown = list(dict.fromkeys(texts))
    names = ", ".join(shown[:3]) + (" …" if len(shown) > 3 else "")
    return f"{task.start_name}, fine-tuned on {len(task.corrections.train)} images: {names}."


def _sentence_on_figures(task: FineTuning, verdict: Verdict | None) -> str:
    if verdict is None or not verdict.rows:
        return "Not judged."
    first = verdict.rows[0]
    num_images = len(task.corrections.held_out)
    return f"mIoU on {num_images} images held back: {first.before:.2f} before, {first.after:.2f} after."
