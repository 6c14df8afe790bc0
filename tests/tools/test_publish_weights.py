"""Shipped weights are the mean of what was trained, with the chooser and objectness that were asked for."""

from __future__ import annotations

import importlib.util

import pytest
import torch


@pytest.fixture(scope="module")
def tool(repository):
    spec = importlib.util.spec_from_file_location(
        "publish_weights", repository / "tools" / "publish_weights.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_tensor_is_the_mean_over_the_weights_that_have_it(tool):
    first = {"trunk.weight": torch.tensor([1.0, 2.0]), "count": torch.tensor(3)}
    last = {
        "trunk.weight": torch.tensor([3.0, 6.0]),
        "count": torch.tensor(9),
        "refiner.bias": torch.tensor([5.0]),
    }
    mean = tool.averaged([first, first, last, last])
    assert mean["trunk.weight"].tolist() == [2.0, 4.0]
    assert mean["count"] == 9
    assert mean["refiner.bias"].tolist() == [5.0]


def test_the_chooser_comes_whole_from_other_weights(tool):
    own = {"trunk.weight": torch.zeros(1), "chooser.head.bias": torch.zeros(1)}
    other = {"trunk.weight": torch.ones(1), "chooser.head.bias": torch.ones(1)}
    taken = tool.with_chooser_of(own, other)
    assert taken["trunk.weight"] == 0
    assert taken["chooser.head.bias"] == 1


def test_another_chooser_is_refused(tool):
    with pytest.raises(SystemExit, match="another chooser"):
        tool.with_chooser_of({"chooser.head.bias": torch.zeros(1)}, {"chooser.head.weight": torch.zeros(1)})


def test_an_objectness_threshold_becomes_zero(tool):
    weights = {tool.OBJECTNESS_BIAS: torch.tensor([0.5]), "other": torch.tensor([1.0])}
    lowered = tool.with_objectness_lowered(weights, 2.0)
    assert lowered[tool.OBJECTNESS_BIAS].tolist() == [-1.5]
    assert lowered["other"] is weights["other"]
