"""Splits of one raster's images: each an area of its own, with a gap between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

VAL_FRACTION, TEST_FRACTION = 0.10, 0.15
_LINES_FOR_TEST, _LINES_FOR_VAL = 5, 3


def split_by_zones(cells: Sequence[tuple[int, int]]) -> list[str]:
    """The split of each cell of a grid; "" for those of the gaps.

    Along the longer side of the area that the cells take, the last lines are the test split, lines before
    them validation, and the rest training. A line between two splits is left out where one would touch the
    other, so that no image has a neighbour in another split, by side or by corner. An area of fewer than five
    lines gets no test split, and one of fewer than three nothing but training.

    Args:
        cells: Row and column numbers.
    """
    if not cells:
        return []
    spans = [max(cell[axis] for cell in cells) - min(cell[axis] for cell in cells) for axis in (0, 1)]
    axis = 0 if spans[0] > spans[1] else 1
    counts = Counter(cell[axis] for cell in cells)
    split_of_line = _lines(counts)
    return [split_of_line.get(cell[axis], "") for cell in cells]


def _lines(counts: Counter[int]) -> dict[int, str]:
    """The split of each line; none for a gap."""
    left = sorted(counts)
    split_of_line: dict[int, str] = {}
    for split, fraction, least in (
        ("test", TEST_FRACTION, _LINES_FOR_TEST),
        ("val", VAL_FRACTION, _LINES_FOR_VAL),
    ):
        wanted = fraction * counts.total()
        num_taken = 0
        while len(left) >= least and num_taken < wanted:
            line = left.pop()
            split_of_line[line] = split
            num_taken += counts[line]
        if num_taken and left[-1] == min(split_of_line) - 1:
            left.pop()
    return split_of_line | dict.fromkeys(left, "train")
