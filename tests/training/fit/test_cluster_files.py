"""The examples for clusters can be parsed, and give `fit` words that it knows."""

import shlex
import shutil
import subprocess
from argparse import ArgumentParser

import pytest
import yaml
from torch.distributed.run import get_args_parser

from geophrase.training.benchmark.experiments import EXPERIMENTS
from geophrase.training.fit.command import add_fit_arguments

KUBERNETES = ("pytorchjob.yaml", "trainjob.yaml")


def fit_words(command):
    """What follows `geophrase-train fit` in a torchrun command."""
    assert command[0] == "torchrun"
    start = command.index("--")
    assert command[start - 1 : start + 3] == ["-m", "--", "geophrase.training.cli", "fit"]
    return command[start + 3 :]


def words_of_commands(text):
    """The torchrun commands in a guide's text, in words."""
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("torchrun ")]


@pytest.mark.parametrize("guide", ["experiments.md", "scaling.md"])
def test_torchrun_takes_no_option_of_ours_for_its_own(repository, guide):
    commands = words_of_commands((repository / "docs" / guide).read_text())
    commands += [shlex.split(experiment.training_command()) for experiment in EXPERIMENTS]
    for command in commands:
        args = get_args_parser().parse_args(command[1:])
        assert args.training_script_args[0] == "fit"


def pods_of(job):
    """The command, the containers' part of the pods, and the pods' volumes."""
    spec = job["spec"]
    if job["kind"] == "PyTorchJob":
        pod = spec["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]
        return pod["containers"][0]["command"], pod["containers"][0], pod["volumes"]
    pod = spec["podTemplateOverrides"][0]["spec"]
    return spec["trainer"]["command"], pod["containers"][0], pod["volumes"]


@pytest.mark.parametrize("name", KUBERNETES)
def test_kubernetes_files_start_a_run_on_disks_that_are_there(repository, name):
    job = yaml.safe_load((repository / "runs" / "kubernetes" / name).read_text())
    command, container, volumes = pods_of(job)
    parser = ArgumentParser()
    add_fit_arguments(parser)
    args = parser.parse_args(fit_words(command))
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts.values()) == {volume["name"] for volume in volumes}
    assert {f"/{path.parts[1]}" for path in (*args.data, args.run)} == {"/data", "/runs"} <= mounts.keys()


def test_the_slurm_file_is_a_script_whose_words_fit_knows(repository):
    path = repository / "runs" / "slurm" / "fit.sbatch"
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n", str(path)], check=True)
    text = path.read_text().replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if "geophrase.training.cli fit" in line]
    words = [word.strip('"') for word in line.partition(" fit ")[2].split()]
    parser = ArgumentParser()
    add_fit_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings}
    assert {word for word in words if word.startswith("--")} <= options
