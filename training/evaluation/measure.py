"""One pass over the images of a split, each encoded once for all that is measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from geophrase.training.data.risors import RisorsError, RisorsImage, read_image, read_split
from geophrase.training.evaluation.segmenter import EncodedImage, Segmenter


class Measure(Protocol):
    """Something that is counted image by image and reported at the end."""

    def add(self, image: RisorsImage, encoded: EncodedImage) -> None:
        """Asks about one image and counts the answers."""

    def report(self) -> dict[str, Any]:
        """What was counted, as nested plain values."""


def images_to_score(roots: Sequence[Path], split: str) -> list[RisorsImage]:
    """The images of one split of one or more folders, at least one, none with estimated masks.

    Raises:
        RisorsError: A folder is not in the RISORS format, its masks are estimates, or no folder has an image.
    """
    images: list[RisorsImage] = []
    for root in roots:
        found = read_split(root, split)
        if any(image.is_approximate for image in found):
            raise RisorsError(f"{root} has estimated masks, for training only; evaluate on another folder.")
        images += found
    if not images:
        names = ", ".join(str(root) for root in roots)
        raise RisorsError(f"The split {split!r} of {names} has no image: prepare all of it, or name another.")
    return images


def measure_images(
    segmenter: Segmenter, images: Sequence[RisorsImage], measures: Sequence[Measure], *, is_quiet: bool = True
) -> None:
    """Lets every measure count every image.

    Args:
        segmenter: The model.
        images: Images of one split.
        measures: What to count.
        is_quiet: Whether to show no progress bar, which only a terminal gets.

    Raises:
        RisorsError: An image file cannot be read.
    """
    for image in tqdm(images, unit="image", disable=is_quiet or None, leave=False):
        if not image.phrases and not image.instances:
            continue
        encoded = segmenter.encode(read_image(image.path))
        for measure in measures:
            measure.add(image, encoded)
