"""What a run writes down, read back by TensorBoard and looked at as pixels."""

import json
import math

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from geophrase.training.fit.curves import plot_curves
from geophrase.training.fit.run_log import RunLog, read_rows

REPORT = {"mIoU": 0.5, "phrases": 3, "by_kind": {"class": {"mIoU": 0.25}}, "objectness_auc": None}


def logged(run, steps, *, log=None, per_row=2):
    log = log or RunLog(run)
    for step in steps:
        log.add({"loss": float(step), "rate": 0.1})
        if step % per_row == 0:
            log.flush(step=step, minutes=0.5)
    return log


def events(run):
    accumulator = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    return accumulator


def points(run, name):
    return [(event.step, event.value) for event in events(run).Scalars(name)]


def test_rows_are_means_and_tensorboard_has_the_same(tmp_path):
    log = logged(tmp_path, range(1, 7))
    log.write({"step": 6, "validation": REPORT})
    log.close()
    rows = read_rows(log.path)
    assert [row.get("loss") for row in rows] == [1.5, 3.5, 5.5, None]
    assert rows[-1] == {"step": 6, "validation": REPORT}
    assert points(tmp_path, "training/loss") == [(2, 1.5), (4, 3.5), (6, 5.5)]
    assert points(tmp_path, "validation/by_kind/class/mIoU") == [(6, 0.25)]
    tags = events(tmp_path).Tags()["scalars"]
    assert "validation/objectness_auc" not in tags
    assert not any(tag.endswith("/step") for tag in tags)


def test_pictures_are_shown_as_they_are(tmp_path):
    picture_HWC = np.random.default_rng(0).integers(0, 255, (12, 20, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "panel.png"), picture_HWC[..., ::-1])
    log = RunLog(tmp_path)
    log.write_picture("panels", tmp_path / "panel.png", step=3)
    log.close()
    (event,) = events(tmp_path).Images("panels")
    decoded_HWC = cv2.imdecode(np.frombuffer(event.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert event.step == 3
    assert np.array_equal(decoded_HWC[..., ::-1], picture_HWC)


def test_a_resumed_log_is_that_of_a_run_that_never_stopped(tmp_path):
    whole = logged(tmp_path / "whole", range(1, 11))
    whole.close()
    log = logged(tmp_path / "halves", range(1, 6))
    kept = json.loads(json.dumps(log.state_dict()))  # of step 5, in the middle of a row
    logged(tmp_path / "halves", range(6, 10), log=log).close()
    with log.path.open("a") as stream:
        stream.write('{"step": 10, "lo')  # killed while writing
    second = RunLog(tmp_path / "halves")
    second.resume(kept, step=5)
    logged(tmp_path / "halves", range(6, 11), log=second).close()
    assert second.path.read_text() == whole.path.read_text()
    name = "training/loss"
    assert points(tmp_path / "halves", name) == points(tmp_path / "whole", name)


def test_there_is_nothing_to_read_before_the_first_row(tmp_path):
    assert read_rows(tmp_path / "metrics.jsonl") == []


@pytest.fixture
def metrics(tmp_path):
    rng = np.random.default_rng(0)
    log = RunLog(tmp_path)
    for step in range(1, 101):
        row = {"loss": 1 + 2 / step, "loss_dice": 1 / step, "loss_focal": 0.1 / step, "iou": 1 - 1 / step}
        log.add(row | {"rate": 1e-3, "gradient_norm": float(rng.lognormal(1))})
        log.flush(step=step)
        if step % 25 == 0:
            log.write({"step": step, "validation": {**REPORT, "oIoU": step / 200}})
    log.close()
    return log.path


def colourful_px(png, panel):
    """Pixels of curves, which are the picture's only colours, in one of its six parts."""
    image_HWC = cv2.imread(str(png))
    row, column = divmod(panel, 3)
    height, width = image_HWC.shape[0] // 2, image_HWC.shape[1] // 3
    part_HWC = image_HWC[row * height : (row + 1) * height, column * width : (column + 1) * width]
    return int((np.ptp(part_HWC.astype(int), axis=2) > 60).sum())


def test_every_part_of_the_picture_shows_its_curve(metrics, tmp_path):
    plot_curves(metrics, tmp_path / "curves.png")
    assert all(colourful_px(tmp_path / "curves.png", panel) > 150 for panel in range(6))
    assert not list(tmp_path.glob(".*"))


def test_a_run_without_validation_or_with_broken_numbers_is_drawn_too(metrics, tmp_path):
    rows = [row for row in read_rows(metrics) if "loss" in row]
    rows[3]["gradient_norm"] = rows[4]["loss"] = math.nan
    metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plot_curves(metrics, tmp_path / "curves.png")
    assert colourful_px(tmp_path / "curves.png", 0) > 150
    assert colourful_px(tmp_path / "curves.png", 3) == 0
    plot_curves(tmp_path / "none.jsonl", tmp_path / "empty.png")
    assert colourful_px(tmp_path / "empty.png", 0) == 0
