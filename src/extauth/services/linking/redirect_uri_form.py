r"""The one way in which a redirect URI is written. Pure.

A redirect URI is compared character by character (RFC 9700 section 2.1), and what a browser asks for is its
own way of writing it (WHATWG URL, section 4.5): a host in lower case, no dot segments, no default port. One
that a browser writes otherwise never matches, and a check that reads it differently than the browser sends
the code elsewhere: ``https://app.example\@evil.example`` is of ``app.example`` to a browser alone.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from extauth.domain.one_line import one_line
from extauth.domain.storable import storable_text
from extauth.domain.wrong_types import UrlObject, url_text

ANSWERS: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
"""Parameters that a redirect URI must not have of its own (RFC 6749 section 4.1.2, RFC 9207)."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_URI: Final = re.compile(r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=\[\]-]|%[0-9A-Fa-f]{2})*")
"""The characters of RFC 3986, but for the fragment's."""
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)
"""Hosts that a browser takes for an IPv4 address, such as ``127.1`` and ``2130706433``."""
_DOT: Final = re.compile(r"%2e", re.IGNORECASE)


def checked_redirect_uri(given: str | UrlObject) -> str:
    """Return the redirect URI if it is safe to be sent codes to, and callbacks to it will match it.

    It is ``https``, or ``http`` on loopback, or an application's own scheme with a dot in it (RFC 8252
    section 7.1), and written as a browser writes it.

    :raises ValueError: if it is none of these, is not absolute, has a fragment (RFC 6749 section 3.1.2), user
        info or characters that no URI has, or a parameter that is repeated or is the answer's to set.
    :raises TypeError: if it is no ``str`` or ``yarl.URL``.
    """
    redirect_uri = storable_text(url_text(given, "redirect_uri"), "redirect_uri")
    absolute = _ABSOLUTE.match(redirect_uri)
    if absolute is None or "#" in redirect_uri:
        msg = "redirect_uri must be an absolute URI without a fragment, such as https://app.example/callback"
        raise ValueError(msg)
    if not _URI.fullmatch(redirect_uri):
        msg = (
            "redirect_uri must have only the characters of a URI: percent-encode spaces, backslashes, control"
            " characters and letters outside of ASCII, and write a host in its xn-- form"
        )
        raise ValueError(msg)
    parts = split_uri(redirect_uri)
    if parts.scheme in DEFAULT_PORTS:
        _check_web(redirect_uri, parts)
    elif "." not in absolute[1] or absolute[1] != absolute[1].lower():
        msg = (
            "redirect_uri must start with https://, or with an application's own scheme, in lower case and"
            " with a dot in it such as com.example.app:/callback (RFC 8252 section 7.1)"
        )
        raise ValueError(msg)
    names = [name for name, _ in own_parameters(redirect_uri)]
    if len(set(names)) < len(names) or ANSWERS.intersection(names):
        msg = f"redirect_uri must not repeat a parameter, and have none of {', '.join(sorted(ANSWERS))}"
        raise ValueError(msg)
    return redirect_uri


def own_parameters(redirect_uri: str) -> list[tuple[str, str]]:
    """Return the parameters that are in the redirect URI itself (RFC 6749 section 3.1.2)."""
    return parse_qsl(redirect_uri.partition("?")[2], keep_blank_values=True)


def split_uri(redirect_uri: str) -> SplitResult:
    """Return the parts of a URI whose host and port can be read.

    :raises ValueError: if they cannot.
    """
    try:
        parts = urlsplit(redirect_uri)
        _ = parts.port
    except ValueError:
        raise _unreadable() from None
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's own: no code that is sent there is seen on a network."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_web(redirect_uri: str, parts: SplitResult) -> None:
    if "@" in parts.netloc:
        msg = "redirect_uri must have no user name or password before its host"
        raise ValueError(msg)
    host = _host(parts)
    if parts.scheme == "http" and not is_loopback(host.strip("[]")):
        msg = (
            "redirect_uri must start with https://, since whoever sees the code on its way can use it; http://"
            " is for loopback, as in http://127.0.0.1:8000/callback or http://localhost:8000/callback"
        )
        raise ValueError(msg)
    port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    _, mark, query = redirect_uri.partition("?")
    written = f"{parts.scheme}://{host}{port}{_path(parts.path)}{mark}{query}"
    if redirect_uri != written:
        msg = f"redirect_uri must be written as a browser does, or no callback matches it: {written}"
        raise ValueError(one_line(msg))


def _host(parts: SplitResult) -> str:
    """Return the host as a browser writes it.

    :raises ValueError: if it can be read in more than one way, or not at all.
    """
    host = parts.hostname or ""
    if not host or "%" in host:
        raise _unreadable()
    try:
        if ":" in host:
            return f"[{ipaddress.IPv6Address(host)}]"
        if _NUMERIC.fullmatch(host):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise _unreadable() from None
    return host


def _path(path: str) -> str:
    """Return the path without its dot segments (RFC 3986 section 5.2.4)."""
    segments: list[str] = []
    parts = path.split("/")
    for number, part in enumerate(parts):
        plain = _DOT.sub(".", part)
        if plain not in {".", ".."}:
            segments.append(part)
            continue
        if plain == "..":
            del segments[max(1, len(segments) - 1) :]
        if number == len(parts) - 1:
            segments.append("")
    return "/".join(segments)


def _unreadable() -> ValueError:
    msg = "redirect_uri must have a host and a port that can be read, such as https://app.example/callback"
    return ValueError(msg)
