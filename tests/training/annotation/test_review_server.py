"""The review page, driven over HTTP as a browser does, and as others might."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from geophrase.training.annotation.candidates import Guidance
from geophrase.training.annotation.journal import read_journal
from geophrase.training.annotation.review_server import ReviewServer
from geophrase.training.cli import main
from geophrase.training.data.risors import read_image

from .conftest import opened

POINTS = {"base": 1, "points": [[12, 30], [40, 61]], "labels": [1, 0]}


class Browser:
    """Asks like the page, with any part of it replaced."""

    def __init__(self, url: str) -> None:
        self.host, self.token = re.fullmatch(r"http://([\d.:]+)/([\w-]+)/", url).groups()

    def send(self, method, path, body=None, *, token=None, raw_path=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=20)
        target = raw_path or f"/{self.token if token is None else token}/{path}"
        sent = {"Host": self.host, **headers}
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, value in sent.items():
            connection.putheader(name, value)
        if method == "POST" and "Content-Length" not in sent:
            connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())

    def get(self, path):
        status, content, _ = self.send("GET", path)
        assert status == 200, content
        return json.loads(content)

    def post(self, path, body):
        status, content, _ = self.send("POST", path, body)
        assert status == 200, content
        return json.loads(content)


@pytest.fixture
def server(session):
    server = ReviewServer(session)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def browser(server):
    return Browser(server.url)


def mask_of(candidate, size_yx):
    """What the page draws: runs along rows, the first outside, in the mask's window."""
    left, top, width, height = candidate["window"]
    inside = np.repeat(np.arange(len(candidate["runs"])) % 2, candidate["runs"])
    mask_HW = np.zeros(size_yx, np.uint8)
    mask_HW[top : top + height, left : left + width] = inside.reshape(height, width)
    return mask_HW


def test_the_page_and_its_files_come_from_this_server_alone(browser):
    status, page, headers = browser.send("GET", "")
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert b"http:" not in page
    assert b"https:" not in page
    names = re.findall(rb'(?:href|src)="([^"]+)"', page)
    for name in [*names, b"drawing.js"]:
        status, content, headers = browser.send("GET", name.decode())
        assert status == 200, name
        assert content
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_instance_shows_its_image_box_phrase_and_masks(browser, session):
    view = browser.get("instances/1")
    assert (view["id"], view["text"], view["name"]) == ("a#2", "the ship number 1 of a.png", "ship")
    assert view["box"] == [25.0, 8.5, 44.0, 60.0]
    assert (view["width"], view["height"], view["status"], view["round"]) == (120, 90, "pending", 0)
    offered = session.project.read_proposals(session.project.images[0])[1]
    for shown, candidate in zip(view["candidates"], offered, strict=True):
        np.testing.assert_array_equal(mask_of(shown, (90, 120)), coco_mask.decode(candidate.mask_rle))
        assert (shown["iou"], shown["area"]) == (candidate.predicted_iou, candidate.area_px)
    status, content, headers = browser.send("GET", f"images/{view['image']}")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    shown_HWC = np.asarray(Image.open(io.BytesIO(content)), float)
    image_HWC = read_image(session.project.images[0].boxed.path)
    assert shown_HWC.shape == image_HWC.shape
    assert np.corrcoef(shown_HWC.ravel(), image_HWC.ravel())[0, 1] > 0.8  # noise, through JPEG


def test_a_person_works_through_the_project(browser, session):
    assert browser.get("project")["first"] == 0
    assert browser.post("instances/0/accept", {"mask": 2})["next"] == 1
    answer = browser.post("instances/1/retry", POINTS)
    assert answer["counts"] == {"pending": 6, "accepted": 1, "dropped": 0}
    view = browser.get("instances/1")
    assert (view["round"], view["points"], view["labels"]) == (1, POINTS["points"], POINTS["labels"])
    more = {"base": 0, "points": [*POINTS["points"], [5, 5]], "labels": [1, 0, 0]}
    browser.post("instances/1/retry", more)
    assert browser.get("instances/1")["round"] == 2
    assert browser.post("instances/1/accept", {"mask": 0})["next"] == 2
    assert browser.post("instances/2/drop", {})["next"] == 3
    assert browser.get("project")["statuses"] == "aadpppp"
    state, _ = session.state(1)
    assert state.rounds[-1] == Guidance(0, ((12, 30), (40, 61), (5, 5)), (1, 0, 0))
    assert (state.status, state.mask) == ("accepted", 0)


