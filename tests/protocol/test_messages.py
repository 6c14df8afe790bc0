from __future__ import annotations

import ast
import dataclasses
import math
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geophrase.protocol import jobs, messages, sessions
from geophrase.protocol.codec import InvalidMessageError, from_json, to_json
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.version import PATH_PREFIX, PROTOCOL_VERSION, is_compatible
from geophrase.protocol.wire import Frame, pack, unpack

MESSAGES = sorted(
    {
        kind
        for module in (messages, sessions, jobs)
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind) and kind.__module__.startswith("geophrase.protocol")
    },
    key=lambda kind: kind.__name__,
)
TAGGED_UNIONS = (messages.Query, jobs.JobRequest, jobs.JobEvent)

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
SIDE = st.integers(1, 100_000)
INTEGER = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGER | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
GRID = st.builds(
    RasterGrid,
    SIDE,
    SIDE,
    st.tuples(
        st.floats(0.1, 10),
        st.floats(-0.05, 0.05),
        NUMBER,
        st.floats(-0.05, 0.05),
        st.floats(-10, -0.1),
        NUMBER,
    ),
    TEXT,
)
WINDOW = st.builds(WindowPx, INTEGER, INTEGER, SIDE, SIDE)
POINTS = st.lists(st.tuples(st.tuples(NUMBER, NUMBER), st.integers(0, 1)), min_size=1, max_size=5).map(
    lambda pairs: messages.PointsQuery(tuple(xy for xy, _ in pairs), tuple(label for _, label in pairs))
)
BOX = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1, 1e6), st.floats(1, 1e6)).map(
    lambda box: messages.BoxQuery((box[0], box[1], box[0] + box[2], box[1] + box[3]))
)
OWN = {RasterGrid: GRID, WindowPx: WINDOW, messages.PointsQuery: POINTS, messages.BoxQuery: BOX}


def strategy_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in OWN:
        return OWN[kind]
    if kind is Any:
        return JSON
    if origin is typing.Union:
        return st.one_of([strategy_of(argument) for argument in arguments])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(strategy_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*[strategy_of(argument) for argument in arguments])
    if origin is dict:
        return st.dictionaries(TEXT, strategy_of(arguments[1]), max_size=3)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(
            kind, **{field.name: strategy_of(hints[field.name]) for field in dataclasses.fields(kind)}
        )
    if kind is ErrorCode:
        return st.sampled_from(ErrorCode)
    return {type(None): st.none(), bool: st.booleans(), int: INTEGER, float: NUMBER, str: TEXT}[kind]


def with_more_fields(value: Any) -> Any:
    """The JSON as a newer sender might write it."""
    if isinstance(value, dict):
        return {"added_later": {"x": [1]}, **{key: with_more_fields(item) for key, item in value.items()}}
    return [with_more_fields(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_message_comes_back_from_the_wire_as_it_was(kind: Any):
    @settings(max_examples=25, deadline=None)
    @given(strategy_of(kind))
    def check(message: Any) -> None:
        assert unpack(b"".join(pack(Frame.of(message)))).read_as(kind) == message
        has_free_form = any(
            hint is Any or Any in typing.get_args(hint) or typing.get_origin(hint) is dict
            for hint in typing.get_type_hints(kind).values()
        )
        if not has_free_form:
            assert from_json(kind, with_more_fields(to_json(message))) == message

    check()


@pytest.mark.parametrize("union", TAGGED_UNIONS)
def test_members_of_a_union_are_told_apart(union: Any):
    kinds = typing.get_args(union)
    assert len({kind.TYPE for kind in kinds}) == len(kinds)

    @settings(max_examples=60, deadline=None)
    @given(strategy_of(union))
    def check(message: Any) -> None:
        assert from_json(union, to_json(message)) == message

    check()


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_no_json_breaks_a_message(kind: Any):
    names = [field.name for field in dataclasses.fields(kind)]

    @settings(max_examples=25, deadline=None)
    @given(st.dictionaries(st.sampled_from([*names, "x"]), JSON | st.just(math.nan), max_size=8))
    def check(value: Any) -> None:
        try:
            message = from_json(kind, value)
        except InvalidMessageError:
            return
        assert isinstance(message, kind)

    check()


def test_the_table_of_requests_is_the_servers(repository: Path):
    """The table in messages.py is what people read; routes.py is what is served."""
    from geophrase.engine.server.routes import ROUTES

    assert messages.__doc__ is not None
    rows = [line.split()[:2] for line in messages.__doc__.splitlines() if PATH_PREFIX + "/" in line]
    documented = {(method, path) for method, path in rows}
    served = set()
    for route in ROUTES:
        item = {"sessions": "{session_id}", "uploads": "{upload_id}", "jobs": "{job_id}"}
        name = route.path.split("/")[1]
        served.add((route.method, PATH_PREFIX + route.path.replace("*", item.get(name, "*"))))
    assert served == documented


@pytest.mark.parametrize(
    ("theirs", "is_understood"),
    [
        (PROTOCOL_VERSION, True),
        ("1.99", True),
        ("2.0", False),
        ("0.9", False),
        ("10.0", False),
        ("1", False),
        ("1.x", False),
        ("", False),
        ("1.0.1", False),
        (" 1.0", False),
    ],
)
def test_major_versions_decide(theirs: str, is_understood: bool):
    assert is_compatible(theirs, ours="1.0") == is_understood
    assert PATH_PREFIX == "/v" + PROTOCOL_VERSION.split(".")[0]


def test_an_engine_of_the_first_version_and_this_plugin_understand_each_other():
    """What it doesn't know it ignores, and what it doesn't say counts as not asked for."""
    asked = to_json(sessions.PredictRequest((messages.TextQuery("roof"),), is_multimask=True))
    assert asked["is_multimask"] is True
    answered = {"iou_pred": 0.5, "objectness": 0.9, "wait_s": 0.0, "model_s": 0.1, "polygonise_s": 0.0}
    assert from_json(sessions.Predicted, answered).alternatives == ()


def test_annotations_are_those_that_python_3_9_can_evaluate(repository: Path):
    """`X | Y` is a TypeError there once get_type_hints reads it; only dataclasses are read at run time."""
    for path in sorted((repository / "protocol").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.AnnAssign):
                unions = [part for part in ast.walk(node.annotation) if isinstance(part, ast.BitOr)]
                assert not unions, f"{path.name}:{node.lineno}"
