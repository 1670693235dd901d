"""Links as stores read them: made of what was checked when it was written, without checking it again."""

from __future__ import annotations

from collections.abc import Callable

from extauth.domain.link import GrantOrigin, Link, PendingExchange
from extauth.domain.partly_read import PartlyRead, Unread
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet


_new = object.__new__


def _set(owner: type, name: str) -> Callable[[object, object], None]:
    # What a frozen class refuses to everybody else, in a quarter of the time of object.__setattr__.
    setter: Callable[[object, object], None] = vars(owner)[name].__set__
    return setter


_unread = _set(PartlyRead, "_unread")
_access_token, _refresh_token, _extra = (
    _set(TokenSet, name) for name in ("access_token", "refresh_token", "extra")
)
_tokens, _version, _failure, _origin, _pending = (
    _set(Link, name) for name in ("tokens", "version", "failure", "origin", "pending")
)


def stored_link(
    unread: Unread,
    *,
    version: int,
    access_token: str,
    refresh_token: str | None,
    extra: dict[str, JsonValue] | None,
    origin: GrantOrigin | None,
    pending: PendingExchange | None,
) -> Link:
    """Return a link without a failure mark. All that is not given is ``unread``'s, ``extra`` too if it is None.

    The caller has seen that no validator would refuse any of it.
    """
    tokens = _new(TokenSet)
    _unread(tokens, unread)
    _access_token(tokens, access_token)
    _refresh_token(tokens, refresh_token)
    if extra is not None:
        _extra(tokens, extra)
    link = _new(Link)
    _unread(link, unread)
    _tokens(link, tokens)
    _version(link, version)
    _failure(link, None)
    _origin(link, origin)
    _pending(link, pending)
    return link
