"""The teacher against an independent reader of its file, and a run that learns and resumes."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ConvTrunkConfig
from geophrase.training.distillation.crops import training_images
from geophrase.training.distillation.distillation import DistillationConfig, Distiller
from geophrase.training.distillation.run import distil
from geophrase.training.distillation.teacher import MobileNetTeacher

TINY = DistillationConfig(
    trunk=ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1)),
    crop_px=64,
    batch_size=4,
    learning_rate=5e-3,
    warmup_steps=5,
)


@pytest.fixture(scope="module")
def teacher_path(repository: Path) -> Path:
    path = repository.parent / "shared" / "weights" / "tf2_mobilenet_v2_1.0_224_ptq.tflite"
    if not path.is_file():
        pytest.skip(f"the teacher's file is not here: {path}")
    return path


@pytest.fixture
def risors_folder(tmp_path: Path) -> Path:
    cv2 = pytest.importorskip("cv2")
    (tmp_path / "images").mkdir()
    (tmp_path / "splits").mkdir()
    rng = np.random.default_rng(0)
    for stem in "ab":
        coarse = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{stem}.png"), cv2.resize(coarse, (160, 160)))
    (tmp_path / "splits" / "train.txt").write_text("a\nb\n")
    return tmp_path


@pytest.mark.data
def test_teacher_equals_the_reference_reader(teacher_path: Path):
    spec = importlib.util.spec_from_file_location("read_tflite", teacher_path.parent / "read_tflite.py")
    assert spec
    assert spec.loader
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    image_BCHW = torch.rand(2, 3, 96, 128)
    graph = reference.Graph(str(teacher_path))
    values = graph.run(image_BCHW.permute(0, 2, 3, 1) * 2 - 1)
    additions = [op.Outputs(0) for op in graph.ops if graph.name_of(op) == "ADD"]
    maps = MobileNetTeacher(teacher_path)(image_BCHW)
    assert [96 // m.shape[2] for m in maps] == [4, 8, 16, 32]
    for ours, index in zip(maps, (additions[0], additions[2], additions[7], additions[-1]), strict=True):
        torch.testing.assert_close(ours, values[index].permute(0, 3, 1, 2), atol=1e-4, rtol=1e-4)


def test_a_foreign_file_is_refused_in_a_sentence(tmp_path: Path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"not a graph at all" * 10)
    with pytest.raises(EngineError, match="not a quantised MobileNetV2"):
        MobileNetTeacher(path)


@pytest.mark.data
def test_distillation_lowers_the_loss(teacher_path: Path):
    torch.manual_seed(0)
    distiller = Distiller(TINY, MobileNetTeacher(teacher_path))
    crops = torch.nn.functional.interpolate(torch.rand(4, 3, 8, 8), size=64, mode="bilinear").mul(255).byte()
    losses = [distiller.update(crops) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


@pytest.mark.data
def test_a_run_resumes_where_it_stopped(teacher_path: Path, risors_folder: Path, tmp_path: Path):
    run = tmp_path / "run"
    config = dataclasses.replace(TINY, minutes=0.02)
    teacher = MobileNetTeacher(teacher_path)
    path = distil(config, teacher=teacher, roots=[risors_folder], run=run, workers=0)
    first = torch.load(run / "distillation.pt", weights_only=True)["step"]
    distil(
        dataclasses.replace(config, minutes=0.04), teacher=teacher, roots=[risors_folder], run=run, workers=0
    )
    second = torch.load(run / "distillation.pt", weights_only=True)
    assert second["step"] > first
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    other = dataclasses.replace(config, crop_px=96)
    with pytest.raises(EngineError, match=r"other settings \(crop_px\)"):
        distil(other, teacher=teacher, roots=[risors_folder], run=run, workers=0)
    ConvTrunk(TINY.trunk).load_state_dict(torch.load(path, weights_only=True))


def test_missing_images_are_named(risors_folder: Path):
    (risors_folder / "splits" / "train.txt").write_text("a\nghost\n")
    with pytest.raises(EngineError, match="ghost"):
        training_images([risors_folder])
    with pytest.raises(EngineError, match="prepare"):
        training_images([risors_folder / "nowhere"])


def test_trunk_yields_four_strides():
    trunk = ConvTrunk(ConvTrunkConfig()).eval()
    maps = trunk(torch.zeros(1, 3, 96, 160))
    assert [tuple(m.shape[2:]) for m in maps] == [(24, 40), (12, 20), (6, 10), (3, 5)]
    assert trunk.channel_list == [m.shape[1] for m in reversed(maps)]
