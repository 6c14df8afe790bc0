"""Prompts and the way back through them."""

from __future__ import annotations

from geophrase.qgis_plugin.core.refine.masks import ShapeMask
from geophrase.qgis_plugin.core.refine.prompts import PromptHistory, PromptState
from geophrase.qgis_plugin.core.vector.clicks import Click

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def test_marks_add_up_and_a_box_says_the_place_anew():
    mask = ShapeMask(())
    start = PromptState(text="roof", mask=mask)
    assert not start.has_marks_beyond(start)
    clicked = start.with_click(Click(1, 2, True), mask=mask).with_click(Click(3, 4, False), mask=None)
    assert clicked.has_marks_beyond(start)
    assert clicked.clicks == (Click(1, 2, True), Click(3, 4, False))
    assert clicked.text == "roof"
    assert clicked.mask is None
    boxed = start.with_click(Click(1, 2, True), mask=mask).with_box(BOX)
    assert (boxed.box_map, boxed.mask, len(boxed.clicks)) == (BOX, None, 1)
    assert boxed.has_marks_beyond(start)


def test_states_that_look_alike_are_told_apart():
    assert PromptState() != PromptState()
    assert len({PromptState(), PromptState()}) == 2


def test_undo_and_redo_walk_the_states_and_a_new_one_forgets_the_undone():
    states = [PromptState(str(number)) for number in range(5)]
    history = PromptHistory(states[0])
    assert not history.undo()
    assert not history.redo()
    for state in states[1:4]:
        history.push(state)
    assert history.undo()
    assert history.undo()
    assert history.current is states[1]
    assert history.redo()
    assert history.current is states[2]
    assert history.can_redo
    history.push(states[4])
    assert history.current is states[4]
    assert not history.redo()
    assert [history.undo() for _ in range(4)] == [True, True, True, False]
    assert history.current is states[0]
