"""What a request asks for, and where it is forwarded to: no path leaves its base. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, final
from urllib.parse import unquote, unquote_to_bytes, urljoin, urlsplit

import attrs

from extauth.broker.callers import Right
from extauth.domain.linking import ACCOUNT_SEPARATOR

VERSION: Final = "v1"

_TARGET: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*")
"""The characters of a path and a query (RFC 3986), and brackets, which many leave as they are in queries."""
_BASE: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~-]+)*/?")
_ROUNDS: Final = 4
"""How often a segment may be encoded and is looked through; one that is still encoded then is refused."""
_OVERLONG: Final = re.compile(
    rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}"
)
"""Another way to write a character in UTF-8 (RFC 3629 section 10), that some servers read as it."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@final
class BadTarget(ValueError):
    """A target that is not forwarded or answered; the text is ours."""


@final
@attrs.frozen
class Target:
    """What is asked for."""

    right: Right
    provider_id: str
    user_id: str
    rest: str
    """What follows the user in the path, as it was sent, without the slash before it."""
    query: str
    """As it was sent, without the question mark; it may hold what is nobody else's."""


def read_target(raw: str) -> Target | None:
    """Return what a target, as it stands in the request line, asks for; None if nothing is there.

    :raises BadTarget: if it is in another form than a path, or could be read in more than one way.
    """
    if not raw.startswith("/") or not _TARGET.fullmatch(raw):
        msg = "the target must be a path and a query, percent-encoded"
        raise BadTarget(msg)
    path, _, query = raw.partition("?")
    match path.split("/", 5):
        case ["", version, ("token" | "proxy") as right, provider, user, *rest] if version == VERSION:
            provider_id, user_id = _decoded(provider), _decoded(user)
        case _:
            return None
    if not provider_id or not user_id or (right == "token" and rest):
        return None
    _check_below("".join(rest))
    return Target(right, provider_id, user_id, "".join(rest), query)


def checked_base(base: str) -> str:
    """Return where an API is, ending with a slash.

    :raises ValueError: if it is not an https URL (http on this machine) without query and fragment.
    """
    if not _BASE.fullmatch(base):
        msg = "base must be a URL such as https://api.example.com/v2/, without user, query and fragment"
        raise ValueError(msg)
    parts = urlsplit(base)
    if {".", ".."} & {*parts.path.split("/")}:
        msg = "base must be without dot segments"
        raise ValueError(msg)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        msg = "base must be https: whoever sees a token on its way can use it; http is for this machine"
        raise ValueError(msg)
    return base if base.endswith("/") else f"{base}/"


def upstream_url(base: str, target: Target) -> str:
    """Return where a request goes, its path and query as they were sent."""
    return f"{base}{target.rest}{target.query and f'?{target.query}'}"


def base_of(bases: Mapping[str, str], provider_id: str) -> str | None:
    """Return where the API of a link is, of ``github`` also for ``github/work``; None if nobody said."""
    return bases.get(provider_id) or bases.get(provider_id.partition(ACCOUNT_SEPARATOR)[0])


def seen_location(location: str, url: str, base: str, prefix: str) -> str | None:
    """Return the ``Location`` of an answer to ``url`` as a caller can follow it: at ``prefix`` of ours, if
    it stays below the base; else as it is, to be followed without the token. None if it is none."""
    try:
        absolute = urljoin(url, location)
    except ValueError:
        return None
    if not absolute.startswith(base):
        return absolute
    rest = absolute.removeprefix(base)
    try:
        _check_below(rest.partition("?")[0].partition("#")[0])
    except BadTarget:
        return absolute
    return f"{prefix}{rest}"


def _decoded(segment: str) -> str:
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        msg = "ids must be UTF-8, percent-encoded"
        raise BadTarget(msg) from None


def _check_below(path: str) -> None:
    """Refuse a path that a server, or one behind it, may take for one outside of its base."""
    seen = path
    for _ in range(_ROUNDS):
        if {".", ".."} & set(re.split(r"[/\\]", seen.replace(";", "/"))) or re.search(
            r"[\x00-\x1f\x7f]", seen
        ):
            msg = "the path must have no dot segments and no control characters, however encoded"
            raise BadTarget(msg)
        if _OVERLONG.search(unquote_to_bytes(seen)):
            msg = "the path must be UTF-8 as it is written, percent-encoded"
            raise BadTarget(msg)
        decoded = unquote(seen, errors="replace")
        if decoded == seen:
            return
        seen = decoded
    msg = "the path must not be percent-encoded over and over"
    raise BadTarget(msg)
