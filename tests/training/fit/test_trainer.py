"""Whole runs of the smoke recipe on a handful of drawn images."""

import json
import os
import signal
from argparse import ArgumentParser
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.config import Budget
from geophrase.training.data.dataset import Batch
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import Phrase, SampleFacts, write_sample, write_split
from geophrase.training.fit.build_fitting import build_fitting
from geophrase.training.fit.command import add_fit_arguments
from geophrase.training.fit.trainer import Trainer
from geophrase.training.recipes.smoke import smoke

SIDE_PX = 64


def drawn_sample(seed):
    """A grey image with a white square (building) and a blue disc (pond)."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 130, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    rows, cols = np.mgrid[:SIDE_PX, :SIDE_PX]
    top, left = rng.integers(4, 40, 2)
    square = (rows >= top) & (rows < top + 20) & (cols >= left) & (cols < left + 20)
    centre = rng.integers(12, 52, 2)
    disc = ((rows - centre[0]) ** 2 + (cols - centre[1]) ** 2 < 80) & ~square
    image[square], image[disc] = (245, 240, 235), (30, 60, 200)
    return image, {"building": square, "pond": disc}


@pytest.fixture(scope="module")
def risors(tmp_path_factory):
    root = tmp_path_factory.mktemp("risors")
    for number in range(6):
        image, masks = drawn_sample(number)
        write_sample(
            root,
            f"image_{number}",
            image,
            [Phrase.from_mask(name, mask, kind="class", name=name) for name, mask in masks.items()],
            instances=[Instance.from_mask(name, mask) for name, mask in masks.items()],
            facts=SampleFacts(classes_labelled=frozenset({"building", "pond", "ship"})),
        )
    write_split(root, "train", [f"image_{number}" for number in range(5)])
    write_split(root, "val", ["image_5"])
    return root


def fitting(risors, run, *words):
    parser = ArgumentParser()
    add_fit_arguments(parser)
    fixed = [
        "--recipe",
        "smoke",
        "--data",
        str(risors),
        "--run",
        str(run),
        "--workers",
        "0",
        "--device",
        "cpu",
    ]
    return build_fitting(parser.parse_args([*fixed, *words]))


def own_weights(run):
    return torch.load(run / "checkpoint.pt", weights_only=True)["trainer"]["model"]


def stop_after(monkeypatch, steps, signal_number):
    """Lets a signal come during the update of a given number."""
    update = Trainer.update

    def interrupted_update(self, batches):
        row = update(self, batches)
        if self.step == steps:
            os.kill(os.getpid(), signal_number)
        return row

    monkeypatch.setattr(Trainer, "update", interrupted_update)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(risors, tmp_path, monkeypatch, signal_number):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    words = ["--steps", "6", "--set", "checkpoint_minutes=0"]  # both write a checkpoint after every update
    fitting(risors, whole, *words).fit()
    with monkeypatch.context() as patch:
        stop_after(patch, 3, signal_number)
        with pytest.raises(CancelledError, match="step 3"):
            fitting(risors, halves, *words).fit()
    assert torch.load(halves / "checkpoint.pt", weights_only=True)["trainer"]["step"] == 3
    torch.manual_seed(99)  # whatever happened to the generators meanwhile
    resumed = fitting(risors, halves, *words, "--resume")
    resumed.resume()
    resumed.fit()
    expected, found = own_weights(whole), own_weights(halves)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_run_leaves_what_a_person_and_the_engine_need(risors, tmp_path):
    weights = fitting(risors, tmp_path, "--steps", "4", "--set", "log_steps=2").fit()
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [2, 4]
    assert all(np.isfinite(row["loss"]) for row in rows if "loss" in row)
    assert rows[-1]["validation"]["phrases"] == 2
    assert json.loads((tmp_path / "config.json").read_text())["model"]["name"] == "smoke"
    assert len(list((tmp_path / "panels").glob("*.png"))) == 2
    assert not list(tmp_path.glob("**/.*"))
    rsam = Rsam(smoke().model)
    rsam.load_own_state_dict({name: value.float() for name, value in load_file(weights).items()})
    assert {value.dtype for value in load_file(weights).values() if value.is_floating_point()} == {
        torch.float16
    }


def test_a_run_folder_is_not_overwritten_and_not_resumed_with_other_settings(risors, tmp_path):
    fitting(risors, tmp_path, "--steps", "1").fit()
    with pytest.raises(EngineError, match="--resume"):
        fitting(risors, tmp_path, "--steps", "1")
    changed = fitting(risors, tmp_path, "--steps", "2", "--resume", "--set", "loss.dice_weight=2.0")
    with pytest.raises(EngineError, match=r"loss\.dice_weight"):
        changed.resume()


@pytest.mark.parametrize("name", ["best.safetensors", "checkpoint.pt"])
def test_weights_of_a_run_start_another(risors, tmp_path, name):
    weights = fitting(risors, tmp_path / "first", "--steps", "1").fit()
    start = weights.with_name(name)
    second = fitting(risors, tmp_path / "second", "--steps", "1", "--init", str(start))
    expected = load_file(weights)
    found = second._trainer.rsam.own_state_dict()
    assert all(torch.equal(found[name].to(value.dtype), value) for name, value in expected.items())


def test_a_trunk_alone_starts_a_run(risors, tmp_path):
    trunk = Rsam(smoke().model).image_encoder.trunk.state_dict()
    trunk = {name: torch.full_like(value, 3) for name, value in trunk.items()}
    torch.save(trunk, tmp_path / "trunk.pt")
    run = fitting(risors, tmp_path / "run", "--steps", "1", "--init", str(tmp_path / "trunk.pt"))
    assert all((value == 3).all() for value in run._trainer.rsam.image_encoder.trunk.state_dict().values())


def test_weights_of_another_model_are_refused(risors, tmp_path):
    torch.save({"nonsense": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(EngineError, match="does not fit smoke"):
        fitting(risors, tmp_path / "run", "--steps", "1", "--init", str(tmp_path / "other.pt"))


def batch_of(*samples):
    images = torch.from_numpy(np.stack([image for image, _ in samples])).permute(0, 3, 1, 2)
    texts, owners, masks, absent = [], [], [], []
    for number, (_, named) in enumerate(samples):
        for text, mask in [*named.items(), ("ship", np.zeros((SIDE_PX, SIDE_PX), bool))]:
            texts.append(text)
            owners.append(number)
            masks.append(torch.from_numpy(mask))
            absent.append(not mask.any())
    return Batch(
        images_BCHW=images,
        texts=texts,
        image_index_Q=torch.tensor(owners),
        masks_QHW=torch.stack(masks).to(torch.uint8),
        kinds=["class"] * len(texts),
        is_absent_Q=torch.tensor(absent),
        names=texts,
        referents_QRHW=torch.zeros(len(texts), 2, SIDE_PX, SIDE_PX, dtype=torch.uint8),
        has_referents_QR=torch.zeros(len(texts), 2, dtype=torch.bool),
    )


def small_trainer(**changes):
    torch.manual_seed(0)
    config = smoke()
    config = replace(
        config, clicks=replace(config.clicks, batch_probability=0.0), budget=Budget(steps=200), **changes
    )
    return Trainer(config, Rsam(config.model))


def test_two_samples_can_be_learned_by_heart():
    trainer, batch = small_trainer(), batch_of(drawn_sample(1), drawn_sample(2))
    rows = [trainer.update([batch]) for _ in range(110)]
    first, last = rows[0], rows[-1]
    assert last["iou"] > 0.7 > first["iou"] + 0.3
    assert last["loss_objectness"] < 0.2 < first["loss_objectness"]


def test_accumulated_batches_move_like_one_large_batch():
    samples = [drawn_sample(seed) for seed in range(2)]
    gradients = []
    for groups in ([batch_of(*samples)], [batch_of(samples[0]), batch_of(samples[1])]):
        trainer = small_trainer()
        trainer.rsam.image_encoder.eval()  # batch statistics would differ
        logged = [trainer._backward(groups, index) for index in range(len(groups))]
        assert torch.stack(logged).isfinite().all()
        gradients.append([p.grad.clone() for p in trainer.rsam.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


class _MeanOfMaps(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.shapes = []

    def forward(self, image_BCHW, trunk_maps):
        assert 0 <= image_BCHW.min() <= image_BCHW.max() <= 1
        self.shapes.append([tuple(x.shape[-2:]) for x in trunk_maps])
        return self.scale * sum(x.float().square().mean() for x in trunk_maps)


def test_an_auxiliary_loss_sees_the_trunk_and_fades_out():
    torch.manual_seed(0)
    config = smoke()
    config = replace(config, budget=Budget(steps=4), auxiliary=replace(config.auxiliary, until_fraction=0.5))
    auxiliary = _MeanOfMaps()
    trainer = Trainer(config, Rsam(config.model), auxiliary=auxiliary)
    rows = [trainer.update([batch_of(drawn_sample(1))]) for _ in range(4)]
    assert ["loss_auxiliary" in row for row in rows] == [True, True, False, False]
    assert auxiliary.shapes == [[(16, 16), (8, 8), (4, 4), (2, 2)]] * 2
    assert auxiliary.scale.item() != 1.0


def test_an_update_that_is_not_finite_changes_nothing():
    trainer, batch = small_trainer(), batch_of(drawn_sample(1))
    with torch.no_grad():
        trainer.rsam.mask_decoder.iou_token.weight.fill_(float("nan"))
    before = [value.detach().clone() for value in trainer.rsam.parameters() if value.requires_grad]
    assert trainer.update([batch])["skipped"] == 1.0
    after = [value.detach() for value in trainer.rsam.parameters() if value.requires_grad]
    assert sum(not value.isfinite().all() for value in after) == 1
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
