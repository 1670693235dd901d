"""Which URLs may be a provider's endpoint."""

from __future__ import annotations

import re

from yarl import URL

from extauth.adapters.oauth2.http.addresses import is_loopback
from extauth.domain.wrong_types import UrlObject, url_text

_AUTHORITY_END = re.compile(r"[/?#]")


def _parsed(value: str) -> URL | None:
    # White space and control characters would be quoted or dropped rather than refused.
    if not value.isprintable() or " " in value:
        return None
    try:
        return URL(value)
    except ValueError:
        return None


def endpoint_url(given: str | UrlObject, what: str) -> str:
    """Return the URL unchanged, as text, if secrets may be sent to it.

    It must be an absolute ``https`` URL (RFC 6749 section 3.2; ``http`` on loopback only: localhost,
    127.0.0.0/8, ::1) without user info or a fragment. A query is allowed.

    :raises ValueError: otherwise. The message names ``what`` and not the URL, which may hold a secret.
    :raises TypeError: if it is no ``str`` or ``yarl.URL``.
    """
    value = url_text(given, what)
    url = _parsed(value)
    if url is None:
        msg = f"{what} must be a valid URL such as https://provider.example/path"
        raise ValueError(msg)
    host = url.host
    if url.scheme not in {"http", "https"} or not host:
        msg = f"{what} must be an absolute URL that starts with https:// and names a host"
        raise ValueError(msg)
    if url.scheme == "http" and not is_loopback(host):
        msg = f"{what} must start with https://, since secrets are sent there; http:// is for loopback"
        raise ValueError(msg)
    if "@" in _AUTHORITY_END.split(value.partition("//")[2], maxsplit=1)[0]:
        msg = f"{what} must not contain a user name or password; use client_id and client_secret"
        raise ValueError(msg)
    if "#" in value:
        msg = f"{what} must not contain a fragment (#...); remove it"
        raise ValueError(msg)
    return value
