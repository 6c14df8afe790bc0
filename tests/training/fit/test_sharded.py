"""Sharded checkpoints as files: whole or not there, and harmless to read."""

import os
import pickle
import resource
import shutil

import pytest
import torch
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict_saver import save

from geophrase.engine.errors import EngineError
from geophrase.training.fit.parallel import Ranks
from geophrase.training.fit.sharded import latest_sharded, load_sharded, save_sharded

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is")


def state_at(step):
    return {
        "trainer": {
            "model": {"a.weight": torch.arange(12.0).reshape(3, 4) + step, "count": torch.tensor(step)},
            "optimizer": {"state": {0: {"exp_avg": torch.full((3, 4), 0.5)}}, "param_groups": [{"lr": 0.1}]},
            "step": step,
        },
        "config": "{}",
        "metrics": {"best_mIoU": None, "validation": [{"mIoU": 0.25}]},
    }


def assert_same(found, expected):
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected)
        assert found.dtype == expected.dtype
    else:
        assert found == expected


def test_what_is_read_is_what_was_written_and_only_the_last_is_kept(tmp_path):
    for step in (3, 12):
        save_sharded(state_at(step), tmp_path, Ranks(), step=step)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000012"]
    assert_same(load_sharded(latest_sharded(tmp_path), Ranks(), {}), state_at(12))


def test_a_writer_that_was_killed_leaves_the_one_before(tmp_path):
    assert latest_sharded(tmp_path) is None
    save_sharded(state_at(3), tmp_path, Ranks(), step=3)
    shutil.copytree(tmp_path / "step_000000003", tmp_path / ".step_000000005.part")
    assert latest_sharded(tmp_path).name == "step_000000003"
    save_sharded(state_at(9), tmp_path, Ranks(), step=9)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000009"]


def test_a_full_disk_is_one_sentence_and_leaves_the_one_before(tmp_path):
    save_sharded(state_at(3), tmp_path, Ranks(), step=3)
    large = {"weights": torch.zeros(100_000)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(EngineError, match="free space, then continue from the one before"):
            save_sharded(large, tmp_path, Ranks(), step=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_same(load_sharded(latest_sharded(tmp_path), Ranks(), {}), state_at(3))


class _Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_table_of_contents_that_would_run_code_is_refused(tmp_path):
    save_sharded(state_at(3), tmp_path, Ranks(), step=3)
    table, mark = tmp_path / "step_000000003" / ".metadata", tmp_path / "harmed"
    table.write_bytes(pickle.dumps(_Harm(mark)))
    with pytest.raises(EngineError, match="no checkpoint of ours"):
        load_sharded(tmp_path / "step_000000003", Ranks(), {})
    assert not mark.exists()
    pickle.loads(table.read_bytes())
    assert mark.exists()


def test_an_entry_that_would_run_code_is_refused(tmp_path):
    save_sharded(state_at(3), tmp_path, Ranks(), step=3)
    path, mark = tmp_path / "step_000000003", tmp_path / "harmed"
    save({"/harm": _Harm(mark)}, storage_writer=FileSystemWriter(str(path)), no_dist=True)
    with pytest.raises(EngineError, match="no checkpoint of ours"):
        load_sharded(path, Ranks(), {})
    assert not mark.exists()


@pytest.mark.parametrize("name", [".metadata", "run.json", "__0_0.distcp"])
def test_a_damaged_checkpoint_is_told_in_a_sentence(tmp_path, name):
    save_sharded(state_at(3), tmp_path, Ranks(), step=3)
    path = tmp_path / "step_000000003"
    (path / name).write_bytes((path / name).read_bytes()[:40])
    with pytest.raises(EngineError, match=r"damaged: start again"):
        load_sharded(path, Ranks(), {})
