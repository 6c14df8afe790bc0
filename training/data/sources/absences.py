"""Which classes an image surely doesn't show, for sources that label few classes or none.

A data set with labelled buildings doesn't say that there is no airplane. Somebody who looked at its images
does: a class counts as absent where no object is seen that any of its names in the lexicon could mean. Where
one may be hidden or too small to tell, the class isn't listed, and nothing is learnt about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class AbsenceSurvey:
    """What was seen, image by image, at full resolution.

    Attributes:
        images: Names of the images that were looked at.
        all_but: Classes absent from every image but those named, blank-separated: they show one or may.
        only: Classes absent from the images named and perhaps not from others.
    """

    images: frozenset[str]
    all_but: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a name that isn't among the images, which would list an absence wrongly.

        Raises:
            ValueError: An image is named that wasn't looked at.
        """
        named = {name for names in (*self.all_but.values(), *self.only.values()) for name in names.split()}
        if not named <= self.images:
            raise ValueError(f"not among the images of the survey: {', '.join(sorted(named - self.images))}")

    def absent_from(self, image: str) -> frozenset[str]:
        """Classes that the image surely doesn't show; none for an image that wasn't looked at."""
        if image not in self.images:
            return frozenset()
        kept = {name for name, images in self.all_but.items() if image not in images.split()}
        return frozenset(kept | {name for name, images in self.only.items() if image in images.split()})
