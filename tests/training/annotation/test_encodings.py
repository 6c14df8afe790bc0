"""What a person waits for is encoded before what only might be wanted."""

from __future__ import annotations

import threading

import pytest

from geophrase.training.annotation.encodings import EncodingStore
from geophrase.training.data.risors import RisorsError


class SlowModel:
    """A model whose encoding waits for a sign, and which notes what it was asked."""

    def __init__(self, model):
        self.predictor = model.predictor
        self.go = threading.Event()
        self.begun = threading.Event()
        self.widths_px = []
        self._encode = model.encode

    def encode(self, image_HWC):
        self.widths_px.append(image_HWC.shape[1])
        self.begun.set()
        assert self.go.wait(10)
        return self._encode(image_HWC)


@pytest.fixture
def slow(model):
    return SlowModel(model)


@pytest.fixture
def store(project, slow):
    with EncodingStore(project, lambda: slow, limit_bytes=10**8) as store:
        yield store


def test_what_is_waited_for_overtakes_what_was_asked_ahead(store, slow):
    store.look_ahead([0, 1, 2])
    assert slow.begun.wait(10)
    threading.Timer(0.2, slow.go.set).start()
    assert store.get(3).image_hw_px == (80, 80)
    assert slow.widths_px == [120, 80]


def test_looking_elsewhere_takes_back_what_is_not_begun(store, slow):
    store.look_ahead([0, 1])
    assert slow.begun.wait(10)
    store.look_ahead([2])
    slow.go.set()
    store.get(2)
    assert slow.widths_px == [120, 140]


def test_an_encoding_is_made_once_and_comes_back_from_the_disk(project, slow, store):
    slow.go.set()
    store.look_ahead([0])
    first = store.get(0)
    assert store.get(0) is first
    with EncodingStore(project, lambda: slow, limit_bytes=10**8) as again:
        assert again.get(0).image_hw_px == (90, 120)
    assert slow.widths_px == [120]


def test_an_image_that_failed_is_tried_again(project, store, slow):
    slow.go.set()
    path = project.images[0].boxed.path
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(RisorsError, match=r"a\.png"):
        store.get(0)
    path.write_bytes(content)
    assert store.get(0).image_hw_px == (90, 120)
