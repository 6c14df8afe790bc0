"""A model's own masks in place of the truth, with a model that marks what a test writes down."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from geophrase.engine.model.rsam.config import PRESETS, ChooserConfig, ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.choosing.examples import draw_examples
from geophrase.training.choosing.layouts import GRID_CELLS, SIDE_PX, cells_of
from geophrase.training.choosing.seen_layouts import SeenLayouts
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import write_sample, write_split

BOXES = ((20, 30, 40), (120, 30, 40), (200, 150, 40))  # left, top and side of three red tanks


@pytest.fixture
def root(tmp_path):
    image = np.full((SIDE_PX, SIDE_PX, 3), 60, np.uint8)
    tanks = []
    for left, top, side in BOXES:
        image[top : top + side, left : left + side] = (220, 30, 30)
        tanks.append(Instance("storage_tank", np.ones((side, side), np.uint8), left, top))
    write_sample(tmp_path, "yard", image, [], instances=tanks)
    write_split(tmp_path, "train", ["yard"])
    return tmp_path


class Marking(Rsam):
    """Marks all but the last tank, and a corner where there is none."""

    def decode(self, features, **prompts):
        output = super().decode(features, **prompts)
        marked = np.full((GRID_CELLS, GRID_CELLS), -5.0, np.float32)
        for left, top, side in (*BOXES[:2], (0, 300, 20)):
            marked[top // 2 : (top + side) // 2, left // 2 : (left + side) // 2] = 5.0
        referents = torch.from_numpy(np.stack([marked, marked]))[None]
        return replace(output, referent_logits_QRHW=referents)


@pytest.fixture
def rsam():
    trunk = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))
    return Marking(replace(PRESETS["rsam_small"], trunk=trunk, chooser=ChooserConfig())).eval()


def test_examples_are_about_what_the_model_marked(rsam, root):
    layout = SeenLayouts(rsam, [root], "train", num_views=1, seed=0).draw(random.Random(0))
    assert [instance.area_px for instance in layout.instances] == [side**2 for _, _, side in BOXES]
    found = [one for seed in range(9) for one in draw_examples(layout, random.Random(seed), 8)]
    plain = [one for one in found if one.kind == "class"]
    assert plain
    for example in plain:  # in reading order: two tanks, and the corner, which is none
        assert example.num_cells_O.tolist() == [400, 400, 100]
        assert example.is_meant_O.tolist() == [1, 1, 0]
        assert example.num_target_cells == cells_of(layout.instances).sum()


def test_the_colours_are_the_images(rsam, root):
    layout = SeenLayouts(rsam, [root], "train", num_views=1, seed=0).draw(random.Random(0))
    inside = cells_of(layout.instances)
    red, green, _ = layout.colours_CHW
    assert red[inside].min() > green[inside].max() + 1.0
    assert red[~inside].mean() < red[inside].mean() - 1.0
