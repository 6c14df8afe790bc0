"""What a model is asked while it trains: the prompts, not its answers."""

import pytest
import torch

from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.objective.draws import draw
from geophrase.training.objective.losses import LossConfig
from geophrase.training.objective.objective import Objective, Queries

SIDE_PX = 64
NUM_TINY = 32


class Asked:
    """Stands where the model does: remembers what it is asked and says "here" of some left columns."""

    def __init__(self, num_marked_cols):
        self.num_marked_cols = num_marked_cols
        self.prompts = []

    def decode(self, features, *, image_index_Q, **prompts):
        self.prompts.append(prompts)
        logits = torch.full((len(image_index_Q), 1, SIDE_PX // 4, SIDE_PX // 4), -4.0)
        logits[..., : self.num_marked_cols] = 4.0
        ones = torch.ones(len(image_index_Q), 1)
        return MaskOutput(mask_logits_QMHW=logits, iou_QM=ones, objectness_Q1=ones)


def tiny_objects():
    """Objects of two pixels, none of which fills half a cell of the grid that logits are on."""
    masks = torch.zeros(NUM_TINY, SIDE_PX, SIDE_PX, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    for mask, (row, col) in zip(
        masks, torch.randint(0, SIDE_PX - 1, (NUM_TINY, 2), generator=generator), strict=True
    ):
        mask[row, col : col + 2] = True
    text = TextFeatures(torch.zeros(NUM_TINY, 3, 8), torch.ones(NUM_TINY, 3, dtype=torch.bool))
    return Queries(torch.zeros(NUM_TINY, dtype=torch.long), text, masks, torch.zeros(NUM_TINY, dtype=bool))


def first_clicks(model, **clicks):
    config = ClickConfig(
        batch_probability=1.0, sample_fraction=1.0, max_rounds=1, box_probability=0.0, **clicks
    )
    queries = tiny_objects()
    Objective(LossConfig(), config)(model, None, queries, draw(config, NUM_TINY, seed=0, number=0))
    _, prompts = model.prompts
    col_Q, row_Q = prompts["points_xy_QNC"][:, 0].long().T
    return queries.masks_QHW[torch.arange(NUM_TINY), row_Q, col_Q], prompts["point_labels_QN"][:, 0]


@pytest.mark.parametrize("object_probability", [0.0, 1.0])
def test_the_first_click_on_the_smallest_object_is_positive_and_on_it(object_probability):
    is_inside, labels = first_clicks(Asked(num_marked_cols=0), object_probability=object_probability)
    assert is_inside.all()
    assert labels.tolist() == [1] * NUM_TINY


def test_a_click_that_corrects_the_phrase_says_no_where_the_mask_is_wrong():
    is_inside, labels = first_clicks(Asked(num_marked_cols=8), object_probability=0.0)
    assert torch.equal(is_inside, labels == 1)
    assert labels.sum() < NUM_TINY / 4
