"""The figures copied from the paper agree with each other as they do there."""

from __future__ import annotations

from statistics import fmean

import pytest

from geophrase.training.benchmark.experiments import EXPERIMENTS
from geophrase.training.benchmark.published import CLASSES, DATASETS, METHODS, OURS
from geophrase.training.data.sources.catalog import MASK_SOURCES
from geophrase.training.recipes.catalog import RECIPES


@pytest.mark.parametrize(("dataset", "num_classes"), [("rrsis-d", 20), ("risors", 19)])
@pytest.mark.parametrize("method", ["RMSIN", "FIANet", OURS])
def test_classes_average_to_what_is_printed(dataset, num_classes, method):
    columns = {name: row[method] for name, row in CLASSES[dataset].items()}
    printed = columns.pop("average")
    assert len(columns) == num_classes
    expected = {("risors", "RMSIN"): 68.29}.get((dataset, method), printed)  # 68.45 is printed
    assert fmean(columns.values()) == pytest.approx(expected, abs=0.006)


def test_precision_falls_with_the_threshold():
    rows = [row for table in METHODS.values() for row in table.values()]
    rows += [experiment.published for experiment in EXPERIMENTS]
    for row in rows:
        precisions = [row[f"P@{threshold}"] for threshold in (0.5, 0.6, 0.7, 0.8, 0.9) if "P@0.5" in row]
        assert precisions == sorted(precisions, reverse=True)


def test_rows_of_one_run_have_one_result_in_every_table():
    by_run = {}
    for experiment in EXPERIMENTS:
        by_run.setdefault((experiment.run, experiment.points), []).append(experiment.published)
    assert len(by_run[("risors_base_plus", 0)]) == 5  # Tables 8, 11, 12, 13 and 14
    for rows in by_run.values():
        assert len({(row["oIoU"], row["mIoU"]) for row in rows}) == 1


def test_every_experiment_has_a_name_of_its_own_and_a_recipe_of_the_catalogue():
    assert len({experiment.name for experiment in EXPERIMENTS}) == len(EXPERIMENTS) == 22
    for experiment in EXPERIMENTS:
        assert RECIPES[experiment.run] is experiment.recipe
        assert f"--recipe {experiment.run} " in experiment.training_command()


@pytest.mark.parametrize("dataset", DATASETS)
def test_test_splits_are_as_large_as_the_converters_expect(dataset):
    provenance = MASK_SOURCES[dataset].provenance
    assert DATASETS[dataset].title == provenance.title
    assert DATASETS[dataset].num_test_phrases == provenance.published["test"]
