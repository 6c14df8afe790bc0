"""Calls in threads of their own: what they tell, and what happens when nobody is left to be told."""

from __future__ import annotations

import threading

import pytest
from dock_tools import (
    no_lost_exception,  # noqa: F401 - a fixture
    turn,
    wait_until,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QThread

from geophrase.protocol.errors import ErrorCode
from geophrase.qgis_plugin.core.background import BackgroundCall
from geophrase.qgis_plugin.core.engine.errors import EngineFailure


@pytest.fixture
def told(qgis_app):
    """Calls a function in the background; gives what was told in the main thread."""
    parent = QObject()

    def call(function):
        heard = []
        one = BackgroundCall(function, parent)
        for signal in (one.succeeded, one.failed):
            signal.connect(lambda value: heard.append((value, QThread.currentThread())))
        one.start()
        wait_until(qgis_app, lambda: heard)
        wait_until(qgis_app, lambda: sip.isdeleted(one), what="the call's end")
        ((value, thread),) = heard
        assert thread is qgis_app.thread()
        return value

    yield call
    sip.delete(parent)


def _fail(error):
    raise error


def test_what_came_of_it_is_told_once_in_the_main_thread(told):
    assert told(lambda: {"any": "value"}) == {"any": "value"}
    assert told(lambda: None) is None
    assert told(lambda: _fail(EngineFailure(ErrorCode.INTERNAL, "It broke."))) == "It broke."
    assert told(lambda: _fail(KeyError())) == "KeyError"


def test_a_parent_may_go_at_any_time(qgis_app, told, no_lost_exception):  # noqa: F811 - a fixture
    heard, goes = [], threading.Event()
    for number in range(200):
        parent = QObject()
        call = BackgroundCall(goes.wait if number % 2 else lambda: None, parent)
        call.succeeded.connect(heard.append)
        call.start()
        sip.delete(parent)
    goes.set()
    turn(qgis_app, 0.2)
    assert heard == []
    assert told(lambda: "still here") == "still here"