def test_a_retry_asks_the_model_with_box_points_and_the_chosen_mask(browser, session, model):
    browser.post("instances/1/retry", POINTS)
    image = session.project.images[0]
    embedding = model.encode(read_image(image.boxed.path))
    guidance = Guidance(1, ((12.0, 30.0), (40.0, 61.0)), (1, 0))
    expected = model.candidates(embedding, image.boxed.boxes[1].bbox_xyxy, (guidance,))
    view = browser.get("instances/1")
    for shown, candidate in zip(view["candidates"], expected, strict=True):
        np.testing.assert_array_equal(mask_of(shown, (90, 120)), coco_mask.decode(candidate.mask_rle))


def test_undo_goes_back_through_points_and_decisions(browser):
    before = browser.get("instances/1")
    browser.post("instances/1/retry", POINTS)
    browser.post("instances/1/accept", {"mask": 1})
    assert browser.post("undo", {})["number"] == 1
    assert browser.get("instances/1")["round"] == 1
    assert browser.post("undo", {})["number"] == 1
    assert browser.get("instances/1") == before
    assert browser.post("undo", {})["number"] is None


def test_after_the_last_there_is_no_next(browser):
    for number in range(6, -1, -1):
        answer = browser.post(f"instances/{number}/drop", {})
    assert answer == {"number": 0, "next": None, "counts": {"pending": 0, "accepted": 0, "dropped": 7}}
    assert browser.get("project")["first"] is None


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("instances/7/drop", {}, "no instance 7"),
        ("instances/0/accept", {"mask": 3}, "no mask 4"),
        ("instances/0/accept", {}, "not understood"),
        ("instances/0/accept", {"mask": "x"}, "not understood"),
        ("instances/0/retry", {**POINTS, "points": []}, "not understood"),
        ("instances/0/retry", {**POINTS, "labels": [1, 7]}, "not understood"),
        ("instances/0/retry", {**POINTS, "points": [[12, 30], [121, 5]]}, "outside the image of 120 x 90"),
        ("instances/0/retry", {**POINTS, "points": 5}, "not understood"),
    ],
)
def test_a_decision_that_cannot_be_taken_is_told_in_a_sentence(browser, session, path, body, words):
    status, content, _ = browser.send("POST", path, body)
    assert status == 409
    assert words in json.loads(content)["error"]
    assert session.counts["pending"] == 7


def test_an_empty_mask_cannot_be_accepted(browser, session, model):
    project = session.project
    offered = [
        model.candidates(model.encode(read_image(image.boxed.path)), box.bbox_xyxy)
        for image in project.images[:1]
        for box in image.boxed.boxes
    ]
    nothing = coco_mask.encode(np.zeros((90, 120), np.uint8, order="F"))
    empty = type(offered[0][0])({"size": [90, 120], "counts": nothing["counts"].decode()}, 0, 0.1, 0.0)
    project.write_proposals(project.images[0], [(empty, *each[1:]) for each in offered], encoder="test")
    status, content, _ = browser.send("POST", "instances/0/accept", {"mask": 0})
    assert status == 409
    assert "empty" in json.loads(content)["error"]


def test_an_image_that_is_gone_is_told(browser, session):
    session.project.images[1].boxed.path.unlink()
    for path in ("instances/2", "images/1"):
        status, content, _ = browser.send("GET", path)
        assert status == 409
        assert "b.png" in json.loads(content)["error"]
    assert browser.get("instances/3")["number"] == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["", "wrong", "x" * 32, "%00", "%C3%A9"])
