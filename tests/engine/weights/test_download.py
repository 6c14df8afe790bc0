"""Downloads against a real server that drops, lies, changes its file and answers with pages."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.model.weights.download import DownloadOptions, DownloadProgress, download
from geophrase.protocol.errors import ErrorCode

QUICK = DownloadOptions(retry_wait_s=0.01, timeout_s=5.0)
MEGABYTE = 1_000_000


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights" / "model.pt"


def fetch_in_process(url: str, target: Path, *, before: str = "") -> list[str]:
    code = (
        "import sys, pathlib\n"
        "from geophrase.engine.errors import EngineError\n"
        "from geophrase.engine.model.weights.download import download\n"
        f"{before}\n"
        "try:\n    print(download(sys.argv[1], pathlib.Path(sys.argv[2])))\n"
        "except EngineError as error:\n    print(error.code.value, error.message)\n"
    )
    return [sys.executable, "-c", code, url, str(target)]


def test_a_whole_file_arrives_with_its_hash_and_nothing_else(shelf, content, target):
    shelf.content = content
    seen: list[DownloadProgress] = []

    got = download(
        shelf.url, target, sha256=sha256_of(content), options=DownloadOptions(on_progress=seen.append)
    )

    assert target.read_bytes() == content
    assert got == sha256_of(content)
    assert names_in(target.parent) == {"model.pt"}
    assert seen[-1].done_bytes == seen[-1].total_bytes == len(content)
    assert seen[-1].rate_bytes_per_s > 0
    assert [p.done_bytes for p in seen] == sorted(p.done_bytes for p in seen)


def test_a_dropped_connection_is_taken_up_where_it_broke(shelf, content, target):
    shelf.content, shelf.drop_after_bytes = content, [MEGABYTE, MEGABYTE]

    download(shelf.url, target, sha256=sha256_of(content), options=QUICK)

    assert target.read_bytes() == content
    assert shelf.ranges == [None, f"bytes={MEGABYTE}-", f"bytes={2 * MEGABYTE}-"]
    assert shelf.sent_bytes == len(content)  # not one byte was sent twice


def test_a_later_run_resumes_an_earlier_one(shelf, content, target):
    shelf.content = content
    seen: list[DownloadProgress] = []
    cancelling = DownloadOptions(on_progress=seen.append, is_cancelled=lambda: len(seen) > 0)
    with pytest.raises(CancelledError):
        download(shelf.url, target, options=cancelling)
    assert not target.exists()
    kept_bytes = target.with_name("model.pt.part").stat().st_size
    assert 0 < kept_bytes < len(content)

    download(shelf.url, target, options=QUICK)

    assert target.read_bytes() == content
    assert shelf.ranges[-1] == f"bytes={kept_bytes}-"


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_a_changed_file_starts_again_instead_of_mixing_two_versions(shelf, content, target, honours_if_range):
    shelf.content, shelf.drop_after_bytes = content, [MEGABYTE, 0]
    with pytest.raises(EngineError) as caught:
        download(shelf.url, target, options=QUICK)
    assert caught.value.code is ErrorCode.DOWNLOAD_FAILED
    assert "kept" in caught.value.message

    changed = content[::-1]
    shelf.content, shelf.etag, shelf.honours_if_range = changed, '"v2"', honours_if_range
    download(shelf.url, target, options=QUICK)

    assert target.read_bytes() == changed


def test_a_server_without_ranges_sends_everything_again(shelf, content, target):
    shelf.content, shelf.supports_range, shelf.drop_after_bytes = content, False, [MEGABYTE]

    download(shelf.url, target, sha256=sha256_of(content), options=QUICK)

    assert target.read_bytes() == content
    assert shelf.sent_bytes == MEGABYTE + len(content)


def test_without_validator_and_hash_nothing_is_resumed(shelf, content, target):
    shelf.content, shelf.etag, shelf.drop_after_bytes = content, None, [MEGABYTE]

    download(shelf.url, target, options=QUICK)

    assert target.read_bytes() == content
    assert shelf.ranges == [None, None]


def test_a_part_longer_than_the_servers_file_starts_again(shelf, content, target):
    shelf.content, shelf.etag, shelf.drop_after_bytes = content, None, [2 * MEGABYTE, 0]
    short = content[:MEGABYTE]
    with pytest.raises(EngineError):
        download(shelf.url, target, sha256=sha256_of(short), options=QUICK)

    shelf.content = short
    download(shelf.url, target, sha256=sha256_of(short), options=QUICK)

    assert target.read_bytes() == short


def test_a_wrong_hash_leaves_nothing(shelf, content, target):
    shelf.content = content
    with pytest.raises(EngineError) as caught:
        download(shelf.url, target, sha256="0" * 64, options=QUICK)

    assert caught.value.code is ErrorCode.WEIGHTS_INVALID
    assert "not the expected file" in caught.value.message
    assert names_in(target.parent) == set()


def test_a_wrong_hash_leaves_an_older_file_as_it_was(shelf, content, target):
    shelf.content = content
    target.parent.mkdir()
    target.write_bytes(b"older")
    with pytest.raises(EngineError):
        download(shelf.url, target, sha256="0" * 64, options=QUICK)
    assert target.read_bytes() == b"older"


def test_a_file_that_is_there_is_not_fetched_again(shelf, content, target):
    target.parent.mkdir()
    target.write_bytes(content)
    assert download(shelf.url, target, sha256=sha256_of(content)) == sha256_of(content)
    assert shelf.ranges == []


def test_a_server_that_promises_more_than_it_sends_fails_and_keeps_only_a_part(shelf, content, target):
    shelf.content, shelf.supports_range, shelf.announced_bytes = content, False, len(content) + 1000
    with pytest.raises(EngineError) as caught:
        download(shelf.url, target, options=QUICK)

    assert caught.value.code is ErrorCode.DOWNLOAD_FAILED
    assert f"{len(content):,} of {len(content) + 1000:,} bytes" in caught.value.message
    assert not target.exists()
    assert len(shelf.ranges) == 2  # once, and once more because the first had brought something


def test_another_size_than_the_registrys_is_refused_before_the_body(shelf, content, target):
    shelf.content = content
    with pytest.raises(EngineError) as caught:
        download(shelf.url, target, size_bytes=len(content) + 1, options=QUICK)
    assert caught.value.code is ErrorCode.WEIGHTS_INVALID
    assert names_in(target.parent) == set()


@pytest.mark.parametrize(("extra_bytes", "code"), [(10, "download_failed"), (-10, "weights_invalid")])
def test_without_a_length_the_known_size_decides(shelf, content, target, extra_bytes, code):
    shelf.content, shelf.announces_length = content, False
    with pytest.raises(EngineError) as caught:
        download(shelf.url, target, size_bytes=len(content) + extra_bytes, options=QUICK)
    assert caught.value.code.value == code
    assert not target.exists()


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_not_a_model(shelf, target, content_type):
    shelf.content = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"
    shelf.content_type = content_type
    with pytest.raises(EngineError) as caught:
        download(shelf.url, target, options=QUICK)
    assert caught.value.code is ErrorCode.DOWNLOAD_FAILED
    assert "web page" in caught.value.message
    assert names_in(target.parent) == set()


def test_a_login_page_does_not_cost_what_came_before(shelf, content, target):
    shelf.content, shelf.drop_after_bytes = content, [MEGABYTE, 0]
    with pytest.raises(EngineError):
        download(shelf.url, target, options=QUICK)
    shelf.supports_range, shelf.content_type, shelf.content = False, "text/html", b"<html>log in</html>"
    with pytest.raises(EngineError, match="web page"):
        download(shelf.url, target, options=QUICK)

    shelf.supports_range, shelf.content_type, shelf.content = True, "application/octet-stream", content
    download(shelf.url, target, options=QUICK)

    assert target.read_bytes() == content
    assert shelf.ranges[-1] == f"bytes={MEGABYTE}-"


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_names_its_status(shelf, content, target, status):
    shelf.status, shelf.content = status, content
    with pytest.raises(EngineError, match=str(status)):
        download(shelf.url, target, options=QUICK)
    assert names_in(target.parent) == set()


def test_offline_is_one_sentence_that_names_the_way_out(target):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/model.pt"
    with pytest.raises(EngineError) as caught:
        download(url, target, options=QUICK)
    message = caught.value.message
    assert caught.value.code is ErrorCode.DOWNLOAD_FAILED
    assert "127.0.0.1 can't be reached" in message
    assert str(target.parent) in message
    assert "\n" not in message


def test_a_silent_server_counts_as_lost(shelf, content, target):
    shelf.content, shelf.stall = content, threading.Event()
    options = DownloadOptions(timeout_s=0.3, retry_wait_s=0.01)
    shelf.supports_range = False
    started_s = time.monotonic()
    with pytest.raises(EngineError, match="lost"):
        download(shelf.url, target, options=options)
    assert time.monotonic() - started_s < 5


@pytest.mark.parametrize("url", ["http://example.org/a.pt", "ftp://example.org/a.pt", "data:,x", "a.pt"])
def test_only_safe_addresses_are_asked(target, url):
    with pytest.raises(EngineError) as caught:
        download(url, target)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert not target.parent.exists()


def test_a_redirect_to_an_unsafe_address_is_not_followed(shelf, target):
    shelf.redirect_to = "http://example.org/model.pt"
    with pytest.raises(EngineError, match="not https"):
        download(shelf.url, target, options=QUICK)


def test_a_redirect_on_this_machine_is_followed(shelf, content, target):
    shelf.content, shelf.redirect_from = content, "/old.pt"
    shelf.redirect_to = shelf.url
    download(shelf.url.replace("/model.pt", "/old.pt"), target, options=QUICK)
    assert target.read_bytes() == content


def test_a_file_address_is_copied(content, target, tmp_path):
    source = tmp_path / "a folder" / "model.pt"
    source.parent.mkdir()
    source.write_bytes(content)
    assert download(source.as_uri(), target, size_bytes=len(content)) == sha256_of(content)
    assert target.read_bytes() == content


def test_a_proxy_in_the_environment_is_used_for_others_but_not_for_this_machine(
    shelf, content, target, monkeypatch
):
    shelf.content = content
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(5)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, address)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        download(shelf.url, target, options=QUICK)
        assert target.read_bytes() == content

        asked: list[bytes] = []

        def answer() -> None:
            connection, _ = proxy.accept()
            with connection:
                asked.append(connection.recv(1000))

        listener = threading.Thread(target=answer)
        listener.start()
        with pytest.raises(EngineError):
            download("https://weights.invalid/model.pt", target.with_name("other.pt"), options=QUICK)
        listener.join()
    assert asked[0].startswith(b"CONNECT weights.invalid:443")


def test_killed_and_resumed_gives_the_right_bytes(shelf, content, target):
    shelf.content, shelf.stall = content, threading.Event()
    process = subprocess.Popen(fetch_in_process(shelf.url, target), stdout=subprocess.PIPE)
    part = target.with_name("model.pt.part")
    deadline_s = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > MEGABYTE) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    kept_bytes = part.stat().st_size
    assert MEGABYTE < kept_bytes < len(content)
    assert not target.exists()

    shelf.stall.set()
    shelf.stall, shelf.sent_bytes = None, 0
    got = download(shelf.url, target, options=QUICK)

    assert got == sha256_of(content)
    assert target.read_bytes() == content
    assert shelf.sent_bytes == len(content) - kept_bytes
    assert names_in(target.parent) == {"model.pt"}


def test_processes_that_want_the_same_file_download_it_once(shelf, content, target):
    shelf.content, shelf.stall = content, threading.Event()
    digest = sha256_of(content)
    before = (
        f"import functools; download = functools.partial(download, sha256='{digest}')\n"
        "print('ready', flush=True)"
    )
    command = fetch_in_process(shelf.url, target, before=before)
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)  # all three are at it now: one downloads and is held by the server, two wait
    shelf.stall.set()
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]

    assert answers == [digest] * 3
    assert target.read_bytes() == content
    assert shelf.ranges == [None]
    assert shelf.sent_bytes == len(content)


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX matter")
def test_a_full_disk_is_one_sentence_and_gives_its_space_back(shelf, content, target):
    shelf.content = content
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))"
    command = fetch_in_process(shelf.url, target, before=limit)
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert answer.stdout.startswith("output_not_writable There is no room for model.pt")
    assert answer.stderr == ""
    assert names_in(target.parent) == set()


def test_a_disk_known_to_be_too_small_is_told_before_the_body(shelf, content, target, monkeypatch):
    import shutil

    shelf.content = content
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(EngineError, match="no room") as caught:
        download(shelf.url, target, options=QUICK)
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    assert names_in(target.parent) == set()


def test_a_folder_that_is_a_file_is_one_sentence(shelf, content, tmp_path):
    (tmp_path / "weights").write_text("not a folder")
    with pytest.raises(EngineError) as caught:
        download(shelf.url, tmp_path / "weights" / "model.pt", options=QUICK)
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
