"""What an update of training costs: images a second, memory, and the share of the device's bfloat16 rate.

Run `python benchmarks/training_step.py --preset rsam_base_plus --batch 4` on a GPU, or with `--trunk tiny
--image-px 256 --batch 2` on a CPU. In one run, taking turns, it measures

* a whole update of the trainer: RSAM with text, loss, gradients, clipping, AdamW, moving average;
* an update of the sam2 package's own image encoder and mask decoder, clicked once, same loss, same AdamW;
* the same update of our modules, with the same weights.

The work of an update is three times the forward pass's multiply-accumulates (`engine/model/complexity.py`,
linear layers and convolutions, the products inside attentions left out). The rate it is held against is that
of a large matrix product on the device, and for GPUs of the table also the data sheet's. Corrections are left
out, since their number is drawn, and so is the text encoder, which is frozen: a phrase goes through it once.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from geophrase.benchmarks.sam2_reference import build_pair
from geophrase.benchmarks.timing import interleaved_s
from geophrase.engine.device import select_device
from geophrase.engine.model.complexity import count_complexity
from geophrase.engine.model.rsam.config import PRESETS, RsamConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.config import Budget, DataConfig, ExecutionConfig, TrainConfig
from geophrase.training.data.dataset import Batch
from geophrase.training.fit.trainer import Trainer
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.objective.losses import LossConfig, match_resolution, segmentation_loss

_TRUNKS = {size: PRESETS[f"sam2.1_hiera_{size}"].trunk for size in ("tiny", "small", "base_plus", "large")}
_WORDS = ("red roof", "white car", "storage tank", "ship")
_FORWARD_AND_BACKWARD, _OPS_PER_MAC = 3, 2
_MATMUL_SIDE = {"cpu": 2048, "cuda": 8192}
_MATMULS_PER_ROUND = 10
# Dense bfloat16 with float32 accumulation. Source: NVIDIA's data sheets.
_DATASHEET_TFLOPS = {
    "H200": 989.4,
    "H100 PCIe": 756.0,
    "H100": 989.4,
    "A100": 312.0,
    "L40S": 362.1,
    "L4": 121.0,
}

Update = Callable[[], object]


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        subject: Model, size, batch, device and number format.
        images_per_s: Whole updates of the trainer.
        peak_gib: Most device memory that was allocated during them; None on a CPU.
        gmac_per_image: Multiply-accumulates of a forward pass.
        tflops: Work of the updates in a second, 10^12 operations.
        matmul_tflops: What the device reaches on a large matrix product.
        share_of_matmul: The first over the second.
        share_of_datasheet: The first over the data sheet's rate; None for devices out of the table.
        sam2_images_per_s: The sam2 package's clicked update.
        sam2_peak_gib: Its memory.
        ours_over_sam2: Time of our modules' clicked update over sam2's: equal work.
        update_over_sam2: Time of the trainer's whole update over sam2's clicked one.
    """

    subject: str
    images_per_s: float
    peak_gib: float | None
    gmac_per_image: float
    tflops: float
    matmul_tflops: float
    share_of_matmul: float
    share_of_datasheet: float | None
    sam2_images_per_s: float
    sam2_peak_gib: float | None
    ours_over_sam2: float
    update_over_sam2: float


def trainer_update(config: TrainConfig, device: torch.device, *, num_queries: int) -> Update:
    """An update of a new trainer on random images, each asked with some phrases."""
    torch.manual_seed(0)
    trainer = Trainer(config, Rsam(config.model).to(device))
    count, side = config.data.batch_size, config.data.image_px[0]
    texts = [_WORDS[index % len(_WORDS)] for index in range(count * num_queries)]
    batch = Batch(
        images_BCHW=torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8),
        texts=texts,
        image_index_Q=torch.arange(count).repeat_interleave(num_queries),
        masks_QHW=(torch.rand(len(texts), side, side) > 0.5).to(torch.uint8),
        kinds=["class"] * len(texts),
        is_absent_Q=torch.zeros(len(texts), dtype=torch.bool),
        names=texts,
        referents_QRHW=(torch.rand(len(texts), 2, side, side) > 0.5).to(torch.uint8),
        has_referents_QR=torch.ones(len(texts), 2, dtype=torch.bool),
    )
    return lambda: trainer.update([batch])


