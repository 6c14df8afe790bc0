"""How fast the engine is, as ratios measured in one run, each beside its budget.

Run `python benchmarks/engine_speed.py [--model M] [--raster R] [--json]`. It prints

* encoding and decoding against the sam2 package's image predictor, with the same random weights;
* a second query on an encoded raster against the first, through the disk cache;
* the share of the wall time that a run spends outside the model;
* the floor, i.e. the model's multiply-accumulates at the rate at which the machine multiplies matrices, and
  how many times the floor encoding and decoding take.

A model whose weights are not here is measured with random ones that find something everywhere, the dearest
case: masks of absent objects are not computed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from geophrase.benchmarks.sam2_reference import build_pair
from geophrase.benchmarks.timing import interleaved_s, matmul_gmac_per_s
from geophrase.engine.device import select_device
from geophrase.engine.embedding_cache import EmbeddingCache
from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.pipeline.progress import StageTimes
from geophrase.engine.pipeline.run_config import SegmentConfig
from geophrase.engine.predictor import Predictor
from geophrase.engine.segment import SegmentJob, SegmentReport
from geophrase.protocol.errors import ErrorCode
from geophrase.training.scenes.scene import SceneConfig, generate_scene
from geophrase.training.scenes.write import write_scene

QUERIES = ("red roof", "white car", "the large tank north of the river", "ship")
# Tiles of one decoder call, as many as the pipeline has in a batch of small tiles.
_TILES_PER_CALL = 8
_MATMUL_SIDE = 1024
_FINDS_SOMETHING_LOGIT = 5.0

# DESIGN.md, Budgets; "no slower than sam2" is ours, with what a busy machine adds to a ratio.
_SECOND_QUERY_BUDGET = 1 / 8
_OUTSIDE_BUDGET = {"cpu": 0.15, "cuda": 0.25, "mps": 0.25}
_AGAINST_SAM2_BUDGET = 1.05


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured.
        value: In `unit`.
        unit: "x" and "" are ratios and shares.
        budget: The most it may be; None where nothing is promised.
        detail: The times or counts behind it.
    """

    name: str
    value: float
    unit: str
    budget: float | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        """Whether the budget is kept."""
        if self.budget is None:
            return ""
        return "ok" if self.value <= self.budget else "OVER"


def against_sam2(size: str, *, device: torch.device, num_rounds: int, image_px: int = 1024) -> list[Figure]:
    """Encode and decode time over that of sam2's image predictor: float32, one image, one click."""
    reference, rsam = build_pair(size, device=device, image_px=image_px)
    ours = Predictor.from_model(rsam, device=device)
    image_HWC = np.random.default_rng(0).integers(0, 256, (image_px, image_px, 3), dtype=np.uint8)
    points_xy, labels = np.array([[image_px / 3, image_px / 2]]), np.array([1])
    encode_s = interleaved_s(
        {"sam2": lambda: reference.set_image(image_HWC), "ours": lambda: ours.encode(image_HWC)},
        num_rounds=num_rounds,
    )
    embedding = ours.encode(image_HWC)
    decode_s = interleaved_s(
        {
            "sam2": lambda: reference.predict(points_xy, labels, multimask_output=False, return_logits=True),
            "ours": lambda: ours.predict(embedding, points_xy=points_xy, point_labels=labels),
        },
        num_rounds=4 * num_rounds,
    )
    return [
        Figure(
            f"{verb} a {size} model, over sam2's time",
            seconds["ours"] / seconds["sam2"],
            "x",
            _AGAINST_SAM2_BUDGET,
            f"{1e3 * seconds['ours']:.1f} ms against {1e3 * seconds['sam2']:.1f} ms",
        )
        for verb, seconds in (("encode", encode_s), ("decode", decode_s))
    ]


