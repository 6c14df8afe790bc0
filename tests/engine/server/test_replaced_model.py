"""A model of the user's own whose file is replaced by another of the same name, while the engine runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from geophrase.engine.errors import EngineError
from geophrase.engine.model.weights.card import ModelCard
from geophrase.engine.model.weights.hashing import file_sha256
from geophrase.engine.model.weights.user_models import install_model, models_folder, remove_model
from geophrase.engine.server.model_list import file_state
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import WindowPx
from geophrase.protocol.jobs import JobFailed, JobResult, SegmentJob
from geophrase.protocol.messages import FileSource, PointsQuery, TextQuery
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.tests.engine.server.conftest import wait_until
from geophrase.tests.fakes.colour_model import ColourModel

NAME = "mytown"
SCENE = [("red", 10, 10, 20, 20), ("blue", 40, 40, 10, 5)]
CLICK = PointsQuery(((1.0, 1.0),), (1,))
RED_M2, BLUE_M2 = 20 * 20 / 4, 10 * 5 / 4


@dataclass
class OneColour(ColourModel):
    """Finds the colour that is its weights, whatever it is asked."""

    colour: str = "red"
    on_encode: Callable[[], object] = lambda: None

    def encode_batch(self, images_BHWC):
        self.on_encode()
        return super().encode_batch(images_BHWC)

    def predict(self, embedding, **_prompts):
        return super().predict(embedding, text=self.colour)

    def predict_texts(self, embeddings, texts):
        return super().predict_texts(embeddings, [self.colour] * len(texts))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def install(tmp_path: Path) -> Callable[[str], None]:
    """Make a colour the model of this name, in place of what has it."""

    def put(colour: str) -> None:
        if (models_folder() / f"{NAME}.safetensors").exists():
            remove_model(NAME)
        weights = tmp_path / "weights"
        weights.write_text(colour)
        card = ModelCard.describing(
            weights,
            model=NAME,
            version="1",
            licence="CC0-1.0",
            created="2026-11-22",
            summary=colour,
            training_data=(),
            figures={},
        )
        install_model(NAME, weights, card)

    return put


class Loader:
    """Loads what lies under the name at the time."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.on_encode: Callable[[], object] = lambda: None

    def __call__(self, name: str, _choice: object) -> OneColour:
        path = models_folder() / f"{name}.safetensors"
        colour, sha256 = path.read_text(), file_sha256(path)
        self.loaded.append(colour)
        identity = f"{name}:{sha256}"
        return OneColour(
            colour=colour,
            weights_sha256=sha256,
            identity=identity,
            name=name,
            on_encode=lambda: self.on_encode(),
        )


def _opened(engine, path):
    return engine.open_session(OpenSession(FileSource(str(path)), WindowPx(0, 0, 64, 64), model=NAME), {})


def _area_m2(engine, session) -> float:
    arrays = engine.predict(session.session_id, PredictRequest((CLICK,)), {})[1]
    return float(sum(FeatureBatch.from_arrays(arrays).area_m2))


def test_the_new_model_answers_and_sessions_of_the_old_one_have_to_be_opened_again(
    paint, start_engine, install
):
    install("red")
    loader = Loader()
    engine, path = start_engine(loader), paint(SCENE, width=64, height=64)
    old = _opened(engine, path)
    assert _area_m2(engine, old) == pytest.approx(RED_M2, rel=0.01)
    assert _opened(engine, path) == replace(old, is_cached=True, encode_s=0.0)

    install("blue")
    with pytest.raises(EngineError) as refusal:  # not the old encoding read by the new model
        _area_m2(engine, old)
    assert refusal.value.code is ErrorCode.NOT_FOUND
    new = _opened(engine, path)
    assert new.weights != old.weights
    assert not new.is_cached
    assert _area_m2(engine, new) == pytest.approx(BLUE_M2, rel=0.01)
    assert loader.loaded == ["red", "blue"]


def test_a_model_that_left_memory_is_not_told_of_as_it_was(paint, start_engine, install):
    install("red")
    engine, path = start_engine(Loader(), keep_alive_s=0.05), paint(SCENE, width=64, height=64)
    old = _opened(engine, path)
    wait_until(lambda: not engine.health().model)
    install("blue")
    assert _opened(engine, path).weights != old.weights


def test_a_model_that_is_removed_while_it_is_used_goes_on(paint, start_engine, install):
    install("red")
    loader = Loader()
    engine, path = start_engine(loader), paint(SCENE, width=64, height=64)
    session = _opened(engine, path)
    remove_model(NAME)
    assert _area_m2(engine, session) == pytest.approx(RED_M2, rel=0.01)
    with pytest.raises(EngineError) as refusal:
        _opened(engine, path)
    assert refusal.value.code is ErrorCode.MODEL_UNKNOWN
    install("red")  # the same again
    assert _area_m2(engine, session) == pytest.approx(RED_M2, rel=0.01)


def test_a_job_is_of_one_model_throughout(paint, start_engine, install):
    install("red")
    loader = Loader()
    engine, path = start_engine(loader), paint(SCENE, width=256, height=256)
    replacing = iter(["blue"])
    loader.on_encode = lambda: [install(colour) for colour in replacing]
    request = SegmentJob("job", FileSource(str(path)), (TextQuery("red"),), model=NAME)
    *_, (last, _) = engine.run_job(request)
    assert isinstance(last, JobFailed)
    assert last.code is ErrorCode.NOT_FOUND
    assert NAME in last.message
    *_, (again, _) = engine.run_job(request)
    assert isinstance(again, JobResult)
    assert loader.loaded == ["red", "blue"]


def test_the_file_that_an_engine_was_started_with_may_be_replaced_too(tmp_path):
    path = tmp_path / "trained.safetensors"
    assert file_state(str(path)) is None
    path.write_text("red")
    before = file_state(str(path))
    assert before == file_state(str(path))
    other = tmp_path / "other"
    other.write_text("tan")
    other.replace(path)
    assert file_state(str(path)) not in (None, before)
    assert file_state("rsam_small") is None
