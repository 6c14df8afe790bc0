import math
import re
from dataclasses import replace

import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.config import (
    AuxiliaryConfig,
    Budget,
    DataConfig,
    GroupConfig,
    OptimizerConfig,
    differing_fields,
    with_settings,
)
from geophrase.training.fit.batches import EpochSampler
from geophrase.training.fit.checkpoint import data_fingerprint, load_checkpoint, save_checkpoint
from geophrase.training.fit.optimization import MovingAverage, build_optimizer, rate_multiplier
from geophrase.training.recipes.rsam_small import rsam_small
from geophrase.training.recipes.smoke import smoke


def test_settings_are_changed_by_dotted_names():
    config = with_settings(
        rsam_small(),
        ["optimizer.learning_rate=2e-4", "data.image_px=(512,)", "optimizer.trunk.rate_factor=0.25"],
    )
    assert config.optimizer.learning_rate == 2e-4
    assert config.data.image_px == (512,)
    assert differing_fields(rsam_small().as_dict(), config.as_dict()) == [
        "data.image_px",
        "optimizer.learning_rate",
        "optimizer.trunk.rate_factor",
    ]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optimizer.rate=1", "no setting 'rate'; there are learning_rate, trunk"),
        ("seed.value=1", "no setting 'value' of 0"),
        ("nothing", "not of the form name=value"),
        ("data.image_px=384", "takes a list in brackets"),
        ("data.image_px=(384, 'large')", "takes a list in brackets"),
        ("optimizer.betas=(0.9,)", "takes a list in brackets"),
        ("loss=None", "takes its fields one by one, not None"),
        ("execution.is_bfloat16=3", "takes True or False, not 3"),
        ("execution.parallel=dp", "takes one of none, ddp, fsdp2, not 'dp'"),
        ("execution.parallel=None", "takes one of none, ddp, fsdp2, not None"),
        ("data.batch_size=2.5", "takes a whole number, not 2.5"),
        ("data.batch_size=True", "takes a whole number, not True"),
        ("budget.steps=many", "takes a whole number or None, not 'many'"),
        ("data.augment=3", "takes its fields one by one or None, not 3"),
        ("model.trunk=x", "'trunk' takes its fields one by one, not 'x'"),
        ("data.batch_size=0", "'batch_size' is at least 1, not 0"),
        ("data.image_px=()", "'image_px' needs at least one side"),
        ("data.image_px=(96, 100)", "'image_px' takes multiples of 32, not 96, 100"),
        ("optimizer.accumulated_batches=0", "'accumulated_batches' is at least 1, not 0"),
        ("optimizer.ema_decay=2", "'ema_decay' is from 0 to 1, not 2"),
        ("optimizer.betas=(0.9, 1)", "less than 1, not (0.9, 1)"),
        ("trainable.low_rank=-1", "'low_rank' is at least 0, not -1"),
        ("validation.image_px=0", "'image_px' takes multiples of 32, not 0"),
        ("log_steps=0", "'log_steps' is at least 1, not 0"),
    ],
)
def test_unknown_settings_are_refused(setting, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        with_settings(rsam_small(), [setting])


def test_settings_may_be_none_or_one_of_a_few_where_that_is_meant():
    settings = ["data.augment=None", "execution.parallel=ddp", "budget.steps=10", "budget.minutes=None"]
    config = with_settings(rsam_small(), settings)
    assert config.data.augment is None
    assert config.execution.parallel == "ddp"
    assert config.budget == Budget(steps=10)
    with pytest.raises(ValueError, match="no setting 'turn' of None"):
        with_settings(config, ["data.augment.turn=0.5"])


def test_a_budget_ends_at_whichever_bound_comes_first():
    assert Budget(steps=100).progress(25, 1e9) == 0.25
    assert Budget(minutes=10).progress(10**9, 150) == 0.25
    assert Budget(steps=100, minutes=10).progress(90, 150) == 0.9
    assert Budget(steps=100, minutes=10).progress(10, 1200) == 1.0
    with pytest.raises(ValueError, match="positive"):
        Budget()


def test_the_rate_warms_up_peaks_and_anneals():
    config = OptimizerConfig(warmup_fraction=0.1, final_rate_fraction=0.01)
    assert rate_multiplier(config, 0.05) == pytest.approx(0.5)
    assert rate_multiplier(config, 0.1) == pytest.approx(1.0)
    assert rate_multiplier(config, 0.55) == pytest.approx(0.01 + 0.99 * 0.5)
    assert rate_multiplier(config, 1.0) == pytest.approx(0.01)
    assert rate_multiplier(config, 0.0) > 0


def test_the_auxiliary_weight_falls_to_zero():
    config = AuxiliaryConfig(weight=2.0, until_fraction=0.5)
    assert [config.weight_at(p) for p in (0.0, 0.25, 0.5, 0.9)] == [2.0, 1.0, 0.0, 0.0]


def test_every_trained_parameter_is_in_one_group_and_only_matrices_decay():
    rsam = Rsam(replace(smoke().model, chooser=None))  # which is trained apart
    config = OptimizerConfig(trunk=GroupConfig(0.5, 0.1), rest=GroupConfig(1.0, 0.2))
    optimizer = build_optimizer(config, rsam)
    grouped = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    trained = {name: value for name, value in rsam.named_parameters() if value.requires_grad}
    assert {id(p) for p in grouped} == {id(p) for p in trained.values()}
    assert len(grouped) == len(trained)
    settings = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in trained.items():
        group = settings[id(parameter)]
        is_trunk = name.startswith("image_encoder.trunk.")
        assert group["rate_factor"] == (0.5 if is_trunk else 1.0)
        is_plain = parameter.ndim < 2 or any(
            word in name
            for word in ("iou_token", "score_token", "mask_tokens", "embed", "positions", "no_mem", "norm")
        )
        assert group["weight_decay"] == (0.0 if is_plain else 0.1 if is_trunk else 0.2), name


def test_the_moving_average_by_hand_and_its_loan_to_the_model():
    rsam = Rsam(smoke().model)
    name = "mask_decoder.iou_token.weight"
    average, parameter = MovingAverage(rsam, decay=0.5), rsam.mask_decoder.iou_token.weight
    start = parameter.detach().clone()
    expected = start.clone()
    for step in range(1, 4):
        with torch.no_grad():
            parameter.add_(1.0)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    torch.testing.assert_close(average.weights[name], expected)
    rsam.train()
    with average.applied():
        torch.testing.assert_close(parameter.detach(), expected)
        assert not rsam.training
    torch.testing.assert_close(parameter.detach(), start + 3)
    assert rsam.training


def test_an_epoch_is_a_permutation_that_depends_on_its_number():
    sampler = EpochSampler(10, DataConfig(batch_size=3, image_px=(64, 96)), seed=1)
    first = list(sampler)
    assert len(first) == len(sampler) == 3
    assert first == list(sampler)
    indices = [index for batch in first for _, index in batch]
    assert len(set(indices)) == 9
    assert all(len({side for side, _ in batch}) == 1 for batch in first)
    sampler.first = 2
    assert list(sampler) == first[2:]
    sampler.epoch, sampler.first = 1, 0
    assert list(sampler) != first


def test_a_checkpoint_that_is_no_checkpoint_is_one_sentence(tmp_path):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(EngineError, match="not there"):
        load_checkpoint(path)
    save_checkpoint({"step": 3, "value": math.pi}, path)
    assert load_checkpoint(path) == {"step": 3, "value": math.pi}
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(EngineError, match="damaged"):
        load_checkpoint(path)


def test_a_failed_write_keeps_the_checkpoint_before(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint({"step": 3}, path)
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint({"step": lambda: None}, path)
    assert load_checkpoint(path) == {"step": 3}
    assert list(tmp_path.iterdir()) == [path]


def test_the_fingerprint_follows_annotations_and_not_places(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "splits").mkdir(parents=True)
        (tmp_path / name / "annotations").mkdir()
        (tmp_path / name / "splits" / "train.txt").write_text("x\n")
        (tmp_path / name / "annotations" / "x.json").write_text("{}")
    before = data_fingerprint([tmp_path / "a"])
    assert before == data_fingerprint([tmp_path / "b"])
    (tmp_path / "b" / "annotations" / "x.json").write_text('{"changed": 1}')
    assert before != data_fingerprint([tmp_path / "b"])