def second_query(predictor: Predictor, raster: Path, folder: Path) -> list[Figure]:
    """A second query's wall time over the first's, and the share of the first spent outside the model.

    Every query is first once and second once, so that both find as much; medians count.
    """
    _segment(predictor, raster, QUERIES[0], folder / "warm-up")
    firsts, seconds = [], []
    for index, query in enumerate(QUERIES):
        cache_folder = folder / f"cache_{index}"
        firsts.append(_segment(predictor, raster, query, cache_folder))
        seconds.append(_segment(predictor, raster, QUERIES[index - 1], cache_folder))
        if seconds[-1].tiles.num_encoded or not seconds[-1].tiles.num_cached:
            raise RuntimeError("the second query was not answered from the cache")
    first, second = _median_run(firsts), _median_run(seconds)
    outside = statistics.median(
        StageTimes(dict(report.seconds)).share_outside("encode", "decode") for report in firsts
    )
    num_polygons = sum(sum(report.num_polygons.values()) for report in firsts)
    return [
        Figure(
            "second query on an encoded raster, over the first's time",
            second.wall_s / first.wall_s,
            "x",
            _SECOND_QUERY_BUDGET,
            f"{second.wall_s:.2f} s ({_stages(second)}) against {first.wall_s:.2f} s ({_stages(first)})",
        ),
        Figure(
            "share of wall time outside the model",
            outside,
            "",
            _OUTSIDE_BUDGET[predictor.device.type],
            f"{first.tiles.num_total} tiles, {num_polygons} polygons of {len(QUERIES)} queries",
        ),
    ]


def against_floor(predictor: Predictor, *, num_rounds: int, matmul_side: int = _MATMUL_SIDE) -> list[Figure]:
    """The time of one image and of one query on it over the least that their products take."""
    rate = matmul_gmac_per_s(predictor.device, predictor.dtype, side=matmul_side)
    side_px = predictor.image_px
    images_BHWC = np.random.default_rng(0).integers(
        0, 256, (_TILES_PER_CALL, side_px, side_px, 3), dtype=np.uint8
    )
    embeddings = predictor.encode_batch(images_BHWC)
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "encode an image": (lambda: predictor.encode_batch(images_BHWC), _TILES_PER_CALL),
        "decode a query on one tile": (lambda: predictor.predict_texts(embeddings[:1], QUERIES[:1]), 1),
        "decode 4 queries on one tile, each": (lambda: predictor.predict_texts(embeddings[:1], QUERIES), 4),
        f"decode a query on {_TILES_PER_CALL} tiles, each": (
            lambda: predictor.predict_texts(embeddings, QUERIES[:1]),
            _TILES_PER_CALL,
        ),
    }
    seconds = interleaved_s({name: call for name, (call, _) in calls.items()}, num_rounds=num_rounds)
    encode_gmac, decode_gmac = products_gmac(predictor.rsam)
    figures = [Figure(f"matrix products in {str(predictor.dtype).removeprefix('torch.')}", rate, "GMAC/s")]
    for name, (_, count) in calls.items():
        gmac = encode_gmac if name.startswith("encode") else decode_gmac
        each_s = seconds[name] / count
        detail = f"{1e3 * each_s:.1f} ms; {gmac:.2f} GMAC take at least {1e3 * gmac / rate:.1f} ms"
        figures.append(Figure(f"{name}, over the floor", each_s * rate / gmac, "x", None, detail))
    return figures


def products_gmac(rsam: Rsam) -> tuple[float, float]:
    """GMACs of encoding an image and of one query on it, the attentions' products included."""
    config = rsam.config
    with torch.device("meta"):
        meta = Rsam(config).eval()
        meta.chooser = None  # it looks at masks' values, and costs next to nothing
        image_BCHW = torch.empty(1, 3, config.image_px, config.image_px)
    text = rsam.encode_text(QUERIES[:1])
    text = type(text)(text.tokens_BLD.to("meta"), text.is_padding_BL.to("meta"))
    counts = []
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            features = meta.encode_image(image_BCHW)
        counts.append(counter.get_total_flops() / 2e9)
        with FlopCounterMode(display=False) as counter:
            meta.decode(features, text=text)
        counts.append(counter.get_total_flops() / 2e9)
    return counts[0], counts[1]