def test_a_wrong_token_is_refused(browser, session, method, token):
    for path in ("", "project", "instances/0/drop", "undo", "images/0"):
        status, content, _ = browser.send(method, path, {} if method == "POST" else None, token=token)
        assert status in (400, 403)
        assert b"ship" not in content
        assert browser.token.encode() not in content
    assert session.counts["pending"] == 7


def test_a_part_of_the_token_is_a_wrong_token(browser):
    assert browser.send("GET", "project", token=browser.token[:-1])[0] == 403
    assert browser.send("GET", "project", token=browser.token + "A")[0] == 403
    assert browser.send("GET", "", raw_path=f"/?token={browser.token}")[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_web_page_is_refused(browser, session, headers):
    assert browser.send("GET", "project", **headers)[0] == 403
    assert browser.send("POST", "instances/0/drop", {}, **headers)[0] == 403
    assert session.counts["pending"] == 7


def test_its_own_origin_and_name_are_served(browser):
    port = browser.host.split(":")[1]
    assert browser.send("GET", "project", Host=f"localhost:{port}")[0] == 200
    assert browser.send("POST", "undo", {}, Origin=f"http://{browser.host}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "../project.json",
        "..%2fproject.json",
        "%2e%2e/project.json",
        "/etc/passwd",
        "page/index.html",
        "review.js/../../session.py",
        "images/../project.json",
        "images/..%2f..%2fetc%2fpasswd",
        "images/-1",
        "images/99",
        "images/0x0",
        "images/%D9%A3",
        "instances/",
        "index.html",
        "review.js?x",
    ],
)
def test_no_path_leads_out_of_the_page(browser, path):
    status, content, _ = browser.send("GET", path)
    assert status in (400, 404)
    assert b"root:" not in content
    assert b"weights" not in content


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[1]", {}),
        (b"\xff\xfe", {}),
        (b"[" * 60000, {}),
        (b"", {"Content-Length": "-1"}),
        (b"", {"Content-Length": "99999999"}),
        (b"", {"Content-Length": "0", "Transfer-Encoding": "chunked"}),
    ],
)
def test_a_broken_body_is_refused(browser, session, body, headers):
    assert browser.send("POST", "instances/0/drop", body, **headers)[0] == 400
    assert session.counts["pending"] == 7
    assert browser.get("project")["first"] == 0


def test_the_server_listens_on_this_computer_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((address, server.server_port), timeout=2)


def test_killing_the_command_loses_nothing(project, model, weights):
    """A real process, a real SIGKILL; what was proposed and decided before is there after."""
    command = [sys.executable, "-m", "geophrase.training.cli", "annotate", "review", "--no-browser"]
    command += ["--project", str(project.folder), "--model", str(weights), "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        browser = Browser(process.stdout.readline().strip())
        browser.get("instances/0")  # proposes, since nobody did
        browser.post("instances/0/accept", {"mask": 1})
        browser.post("instances/1/retry", POINTS)
        view = browser.get("instances/1")
        browser.post("instances/3/drop", {})
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert project.has_proposals(project.images[0])
    assert len(read_journal(project.journal_path).stack) == 3
    with opened(project, model) as session:
        server = ReviewServer(session)
        server.start()
        try:
            again = Browser(server.url)
            assert again.get("project")["statuses"] == "appdppp"
            assert again.get("instances/1") == view
            assert again.post("undo", {})["number"] == 3
        finally:
            server.stop()


def test_ctrl_c_ends_the_review_with_its_counts(project, weights, monkeypatch, capsys):
    def visit(url):
        Browser(url).post("instances/0/drop", {})
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    monkeypatch.setattr("webbrowser.open", visit)
    command = ["annotate", "review", "--project", str(project.folder)]
    assert main([*command, "--model", str(weights), "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"pending": 6, "accepted": 0, "dropped": 1}
