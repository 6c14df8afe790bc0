"""Turns what pip, uv or the system said about a failed step into what happened and what to do."""

from __future__ import annotations

import re
from typing import Callable, Optional, Sequence, Tuple

from ..translation import tr

SHOWN_LINES = 12


class InstallError(Exception):
    """A step that failed.

    Args:
        message: One sentence on what happened.
        advice: What to do about it.
        lines: The meaningful last lines of the program that failed.
    """

    def __init__(self, message: str, advice: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.lines = tuple(lines)


_MISSING = (
    re.compile(r"No matching distribution found for ([^\s(]+)"),
    re.compile(r"Because there are no versions of ([\w.-]+)"),
    re.compile(r"Because (?:only [\w.-]+ is available and )?([\w.-]+) was not found in the"),
    re.compile(r"Because ([\w.-]+) (?:has no|was not found)"),
    re.compile(r"Because there is no version of ([\w.=<>~!-]+) and"),
)

_Explain = Callable[[], Tuple[str, str]]


def _network() -> Tuple[str, str]:
    return (
        tr("The package index could not be reached."),
        tr("Check the network and the proxy in QGIS's options (Network), or give a folder of wheels."),
    )


def _proxy() -> Tuple[str, str]:
    return (
        tr("The proxy refused the connection because of its user name or password."),
        tr("Correct them in QGIS's options (Network), then press Retry."),
    )


def _certificate() -> Tuple[str, str]:
    return (
        tr("The package index shows a certificate that is not trusted, as behind some proxies."),
        tr("Ask your administrator for the certificate and name its file in the variable PIP_CERT."),
    )


def _disk() -> Tuple[str, str]:
    return tr("The disk is full."), tr(
        "Free some space or choose a folder on another disk, then press Retry."
    )


def _access() -> Tuple[str, str]:
    return (
        tr("A file could not be written, often because an antivirus program or a running engine holds it."),
        tr("Close other QGIS windows, allow the folder in the antivirus program, then press Retry."),
    )


def _long_path() -> Tuple[str, str]:
    return (
        tr("A path is longer than Windows allows."),
        tr("Choose a folder with a short path, such as C:\\geophrase, then press Retry."),
    )


def _socks() -> Tuple[str, str]:
    return (
        tr("pip can't use a SOCKS proxy."),
        tr("Install uv, which can, or use an HTTP proxy or a folder of wheels, then press Retry."),
    )


# The first that matches explains. A missing package comes after these, for it also follows a lost network.
_CAUSES: Tuple[Tuple[str, _Explain], ...] = (
    (r"No space left on device|\[Errno 28\]|WinError 112|not enough space|os error 28", _disk),
    (r"407 Proxy Authentication|Proxy Authentication Required|407 authenticationrequired", _proxy),
    (r"Missing dependencies for SOCKS", _socks),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate|UnknownIssuer",
        _certificate,
    ),
    (r"WinError 206|filename or extension is too long", _long_path),
    (r"\[WinError 5\]|\[WinError 32\]|\[Errno 13\]|Permission denied|Access is denied|os error 5\)", _access),
    (
        r"NewConnectionError|Failed to establish a new connection|Cannot connect to proxy|getaddrinfo failed"
        r"|Name or service not known|Temporary failure in name resolution|ConnectTimeout|Read timed out"
        r"|Connection (?:refused|reset|aborted)|ProxyError|error sending request|dns error"
        r"|client error \(Connect\)",
        _network,
    ),
)


def explain(lines: Sequence[str], *, wheels: str = "", python: str = "") -> InstallError:
    """The error of a command that failed.

    Args:
        lines: What it printed last.
        wheels: The folder of wheels it was bound to, "" for a package index.
        python: Version of the environment's Python.
    """
    text = "\n".join(lines)
    shown = meaningful_lines(lines)
    for pattern, cause in _CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return InstallError(*cause(), shown)
    missing = _missing_requirement(text)
    if missing and wheels:
        facts = {"requirement": missing, "python": python, "folder": wheels}
        return InstallError(
            tr(
                "The folder of wheels has no {requirement} that fits Python {python} on this computer."
            ).format(**facts),
            tr("Put its wheel into {folder}, then press Retry.").format(**facts),
            shown,
        )
    if missing:
        return InstallError(
            tr("The package index has no {requirement} that fits Python {python} on this computer.").format(
                requirement=missing, python=python
            ),
            tr("Install Python 3.12 or uv, then press Retry; if that doesn't help, report it with the log."),
            shown,
        )
    return InstallError(
        tr("A package could not be installed."), tr("See the log below, then press Retry."), shown
    )


def meaningful_lines(lines: Sequence[str]) -> Tuple[str, ...]:
    """The last lines that say something: errors where there are some, without progress and blank lines."""
    said = [line.rstrip() for line in lines if line.strip() and not line.startswith("Progress ")]
    first = next((index for index, line in enumerate(said) if re.match(r"\s*(ERROR|error|×)", line)), None)
    if first is not None:
        said = said[first:]
    return tuple(said[-SHOWN_LINES:])


def _missing_requirement(text: str) -> Optional[str]:
    flat = " ".join(text.split())
    matches = (pattern.search(flat) for pattern in _MISSING)
    return next((match[1] for match in matches if match), None)
