"""Running out of memory costs speed, never the work."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.memory_errors import is_out_of_memory
from geophrase.engine.server.memory_fallback import MemoryFallback
from geophrase.protocol.errors import ErrorCode
from geophrase.tests.fakes.colour_model import ColourModel


@dataclass
class TightModel(ColourModel):
    """Has memory for so many images at a time; for none on a device but the CPU if `is_gpu_full`."""

    max_images: int = 3
    is_gpu_full: bool = False
    largest_tried: int = 0

    def encode_batch(self, images_BHWC):
        self._check(len(images_BHWC))
        return super().encode_batch(images_BHWC)

    def predict_texts(self, embeddings, texts):
        self._check(len(embeddings))
        return super().predict_texts(embeddings, texts)

    def predict(self, embedding, **prompts):
        self._check(1)
        return super().predict(embedding, **prompts)

    def _check(self, num_images: int) -> None:
        self.largest_tried = max(self.largest_tried, num_images)
        if num_images > self.max_images or (self.is_gpu_full and self.device != "cpu"):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def images(num_images: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 255, (num_images, 8, 8, 3), np.uint8)


def test_batches_are_halved_until_they_fit_and_that_is_remembered():
    told: list[str] = []
    tight, roomy = TightModel(max_images=3), ColourModel()
    model = MemoryFallback(tight, on_step=told.append)
    pixels = images(8)
    encodings = model.encode_batch(pixels)
    assert [np.array_equal(one.image_HWC, image) for one, image in zip(encodings, pixels, strict=True)] == [
        True
    ] * 8
    assert len(told) == 2  # 8 -> 4 -> 2
    assert "2" in told[-1]
    expected = roomy.predict_texts(encodings, ["red", "nothing"])
    tight.largest_tried = 0
    found = model.predict_texts(encodings, ["red", "nothing"])
    assert tight.largest_tried == 2
    assert len(told) == 2
    for name in ("mask_logits_BQHW", "iou_BQ", "objectness_BQ"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_where_one_image_is_too_much_for_the_gpu_the_cpu_takes_over():
    told: list[str] = []
    model = MemoryFallback(TightModel(device="cuda:0", is_gpu_full=True, max_images=8), on_step=told.append)
    assert len(model.encode_batch(images(5))) == 5
    assert model.is_on_cpu
    assert "CPU" in told[-1]
    assert len(model.encode_batch(images(5))) == 5
    assert len([message for message in told if "CPU" in message]) == 1


@dataclass
class TwoPrecisions(ColourModel):
    """Has memory for its first image on the GPU, and another precision on the CPU."""

    def encode_batch(self, images_BHWC):
        if self.device != "cpu" and self.num_encoded + len(images_BHWC) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return [(self.device, one) for one in super().encode_batch(images_BHWC)]

    def on_cpu(self):
        return dataclasses.replace(self, device="cpu", identity="colour:float32")


def test_what_a_call_encodes_was_made_by_the_identity_that_is_told():
    model = MemoryFallback(TwoPrecisions(device="cuda:0", identity="colour:float16"), on_step=lambda _: None)
    assert model.identity == "colour:float16"
    assert [device for device, _ in model.encode_batch(images(3))] == ["cpu"] * 3  # the first one again
    assert model.identity == "colour:float32"


def test_a_click_falls_back_too():
    told: list[str] = []
    tight = TightModel(device="cuda:0", is_gpu_full=True)
    model = MemoryFallback(tight, on_step=told.append)
    embedding = ColourModel().encode_batch(images(1))[0]
    assert model.predict(embedding, points_xy=np.zeros((1, 2)), point_labels=np.ones(1)).iou == 0.9
    assert len(told) == 1


def test_on_the_cpu_there_is_no_step_further_down():
    with pytest.raises(EngineError) as refusal:
        MemoryFallback(TightModel(max_images=0), on_step=lambda _: None).encode_batch(images(2))
    assert refusal.value.code is ErrorCode.OUT_OF_MEMORY


def test_other_errors_are_not_taken_for_it():
    class Broken(ColourModel):
        def encode_batch(self, images_BHWC):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        MemoryFallback(Broken(), on_step=lambda _: None).encode_batch(images(1))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        np._core._exceptions._ArrayMemoryError((2**50,), np.dtype("float32")),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_how_libraries_say_it(error):
    assert is_out_of_memory(error)


def test_torch_says_it_in_words_that_are_understood():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
