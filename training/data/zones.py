"""The parts of an image that a phrase may name, each with what surely and what perhaps lies in it."""

from __future__ import annotations

from collections.abc import Callable

from geophrase.training.data.things import Thing

Test = Callable[[Thing], bool]
Zone = tuple[tuple[str, ...], Test, Test]


def _zone(words: str, strict: Test, loose: Test) -> Zone:
    return tuple(word.strip() for word in words.split("|")), strict, loose


def _band(axis: str, side: str) -> tuple[Test, Test]:
    """Strict: the centre lies in the outer 40 %. Loose: any part of the object is in the outer 52 %."""
    if side == "low":
        edge = {"x": "left", "y": "top"}[axis]
        return (lambda t: getattr(t, axis) < 0.40), (lambda t: getattr(t, edge) < 0.52)
    edge = {"x": "right", "y": "bottom"}[axis]
    return (lambda t: getattr(t, axis) > 0.60), (lambda t: getattr(t, edge) > 0.48)


def _both(first: Test, second: Test) -> Test:
    return lambda thing: first(thing) and second(thing)


def _make_zones() -> tuple[Zone, ...]:
    left, left_loose = _band("x", "low")
    right, right_loose = _band("x", "high")
    top, top_loose = _band("y", "low")
    bottom, bottom_loose = _band("y", "high")
    zones = [
        _zone("on the left|on the left side|at the left|in the left half|to the left|on the western side"
              "|in the west|on the left hand side|on the west side|left side|to the west", left, left_loose),
        _zone("on the right|on the right side|at the right|in the right half|to the right|on the eastern side"
              "|in the east|on the right hand side|on the east side|right side|to the east",
              right, right_loose),
        _zone("at the top|in the upper half|in the upper part|on the top|at the top of the image|in the north"
              "|in the northern part|towards the top|on the north side|to the north", top, top_loose),
        _zone("at the bottom|in the lower half|in the lower part|on the bottom|at the bottom of the image"
              "|in the south|in the southern part|towards the bottom|on the south side|to the south",
              bottom, bottom_loose),
    ]  # fmt: skip
    corners = (
        ("top", "upper", "north", "left", "west", top, left, top_loose, left_loose),
        ("top", "upper", "north", "right", "east", top, right, top_loose, right_loose),
        ("bottom", "lower", "south", "left", "west", bottom, left, bottom_loose, left_loose),
        ("bottom", "lower", "south", "right", "east", bottom, right, bottom_loose, right_loose),
    )
    for row, row2, compass, col, compass2, row_in, col_in, row_loose, col_loose in corners:
        words = (
            f"in the {row} {col}|in the {row} {col} corner|in the {row2} {col}|in the {row2} {col} corner"
            f"|at the {row} {col}|in the {compass}{compass2}|in the {compass}-{compass2}"
            f"|in the {compass}{compass2}ern corner|on the {row2} {col} side|{row} {col}"
            f"|in the {row} {col} hand corner|in the {(compass[0] + compass2[0]).upper()} corner|{row2} {col}"
        )
        zones.append(_zone(words, _both(row_in, col_in), _both(row_loose, col_loose)))
    zones.append(
        _zone(
            "in the middle|in the center|in the centre|in the middle of the image|at the center"
            "|in the central part",
            lambda t: abs(t.x - 0.5) < 0.13 and abs(t.y - 0.5) < 0.13,
            lambda t: t.left < 0.72 and t.right > 0.28 and t.top < 0.72 and t.bottom > 0.28,
        )
    )
    return tuple(zones)


ZONES = _make_zones()
"""Words, strict test and loose test of every part of an image that a phrase may name."""
