"""Finding, checking and reading weights files; every bad file is one sentence, and no file runs code."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.model.weights import load
from geophrase.engine.model.weights.card import ModelCard, TrainingSource, read_card, write_card
from geophrase.engine.model.weights.download import DownloadOptions
from geophrase.engine.model.weights.hashing import checksum_path, remembered_sha256
from geophrase.engine.model.weights.load import (
    WeightsFile,
    download_weights,
    list_models,
    locate_weights,
    read_metadata,
    read_state_dict,
)
from geophrase.engine.model.weights.registry import REGISTRY, find_entry
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.protocol.errors import ErrorCode

METADATA = WeightsMetadata(
    model="rsam_small",
    version="0.1",
    training_data="invented",
    licence="CC0-1.0",
    config_json='{"d": 8}',
)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GEOPHRASE_WEIGHTS", raising=False)
    monkeypatch.setattr(load, "BUNDLED_FOLDER", tmp_path / "bundled")


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "a.weight": torch.randn(64, 32, generator=generator),
        "a.steps": torch.tensor([3, 4]),
    }


def entry_for(data: bytes, url: str | None, *, pinned: bool):
    return dataclasses.replace(
        REGISTRY["sam2.1_hiera_tiny"],
        url=url,
        sha256=hashlib.sha256(data).hexdigest() if pinned else None,
        size_bytes=len(data) if pinned else None,
    )


def register(monkeypatch: pytest.MonkeyPatch, entry) -> None:
    from geophrase.engine.model.weights import registry

    changed = {**REGISTRY, entry.name: entry}
    monkeypatch.setattr(registry, "REGISTRY", changed)
    monkeypatch.setattr(load, "REGISTRY", changed)


def loose(path: Path) -> WeightsFile:
    return WeightsFile(path, "0" * 64, None)


def test_safetensors_round_trip_with_metadata(tmp_path, tensors):
    path = tmp_path / "new" / "rsam_small.safetensors"
    save_weights(tensors, path, METADATA)

    weights = locate_weights(path)

    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.short_hash == weights.sha256[:12]
    assert read_metadata(weights) == METADATA
    got = read_state_dict(weights)
    assert got.keys() == tensors.keys()
    assert all(torch.equal(got[name], tensors[name]) for name in tensors)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_half_precision_halves_the_file_and_reads_as_float32(tmp_path, tensors):
    save_weights(tensors, tmp_path / "full.safetensors", METADATA)
    save_weights(tensors, tmp_path / "half.safetensors", METADATA, half=True)

    got = read_state_dict(loose(tmp_path / "half.safetensors"))

    saved_bytes = (tmp_path / "full.safetensors").stat().st_size - (
        tmp_path / "half.safetensors"
    ).stat().st_size
    assert saved_bytes == pytest.approx(64 * 32 * 2, abs=16)  # headers are padded to eight bytes
    assert got["a.weight"].dtype == torch.float32
    assert got["a.steps"].dtype == torch.int64
    torch.testing.assert_close(got["a.weight"], tensors["a.weight"], rtol=2**-11, atol=2**-24)


def test_shared_and_strided_tensors_are_written_whole(tmp_path, tensors):
    tied = {"one": tensors["a.weight"], "two": tensors["a.weight"], "turned": tensors["a.weight"].T}
    save_weights(tied, tmp_path / "tied.safetensors", METADATA)
    got = read_state_dict(loose(tmp_path / "tied.safetensors"))
    assert torch.equal(got["two"], tensors["a.weight"])
    assert torch.equal(got["turned"], tensors["a.weight"].T)


@pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (float("inf"), False), (1e6, True)])
def test_values_that_are_not_finite_are_not_saved(tmp_path, value, half):
    path = tmp_path / "bad.safetensors"
    with pytest.raises(ValueError, match=r"b\.bias"):
        save_weights({"b.bias": torch.tensor([value])}, path, METADATA, half=half)
    assert not path.exists()


def test_a_folder_that_cant_be_written_is_one_sentence(tmp_path, tensors):
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError) as caught:
        save_weights(tensors, tmp_path / "file" / "x.safetensors", METADATA)
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE


def test_official_checkpoints_are_unwrapped_and_memory_mapped(tmp_path, tensors):
    path = tmp_path / "mine.pt"
    torch.save({"model": tensors}, path)
    got = read_state_dict(loose(path))
    assert torch.equal(got["a.weight"], tensors["a.weight"])
    assert read_metadata(loose(path)) is None


def test_safetensors_under_another_name_are_read(tmp_path, tensors):
    safetensors.torch.save_file(tensors, tmp_path / "really_safetensors.pt")
    weights = loose(tmp_path / "really_safetensors.pt")
    assert torch.equal(read_state_dict(weights)["a.weight"], tensors["a.weight"])
    assert read_metadata(weights) is None


def test_a_checkpoint_under_the_name_of_safetensors_is_told_its_right_name(tmp_path, tensors):
    torch.save(tensors, tmp_path / "really_a_checkpoint.safetensors")
    with pytest.raises(EngineError, match=r"name it \.pt"):
        read_state_dict(loose(tmp_path / "really_a_checkpoint.safetensors"))


class Payload:
    """A pickle that would leave a file behind if any of its code ran."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (os.mkdir, (str(self.trace),))


