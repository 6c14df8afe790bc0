"""Opening a URL for a download: which URLs are allowed, and what an answer says about its bytes."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPMessage
from types import TracebackType
from typing import IO, Any

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def check_url(url: str) -> None:
    """Allow https, file, and http to this machine only.

    Raises:
        EngineError: `BAD_REQUEST` for any other kind of URL.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("https", "file") and not _is_loopback(url):
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"Weights are not downloaded from {url}: use an https:// or file:// address.",
        )


class Answer:
    """A server's answer, open for reading; a context manager that closes it."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._headers = response.headers

    @property
    def start_byte(self) -> int | None:
        """Where in the file the body begins; None where the server sends a part without saying which."""
        if self._response.status != 206:
            return 0
        match = _CONTENT_RANGE.fullmatch(self._headers.get("Content-Range", ""))
        return int(match[1]) if match else None

    @property
    def total_bytes(self) -> int | None:
        """Size of the whole file; None where the server does not say."""
        if self._response.status == 206:
            match = _CONTENT_RANGE.fullmatch(self._headers.get("Content-Range", ""))
            return int(match[2]) if match and match[2] != "*" else None
        length = self._headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None

    @property
    def validator(self) -> str | None:
        """What identifies this version of the file in If-Range: a strong ETag, else the modification date."""
        etag = self._headers.get("ETag")
        if etag and not etag.startswith("W/"):
            return str(etag)
        modified = self._headers.get("Last-Modified")
        return str(modified) if modified else None

    @property
    def is_web_page(self) -> bool:
        """Whether the server says that it sends a page to look at."""
        return bool(self._headers.get_content_type() == "text/html")

    def read(self, max_bytes: int) -> bytes:
        """Give what has arrived, at least one byte, or nothing at the end."""
        return bytes(self._response.read1(max_bytes))

    def close(self) -> None:
        """Drop the connection."""
        self._response.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_url(url: str, headers: Mapping[str, str], timeout_s: float) -> Answer:
    """Ask for a URL. Proxies come from the environment, but not for this machine itself.

    Raises:
        OSError: urllib's errors: HTTPError for a refusal, URLError and others for the network.
        http.client.HTTPException: What came is not HTTP.
    """
    proxies = urllib.request.ProxyHandler({} if _is_loopback(url) else None)
    opener = urllib.request.build_opener(proxies, _CarefulRedirects())
    # Compressed transfer would make byte ranges and sizes speak of other bytes than the file's.
    asked = {"User-Agent": "geophrase", "Accept-Encoding": "identity", **headers}
    return Answer(opener.open(urllib.request.Request(url, headers=asked), timeout=timeout_s))


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only where they stay as safe as the first address."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        is_https = urllib.parse.urlsplit(newurl).scheme == "https"
        if not is_https and not (_is_loopback(req.full_url) and _is_loopback(newurl)):
            raise EngineError(
                ErrorCode.DOWNLOAD_FAILED,
                f"{req.full_url} redirects to {newurl}, which is not https, and was not followed: "
                "the network may need a login first.",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_loopback(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK
