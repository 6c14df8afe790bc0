"""Whole objects in and out of masks, with a chooser whose opinions are written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from geophrase.engine.model.rsam.image_encoder import ImageFeatures
from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.object_choice import choose_objects
from geophrase.engine.model.rsam.text_encoder import TextFeatures

SIDE = 32
LEFT, RIGHT = np.s_[8:16, 2:10], np.s_[8:16, 20:28]
TEXT = TextFeatures(torch.zeros(1, 3, 8), torch.zeros(1, 3, dtype=torch.bool))

FEATURES = ImageFeatures(*(torch.zeros(1, 1, SIDE // by, SIDE // by) for by in (4, 2, 1)))


class Opinions(nn.Module):
    """A chooser that says the same whatever it is asked, of the left object first."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = torch.tensor([logits])

    def summary(self, text):
        return text.tokens_BLD[:, 0]

    def opinions(self, descriptors_QOF, summary_QE):
        return self.logits.expand(len(descriptors_QOF), -1)[:, : descriptors_QOF.shape[1]]


def logits_of(*objects, logit=3.0):
    mask = torch.full((SIDE, SIDE), -5.0)
    for window in objects:
        mask[window] = logit
    return mask


def chosen(opinions, own, *, kind=(LEFT, RIGHT), clicks=None):
    referents = torch.stack([logits_of(*kind), logits_of()])[None]
    output = MaskOutput(own[None, None], torch.ones(1, 1), torch.ones(1, 1), referents)
    return choose_objects(Opinions(*opinions), output, TEXT, FEATURES, clicks=clicks)


def answer(opinions, own, **prompts):
    return (chosen(opinions, own, **prompts).mask_logits_QMHW[0, 0] > 0).numpy()


def shown(*objects):
    mask = np.zeros((SIDE, SIDE), bool)
    for window in objects:
        mask[window] = True
    return mask


def test_the_mask_alone_decides_where_the_chooser_has_no_opinion():
    assert np.array_equal(answer((0.0, 0.0), logits_of(RIGHT)), shown(RIGHT))


def test_half_an_object_becomes_whole_or_nothing():
    own = logits_of(np.s_[8:16, 2:9], np.s_[8:16, 20:22])
    assert np.array_equal(answer((0.0, 0.0), own), shown(LEFT))


def test_a_sure_chooser_overrules_the_mask():
    assert np.array_equal(answer((9.0, -9.0), logits_of(RIGHT)), shown(LEFT))


def test_the_likeliest_is_chosen_where_none_is_likely():
    output = chosen((-5.0, -0.5), logits_of(LEFT, RIGHT, logit=-0.5))
    assert np.array_equal((output.mask_logits_QMHW[0, 0] > 0).numpy(), shown(RIGHT))
    assert output.objectness_Q1.item() == 1.0


def test_nothing_is_there_where_all_are_unlikely():
    assert chosen((-20.0, -9.0), logits_of()).objectness_Q1.item() < 0


def test_a_part_of_the_kinds_mask_that_is_nowhere_sure_is_no_object():
    referents = torch.stack([torch.maximum(logits_of(LEFT), logits_of(RIGHT, logit=0.3)), logits_of()])[None]
    output = MaskOutput(logits_of(RIGHT)[None, None], torch.ones(1, 1), torch.ones(1, 1), referents)
    sizes = []
    chooser = Opinions(9.0)
    chooser.opinions = lambda descriptors_QOF, _: sizes.append(descriptors_QOF.shape[1]) or chooser.logits

    choose_objects(chooser, output, TEXT, FEATURES, clicks=None)
    assert sizes == [1]


def test_a_phrase_asked_of_many_images_is_summed_up_once_and_another_one_anew():
    referents = torch.stack([logits_of(LEFT), logits_of()])[None].expand(3, -1, -1, -1)
    output = MaskOutput(logits_of()[None, None].expand(3, -1, -1, -1), *torch.ones(2, 3, 1), referents)
    tokens = torch.zeros(3, 3, 8)
    tokens[2] = 1
    text = TextFeatures(tokens, torch.zeros(3, 3, dtype=torch.bool))
    chooser, summaries, asked = Opinions(9.0), [], []
    chooser.summary = lambda text: summaries.append(text) or text.tokens_BLD[:, 0]
    chooser.opinions = lambda _, summary_QE: asked.append(summary_QE) or chooser.logits

    choose_objects(chooser, output, text, FEATURES.select(torch.zeros(3, dtype=torch.long)), clicks=None)

    assert len(summaries) == 2
    assert [float(summary_1E[0, 0]) for summary_1E in asked] == [0, 0, 1]


def test_crumbs_are_no_objects():
    crumb = np.s_[28:30, 28:30]
    assert np.array_equal(answer((9.0, -9.0), logits_of(), kind=(LEFT, RIGHT, crumb)), shown(LEFT))


def test_cells_outside_all_objects_must_be_surer_unless_there_are_clicks():
    elsewhere = np.s_[25:30, 10:14]
    assert np.array_equal(answer((9.0, -9.0), logits_of(elsewhere)), shown(LEFT, elsewhere))
    assert np.array_equal(answer((9.0, -9.0), logits_of(elsewhere, logit=0.5)), shown(LEFT))
    clicks = (torch.tensor([[[4.0 * 5, 4.0 * 12]]]), torch.tensor([[1]]))
    own = logits_of(elsewhere, logit=0.5)
    assert np.array_equal(answer((0.0, 0.0), own, clicks=clicks), shown(LEFT, elsewhere))


def test_what_is_as_large_as_an_object_stays_beside_them_where_all_are_meant():
    large, crumb = np.s_[20:28, 20:28], np.s_[29:31, 3:5]
    own = torch.maximum(logits_of(LEFT, RIGHT), logits_of(large, crumb, logit=0.5))
    assert np.array_equal(answer((9.0, 9.0), own), shown(LEFT, RIGHT, large))
    assert np.array_equal(answer((9.0, -9.0), own), shown(LEFT))


@pytest.mark.parametrize(("label", "expected"), [(1, (LEFT, RIGHT)), (0, (LEFT,)), (-1, (LEFT,))])
def test_a_click_puts_its_object_in_or_out(label, expected):
    clicks = (torch.tensor([[[4.0 * 24, 4.0 * 12]]]), torch.tensor([[label]]))
    assert np.array_equal(answer((9.0, 9.0), logits_of(LEFT), clicks=clicks), shown(*expected))


def test_a_click_on_one_object_leaves_out_its_fellows_of_the_same_phrase():
    clicks = (torch.tensor([[[4.0 * 24, 4.0 * 12]]]), torch.tensor([[1]]))
    assert np.array_equal(answer((9.0, 9.0), logits_of(), clicks=clicks), shown(RIGHT))


def test_without_objects_the_mask_stays_as_it_was():
    own = logits_of(np.s_[3:9, 3:9])
    assert np.array_equal(answer((), own, kind=()), own.numpy() > 0)
