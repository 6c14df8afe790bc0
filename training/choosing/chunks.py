"""An endless series of fresh examples, made in loader processes."""

from __future__ import annotations

import random
from collections.abc import Iterator

from torch.utils.data import DataLoader, Dataset

from geophrase.training.choosing.config import ChoosingConfig
from geophrase.training.choosing.drawn_layouts import drawn_layout
from geophrase.training.choosing.examples import Example, draw_examples
from geophrase.training.choosing.layouts import Layout, RecordedLayouts
from geophrase.training.choosing.seen_layouts import SeenLayouts

_ENDLESS = 2**31


class ExampleChunks(Dataset[list[Example]]):
    """Examples about a few layouts each; a chunk depends on the seed and its number alone.

    Args:
        recorded: Layouts of annotated images, or None for drawn ones alone.
        config: Shares, noise and seed.
        seen: Layouts with a model's own masks, if there are.
    """

    def __init__(
        self, recorded: RecordedLayouts | None, config: ChoosingConfig, seen: SeenLayouts | None = None
    ) -> None:
        self._seen = seen
        self._recorded = recorded if recorded is not None and len(recorded) else None
        self._config = config

    def __getitem__(self, number: int) -> list[Example]:
        """The examples of a chunk; at least one."""
        config = self._config
        rng = random.Random(f"{config.seed}/{number}")
        examples: list[Example] = []
        for _ in range(config.layouts_per_chunk):
            layout = self._layout(rng)
            examples += draw_examples(
                layout,
                rng,
                config.phrases_per_layout,
                phrases=config.phrases,
                noise=config.noise,
                num_loose=config.loose_per_layout,
                num_typed=config.typed_per_layout,
            )
        return examples or self[number + _ENDLESS]

    def _layout(self, rng: random.Random) -> Layout:
        if self._seen is not None and rng.random() < self._config.seen_share:
            return self._seen.draw(rng)
        if self._recorded is None or rng.random() < self._config.drawn_share:
            return drawn_layout(rng)
        return self._recorded.view(rng.randrange(len(self._recorded)), rng)


def stream(chunks: ExampleChunks, start: int, *, workers: int) -> Iterator[list[Example]]:
    """The chunks from a number on, in order however many processes make them."""
    loader = DataLoader(
        chunks,
        batch_size=None,
        sampler=range(start, _ENDLESS),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)
