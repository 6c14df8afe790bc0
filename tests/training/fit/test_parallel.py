"""A run on several processes is the run of one, whatever their number and however the model is spread.

All runs are of one tiny Hiera in float32, whose batches do not depend on how they are divided.
"""

import json
from dataclasses import replace
from itertools import chain

import pytest
import torch
from safetensors.torch import load_file

from geophrase.engine.errors import EngineError
from geophrase.tests.training.fit.launched import NUM_STEPS, launch, make_run, tiny_config, write_folders
from geophrase.training.cli import main
from geophrase.training.config import DataConfig
from geophrase.training.fit.batches import EpochSampler
from geophrase.training.fit.launch import for_processes, for_resuming, images_per_update, settings_of
from geophrase.training.fit.parallel import Ranks
from geophrase.training.fit.run_log import read_rows
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.objective.draws import draw
from geophrase.training.recipes.smoke import smoke


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Runs with DDP, with FSDP2 on two processes, then four, then one, and one process's beside them."""
    root = tmp_path_factory.mktemp("runs")
    write_folders(root)
    make_run(root, "whole", ranks=Ranks())
    make_run(root, "from_one", ranks=Ranks(), stop_at=5)
    launch(
        root,
        (
            2,
            [
                {"name": "ddp", "parallel": "ddp"},
                {"name": "fsdp2", "parallel": "fsdp2", "stop_at": 5},
                {"name": "to_ddp", "parallel": "fsdp2", "stop_at": 2},
            ],
        ),
        (
            4,
            [
                {"name": "fsdp2", "parallel": "fsdp2", "resume": True, "stop_at": 9},
                {"name": "to_ddp", "parallel": "ddp", "resume": True, "stop_at": 4},
                {"name": "from_one", "parallel": "fsdp2", "resume": True, "stop_at": 7},
            ],
        ),
    )
    make_run(root, "fsdp2", ranks=Ranks(), resume=True)
    return root


def rows_of(run):
    return [row for row in read_rows(run / "metrics.jsonl") if "loss" in row]


@pytest.mark.parametrize(
    ("name", "num_steps"), [("ddp", NUM_STEPS), ("fsdp2", NUM_STEPS), ("to_ddp", 4), ("from_one", 7)]
)
def test_the_loss_curve_is_that_of_one_process(root, name, num_steps):
    found, expected = rows_of(root / name), rows_of(root / "whole")[:num_steps]
    assert [row["step"] for row in found] == list(range(1, num_steps + 1))
    assert len({row["loss"] for row in expected}) == num_steps
    for one, other in zip(found, expected, strict=True):
        for key in ("loss", "loss_focal", "loss_dice", "gradient_norm", "rate"):
            assert one[key] == pytest.approx(other[key], rel=2e-5, abs=2e-6), (one["step"], key)
        # a count of pixels: one whose logit is 0 but for rounding falls to either side
        assert one["iou"] == pytest.approx(other["iou"], abs=1e-3), one["step"]
        assert one["images"] == other["images"] == 8


@pytest.mark.parametrize("name", ["ddp", "fsdp2"])
def test_shares_of_the_validation_are_scored_as_the_whole(root, name):
    found, expected = (
        [row for row in read_rows(root / run / "metrics.jsonl") if "validation" in row]
        for run in (name, "whole")
    )
    assert [row["step"] for row in found] == [row["step"] for row in expected] == [6, 12]
    for own, other in zip(found, expected, strict=True):
        assert own["validation"]["phrases"] == other["validation"]["phrases"] == 4
        assert own["validation"]["absent"]["phrases"] == 2
        assert own["validation"]["by_class"].keys() == {"square", "disc"}
        for key in ("mIoU", "oIoU", "objectness_auc"):
            assert own["validation"][key] == pytest.approx(other["validation"][key], abs=2e-3)


