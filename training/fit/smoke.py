"""A recipe run to its end in seconds: drawn images, a miniature, weights that the engine answers with."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from geophrase.engine.model.rsam.config import RsamConfig
from geophrase.engine.predictor import Predictor
from geophrase.training.config import TrainConfig
from geophrase.training.data.risors import read_image, read_split
from geophrase.training.fit.build_fitting import build_fitting
from geophrase.training.fit.parallel import Ranks, joined
from geophrase.training.recipes.miniature import NUM_STEPS, Miniature

_CPU = torch.device("cpu")


def run_smoke(args: argparse.Namespace, config: TrainConfig) -> int:
    """Runs ``geophrase-train fit --smoke`` and prints what it did, in ``--run`` where that is given.

    ``torchrun`` may start it like any run; every process draws the same images for itself.

    Raises:
        EngineError: The run folder is taken, or a setting doesn't fit.
    """
    torch.set_num_threads(1)  # a miniature gains nothing from more, and waits for them on a busy machine
    ranks = Ranks.from_environment()
    with _folder(args.run) as folder, joined(ranks, _CPU) as connected:
        miniature = Miniature.write(folder / f"miniature_{ranks.rank}")
        weights = fit_miniature(miniature, config, folder / "run", ranks=connected)
        if ranks.is_first:
            is_known = isinstance(config.model, RsamConfig)
            answer = ask(weights, miniature) if is_known else "the engine doesn't take this model's weights"
            print(f"{args.recipe}: {NUM_STEPS} updates, a validation and an export; {answer}")
    return 0


def fit_miniature(
    miniature: Miniature, config: TrainConfig, run: Path, *, ranks: Ranks | None = None
) -> Path:
    """Trains a recipe in miniature on the CPU and returns the weights that the first process exports.

    Args:
        miniature: What it trains on.
        config: The recipe as it is.
        run: The run folder.
        ranks: The connected processes; one alone where there are none.

    Raises:
        EngineError: The run folder is taken.
    """
    args = argparse.Namespace(
        data=[miniature.data], repeats=[], validate_on=None, run=run, init=None, resume=False, teacher=None,
        workers=0,
    )  # fmt: skip
    return build_fitting(args, miniature.shrink(config), ranks=ranks, device=_CPU).fit()


def ask(weights: Path, miniature: Miniature) -> str:
    """Loads weights as the engine does, asks the first test phrase and tells the answer.

    Raises:
        EngineError: The weights can't be loaded.
    """
    image = read_split(miniature.data, "test")[0]
    predictor = Predictor.load(weights, "cpu")
    phrase = image.phrases[0].text
    prediction = predictor.predict(predictor.encode(read_image(image.path)), text=phrase)
    return f"asked for '{phrase}', the weights answer with an estimated IoU of {prediction.iou:.2f}"


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    if chosen is not None:
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix="geophrase-smoke-") as temporary:
        yield Path(temporary)
