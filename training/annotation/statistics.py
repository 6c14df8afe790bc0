"""What a RISORS folder holds, counted while its annotation files stream by: the paper's Table 2 and more.

Source: paper, Sections 3.1.2 and 3.1.3, Tables 2 and 3.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geophrase.engine.errors import CancelledError
from geophrase.training.data.risors import SPLITS, RisorsError, RisorsImage, read_sample, read_stems

UNNAMED, SEVERAL = "(no class)", "(several classes)"


@dataclass
class SplitCounts:
    """What one split holds.

    Attributes:
        images: Images.
        instances: Phrases with a mask, which is what the paper counts.
        absent: Phrases for something that is not there.
        objects: Labelled objects from which phrases can be drawn.
    """

    images: int = 0
    instances: int = 0
    absent: int = 0
    objects: int = 0


@dataclass
class FolderStatistics:
    """Everything that is told and drawn of a folder.

    Attributes:
        folder: The folder.
        splits: Counts by split, in the format's order.
        per_image: Number of images by their number of instances.
        sizes: Number of images by (width, height).
        words: Words of each phrase, absent ones included.
        points: Guiding points of each instance.
        areas: Pixels of each instance, by class.
    """

    folder: Path
    splits: dict[str, SplitCounts] = field(default_factory=dict)
    per_image: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    words: array[int] = field(default_factory=lambda: array("l"))
    points: array[int] = field(default_factory=lambda: array("l"))
    areas: dict[str, array[int]] = field(default_factory=dict)

    @property
    def num_instances(self) -> int:
        """Phrases with a mask, in all splits."""
        return sum(split.instances for split in self.splits.values())

    @property
    def num_images(self) -> int:
        """Images in all splits."""
        return sum(split.images for split in self.splits.values())

    def areas_of(self, name: str) -> NDArray[np.int64]:
        """Areas of one class in pixels."""
        return np.asarray(self.areas[name], np.int64)

    def all_areas(self) -> NDArray[np.int64]:
        """Areas of all instances in pixels."""
        return np.concatenate([self.areas_of(name) for name in self.areas] or [np.zeros(0, np.int64)])

    def classes(self) -> list[str]:
        """The classes, the most frequent first."""
        return sorted(self.areas, key=lambda name: (-len(self.areas[name]), name))

    def add(self, split: str, image: RisorsImage) -> None:
        """Counts one image."""
        counts = self.splits.setdefault(split, SplitCounts())
        present = [phrase for phrase in image.phrases if not phrase.is_absent]
        counts.images += 1
        counts.instances += len(present)
        counts.absent += len(image.phrases) - len(present)
        counts.objects += len(image.instances)
        self.per_image[len(present)] += 1
        self.sizes[image.width_px, image.height_px] += 1
        self.words.extend(len(phrase.text.split()) for phrase in image.phrases)
        for phrase in present:
            self.points.append(len(phrase.point_coords))
            name = SEVERAL if "+" in phrase.name else phrase.name or UNNAMED
            self.areas.setdefault(name, array("l")).append(phrase.area_px)

    def report(self) -> dict[str, Any]:
        """Plain numbers for JSON; None where there is nothing to take a mean of."""
        return {
            "folder": str(self.folder),
            "splits": {split: vars(counts) for split, counts in self.splits.items()},
            "images": self.num_images,
            "instances": self.num_instances,
            "words": _spread(self.words),
            "areas_px": _spread(self.all_areas()),
            "mean_points": _spread(self.points)["mean"],
            "image_sizes": [
                {"width": width, "height": height, "images": number}
                for (width, height), number in self.sizes.most_common()
            ],
            "instances_per_image": {str(number): self.per_image[number] for number in sorted(self.per_image)},
            "classes": {
                name: {"instances": len(self.areas[name]), "areas_px": _spread(self.areas[name])}
                for name in self.classes()
            },
        }


def gather(folder: Path) -> FolderStatistics:
    """Counts a folder, one annotation file at a time.

    Raises:
        RisorsError: It is not in the RISORS format, or a file is damaged.
        CancelledError: Ctrl-C.
    """
    listed = [(split, stem) for split in SPLITS for stem in read_stems(folder, split)]
    if not listed:
        raise RisorsError(
            f"{folder} has no images in the RISORS format; make it with `geophrase-train prepare`."
        )
    found = FolderStatistics(folder)
    try:
        for split, stem in tqdm(listed, desc=folder.name, unit="image", disable=None, dynamic_ncols=True):
            found.add(split, read_sample(folder, stem))
    except KeyboardInterrupt:
        raise CancelledError(f"stopped while counting {folder}") from None
    return found


def _spread(values: array[int] | NDArray[np.int64]) -> dict[str, float | None]:
    if not len(values):
        return {"min": None, "mean": None, "max": None}
    numbers = np.asarray(values, np.int64)
    return {"min": int(numbers.min()), "mean": round(float(numbers.mean()), 4), "max": int(numbers.max())}
