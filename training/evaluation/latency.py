"""How long somebody waits: for an image to be encoded, for the first answer, and for every further one."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from geophrase.training.data.risors import RisorsImage, read_image
from geophrase.training.evaluation.segmenter import Answers, EncodedImage, Prompts, Segmenter

MAX_IMAGES = 30
_NUM_WARM_UP = 2

_CPU_INFO = Path("/proc/cpuinfo")


def measure_latency(
    segmenter: Segmenter,
    images: Sequence[RisorsImage],
    *,
    device: torch.device,
    forget_texts: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Returns times in milliseconds, one image and one query at a time, masks at the image's own size.

    ``encode`` is the image alone, pre-processing included. ``first_query`` is encoding and answering
    together, ``further_query`` another phrase for the same image, text encoding included in both.
    ``click`` is a point on an answer. A model without text is asked with points throughout.

    Args:
        segmenter: The model.
        images: Images of one split, of which the first ones are taken.
        device: Where the model runs.
        forget_texts: Empties the segmenter's memory of phrases, so that each is encoded as if it were new.

    Raises:
        RisorsError: An image file cannot be read.
    """
    timed = list(images[:MAX_IMAGES])
    texts = sorted({phrase.text for image in timed for phrase in image.phrases}) or ["building"]
    rows = []
    for number, image in enumerate(timed[:1] * _NUM_WARM_UP + timed):
        forget_texts()
        asked = (texts[number % len(texts)], texts[(number + 1) % len(texts)] + " again")
        row = _time_image(segmenter, image, asked, device=device)
        if number >= _NUM_WARM_UP:
            rows.append(row)
    return {
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "images": len(rows),
        **{f"{name}_ms": _percentiles([row[name] for row in rows]) for name in (rows[0] if rows else ())},
    }


def device_name(device: torch.device) -> str:
    """The name that its maker gave a device, as far as the system tells it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    lines = _CPU_INFO.read_text(encoding="utf-8").splitlines() if _CPU_INFO.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _time_image(
    segmenter: Segmenter, image: RisorsImage, texts: tuple[str, str], *, device: torch.device
) -> dict[str, float]:
    image_HWC = read_image(image.path)
    point = Prompts(
        points_xy_QNC=np.array([[[image.width_px / 2, image.height_px / 2]]], np.float32),
        point_labels_QN=np.ones((1, 1), np.int64),
    )
    first = Prompts(texts=texts[:1]) if segmenter.has_text else point
    further = Prompts(texts=texts[1:]) if segmenter.has_text else point
    started_s = _now_s(device)
    encoded = segmenter.encode(image_HWC)
    encoded_s = _now_s(device)
    answers = _ask(encoded, first)
    first_s = _now_s(device)
    _ask(encoded, further)
    further_s = _now_s(device)
    _ask(encoded, replace(point, texts=first.texts, previous_QHW=answers.feedback()))
    click_s = _now_s(device)
    return {
        "encode": encoded_s - started_s,
        "first_query": first_s - started_s,
        "further_query": further_s - first_s,
        "click": click_s - further_s,
    }


def _ask(encoded: EncodedImage, prompts: Prompts) -> Answers:
    answers = encoded.ask(prompts)
    answers.masks(encoded.hw_px)
    return answers


def _now_s(device: torch.device) -> float:
    """The time once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _percentiles(times_s: Sequence[float]) -> dict[str, float]:
    p50, p95 = np.percentile(times_s, [50, 95]) * 1000
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}
