"""What goes wrong in training that a user can mend."""

from __future__ import annotations


class TrainingError(Exception):
    """A failure whose message is one sentence for people: what happened, then what to do."""
