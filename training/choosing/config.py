"""What decides how choosing is learned."""

from __future__ import annotations

from dataclasses import dataclass, field

from geophrase.training.choosing.examples import PHRASES, NoiseConfig
from geophrase.training.config import Budget, OptimizerConfig
from geophrase.training.data.phrases import SamplerConfig


@dataclass(frozen=True)
class ChoosingConfig:
    """One training of the chooser.

    Attributes:
        budget: How long.
        optimizer: Rates and schedule; of its groups only ``rest`` is used.
        drawn_share: Share of layouts that are drawn, where there are recorded ones at all.
        num_views: Views of each image in which the model's own masks are learned from; 0 for none.
        seen_share: Share of layouts that are such views.
        phrases: Shares of the kinds of phrases; of absent ones only those about a kind that is there.
        noise: How the masks that objects are found in differ from the truth.
        layouts_per_chunk: Layouts that are made at a time.
        phrases_per_layout: Phrases about each.
        loose_per_layout: Phrases about each besides, of places and sizes as people use them.
        typed_per_layout: Phrases about each annotated image besides, of those that people typed for it.
        pool_chunks: The latest chunks, which batches are drawn from.
        updates_per_chunk: Updates before the next chunk; a batch is about a chunk, so it is also how often
            an example is used.
        batch_size: Phrases per update.
        checkpoint_minutes: Wall time between checkpoints.
        num_validations: Validations over the budget, the last at its end.
        seed: Start of all chance.
    """

    budget: Budget = field(default_factory=lambda: Budget(minutes=30.0))
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(learning_rate=2e-3))
    drawn_share: float = 0.6
    num_views: int = 0
    seen_share: float = 0.4
    phrases: SamplerConfig = PHRASES
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    layouts_per_chunk: int = 36
    phrases_per_layout: int = 7
    loose_per_layout: int = 2
    typed_per_layout: int = 0
    pool_chunks: int = 64
    updates_per_chunk: int = 3
    batch_size: int = 256
    checkpoint_minutes: float = 2.0
    num_validations: int = 5
    seed: int = 0
