"""The device chosen, the number format, and the words for why."""

from __future__ import annotations

import platform
import warnings

import pytest
import torch

from geophrase.engine import device
from geophrase.engine.device import is_bfloat16_faster_on_cpu, select_device
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode


class FakeCuda:
    """Puts a CUDA build of torch and one GPU in the place of what this machine has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        monkeypatch.setattr(torch.version, "cuda", "12.6")
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(device, "has_nvidia_driver", lambda: True)
        self.answer(is_available=True, device_count=1, get_device_capability=(9, 0))
        self.answer(get_device_name="Some GPU", get_arch_list=["sm_75", "sm_80", "sm_90", "compute_90"])
        self.answer(mem_get_info=(70 << 30, 80 << 30))
        # The trial computation itself has no GPU to run on here.
        monkeypatch.setattr(torch, "ones", lambda *sides, device: torch.full(sides, 1.0))

    def answer(self, **answers: object) -> None:
        for name, value in answers.items():
            self._patch.setattr(torch.cuda, name, lambda *_, value=value: value)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return FakeCuda(monkeypatch)


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:x", "cpu:0", "", "cuda:-1"])
def test_an_unknown_word_is_the_users_mistake(word):
    with pytest.raises(EngineError) as caught:
        select_device(word)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert "auto, cpu, cuda" in caught.value.message


def test_cpu_is_had_when_asked_for():
    choice = select_device(" CPU ")
    assert choice.device == torch.device("cpu")
    assert not choice.is_fallback
    assert choice.reason.endswith("as asked.")


def test_a_cpu_build_falls_back_with_its_reason(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(device, "has_nvidia_driver", lambda: False)
    asked, automatic = select_device("cuda:1"), select_device("auto")
    assert asked.device.type == "cpu"
    assert asked.is_fallback
    assert not automatic.is_fallback
    assert "CPU build and no NVIDIA driver" in asked.reason
    monkeypatch.setattr(device, "has_nvidia_driver", lambda: True)
    assert "CPU build although an NVIDIA driver is here" in select_device("auto").reason


@pytest.mark.skipif(platform.system() == "Darwin", reason="an Apple computer may have the device")
def test_mps_elsewhere_falls_back():
    choice = select_device("mps")
    assert (choice.device.type, choice.is_fallback) == ("cpu", True)
    assert "Apple" in choice.reason


@pytest.mark.parametrize(
    ("capability", "dtype"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_a_gpu_computes_in_bfloat16_from_ampere_on(cuda, capability, dtype):
    cuda.answer(get_device_capability=capability)
    choice = select_device("auto")
    assert choice.device == torch.device("cuda", 0)
    assert choice.dtype is dtype
    assert "Some GPU" in choice.reason


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            {"get_device_capability": (6, 1)},
            "compute capability 6.1) is too old for this PyTorch, which needs 7.5",
        ),
        ({"device_count": 0}, "there is no CUDA device 0"),
        ({"mem_get_info": (1 << 28, 8 << 30)}, "only 0.2 of 8.0 GiB of memory free"),
    ],
)
def test_a_gpu_that_wont_do_is_named_with_its_reason(cuda, answers, words):
    cuda.answer(**answers)
    choice = select_device("cuda")
    assert (choice.device.type, choice.is_fallback) == ("cpu", True)
    assert words in choice.reason


def test_a_device_that_fails_its_first_computation_is_not_used(cuda, monkeypatch):
    def fail(*sides: int, device: torch.device) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 MiB.")

    monkeypatch.setattr(torch, "ones", fail)
    reason = select_device("auto").reason
    assert "CUDA out of memory." in reason
    assert "\n" not in reason


def test_a_device_that_computes_wrongly_is_not_used(cuda, monkeypatch):
    monkeypatch.setattr(torch, "ones", lambda *sides, device: torch.full(sides, 2.0))
    assert "computes wrongly" in select_device("cuda").reason


def test_an_old_driver_is_told_without_pytorchs_noise(cuda, monkeypatch):
    def is_available() -> bool:
        warnings.warn(
            "CUDA initialization: The NVIDIA driver on your system is too old (found 11040).", stacklevel=1
        )
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choice = select_device("auto")
    assert "driver is too old for this PyTorch, which needs CUDA 12.6" in choice.reason
    assert not choice.is_fallback


def test_hidden_devices_are_told_as_such(cuda, monkeypatch):
    cuda.answer(is_available=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES hides" in select_device("cuda").reason


def test_bfloat16_on_the_cpu_is_chosen_only_where_it_is_faster():
    def fastest_s(dtype: torch.dtype) -> float:
        return min(device._matmul_s(dtype) for _ in range(3))

    ratio = fastest_s(torch.float32) / fastest_s(torch.bfloat16)
    chosen = select_device("cpu").dtype
    assert chosen is (torch.bfloat16 if is_bfloat16_faster_on_cpu() else torch.float32)
    if chosen is torch.bfloat16:
        assert ratio > 1.0
    else:
        assert ratio < 2.0


def test_a_processor_whose_flags_cant_be_read_is_measured(monkeypatch):
    times_s = {torch.float32: 2.0, torch.bfloat16: 1.0}
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(device, "_matmul_s", lambda dtype: times_s[dtype])
    assert is_bfloat16_faster_on_cpu()
    times_s[torch.bfloat16] = 1.9
    assert not is_bfloat16_faster_on_cpu()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_gpu_that_is_here_is_taken():
    choice = select_device("auto")
    assert choice.device.type == "cuda"
    assert torch.cuda.get_device_name(choice.device) in choice.reason
    missing = select_device(f"cuda:{torch.cuda.device_count()}")
    assert (missing.device.type, missing.is_fallback) == ("cpu", True)
