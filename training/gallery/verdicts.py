"""Verdicts on answers, given by eye: kept by the weights that gave them, since others answer otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from geophrase.training.errors import TrainingError

VERDICTS = ("right", "mostly", "partly", "wrong", "false alarm", "rightly nothing")
"""What may be said of an answer, the last two of phrases for what is not there."""
_HASH_PREFIX = "sha256:"  # without it a search for secrets takes a hash for one
OWN_VERDICTS = Path(__file__).with_name("verdicts.json")
"""The verdicts of this repository's gallery."""

_Document = dict[str, dict[str, dict[str, dict[str, str]]]]


@dataclass(frozen=True)
class Verdict:
    """What is said of one answer.

    Attributes:
        verdict: One of VERDICTS.
        why: One sentence.
    """

    verdict: str
    why: str

    def __post_init__(self) -> None:
        """Refuse an unknown word.

        Raises:
            ValueError: It is not one of VERDICTS.
        """
        if self.verdict not in VERDICTS:
            raise ValueError(f"a verdict is one of {', '.join(VERDICTS)}, not “{self.verdict}”")


def read_verdicts(path: Path, *, weights: str) -> dict[tuple[str, str], Verdict]:
    """Read the verdicts on what some weights answered, by view and phrase.

    Args:
        path: JSON: "sha256:" and the short hash of the weights, name of the view, phrase, then the attributes
            of a Verdict.
        weights: Short hash.

    Raises:
        TrainingError: The file can't be read, or isn't as said.
    """
    try:
        document: _Document = json.loads(path.read_text(encoding="utf-8"))
        return {
            (view, phrase): Verdict(**fields)
            for view, phrases in document.get(_HASH_PREFIX + weights, {}).items()
            for phrase, fields in phrases.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TrainingError(f"The verdicts in {path} can't be used ({error}); correct the file.") from error


def blank_verdicts(weights: str, missing: Mapping[str, list[str]]) -> str:
    """JSON to be filled in: the phrases of each view that no verdict was given on yet."""
    views = {
        view: {phrase: {"verdict": "", "why": ""} for phrase in phrases} for view, phrases in missing.items()
    }
    return json.dumps({_HASH_PREFIX + weights: views}, indent=2, ensure_ascii=False) + "\n"