@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
def test_code_in_a_checkpoint_never_runs(tmp_path, form):
    path, trace = tmp_path / "evil.pt", tmp_path / "trace"
    if form == "bare":
        path.write_bytes(pickle.dumps(Payload(trace)))
    else:
        torch.save({"model": Payload(trace)}, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(EngineError) as caught:
        read_state_dict(loose(path))
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID
    assert not trace.exists()
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists()  # the payload does work where something runs it


def _zip_of_something(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "a zip, not a model")


FOREIGN = {
    "text": lambda path: path.write_text("hello, world"),
    "empty": lambda path: path.write_bytes(b""),
    "image": lambda path: path.write_bytes(b"GIF89a" + bytes(1000)),
    "page": lambda path: path.write_text("<html><body>Not found</body></html>"),
    "zip": _zip_of_something,
    "list": lambda path: torch.save([torch.zeros(2)], path),
    "numbers": lambda path: torch.save({"epoch": 3}, path),
    "nothing": lambda path: torch.save({}, path),
    "nested": lambda path: torch.save({"model": {"w": [1, 2]}}, path),
    "brace": lambda path: path.write_bytes((50).to_bytes(8, "little") + b"{not json" + bytes(60)),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_foreign_file_is_one_sentence(tmp_path, kind, suffix):
    path = tmp_path / f"foreign{suffix}"
    FOREIGN[kind](path)
    with pytest.raises(EngineError) as caught:
        read_state_dict(loose(path))
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("kept", [0.001, 0.3, 0.99])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_truncated_file_is_one_sentence(tmp_path, tensors, suffix, kept):
    path = tmp_path / f"cut{suffix}"
    if suffix == ".pt":
        torch.save({"model": tensors}, path)
    else:
        save_weights(tensors, path, METADATA)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(EngineError) as caught:
        read_state_dict(loose(path))
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID
    assert "\n" not in caught.value.message


def test_a_file_that_vanished_is_one_sentence(tmp_path):
    for read in (read_state_dict, read_metadata):
        with pytest.raises(EngineError) as caught:
            read(loose(tmp_path / "gone.safetensors"))
        assert caught.value.code is ErrorCode.WEIGHTS_INVALID


def test_folders_are_searched_in_order(tmp_path, tensors, monkeypatch):
    places = {
        "data": tmp_path / "data" / "geophrase" / "weights",
        "bundled": tmp_path / "bundled",
        "chosen": tmp_path / "chosen",
        "asked": tmp_path / "asked",
    }
    monkeypatch.setenv("GEOPHRASE_WEIGHTS", str(places["chosen"]))
    for folder in places.values():
        save_weights(tensors, folder / "rsam_small.safetensors", METADATA)
        found = locate_weights("rsam_small", folder=places["asked"])
        assert found.path == folder / "rsam_small.safetensors"
        assert found.entry is REGISTRY["rsam_small"]


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(EngineError) as caught:
        locate_weights("rsam_smal")
    assert caught.value.code is ErrorCode.MODEL_UNKNOWN
    assert "rsam_small" in caught.value.message


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("rsam_large", "geophrase-train fit"),
        ("sam2.1_hiera_tiny", "geophrase models download sam2.1_hiera_tiny` (156 MB)"),
        ("no/such/file.pt", "check the path"),
    ],
)
def test_missing_weights_name_the_way_out(name, way_out):
    with pytest.raises(EngineError) as caught:
        locate_weights(name)
    assert caught.value.code is ErrorCode.WEIGHTS_MISSING
    assert way_out in caught.value.message


def test_a_file_under_an_official_name_must_be_the_official_one(tmp_path):
    impostor = tmp_path / "sam2.1_hiera_tiny.pt"
    impostor.write_bytes(b"something else")
    for asked in (impostor, "sam2.1_hiera_tiny"):
        with pytest.raises(EngineError) as caught:
            locate_weights(asked, folder=tmp_path)
        assert caught.value.code is ErrorCode.WEIGHTS_INVALID
        assert "the registry says 7402e0d864fa…" in caught.value.message


