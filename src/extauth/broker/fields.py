"""Which header fields are forwarded, in either direction. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110 section 7.6.1, and what older clients send."""

_NOT_FORWARDED: Final = frozenset(
    {
        "authorization",  # the caller's secret
        "cookie",
        "host",
        "expect",  # answered here
        "origin",
        "forwarded",
        "via",
        "x-real-ip",
        "x-original-url",  # another path than the one that was looked at, for some servers
        "x-rewrite-url",
    }
)
_OTHER_METHOD: Final = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
"""By which many APIs let a request say that it is another one."""
_NOT_PASSED_BACK: Final = frozenset(
    {
        "set-cookie",  # a session at the API would be a credential, too
        "proxy-status",
        "alt-svc",  # another way to the API, not to the broker
        "strict-transport-security",
    }
)
_WEBSOCKET: Final = "sec-websocket-"

Fields = Iterable[tuple[str, str]]


def request_fields(
    given: Fields, shown: Mapping[str, str], *, websocket: bool = False
) -> list[tuple[str, str]]:
    """Return the fields of a request to the API: the caller's, but for those between caller and broker, with
    ``shown``, which show the token, in the place of any of the same name."""
    given = list(given)
    hop = {_read_as(name) for name in _named(given)}
    dropped = _HOP_BY_HOP | _NOT_FORWARDED | hop | {_read_as(name) for name in shown}
    kept = [
        (name, value)
        for name, value in given
        if (low := _read_as(name)) not in dropped
        and not low.startswith("x-forwarded-")
        and not (websocket and low.startswith(_WEBSOCKET))
    ]
    return [*kept, *shown.items()]


def response_fields(given: Fields, secret: str) -> list[tuple[str, str]]:
    """Return the fields of the API's answer as the caller gets them, without any that repeats the secret."""
    given = list(given)
    dropped = _HOP_BY_HOP | _NOT_PASSED_BACK | _named(given)
    return [(name, value) for name, value in given if name.lower() not in dropped and secret not in value]


def methods_meant(method: str, fields: Fields) -> frozenset[str]:
    """Return what an API may take a request for: its method, and those that its fields name instead."""
    named = (value for name, value in fields if _read_as(name) in _OTHER_METHOD)
    return frozenset({method, *(each.upper() for value in named for each in _tokens(value))})


def wants_websocket(method: str, fields: Fields) -> bool:
    """Whether a request asks for a websocket (RFC 6455 section 4.1)."""
    values: dict[str, str] = {}
    for name, value in fields:
        values[name.lower()] = f"{values.get(name.lower(), '')},{value}"
    upgrade = {each.strip().lower() for each in values.get("upgrade", "").split(",")}
    return method == "GET" and "websocket" in upgrade and "upgrade" in _tokens(values.get("connection", ""))


def _named(fields: Fields) -> set[str]:
    """Return the fields that ``Connection`` names, which are for the next hop alone."""
    return {each for name, value in fields if name.lower() == "connection" for each in _tokens(value)}


def _read_as(name: str) -> str:
    """Return the name that a server may read: many take an underscore for a hyphen."""
    return name.lower().replace("_", "-")


def _tokens(value: str) -> set[str]:
    return {each.strip().lower() for each in value.split(",") if each.strip()}
