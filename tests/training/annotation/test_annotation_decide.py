"""Decisions from a table, through the command."""

from __future__ import annotations

import csv
import json

import pytest

from geophrase.training.annotation.candidates import Guidance
from geophrase.training.annotation.decide import decide, read_table
from geophrase.training.annotation.journal import read_journal
from geophrase.training.annotation.project import AnnotationError, Project
from geophrase.training.annotation.review_views import instance_view
from geophrase.training.cli import main

from .conftest import opened

TABLE = """\
instance,action,mask,points,remark
a#1,accept,2,,fine
a#2,retry,1,"12,30 40,61,-",
a#2,retry,3,"15,35,+",
a#2,Accept,1,,
b#1,,,,to be looked at again
a_2#1,drop,,,not a ship
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "decisions.csv"
    path.write_text(TABLE)
    return path


def run(project, weights, table, *more):
    words = ["annotate", "decide", "--project", project.folder, "--decisions", table, "--device", "cpu"]
    return main([str(word) for word in [*words, "--model", weights, *more]])


def test_a_table_decides_through_the_command(project, weights, table, capsys):
    assert run(project, weights, table) == 0
    counts = {"pending": 4, "accepted": 2, "dropped": 1}
    assert json.loads(capsys.readouterr().out) == {"decisions": 5, **counts}
    decisions = read_journal(project.journal_path)
    assert decisions.state_of("a#1").mask == 1
    guided = decisions.state_of("a#2")
    assert guided.rounds == (
        Guidance(0, ((12.0, 30.0), (40.0, 61.0)), (1, 0)),
        Guidance(2, ((12.0, 30.0), (40.0, 61.0), (15.0, 35.0)), (1, 0, 1)),
    )
    assert (guided.status, guided.mask) == ("accepted", 0)
    assert decisions.state_of("a_2#1").status == "dropped"


def test_a_project_of_a_file_asks_for_that_file(project, table, capsys):
    arguments = ["annotate", "decide", "--project", str(project.folder), "--decisions", str(table)]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "tiny_click_model" in said
    assert "give that with --model" in said


def test_the_same_table_again_changes_nothing(project, weights, table, capsys):
    run(project, weights, table)
    before = project.journal_path.read_bytes()
    assert run(project, weights, table) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["decisions"] == 0
    assert project.journal_path.read_bytes() == before


def test_a_table_that_was_stopped_goes_on_after_its_last_row(project, model, table, monkeypatch):
    rows = read_table(table, project.number_of)
    with opened(project, model) as session:
        decide(session, rows[:3])
    with opened(project, model) as session:
        assert decide(session, rows) == 2
        assert len(session.state(1)[0].rounds) == 2


def test_decisions_without_a_retry_need_no_weights(project, model, tmp_path, capsys):
    with opened(project, model) as session:
        session.state(0)  # proposes
    table = tmp_path / "decisions.csv"
    table.write_text("instance,action,mask\na#1,accept,1\na#2,drop,\n")
    assert run(project, tmp_path / "missing.safetensors", table) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == 1


def test_the_projects_own_table_can_be_filled_in(project, weights, boxes_file, tmp_path):
    words = ["annotate", "propose", "--boxes", boxes_file, "--to", project.folder, "--model", weights]
    assert main([str(word) for word in [*words, "--device", "cpu"]]) == 0
    rows = list(csv.DictReader((project.folder / "instances.csv").read_text().splitlines()))
    for row in rows:
        row["action"], row["mask"] = "accept", "1"
    table = tmp_path / "filled.csv"
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert run(project, weights, table) == 0
    assert len(read_journal(project.journal_path).stack) == 7


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("z#1,accept,1,", "no instance 'z#1'"),
        ("a#1,keep,1,", "'keep' is none of"),
        ("a#1,accept,,", "a number from 1 to 3"),
        ("a#1,accept,0,", "a number from 1 to 3"),
        ("a#1,accept,4,", "a number from 1 to 3"),
        ("a#1,retry,1,", "needs points"),
        ('a#1,retry,,"1,2"', "a number from 1 to 3"),
        ('a#1,retry,1,"1,2,?"', "not X,Y"),
        ("a#1,retry,1,1", "not X,Y"),
        ('a#1,retry,1,"1,2 3,x"', "not X,Y"),
    ],
)
def test_a_wrong_row_is_named_before_anything_is_decided(project, weights, tmp_path, row, words, capsys):
    table = tmp_path / "decisions.csv"
    table.write_text(f"instance,action,mask,points\na#1,drop,,\n{row}\n")
    assert run(project, weights, table) == 1
    said = capsys.readouterr().err
    assert "line 3" in said
    assert words in said
    assert not project.journal_path.exists()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b'instance,action\n"a#1,drop\n'])
def test_a_file_that_is_no_table_is_told(project, tmp_path, content):
    path = tmp_path / "decisions.csv"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=r"decisions\.csv"):
        read_table(path, project.number_of)


def test_a_point_outside_the_image_ends_there_and_keeps_what_came_before(project, weights, tmp_path, capsys):
    table = tmp_path / "decisions.csv"
    table.write_text('instance,action,mask,points\na#1,drop,,\na#2,retry,1,"500,2"\n')
    assert run(project, weights, table) == 1
    assert "Line 3: The point 500,2 is outside the image of 120 x 90 pixels." in capsys.readouterr().err
    assert read_journal(project.journal_path).state_of("a#1").status == "dropped"


def test_a_retry_with_other_weights_is_refused(project, model, tmp_path, table, capsys):
    facts = json.loads((project.folder / "project.json").read_text())
    (project.folder / "project.json").write_text(json.dumps({**facts, "weights": "0" * 64}))
    with opened(Project.open(project.folder), model) as session:
        assert instance_view(session, 0)["status"] == "pending"
    words = ["annotate", "decide", "--project", project.folder, "--decisions", table]
    path = tmp_path.parent  # no file of weights: the project's model is no name of the registry
    assert main([str(word) for word in [*words, "--model", path / "none.safetensors"]]) == 1
    assert "none.safetensors" in capsys.readouterr().err