def clicked_update(
    answer: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]],
    parameters: Sequence[nn.Parameter],
    config: TrainConfig,
    device: torch.device,
) -> Update:
    """An update of a model that is clicked once in each random image.

    Args:
        answer: Takes images, points and labels; gives mask logits (B, H, W), IoU (B,) and objectness (B,).
        parameters: What is trained.
        config: Batch, side, number format.
        device: Where the model is.
    """
    count, side = config.data.batch_size, config.data.image_px[0]
    optimizer = torch.optim.AdamW(parameters, lr=1e-6)
    image_BCHW = torch.randn(count, 3, side, side, device=device)
    masks_BHW = torch.rand(count, side, side, device=device) > 0.5
    points_B1C = torch.rand(count, 1, 2, device=device) * side
    labels_B1 = torch.ones(count, 1, dtype=torch.int32, device=device)

    def update() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.execution.is_bfloat16):
            logits_BHW, iou_B, objectness_B = answer(image_BCHW, points_B1C, labels_B1)
            logits_BHW, targets_BHW = match_resolution(logits_BHW, masks_BHW, config.loss.loss_stride)
            terms = segmentation_loss(
                config.loss,
                mask_logits_QHW=logits_BHW,
                iou_Q=iou_B,
                objectness_Q=objectness_B,
                targets_QHW=targets_BHW,
                is_absent_Q=torch.zeros(count, dtype=torch.bool, device=device),
            )
        torch.autograd.backward(terms.total)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return update


def our_click_model(rsam: Rsam) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Our image encoder and mask decoder as :func:`clicked_update` asks them."""

    def answer(image_BCHW: Tensor, xy_B1C: Tensor, labels_B1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = rsam.encode_image(image_BCHW)
        output = rsam.decode(features, points_xy_QNC=xy_B1C, point_labels_QN=labels_B1)
        return output.mask_logits_QMHW[:, 0], output.iou_QM[:, 0], output.objectness_Q1[:, 0]

    return answer


def sam2_click_model(model: Any) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """The sam2 package's modules, called as its image predictor calls them.

    Source: sam2/sam2_image_predictor.py, set_image_batch and _predict.
    """

    def answer(image_BCHW: Tensor, xy_B1C: Tensor, labels_B1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        stride4, stride8, deep = model.forward_image(image_BCHW)["backbone_fpn"]
        sparse, dense = model.sam_prompt_encoder(points=(xy_B1C, labels_B1), boxes=None, masks=None)
        logits_B1HW, iou_B1, _, objectness_B1 = model.sam_mask_decoder(
            image_embeddings=deep + model.no_mem_embed.transpose(1, 2)[..., None],
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=False,
            high_res_features=[stride4, stride8],
        )
        return logits_B1HW[:, 0], iou_B1[:, 0], objectness_B1[:, 0]

    return answer


def click_updates(size: str, config: TrainConfig, device: torch.device) -> tuple[Update, Update]:
    """Clicked updates of sam2's modules and of ours, with the same weights."""
    predictor, rsam = build_pair(size, device=device, image_px=config.data.image_px[0])
    model = predictor.model.train()
    parts = (model.image_encoder, model.sam_prompt_encoder, model.sam_mask_decoder)
    theirs = [parameter for part in parts for parameter in part.parameters()]
    rsam.to(device).train().requires_grad_(True)
    ours = list(rsam.parameters())
    return (
        clicked_update(sam2_click_model(model), theirs, config, device),
        clicked_update(our_click_model(rsam), ours, config, device),
    )


def measure(
    size: str, config: TrainConfig, device: torch.device, *, num_queries: int, rounds: int
) -> Figures:
    """Measures all three updates, taking turns, and the device's rate.

    Args:
        size: sam2's name of the trunk.
        config: The run.
        device: Where.
        num_queries: Phrases per image in the trainer's update.
        rounds: Turns; medians count.
    """
    update = trainer_update(config, device, num_queries=num_queries)
    peak_gib = peak_of(update, device)
    theirs, ours = click_updates(size, config, device)
    sam2_peak_gib = peak_of(theirs, device)
    seconds = interleaved_s({"update": update, "sam2": theirs, "ours": ours}, num_rounds=rounds)
    matmul_tflops = matmul_rate(device, config.execution.is_bfloat16, rounds=rounds)
    complexity = count_complexity(config.model)
    gmac = complexity.gmac_encode_image + num_queries * complexity.gmac_decode_query
    count = config.data.batch_size
    tflops = count * gmac * _FORWARD_AND_BACKWARD * _OPS_PER_MAC / 1e3 / seconds["update"]
    datasheet_tflops = datasheet_rate(device)
    return Figures(
        subject=_subject(config, size, device),
        images_per_s=count / seconds["update"],
        peak_gib=peak_gib,
        gmac_per_image=gmac,
        tflops=tflops,
        matmul_tflops=matmul_tflops,
        share_of_matmul=tflops / matmul_tflops,
        share_of_datasheet=datasheet_tflops and tflops / datasheet_tflops,
        sam2_images_per_s=count / seconds["sam2"],
        sam2_peak_gib=sam2_peak_gib,
        ours_over_sam2=seconds["ours"] / seconds["sam2"],
        update_over_sam2=seconds["update"] / seconds["sam2"],
    )


