"""Which requests are answered at all: none that a web page may have made a browser send. Pure.

A page can name this machine by a domain of its own (DNS rebinding), and can send requests to loopback that
the user never sees. It cannot set ``Host``, and cannot keep a browser from sending ``Origin`` with what
crosses origins, nor ``Sec-Fetch-Site``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from extauth.broker.problems import Problem
from extauth.domain.hidden import Hidden

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HTTP: Final = 80
_OF_BROWSERS: Final = ("Origin", "Sec-Fetch-Site")


class Headers(Protocol):
    """Header fields, whose names have no case."""

    def getall(self, key: str, default: list[str], /) -> Sequence[str]:
        """Return each value of a name."""
        ...

    def __contains__(self, key: object, /) -> bool: ...


def refusal(method: str, headers: Headers, hosts: frozenset[str] | None) -> Problem | None:
    """Return why a request is not looked at; None if it is. ``hosts`` are our own names, None: any."""
    if method not in METHODS:
        return Problem(405, "method_refused", "this method is neither answered nor forwarded")
    given = headers.getall("Host", [])
    if len(given) != 1:
        return Problem(400, "invalid_request", "there must be one Host")
    if hosts is not None and given[0].lower() not in hosts:
        return Problem(421, "misdirected", "Host is not a name of this service")
    if any(name in headers for name in _OF_BROWSERS):
        return Problem(403, "browser_refused", "requests of browsers are refused")
    return None


def shown_secret(headers: Headers) -> Hidden[str] | None:
    """Return the caller's secret, from ``Authorization: Bearer``; None if there is none, or more than one."""
    given = [Hidden(each) for each in headers.getall("Authorization", [])]
    if len(given) != 1:
        return None
    scheme, _, secret = given[0].value.partition(" ")
    return Hidden(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None


def own_names(host: str, port: int, more: Sequence[str] = ()) -> frozenset[str]:
    """Return what ``Host`` may be where it is listened on that address: a browser leaves out port 80."""
    names = {host, "127.0.0.1", "localhost", "[::1]"} if host in _LOOPBACK else {host}
    with_port = {f"{f'[{name}]' if ':' in name and name[0] != '[' else name}:{port}" for name in names}
    return frozenset({*with_port, *(names if port == _HTTP else ()), *map(str.lower, more)})


_LOOPBACK: Final[Mapping[str, None]] = dict.fromkeys(("127.0.0.1", "::1", "localhost"))


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    return host in _LOOPBACK
