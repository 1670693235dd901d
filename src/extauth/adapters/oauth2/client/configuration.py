"""What an application may configure a provider with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import cast
from urllib.parse import urlsplit

from extauth.adapters.oauth2.http.endpoint import endpoint_url
from extauth.domain.link import GrantOrigin
from extauth.domain.storable import MAX_ID_LENGTH, storable_text
from extauth.domain.wrong_types import UrlObject, must_be


def checked_id(provider_id: str) -> str:
    """Return an id that can be the first part of a key.

    :raises ValueError: if it cannot.
    """
    if not 0 < len(storable_text(provider_id, "provider_id")) <= MAX_ID_LENGTH:
        msg = f"provider_id must have 1 to {MAX_ID_LENGTH} characters"
        raise ValueError(msg)
    return provider_id


def checked_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return scope names in their order.

    :raises ValueError: for one ``str``, and for text that is not valid.
    """
    if isinstance(scopes, str):
        msg = "scopes must be a collection of scope names, not one str"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    return tuple(storable_text(scope, "scopes") for scope in scopes)


def checked_issuer(issuer: object, *, sends_issuer: bool) -> str | None:
    """Return an issuer identifier as it is: it is compared code point by code point (RFC 9207 section 2.4).

    :raises ValueError: if it is no issuer identifier, or there is none although callbacks carry one.
    """
    if issuer is None and sends_issuer:
        msg = "sends_issuer needs the issuer that callbacks are compared with"
        raise ValueError(msg)
    if issuer is None:
        return None
    if not isinstance(issuer, str):
        # A yarl.URL may have normalised it.
        msg = must_be("a str", issuer, "issuer", "write it as the server does, character by character")
        raise TypeError(msg)
    return endpoint_url(issuer, "issuer")


def checked_origins(formerly: object) -> frozenset[GrantOrigin]:
    """Return whom earlier grants belong to.

    :raises TypeError: if it is no collection of origins.
    """
    shown = formerly
    given = list(cast("Collection[object]", formerly)) if isinstance(formerly, Collection) else [None]
    origins = [each for each in given if isinstance(each, GrantOrigin)]
    if origins != given:
        hint = "write formerly=[GrantOrigin(client_id, token_endpoint)]"
        raise TypeError(must_be("a collection of GrantOrigin", shown, "formerly", hint))
    return frozenset(origins)


def endpoint_hosts(authorize_url: str | None, token_url: str) -> str | None:
    """Return the hosts of a server's endpoints if the token endpoint's does not say all: a server that names
    another's token endpoint as its own is not that one."""
    hosts = [urlsplit(url).netloc.lower() for url in (authorize_url or token_url, token_url)]
    return None if hosts[0] == hosts[1] else " ".join(hosts)


def optional_endpoint(url: str | UrlObject | None, what: str) -> str | None:
    """Return the URL if secrets may be sent to it, or None if there is none; raises as ``endpoint_url``."""
    return None if url is None else endpoint_url(url, what)


def sendable(value: str, what: str) -> str:
    """Return text that can be sent: non-empty and valid Unicode.

    :raises ValueError: otherwise. The message never contains the value.
    """
    if not storable_text(value, what):
        msg = f"{what} must not be empty"
        raise ValueError(msg)
    return value
