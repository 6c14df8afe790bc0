"""Models that came while QGIS and the engine were running are offered at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dock_tools import (
    loaded_plugin,
    no_lost_exception,  # noqa: F401 - a fixture
    turn,
    use_engine,
    wait_until,
)


@pytest.fixture
def dock(qgis_app, iface, scripted_engine):
    use_engine(scripted_engine)
    with loaded_plugin(iface) as plugin:
        iface.window.show()
        plugin.dock.show()
        yield plugin.dock


def offered(dock) -> list[str]:
    combo = dock.page.engine_box._models
    return [combo.itemData(index) for index in range(combo.count())]


@pytest.mark.parametrize("is_list_opened", [True, False], ids=["the list is opened", "the panel is shown"])
def test_a_new_model_is_offered_without_restarting(qgis_app, dock, scripted_engine, is_list_opened):
    wait_until(qgis_app, lambda: "scripted" in offered(dock))
    assert "better_roofs" not in offered(dock)
    scripted_engine.script(models=["better_roofs"])
    if is_list_opened:
        dock.page.engine_box._models.showPopup()
        turn(qgis_app)
        dock.page.engine_box._models.hidePopup()
    else:
        dock.hide()
        turn(qgis_app)
        dock.show()
    wait_until(qgis_app, lambda: "better_roofs" in offered(dock))
    assert dock.page.engine_box.model == "scripted"
    assert scripted_engine.num_starts == 1


def test_a_list_that_is_open_shows_what_came_while_it_was(qgis_app, dock, scripted_engine):
    wait_until(qgis_app, lambda: "scripted" in offered(dock))
    names = [f"model_{number}" for number in range(5)]
    scripted_engine.script(models=names)
    combo = dock.page.engine_box._models
    combo.showPopup()
    wait_until(qgis_app, lambda: names[-1] in offered(dock))
    turn(qgis_app)
    assert combo.view().isVisible()
    last = combo.model().index(combo.count() - 1, 0)
    assert combo.view().visualRect(last).bottom() <= combo.view().viewport().height()
    combo.hidePopup()


def test_models_that_are_here_come_before_downloads(qgis_app, dock):
    engine_box = dock.page.engine_box
    wait_until(qgis_app, lambda: "scripted" in offered(dock))
    here = engine_box._known_models[0]
    engine_box._known_models = (here, replace(here, name="far", is_here=False), replace(here, name="own"))
    engine_box._fill_models()
    assert offered(dock) == ["scripted", "own", "far"]