def peak_of(update: Update, device: torch.device) -> float | None:
    """Device memory in GiB at the height of an update, optimiser state included, other models' left out."""
    update()  # the first makes the optimiser's state
    if device.type != "cuda":
        return None
    gc.collect()
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    update()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) / 2**30


def matmul_rate(device: torch.device, is_bfloat16: bool, *, rounds: int) -> float:
    """10^12 operations a second of a large product of random matrices."""
    side = _MATMUL_SIDE.get(device.type, 2048)
    dtype = torch.bfloat16 if is_bfloat16 else torch.float32
    one, other = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    seconds = interleaved_s(
        {"matmul": lambda: [one @ other for _ in range(_MATMULS_PER_ROUND)]}, num_rounds=rounds
    )["matmul"]
    return _OPS_PER_MAC * side**3 * _MATMULS_PER_ROUND / seconds / 1e12


def datasheet_rate(device: torch.device) -> float | None:
    """The data sheet's bfloat16 rate in 10^12 operations a second; None for a device out of the table."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((rate for known, rate in _DATASHEET_TFLOPS.items() if known in name), None)


def _subject(config: TrainConfig, size: str, device: torch.device) -> str:
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    number_format = "bfloat16" if config.execution.is_bfloat16 else "float32"
    side, count = config.data.image_px[0], config.data.batch_size
    return f"{config.model.name} with Hiera {size}, {count} images of {side} px on {where} in {number_format}"


def _settings(arguments: argparse.Namespace) -> tuple[str, TrainConfig]:
    preset = PRESETS[arguments.preset]
    size = arguments.trunk or next(size for size, trunk in _TRUNKS.items() if trunk == preset.trunk)
    model: RsamConfig = replace(
        preset,
        trunk=_TRUNKS[size],
        image_px=arguments.image_px or preset.image_px,
        text=PRESETS["rsam_small"].text,  # is installed with the engine; what it encodes is kept
    )
    execution = ExecutionConfig(
        is_bfloat16=not arguments.float32,
        is_compiled=arguments.compiled,
        is_activation_checkpointed=arguments.checkpointed,
    )
    return size, TrainConfig(
        model=model,
        data=DataConfig(batch_size=arguments.batch, image_px=(model.image_px,)),
        loss=LossConfig(loss_stride=1),
        clicks=ClickConfig(batch_probability=0.0),
        execution=execution,
        budget=Budget(steps=10**6),
    )


def _lines(figures: Figures) -> list[str]:
    memory = "" if figures.peak_gib is None else f", {figures.peak_gib:.1f} GiB at the most"
    sam2_memory = (
        "" if figures.sam2_peak_gib is None else f", {figures.sam2_peak_gib:.1f} GiB with ours beside"
    )
    work = f"{figures.tflops:8.2f} TFLOP/s, 3 x {figures.gmac_per_image:.0f} GMAC an image"
    datasheet = figures.share_of_datasheet
    sheet = "" if datasheet is None else f", {datasheet:.1%} of the data sheet's"
    return [
        figures.subject,
        f"whole update            {figures.images_per_s:8.2f} images/s{memory}",
        f"its work                {work}",
        f"large matrix product    {figures.matmul_tflops:8.2f} TFLOP/s",
        f"share of the rate       {figures.share_of_matmul:8.1%} of the measured{sheet}",
        f"sam2's clicked update   {figures.sam2_images_per_s:8.2f} images/s{sam2_memory}",
        f"ours over sam2's        {figures.ours_over_sam2:8.2f} x the time for the same clicked update",
        f"whole update over it    {figures.update_over_sam2:8.2f} x the time",
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", choices=("rsam_base_plus", "rsam_large"), default="rsam_base_plus")
    parser.add_argument("--trunk", choices=sorted(_TRUNKS), help="another Hiera in the preset")
    parser.add_argument("--image-px", type=int, help="side of the input (the preset's)")
    parser.add_argument("--batch", type=int, default=4, help="images")
    parser.add_argument("--queries", type=int, default=1, help="phrases of each image")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each contestant")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--float32", action="store_true", help="no bfloat16")
    parser.add_argument("--compiled", action="store_true", help="torch.compile in the trainer's update")
    parser.add_argument("--checkpointed", action="store_true", help="activation checkpoints in it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    size, config = _settings(arguments)
    device = select_device(arguments.device).device
    figures = measure(size, config, device, num_queries=arguments.queries, rounds=arguments.rounds)
    print(json.dumps(asdict(figures), indent=1) if arguments.json else "\n".join(_lines(figures)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