def test_the_model_card_pins_its_weights(tmp_path, tensors):
    path = tmp_path / "rsam_small.safetensors"
    save_weights(tensors, path, METADATA)
    card = ModelCard.describing(
        path,
        model="rsam_small",
        version="0.1",
        licence="GPL-3.0-or-later",
        created="2026-11-21",
        summary="A test.",
        training_data=(TrainingSource("OpenEarth", "CC-BY-4.0", "labels", 12),),
        figures={"test": {"mIoU": 0.5}},
    )
    write_card(path, card)

    assert read_card(path) == card
    assert locate_weights(path).sha256 == card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    row = next(row for row in list_models(folder=tmp_path) if row.entry.name == "rsam_small")
    assert (row.entry.sha256, row.entry.size_bytes) == (card.sha256, path.stat().st_size)
    assert row.entry.training_data == "OpenEarth (CC-BY-4.0)"
    assert locate_weights("rsam_small", folder=tmp_path).entry == row.entry
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(EngineError, match="the model card beside it says"):
        locate_weights(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"training_data": [1]}', "\x00"])
def test_a_broken_model_card_is_one_sentence(tmp_path, tensors, text):
    path = tmp_path / "rsam_small.safetensors"
    save_weights(tensors, path, METADATA)
    path.with_suffix(".json").write_text(text)
    with pytest.raises(EngineError) as caught:
        locate_weights(path)
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID


def test_a_pinned_download_is_found_again_without_asking(shelf, content, tmp_path, monkeypatch):
    shelf.content = content
    entry = entry_for(content, shelf.url, pinned=True)
    register(monkeypatch, entry)

    first = download_weights(entry.name)
    second = download_weights(entry.name)

    assert first == second == locate_weights(entry.name)
    assert first.path == tmp_path / "data" / "geophrase" / "weights" / entry.file_name
    assert len(shelf.ranges) == 1
    assert {row.entry.name: row.state for row in list_models()}[entry.name] == "downloaded"


def test_without_a_pin_the_first_download_is_remembered_and_held_to(shelf, content, monkeypatch):
    shelf.content = content
    entry = entry_for(content, shelf.url, pinned=False)
    register(monkeypatch, entry)

    first = download_weights(entry.name, options=DownloadOptions(retry_wait_s=0.01))

    assert checksum_path(first.path).read_text() == f"{first.sha256}  {entry.file_name}\n"
    first.path.write_bytes(content[::-1])
    for again in (locate_weights, download_weights):
        with pytest.raises(EngineError, match="record of its first download"):
            again(entry.name)


def test_downloading_what_nobody_publishes_says_so():
    with pytest.raises(EngineError, match="No weights for rsam_base_plus are published"):
        download_weights("rsam_base_plus")


def test_states_of_the_registry(tmp_path, tensors):
    save_weights(tensors, tmp_path / "bundled" / "rsam_small.safetensors", METADATA)
    states = {row.entry.name: row.state for row in list_models()}
    assert states["rsam_small"] == "bundled"
    assert states["rsam_large"] == "no weights"
    assert states["sam2.1_hiera_large"] == "available"


def test_the_hash_is_recalled_while_the_file_stays_and_taken_anew_when_it_changes(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    settled_ns = path.stat().st_mtime_ns - 10_000_000_000
    os.utime(path, ns=(settled_ns, settled_ns))
    first = remembered_sha256(path, memory=tmp_path / "memory")
    assert first == hashlib.sha256(b"one").hexdigest()

    path.write_bytes(b"two")  # same size; with its old time stamp nothing shows that it changed
    os.utime(path, ns=(settled_ns, settled_ns))
    assert remembered_sha256(path, memory=tmp_path / "memory") == first
    os.utime(path, ns=(settled_ns + 1, settled_ns + 1))
    assert remembered_sha256(path, memory=tmp_path / "memory") == hashlib.sha256(b"two").hexdigest()


def test_a_file_just_written_is_not_remembered(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    remembered_sha256(path, memory=tmp_path / "memory")
    assert not (tmp_path / "memory").exists()


def test_every_entry_of_the_registry_is_complete():
    for name, entry in REGISTRY.items():
        assert find_entry(name) is entry
        assert entry.file_name.startswith(name)
        assert entry.summary.endswith(".")
        if entry.url:
            assert entry.url.endswith(entry.file_name)
            assert entry.sha256
            assert len(bytes.fromhex(entry.sha256)) == 32
            assert entry.size_bytes


def test_the_same_weights_have_the_same_hash(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(6.0).view(2, 3), "a": torch.ones(3)}
    metadata = WeightsMetadata("rsam_small", "1", "Bäume & „Häuser“", "CC0-1.0", '{"a": [1]}')
    written = set()
    for number in range(8):  # of six keys, hardly in the same order by chance
        path = tmp_path / f"{number}.safetensors"
        save_weights(tensors, path, metadata)
        written.add(path.read_bytes())
    assert len(written) == 1
    weights = locate_weights(path)
    assert read_metadata(weights) == metadata
    assert torch.equal(read_state_dict(weights)["b"], tensors["b"])
