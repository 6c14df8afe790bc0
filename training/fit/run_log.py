"""What a run tells while it goes on: one JSON line after another, and the same for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.training.data.risors import read_image

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

METRICS_FILE = "metrics.jsonl"
_EVENTS_FOLDER = "tensorboard"


class RunLog:
    """Sums up what updates report and writes their means now and then, with what validations found.

    Rows are in ``metrics.jsonl`` as they were given. Their numbers and the pictures are in TensorBoard's
    event files under ``tensorboard/``, training under ``training/`` and validation under ``validation/``.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self.path = run / METRICS_FILE
        self._events = run / _EVENTS_FOLDER
        self._writer: SummaryWriter | None = None
        self._purged_from: int | None = None
        self._sums: dict[str, float] = {}
        self._num_updates = 0

    def add(self, row: Mapping[str, float]) -> None:
        """Takes in what one update reports."""
        self._num_updates += 1
        for name, value in row.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def flush(self, **facts: Any) -> dict[str, Any]:
        """Writes and returns the means since the last line, and forgets them."""
        means = {name: round(total / self._num_updates, 6) for name, total in self._sums.items()}
        row = {**facts, **means}
        self.write(row)
        self._sums, self._num_updates = {}, 0
        return row

    def write(self, row: Mapping[str, Any]) -> None:
        """Writes a row; its ``step`` says where it belongs."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        for name, value in _scalars(row):
            self._tensorboard().add_scalar(name, value, row["step"])
        self._tensorboard().flush()

    def write_picture(self, name: str, path: Path, *, step: int) -> None:
        """Shows an image file in TensorBoard."""
        self._tensorboard().add_image(name, read_image(path), step, dataformats="HWC")

    def state_dict(self) -> dict[str, Any]:
        """What was taken in and not yet written."""
        return {"sums": dict(self._sums), "num_updates": self._num_updates}

    def resume(self, state: Mapping[str, Any], *, step: int) -> None:
        """Continues from what :meth:`state_dict` gave at a step; rows of later updates are dropped.

        A line that a killed process left unfinished goes with them.
        """
        self._sums, self._num_updates = dict(state["sums"]), state["num_updates"]
        rows = [row for row in read_rows(self.path) if row["step"] <= step]
        write_text_atomically(self.path, "".join(json.dumps(row) + "\n" for row in rows))
        self._purged_from = step + 1

    def close(self) -> None:
        """Ends the event file; a later row begins another."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _tensorboard(self) -> SummaryWriter:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter  # seconds, which a run's start can do without

            self._writer = SummaryWriter(str(self._events), purge_step=self._purged_from)
        return self._writer


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file in their order; none where there is no file.

    A last line without its end, as a killed process leaves one, is left out.
    """
    if not path.is_file():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def _scalars(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """TensorBoard's names and the numbers of a row; what was never counted is left out."""
    is_validation = "validation" in row
    for name, value in _leaves(row["validation"] if is_validation else row):
        if name != "step":
            yield f"{'validation' if is_validation else 'training'}/{name}", value


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}/{inner}", leaf) for inner, leaf in _leaves(value))
        elif isinstance(value, int | float):
            yield name, float(value)