@pytest.mark.parametrize("name", ["ddp", "fsdp2"])
def test_the_weights_are_those_of_one_process_and_are_a_whole_model(root, name):
    found, expected = (
        load_file(root / name / "best.safetensors"),
        load_file(root / "whole" / "best.safetensors"),
    )
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=0, atol=5e-4)


def test_a_checkpoint_of_one_kind_replaces_that_of_the_other(root):
    assert (root / "fsdp2" / "checkpoint.pt").is_file()
    assert not (root / "fsdp2" / "checkpoint").exists()
    assert [path.name for path in (root / "from_one" / "checkpoint").iterdir()] == ["step_000000007"]
    assert not (root / "from_one" / "checkpoint.pt").exists()


def test_shares_of_a_batch_are_the_batch():
    one = DataConfig(batch_size=6, image_px=(64, 96))
    whole = EpochSampler(20, one, seed=3)
    shares = [
        EpochSampler(20, replace(one, batch_size=2), seed=3, share=share, num_shares=3) for share in range(3)
    ]
    joined = [list(chain(*parts)) for parts in zip(*shares, strict=True)]
    assert joined == list(whole)
    assert len(whole) == len(shares[0]) == 3


def test_shares_draw_what_the_whole_draws():
    clicks = ClickConfig(max_rounds=3)
    whole = draw(clicks, 12, seed=1, number=7)
    shares = [draw(clicks, 4, seed=1, number=7, share=share, num_shares=3) for share in range(3)]
    assert torch.equal(torch.cat([share.select_Q for share in shares]), whole.select_Q)
    assert torch.equal(torch.cat([share.box_QC for share in shares]), whole.box_QC)
    assert torch.equal(torch.cat([share.point_QR for share in shares]), whole.point_QR)
    assert {share.rounds for share in shares} == {whole.rounds}
    other = draw(clicks, 12, seed=1, number=8)
    assert other.rounds != whole.rounds
    assert not torch.equal(other.part_Q, whole.part_Q)


@pytest.mark.parametrize(
    ("num_processes", "batch_size", "accumulated"), [(1, 4, 4), (2, 4, 2), (4, 4, 1), (8, 2, 1), (16, 1, 1)]
)
def test_an_update_keeps_its_size_on_other_processes(tmp_path, num_processes, batch_size, accumulated):
    config = replace(smoke(), data=DataConfig(batch_size=4))
    (tmp_path / "config.json").write_text(json.dumps(settings_of(config, 4)))
    resumed = for_resuming(config, tmp_path, num_processes)
    assert (resumed.data.batch_size, resumed.optimizer.accumulated_batches) == (batch_size, accumulated)
    assert images_per_update(settings_of(resumed, num_processes)) == 16


def test_processes_that_cannot_share_an_update_are_told_which_numbers_can(tmp_path):
    config = replace(smoke(), data=DataConfig(batch_size=3))
    (tmp_path / "config.json").write_text(json.dumps(settings_of(config, 2)))
    with pytest.raises(EngineError, match="start one of 1, 2, 3, 6"):
        for_resuming(config, tmp_path, 4)


def test_a_damaged_file_of_settings_is_one_sentence(tmp_path):
    (tmp_path / "config.json").write_text('{"data": ')
    with pytest.raises(EngineError, match=r"config\.json is damaged .*: put the file"):
        for_resuming(smoke(), tmp_path, 1)


def test_several_processes_without_a_word_on_how_have_a_copy_each(tmp_path):
    assert for_processes(smoke(), 1).execution.parallel == "none"
    assert for_processes(smoke(), 2).execution.parallel == "ddp"
    sharded = tiny_config(tmp_path, parallel="fsdp2", batch_size=1)
    assert for_processes(sharded, 2) is sharded


def test_a_process_without_a_gpu_of_its_own_says_so(tmp_path, monkeypatch, capsys):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    words = ["fit", "--data", str(tmp_path), "--run", str(tmp_path / "run"), "--device", "cuda:99"]
    assert main(words) == 2
    assert "Process 1: " in capsys.readouterr().err
