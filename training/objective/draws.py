"""The chance in a batch's simulated prompts, which is the same however many processes share the batch.

Shape letters: Q queries, S selected queries, C coordinates, R rounds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geophrase.training.objective.clicks import ClickConfig

_NUM_BOX_SIDES = 4


@dataclass(frozen=True)
class Draws:
    """Uniform numbers in [0, 1), each with one use.

    The numbers of the batch decide what all of its queries go through, in every process alike, so that all
    processes use the same parameters.

    Attributes:
        corrections: Whether the batch gets corrections.
        one_object: Whether they ask for one object anew.
        text: Whether the phrase is kept then.
        box: Whether a box comes first.
        rounds: How many corrections.
        select_Q: Which queries get them.
        part_Q: Which part of a reference is the one object.
        box_QC: How each side of the box is displaced.
        point_QR: Which pixel is clicked in each round.
    """

    corrections: float
    one_object: float
    text: float
    box: float
    rounds: float
    select_Q: Tensor
    part_Q: Tensor
    box_QC: Tensor
    point_QR: Tensor

    def select(self, index_S: Tensor) -> Draws:
        """Those of some of the queries."""
        index_S = index_S.cpu()
        return replace(
            self,
            select_Q=self.select_Q[index_S],
            part_Q=self.part_Q[index_S],
            box_QC=self.box_QC[index_S],
            point_QR=self.point_QR[index_S],
        )


def draw(
    clicks: ClickConfig, num_queries: int, *, seed: int, number: int, share: int = 0, num_shares: int = 1
) -> Draws:
    """Returns what is drawn for one share of a batch, from the run's seed and the batch's number alone.

    The shares of a batch, one after the other, have the draws of the whole.

    Args:
        clicks: Says how many rounds there may be.
        num_queries: Queries of the share, as many as of the others.
        seed: Of the run.
        number: Of the batch, counted from the start of the run.
        share: Which of the equal shares.
        num_shares: Processes among which the batch is divided.
    """
    generator = torch.Generator().manual_seed(seed_of(seed, number, "prompts"))
    corrections, one_object, text, box, rounds = torch.rand(5, generator=generator).tolist()
    num_columns = 2 + _NUM_BOX_SIDES + max(1, clicks.max_rounds)
    table = torch.rand(num_shares * num_queries, num_columns, generator=generator)
    own = table[share * num_queries : (share + 1) * num_queries]
    select_Q, part_Q = own[:, 0], own[:, 1]
    box_QC, point_QR = own[:, 2 : 2 + _NUM_BOX_SIDES], own[:, 2 + _NUM_BOX_SIDES :]
    return Draws(corrections, one_object, text, box, rounds, select_Q, part_Q, box_QC, point_QR)


def seed_of(*facts: object) -> int:
    """Returns a seed in [0, 2**63) that is another one for any other facts."""
    digest = hashlib.blake2b("/".join(map(str, facts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
