"""The model card: a JSON file beside weights of ours that says what they are and where they come from.

`NAME.safetensors` has `NAME.json` beside it. The trainer writes it, the registry reads hash and size from it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.errors import EngineError
from geophrase.engine.model.weights.hashing import file_sha256
from geophrase.protocol.errors import ErrorCode

CARD_FORMAT = 1
# In the file a digest names its kind, and so is not mistaken for a key by scanners of secrets.
_DIGEST_PREFIX = "sha256:"


@dataclass(frozen=True)
class TrainingSource:
    """One data set that the weights have seen.

    Attributes:
        name: Its common name.
        licence: SPDX identifier or the licence's own name.
        use: What it was used for: labels, imagery, a distillation teacher, a frozen text encoder.
        num_images: How many images of it were used, 0 where that makes no sense.
        url: Where it can be had, "" where it can't.
    """

    name: str
    licence: str
    use: str
    num_images: int = 0
    url: str = ""


@dataclass(frozen=True)
class ModelCard:
    """What a person should know before trusting a weights file, and what a program checks it by.

    Attributes:
        model: Preset that the weights belong to, such as `rsam_small`.
        version: Version of these weights.
        sha256: Lower-case hex digest of the weights file.
        size_bytes: Its exact size.
        licence: SPDX identifier of the weights.
        created: ISO 8601 date of the training.
        summary: What the weights can and can't do, in a few sentences.
        training_data: Every data set seen.
        figures: Measured results: split or test -> metric -> value, fractions of one.
        recipe: The command or recipe that trained them.
    """

    model: str
    version: str
    sha256: str
    size_bytes: int
    licence: str
    created: str
    summary: str
    training_data: tuple[TrainingSource, ...]
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    recipe: str = ""

    @classmethod
    def describing(cls, weights: Path, **facts: Any) -> ModelCard:
        """Make the card of a finished weights file; its hash and size are taken from the file itself.

        Raises:
            OSError: The file can't be read.
        """
        return cls(sha256=file_sha256(weights), size_bytes=weights.stat().st_size, **facts)


def card_path(weights: Path) -> Path:
    """Name the model card of a weights file."""
    return weights.with_suffix(".json")


def write_card(weights: Path, card: ModelCard) -> Path:
    """Write the card beside its weights in one step and return its path.

    Raises:
        OSError: The folder can't be written.
    """
    path = card_path(weights)
    document = {"format": CARD_FORMAT, **dataclasses.asdict(card), "sha256": _DIGEST_PREFIX + card.sha256}
    write_text_atomically(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


def read_card(weights: Path) -> ModelCard | None:
    """Read the card beside a weights file; None where there is none.

    Unknown fields are ignored, so that a newer trainer's card can be read.

    Raises:
        EngineError: `WEIGHTS_INVALID` where the file is there but is no model card.
    """
    path = card_path(weights)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        sources = tuple(TrainingSource(**_known(TrainingSource, row)) for row in document["training_data"])
        digest = document["sha256"].removeprefix(_DIGEST_PREFIX)
        return ModelCard(**{**_known(ModelCard, document), "sha256": digest, "training_data": sources})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            ErrorCode.WEIGHTS_INVALID,
            f"The model card {path} can't be read ({type(error).__name__}): "
            "restore it together with its weights file, or delete it to use the weights unchecked.",
        ) from error


def _known(kind: type[ModelCard] | type[TrainingSource], document: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in document.items() if name in names}
