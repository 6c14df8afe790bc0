"""`geophrase-train benchmark`: the RSAM paper's tables with our figures beside them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs
import torch

from geophrase.engine.device import select_device
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.benchmark.experiments import EXPERIMENTS, Experiment
from geophrase.training.benchmark.published import DATASETS
from geophrase.training.benchmark.results import RESOLUTIONS, HeldOutData, Results
from geophrase.training.benchmark.rows import Benchmark, BenchmarkRow
from geophrase.training.benchmark.smoke import smoke_benchmark
from geophrase.training.benchmark.table import as_list, as_tables

_RUNS = tuple(dict.fromkeys(experiment.run for experiment in EXPERIMENTS))


def add_benchmark_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train benchmark``."""
    parser.add_argument(
        "--data",
        nargs="+",
        default=[],
        metavar="NAME=DIR",
        help=f"RISORS folders by data set: {', '.join(DATASETS)}; several of one data set are joined",
    )
    parser.add_argument("--runs", type=Path, metavar="DIR", help="folder of run folders named by recipe")
    parser.add_argument(
        "--weights", nargs="+", default=[], metavar="NAME=FILE", help="weights by recipe, before --runs"
    )
    parser.add_argument(
        "--tables", type=int, nargs="+", metavar="N", help="tables of the paper to fill (default: all)"
    )
    parser.add_argument(
        "--at",
        choices=[str(resolution) for resolution in RESOLUTIONS],
        default=str(RESOLUTIONS[0]),
        help="resolution at which masks are compared (default: native)",
    )
    parser.add_argument("--list", action="store_true", help="print all experiments and what trains them")
    parser.add_argument(
        "--smoke", action="store_true", help="train the recipes in miniature and fill the tables with that"
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="where scores are kept (default: the user's cache)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_benchmark(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train benchmark``; prints tables or JSON.

    Raises:
        EngineError: An option or a weights file is wrong.
        RisorsError: A data folder is not in the RISORS format.
    """
    if args.threads:
        torch.set_num_threads(args.threads)
    experiments = _chosen(args.tables)
    if args.list:
        _print_list(experiments, is_json=args.json)
        return 0
    if args.smoke:
        with smoke_benchmark(experiments) as (benchmark, cache):
            _print_rows(args, _rows(args, benchmark, cache, experiments))
        return 0
    cache = args.cache or Path(platformdirs.user_cache_path("geophrase", appauthor=False)) / "benchmark"
    benchmark = Benchmark(_data(args.data), _named(args.weights, _RUNS, "--weights"), args.runs)
    _print_rows(args, _rows(args, benchmark, cache, experiments))
    return 0


def _rows(
    args: argparse.Namespace, benchmark: Benchmark, cache: Path, experiments: Sequence[Experiment]
) -> list[BenchmarkRow]:
    choice = select_device("cpu" if args.smoke else args.device)
    print(choice.reason, file=sys.stderr)
    results = Results(cache, choice)
    return [benchmark.row(experiment, results, resolution=args.at) for experiment in experiments]


def _print_rows(args: argparse.Namespace, rows: Sequence[BenchmarkRow]) -> None:
    if args.json:
        document = {"resolution": args.at, "rows": [row.as_dict() for row in rows]}
        print(json.dumps(document, indent=1))
    else:
        print(as_tables(rows, resolution=args.at))


def _print_list(experiments: Sequence[Experiment], *, is_json: bool) -> None:
    if is_json:
        rows = [BenchmarkRow(row).as_dict() | {"command": row.training_command()} for row in experiments]
        print(json.dumps(rows, indent=1))
    else:
        print(as_list(experiments))


def _chosen(tables: Sequence[int] | None) -> list[Experiment]:
    known = sorted({experiment.table for experiment in EXPERIMENTS})
    unknown = sorted(set(tables or ()) - set(known))
    if unknown:
        message = f"There is no row of ours in table {unknown[0]}: choose of {', '.join(map(str, known))}."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    return [experiment for experiment in EXPERIMENTS if experiment.table in (tables or known)]


def _data(words: Sequence[str]) -> dict[str, HeldOutData]:
    roots: dict[str, list[Path]] = {}
    for word in words:
        for name, root in _named([word], tuple(DATASETS), "--data").items():
            roots.setdefault(name, []).append(root)
    return {name: HeldOutData.read(paths) for name, paths in roots.items()}


def _named(words: Sequence[str], names: Sequence[str], option: str) -> dict[str, Path]:
    """Paths by name out of NAME=PATH words."""
    found = {}
    for word in words:
        name, _, path = word.partition("=")
        if name not in names or not path:
            message = f"{option} takes NAME=PATH with a name of {', '.join(names)}, not '{word}'."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        found[name] = Path(path)
    return found
