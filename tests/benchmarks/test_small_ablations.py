"""The table of the small ablations says what the reports say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geophrase.benchmarks import small_ablations


def report(
    model: str, miou: float, *, data: str = "data/nwpu", phrases: str = "own", **by_kind: float
) -> dict[str, Any]:
    return {
        "model": model,
        "parameters": 6_887_983,
        "data": [data],
        "split": "test",
        "phrases_of": phrases,
        "size_px": 512,
        "images": 69,
        "right": {
            "mIoU": miou,
            "oIoU": 0.7,
            "P@0.5": 0.25,
            "by_kind": {kind: {"mIoU": value} for kind, value in by_kind.items()},
            "absent": {"false_alarm_rate": None},
            "objectness_auc": 0.75,
        },
        "shuffled": {"mIoU": 0.03125},
    }


def test_rows_are_in_the_order_of_the_recipes_and_tables_by_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [
        report("small_early_fusion", 0.4, place=0.2),
        report("small_both", 0.6, data="data/dubai"),
        report("small_twgm", 0.2, phrases="typed"),
        report("mine", 0.1),
        report("small_baseline", 0.5, **{"class": 0.55}),
    ]
    paths = [tmp_path / f"{number}.json" for number in range(len(reports))]
    for path, one in zip(paths, reports, strict=True):
        path.write_text(json.dumps(one))
    assert small_ablations.main([str(path) for path in paths]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nwpu: 69 images of the test split, input 512 px",
        "",
        "| model | own parameters | mIoU |  | oIoU | P@0.5 | class | place | shuffled | false alarms | AUC |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| small_baseline | 6.89 M | 0.500 |  | 0.700 | 0.250 | 0.550 | – | 0.031 | – | 0.750 |",
        "| small_early_fusion | 6.89 M | 0.400 | -0.100 | 0.700 | 0.250 | – | 0.200 | 0.031 | – | 0.750 |",
        "| mine | 6.89 M | 0.100 | -0.400 | 0.700 | 0.250 | – | – | 0.031 | – | 0.750 |",
        "",
        "dubai: 69 images of the test split, input 512 px",
        "",
        "| model | own parameters | mIoU |  | oIoU | P@0.5 | shuffled | false alarms | AUC |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| small_both | 6.89 M | 0.600 |  | 0.700 | 0.250 | 0.031 | – | 0.750 |",
        "",
        "nwpu: 69 images of the test split, input 512 px, phrases of typed",
        "",
        "| model | own parameters | mIoU |  | oIoU | P@0.5 | shuffled | false alarms | AUC |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| small_twgm | 6.89 M | 0.200 |  | 0.700 | 0.250 | 0.031 | – | 0.750 |",
    ]
