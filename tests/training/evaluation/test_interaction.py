import numpy as np
import torch
from sam2.modeling.sam2_utils import get_next_point
from scipy.stats import chisquare

from geophrase.tests.training.evaluation.fake_segmenters import FakeSegmenter, answers_of
from geophrase.training.evaluation.interaction import (
    Click,
    Interaction,
    central_error_click,
    random_error_click,
)


def blobs(rng, hw=(23, 31)):
    """A random mask with pieces of many sizes."""
    coarse = rng.random((hw[0] // 3 + 1, hw[1] // 3 + 1)) < 0.5
    return coarse.repeat(3, 0).repeat(3, 1)[: hw[0], : hw[1]] ^ (rng.random(hw) < 0.05)


def as_batch(mask):
    return torch.from_numpy(mask)[None, None]


def test_the_central_click_is_where_sam2s_own_sampler_clicks():
    rng = np.random.default_rng(0)
    for _ in range(60):
        predicted, reference = blobs(rng), blobs(rng)
        points, labels = get_next_point(as_batch(reference), as_batch(predicted), "center")
        click = central_error_click(predicted, reference)
        assert [click.x_px, click.y_px] == points[0, 0].tolist()
        assert click.is_positive == bool(labels[0, 0])


def depth_by_hand(region):
    """Distance to the nearest pixel that is not in the region, the outside of the image included."""
    padded = np.pad(region, 1)
    outside = np.argwhere(~padded)
    depth = np.zeros(padded.shape)
    for y, x in np.argwhere(padded):
        depth[y, x] = np.sqrt(((outside - (y, x)) ** 2).sum(1).min())
    return depth[1:-1, 1:-1]


def click_by_hand(predicted, reference, clicked=()):
    missed, excess = depth_by_hand(reference & ~predicted), depth_by_hand(predicted & ~reference)
    for x, y in clicked:
        missed[y, x] = excess[y, x] = 0
    is_positive = missed.max() > excess.max()
    depth = missed if is_positive else excess
    if depth.max() == 0:
        return None
    y, x = np.argwhere(np.isclose(depth, depth.max()))[0]
    return int(x), int(y), bool(is_positive)


def test_the_central_click_against_distances_counted_by_hand():
    rng = np.random.default_rng(1)
    for _ in range(20):
        predicted, reference = blobs(rng, (9, 11)), blobs(rng, (9, 11))
        click = central_error_click(predicted, reference)
        assert (click.x_px, click.y_px, click.is_positive) == click_by_hand(predicted, reference)


def test_no_pixel_is_clicked_twice_and_every_wrong_one_at_last():
    rng = np.random.default_rng(2)
    predicted, reference = blobs(rng, (6, 7)), blobs(rng, (6, 7))
    clicks = []
    while (click := central_error_click(predicted, reference, clicks)) is not None:
        clicks.append(click)
    places = [(click.y_px, click.x_px) for click in clicks]
    assert sorted(places) == sorted(map(tuple, np.argwhere(predicted != reference)))
    assert all(click.is_positive == reference[click.y_px, click.x_px] for click in clicks)


def test_random_clicks_are_as_likely_on_every_wrong_pixel():
    rng = np.random.default_rng(3)
    predicted, reference = blobs(rng, (6, 7)), blobs(rng, (6, 7))
    counts = np.zeros((6, 7), int)
    for _ in range(4000):
        click = random_error_click(predicted, reference, rng)
        counts[click.y_px, click.x_px] += 1
        assert click.is_positive == reference[click.y_px, click.x_px]
    wrong = predicted != reference
    assert counts[~wrong].sum() == 0
    assert chisquare(counts[wrong]).pvalue > 1e-3


def test_a_right_mask_gets_no_click():
    mask = blobs(np.random.default_rng(4))
    assert central_error_click(mask, mask) is None
    assert random_error_click(mask, mask, np.random.default_rng(0)) is None


class MovesOnePixel(FakeSegmenter):
    """Answers a phrase with nothing, as absent, and n points with the n first columns, whatever they are."""

    def answer(self, image, prompts):
        masks = np.zeros((prompts.num_queries, *image.hw_px), bool)
        num_points = 0 if prompts.points_xy_QNC is None else prompts.points_xy_QNC.shape[1]
        masks[:, :, : max(1, num_points)] = True
        return answers_of(masks, objectness=[-3.0] * len(masks))


def first_columns(num):
    mask = np.zeros((5, 8), bool)
    mask[:, :num] = True
    return mask


def choose_central(_number, predicted, reference, clicked):
    return central_error_click(predicted, reference, clicked)


def test_each_question_repeats_phrase_clicks_and_the_answer_before():
    segmenter = MovesOnePixel()
    encoded = segmenter.encode(np.zeros((5, 8, 3), np.uint8))
    references = [first_columns(4), first_columns(1), first_columns(2)]
    interaction = Interaction(encoded, references, texts=["a", "b", "c"], choose=choose_central)
    assert not np.stack(interaction.masks).any()  # said to be absent
    for _ in range(3):
        interaction.click(range(3))
    text_round, one, two, three = segmenter.asked
    assert text_round.texts == ["a", "b", "c"]
    assert text_round.points_xy_QNC is None
    assert one.texts == ["a", "b", "c"]
    assert two.texts == ["a", "c"]  # b was right after one click
    assert three.texts == ["a"]
    assert three.points_xy_QNC.shape == (1, 3, 2)
    assert (three.points_xy_QNC[:, :2] == two.points_xy_QNC[:1]).all()
    assert (three.points_xy_QNC % 1 == 0.5).all()  # centres of pixels
    assert (three.point_labels_QN == 1).all()
    assert (three.previous_QHW[0] > 0).numpy().tolist() == first_columns(2).tolist()
    assert [mask.sum() for mask in interaction.masks] == [15, 5, 10]
    assert [len(clicks) for clicks in interaction.clicks] == [3, 1, 2]


def test_clicks_alone_begin_without_an_earlier_mask():
    segmenter = MovesOnePixel()
    encoded = segmenter.encode(np.zeros((5, 8, 3), np.uint8))
    interaction = Interaction(encoded, [first_columns(4)], texts=None, choose=choose_central)
    assert segmenter.asked == []
    interaction.click([0])
    interaction.click([0])
    assert segmenter.asked[0].previous_QHW is None
    assert segmenter.asked[0].texts is None
    assert segmenter.asked[1].previous_QHW is not None
    assert interaction.clicks[0][0] == Click(1, 1, True)  # the first of its deepest pixels
