"""A small RISORS folder that every score of which is known for some segmenter."""

from __future__ import annotations

import numpy as np
import pytest

from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import Phrase, write_sample, write_split

HEIGHT_PX, WIDTH_PX = 60, 80
CLASSES = ("ship", "harbor", "bridge")


@pytest.fixture(scope="session")
def risors(tmp_path_factory):
    """Three images; each class has its own stripe of each, and one phrase is for something absent."""
    root = tmp_path_factory.mktemp("risors")
    for number in range(3):
        phrases, instances = [], []
        for third, name in enumerate(np.roll(CLASSES, number)):
            mask = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
            mask[third * 20 : third * 20 + 20 - number] = True
            phrases.append(Phrase.from_mask(f"{name} {number}", mask, kind="class", name=str(name)))
            phrases.append(
                Phrase.from_mask(f"the largest {name} {number}", mask, kind="size", name=str(name))
            )
            instances.append(Instance.from_mask(str(name), mask))
        nothing = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
        phrases.append(Phrase.from_mask("penguins", nothing, kind="absent", name="penguin"))
        image = np.full((HEIGHT_PX, WIDTH_PX, 3), number, np.uint8)
        write_sample(root, f"i{number}", image, phrases, instances=instances)
    write_split(root, "test", ["i0", "i1", "i2"])
    return root
