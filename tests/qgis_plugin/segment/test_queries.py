"""The query line's phrases agree with the engine's own reading of queries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geophrase.engine.errors import EngineError
from geophrase.engine.pipeline.run_config import distinct_queries
from geophrase.qgis_plugin.core.segment.queries import QueryError, short_title, split_queries


@pytest.mark.parametrize(
    ("line", "queries"),
    [
        ("storage tanks", ("storage tanks",)),
        (" storage  tanks ;ships; ; storage tanks;", ("storage tanks", "ships")),
        ("the building, north of the river", ("the building, north of the river",)),
    ],
)
def test_semicolons_separate_phrases(line, queries):
    assert split_queries(line) == queries


@pytest.mark.parametrize("line", ["", "  ", ";;", "x" * 501, "a\x07b", "; ".join(map(str, range(65)))])
def test_what_cannot_be_asked_is_refused_with_advice(line):
    with pytest.raises(QueryError, match=r"\. [A-Z]"):
        split_queries(line)


@given(st.text())
def test_the_engine_takes_what_the_line_gives(line):
    try:
        queries = split_queries(line)
    except QueryError:
        return
    try:
        assert distinct_queries(queries) == queries
    except EngineError as error:
        pytest.fail(f"{queries} was refused: {error}")


def test_a_long_title_is_cut():
    title = short_title(["a very long phrase about storage tanks"] * 3)
    assert len(title) <= 60
    assert title.endswith("…")
