"""What is drawn measures what the rule books say, read off the labels alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from geophrase.training.scenes import sports, vehicles
from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.dimensions import AIRFRAMES
from geophrase.training.scenes.geometry import Pose
from geophrase.training.scenes.kinds import KINDS
from geophrase.training.scenes.look import draw_look


def _sides_m(canvas: Canvas, kind: str) -> tuple[float, float]:
    """The sides of the smallest rotated rectangle around a kind's pixels, longer first."""
    labels = [index for index, record in enumerate(canvas.records) if record.kind == kind]
    mask = np.isin(canvas.labels_LHW[KINDS[kind].layer], labels).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    sides = cv2.minAreaRect(np.concatenate(contours))[1]
    return tuple(sorted(((side + 1) * canvas.gsd_m for side in sides), reverse=True))


@pytest.mark.parametrize("gsd_m", [0.15, 0.3, 0.6])
@pytest.mark.parametrize(
    ("kind", "draw", "expected_m"),
    [
        ("tennis_court", lambda c, k, p: sports.tennis_courts(c, k, p, 1), (23.77, 10.97)),
        ("basketball_court", lambda c, k, p: sports.basketball_courts(c, k, p, 1), (28.0, 15.0)),
    ],
)
def test_true_size(kind, draw, expected_m, gsd_m):
    rng = np.random.default_rng(3)
    canvas = Canvas(round(60 / gsd_m), gsd_m, rng)
    draw(canvas, draw_look(rng), Pose(30.2, 29.7, 0.4))
    assert _sides_m(canvas, kind) == pytest.approx(expected_m, abs=1.5 * gsd_m + 0.02 * expected_m[0])


@pytest.mark.parametrize("gsd_m", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("frame", AIRFRAMES)
def test_an_aeroplane_has_its_length_and_span(frame, gsd_m):
    rng = np.random.default_rng(3)
    canvas = Canvas(round(100 / gsd_m), gsd_m, rng)
    vehicles.airplane(canvas, draw_look(rng), Pose(50.0, 50.0, 0.0), frame)
    rows, cols = np.nonzero(canvas.labels_LHW[KINDS["airplane"].layer])
    assert np.ptp(cols) * gsd_m == pytest.approx(frame.length, abs=2 * gsd_m + 0.03 * frame.length)
    assert np.ptp(rows) * gsd_m == pytest.approx(frame.span, abs=2 * gsd_m + 0.03 * frame.span)


def test_a_running_track_is_a_400_m_track():
    rng = np.random.default_rng(4)
    canvas = Canvas(500, 0.5, rng)
    sports.track_field(canvas, draw_look(rng), Pose(125, 125, 0.7))
    assert _sides_m(canvas, "ground_track_field") == pytest.approx((176.91, 92.52), abs=1.0)
    label = next(index for index, record in enumerate(canvas.records) if record.kind == "ground_track_field")
    area_m2 = np.count_nonzero(canvas.labels_LHW[1] == label) * 0.25
    assert area_m2 == pytest.approx(84.39 * 92.52 + np.pi * 46.26**2, rel=0.01)


def test_a_baseball_infield_opens_at_a_right_angle():
    rng = np.random.default_rng(5)
    canvas = Canvas(500, 0.2, rng)
    home = Pose(50.0, 30.0, np.pi / 2)
    assert sports.baseball_diamond(canvas, draw_look(rng), home)
    labels = [index for index, record in enumerate(canvas.records) if record.kind == "baseball_diamond"]
    rows, cols = np.nonzero(np.isin(canvas.labels_LHW[2], labels))
    away = np.hypot(cols * 0.2 - 50, rows * 0.2 - 30)
    angle = np.degrees(np.arctan2(cols * 0.2 - 50, rows * 0.2 - 30))
    ring = (away > 14) & (away < 16)
    assert np.abs(angle[ring]).max() == pytest.approx(45 + np.degrees(np.arcsin(2.5 / 15)), abs=6)
