"""One pass over the images of a split, each encoded once for all that is measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tqdm import tqdm

from geophrase.training.data.risors import RisorsImage, read_image
from geophrase.training.evaluation.segmenter import EncodedImage, Segmenter


class Measure(Protocol):
    """Something that is counted image by image and reported at the end."""

    def add(self, image: RisorsImage, encoded: EncodedImage) -> None:
        """Asks about one image and counts the answers."""

    def report(self) -> dict[str, Any]:
        """What was counted, as nested plain values."""


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
