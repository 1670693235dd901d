"""Which origins a user's token may be shown to. Pure.

An origin is scheme, host and port (RFC 6454 section 4). A token that is sent in the clear, or to a host that
nobody named, is lost; so neither is ever done, and nothing is made an origin by guessing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from extauth.domain.wrong_types import UrlObject, must_be, url_text

Origin: TypeAlias = tuple[str, str, int]
"""Scheme, host in ASCII and lower case (of IPv6 without brackets), and port."""

PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}
_IN_THE_CLEAR: Final = frozenset({"http", "ws"})


def checked_origins(given: Iterable[str | UrlObject]) -> frozenset[Origin]:
    """Return the origins that are written here, such as ``https://api.example.com``.

    :raises ValueError: if one is none, or has a path, or is ``http`` for another host than loopback.
    :raises TypeError: for what is no list of texts or ``yarl.URL``s.
    """
    if isinstance(given, str | UrlObject):
        raise TypeError(must_be("a list", given, "origins", "write origins=[...]"))
    found = {_origin(url_text(each, "an origin")) for each in given}
    if not found:
        msg = "origins must not be empty: say where the API is, such as origins=['https://api.example.com']"
        raise ValueError(msg)
    return frozenset(found)


def origins_below(base_urls: Iterable[str]) -> frozenset[Origin]:
    """Return the origins of a provider's own base URLs, whatever their paths."""
    return frozenset(_read(url) for url in base_urls)


def _origin(text: str) -> Origin:
    found = _read(text)
    if urlsplit(text).path not in {"", "/"} or "?" in text or "#" in text:
        msg = "an origin has no path, query or fragment: write it as https://api.example.com"
        raise ValueError(msg)
    return found


def _read(text: str) -> Origin:
    # The messages name no URL: one in the wrong place may hold a secret.
    try:
        split = urlsplit(text if text.isprintable() else "")  # which would leave line ends and tabs out
        port = split.port
    except ValueError:
        msg = "an origin must be a valid URL such as https://api.example.com"
        raise ValueError(msg) from None
    host = _host(split)
    if split.scheme in _IN_THE_CLEAR and not _is_loopback(host):
        msg = "an origin must begin with https://, since tokens are sent there; http:// is for loopback"
        raise ValueError(msg)
    return split.scheme, host, PORTS[split.scheme] if port is None else port


def _host(split: SplitResult) -> str:
    host = split.hostname
    if split.scheme not in PORTS or not host:
        msg = "an origin must begin with https:// and name a host, such as https://api.example.com"
    elif "@" in split.netloc:
        msg = "an origin has no user name or password: write it as https://api.example.com"
    elif not host.isascii():
        msg = "the host of an origin must be in ASCII, as in a certificate: xn--..."
    elif "*" in host or not host.isprintable() or " " in host:
        msg = "an origin names one host: there are no wildcards; list each"
    else:
        return host
    raise ValueError(msg)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
