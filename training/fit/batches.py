"""The endless stream of training batches: any batch of it can be made again from its number.

Source letters as in ``training.data.dataset``.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.config import DataConfig
from geophrase.training.data.dataset import Batch, PhraseDataset, Sample, collate

_Key = tuple[int, int]  # input side in pixels, index of the image
_GRACE_S = 20  # of a loader process that was told to end, for the parent's last update


class _MultiScaleDataset(Dataset[Sample]):
    """The same data at several input sides."""

    def __init__(self, by_side: dict[int, PhraseDataset]) -> None:
        self._by_side = by_side

    def set_epoch(self, epoch: int) -> None:
        for dataset in self._by_side.values():
            dataset.set_epoch(epoch)

    def __len__(self) -> int:
        return len(next(iter(self._by_side.values())))

    def __getitem__(self, key: _Key) -> Sample:
        side_px, index = key
        return self._by_side[side_px][index]


class EpochSampler(Sampler[list[_Key]]):
    """The batches of one epoch as keys: a permutation and an input side for each, from seed and epoch alone.

    Processes that make one run take a share of each batch: put one after the other, the shares are the batch
    of a process alone whose batches are that much larger.

    Args:
        num_images: Images of an epoch.
        config: Says how many images are in one share, and their sides.
        seed: Start of all chance.
        share: Which share of each batch.
        num_shares: How many processes share it.

    Attributes:
        epoch: The pass.
        first: Batches of it that are left out at its start, for a resumed run.
    """

    def __init__(
        self, num_images: int, config: DataConfig, *, seed: int, share: int = 0, num_shares: int = 1
    ) -> None:
        self._num_images = num_images
        self._config = config
        self._seed = seed
        self._share = share
        self._batch_images = config.batch_size * num_shares
        self.epoch = 0
        self.first = 0

    def __len__(self) -> int:
        """Batches of a whole epoch; images left over come in another epoch."""
        return self._num_images // self._batch_images

    def __iter__(self) -> Iterator[list[_Key]]:
        generator = torch.Generator().manual_seed((self._seed << 32) + self.epoch)
        order = torch.randperm(self._num_images, generator=generator).tolist()
        choices = torch.randint(len(self._config.image_px), (len(self),), generator=generator).tolist()
        for number in range(self.first, len(self)):
            start = number * self._batch_images + self._share * self._config.batch_size
            side_px = self._config.image_px[choices[number]]
            yield [(side_px, index) for index in order[start : start + self._config.batch_size]]


@dataclass(frozen=True)
class TrainingData:
    """Where training samples come from.

    Attributes:
        roots: RISORS folders, of which the train splits are read.
        repeats: How often the images of each folder come in an epoch; once when empty.
        workers: Loader processes; 0 loads between updates.
    """

    roots: tuple[Path, ...]
    repeats: tuple[int, ...] = ()
    workers: int = 1

    def stream(self, config: DataConfig, *, seed: int, share: int = 0, num_shares: int = 1) -> BatchStream:
        """Reads the folders and returns their batches, or a process's share of each.

        Args:
            config: What a share of a batch is made of.
            seed: Start of all chance.
            share: Which share of each batch.
            num_shares: How many processes share it.

        Raises:
            EngineError: There are fewer images than a batch needs.
            RisorsError: A folder is not in the RISORS format.
        """
        dataset = PhraseDataset(
            self.roots,
            "train",
            image_px=config.image_px[0],
            queries_per_image=config.queries_per_image,
            augment=config.augment,
            seed=seed,
            is_phrase_per_sample=config.is_phrase_per_sample,
            sampler=config.phrases,
            typed_share=config.typed_share,
            repeats=self.repeats,
        )
        sampler = EpochSampler(len(dataset), config, seed=seed, share=share, num_shares=num_shares)
        if not len(sampler):
            num_images = config.batch_size * num_shares
            message = f"{len(dataset)} training images are fewer than a batch of {num_images}: lower it."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        by_side = {side_px: dataset.at_size(side_px) for side_px in config.image_px}
        return BatchStream(_MultiScaleDataset(by_side), sampler, self.workers)


class BatchStream:
    """The batches of a run, without end."""

    def __init__(self, dataset: _MultiScaleDataset, sampler: EpochSampler, workers: int) -> None:
        self._dataset = dataset
        self._sampler = sampler
        self._workers = workers

    @property
    def batches_per_epoch(self) -> int:
        """Batches in which every image comes once."""
        return len(self._sampler)

    def batches(self, first: int = 0) -> Generator[Batch, None, None]:
        """Yields batches without end, beginning with the batch of a given number.

        Closing the generator ends the loader processes.
        """
        loader = DataLoader(
            self._dataset,
            batch_sampler=self._sampler,
            collate_fn=collate,
            num_workers=self._workers,
            prefetch_factor=4 if self._workers else None,
            persistent_workers=self._workers > 0,
            worker_init_fn=_leave_interrupts_to_the_parent,
            generator=torch.Generator(),  # the default one belongs to the run and must not be drawn from
            pin_memory=torch.cuda.is_available(),
        )
        sampler = self._sampler
        sampler.epoch, sampler.first = divmod(first, len(sampler))
        while True:
            self._dataset.set_epoch(sampler.epoch)
            yield from loader
            sampler.epoch, sampler.first = sampler.epoch + 1, 0


def _leave_interrupts_to_the_parent(_worker: int) -> None:
    """Ctrl-C and a launcher's SIGTERM reach the loader too, whose batches the parent's last update needs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "alarm"):  # where there is none, SIGTERM is not sent to groups of processes either
        signal.signal(signal.SIGTERM, lambda _signal, _frame: signal.alarm(_GRACE_S))
