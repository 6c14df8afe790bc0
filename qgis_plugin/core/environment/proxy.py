"""Proxy settings as environment variables, and a way to keep their password out of every log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Tuple
from urllib.parse import quote, urlsplit

MASK = "***"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class ProxySettings:
    """A proxy, or none where the host is empty: the user's own variables are then left alone.

    Attributes:
        scheme: `http` or `socks5h`.
        host: Its name or address.
        port: 0 for the scheme's own.
        user: Name to log in with, "" for none.
        password: Its password; shown nowhere, `repr` included.
        excluded: Hosts, domains or addresses that are reached without it.
    """

    scheme: str = "http"
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    excluded: Tuple[str, ...] = ()

    def __repr__(self) -> str:
        credentials = f"{self.user}:{MASK}@" if self.user else ""
        return f"ProxySettings({self.scheme}://{credentials}{self.host}:{self.port}, {self.excluded})"

    @property
    def url(self) -> str:
        """The proxy's address with its credentials, fit for a variable and for nothing else."""
        credentials = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{credentials}{host}" + (f":{self.port}" if self.port else "")

    def variables(self) -> Dict[str, str]:
        """The variables that pip, uv and curl know, in both spellings; empty without a proxy."""
        if not self.host:
            return {}
        excluded = ",".join(dict.fromkeys([*_LOCAL, *map(host_of, self.excluded)]))
        names = {"HTTP_PROXY": self.url, "HTTPS_PROXY": self.url, "ALL_PROXY": self.url, "NO_PROXY": excluded}
        return {**names, **{name.lower(): value for name, value in names.items()}}

    def masked(self, text: str) -> str:
        """The text without this proxy's password, and without the credentials of any address."""
        text = _CREDENTIALS.sub(f"{MASK}@", text)
        for secret in (self.password, quote(self.password, safe="")):
            if len(secret) > 2:  # replacing a letter or two would garble everything and hide nothing
                text = text.replace(secret, MASK)
        return text


def host_of(excluded: str) -> str:
    """The host of an entry of QGIS's list, which holds the beginnings of addresses or plain names."""
    entry = excluded.strip()
    host = urlsplit(entry).hostname if "://" in entry else entry.split("/")[0]
    return (host or "").lstrip("*")