def load_or_invent(model: str, device: str) -> tuple[Predictor, str]:
    """The model with its weights, else with random ones; and which of the two."""
    try:
        return Predictor.load(model, device), "its own weights"
    except EngineError as error:
        if model not in PRESETS:
            raise
        if error.code is not ErrorCode.WEIGHTS_MISSING:
            raise
    torch.manual_seed(0)
    return invented(Rsam(PRESETS[model]), device), "random weights"


def invented(rsam: Rsam, device: str = "auto") -> Predictor:
    """A model with random weights that finds something everywhere, in shapes as coarse as its deep grid.

    Left as they are, random weights give every pixel its own verdict, and nothing but the outlines of a
    million specks would be measured.
    """
    decoder = rsam.mask_decoder
    last_layer = decoder.pred_obj_score_head.layers[-1]
    with torch.no_grad():
        last_layer.bias.fill_(_FINDS_SOMETHING_LOGIT)
        for shallow in (decoder.conv_s0, decoder.conv_s1):
            shallow.weight.zero_()
        for doubling in decoder.output_upscaling:
            if isinstance(doubling, nn.ConvTranspose2d):
                doubling.weight.copy_(doubling.weight.mean((2, 3), keepdim=True).expand_as(doubling.weight))
    choice = select_device(device)
    return Predictor.from_model(rsam, device=choice.device, dtype=choice.dtype)


def generated_raster(folder: Path, *, size_px: int) -> Path:
    """A generated scene as a GeoTIFF."""
    path = folder / "scene.tif"
    write_scene(generate_scene(SceneConfig(size_px=size_px, seed=7)), path)
    return path


def measure(arguments: argparse.Namespace) -> tuple[str, list[Figure]]:
    """Everything, as the command line asks for it: a line on what was measured, and the figures."""
    predictor, weights = load_or_invent(arguments.model, arguments.device)
    figures = []
    for size in arguments.sam2:
        figures += against_sam2(size, device=predictor.device, num_rounds=arguments.rounds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raster = arguments.raster or generated_raster(folder, size_px=arguments.size_px)
        figures += second_query(predictor, raster, folder)
    figures += against_floor(predictor, num_rounds=arguments.rounds)
    dtype = str(predictor.dtype).removeprefix("torch.")
    subject = f"{predictor.name}, {weights}, {predictor.device} in {dtype}, {torch.get_num_threads()} threads"
    return subject, figures


def main(argv: Sequence[str] | None = None) -> int:
    """Print every ratio beside its budget, as lines or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="rsam_small", help="a text model (default %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default %(default)s)")
    parser.add_argument("--raster", type=Path, help="a raster of one's own instead of a generated one")
    parser.add_argument("--size-px", type=int, default=2048, help="side of the generated raster")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each comparison")
    parser.add_argument(
        "--sam2",
        nargs="*",
        choices=("tiny", "small", "base_plus", "large"),
        default=["tiny", "base_plus"],
        help="sizes to compare with the sam2 package (default: tiny and base_plus)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    subject, figures = measure(arguments)
    if arguments.json:
        rows = [{**asdict(figure), "verdict": figure.verdict} for figure in figures]
        print(json.dumps({"subject": subject, "figures": rows}, indent=1))
    else:
        print("\n".join([subject, *(_line(figure) for figure in figures)]))
    return 0


def _segment(predictor: Predictor, raster: Path, query: str, cache_folder: Path) -> SegmentReport:
    cache = EmbeddingCache(cache_folder)
    job = SegmentJob(raster, SegmentConfig(queries=(query,)), model=predictor, cache=cache)
    return job.write(cache_folder.with_suffix(".gpkg"))


def _median_run(reports: Sequence[SegmentReport]) -> SegmentReport:
    """The run whose wall time is the (lower) median."""
    return sorted(reports, key=lambda report: report.wall_s)[(len(reports) - 1) // 2]


def _stages(report: SegmentReport) -> str:
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in report.seconds.items())


def _line(figure: Figure) -> str:
    budget = "" if figure.budget is None else f"budget {figure.budget:.3g}"
    value = f"{figure.value:.3g} {figure.unit}"
    return f"{figure.name:<58}{value:>12}  {budget:<13}{figure.verdict:<5}{figure.detail}"


if __name__ == "__main__":
    raise SystemExit(main())
