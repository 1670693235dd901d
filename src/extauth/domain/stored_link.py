"""Links as stores read them: made of what was checked when it was written, without checking it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from extauth.domain.link import GrantOrigin, Link, LinkKey, PendingExchange
from extauth.domain.partly_read import PartlyRead, Unread, unread_of
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet

_new = object.__new__


def _set(owner: type, name: str) -> Callable[[object, object], None]:
    # What a frozen class refuses to everybody else, in a quarter of the time of object.__setattr__.
    setter: Callable[[object, object], None] = vars(owner)[name].__set__
    return setter


_unread = _set(PartlyRead, "_unread")
_access_token, _refresh_token, _extra, _resource_tokens = (
    _set(TokenSet, name) for name in ("access_token", "refresh_token", "extra", "resource_tokens")
)
_access_token_key_id, _refresh_token_key_id = (
    _set(TokenSet, name) for name in ("access_token_key_id", "refresh_token_key_id")
)
_key, _tokens, _version, _failure, _origin, _pending = (
    _set(Link, name) for name in ("key", "tokens", "version", "failure", "origin", "pending")
)


def stored_link(
    unread: Unread,
    *,
    version: int,
    access_token: str,
    refresh_token: str | None,
    key_ids: tuple[str | None, str | None],
    extra: Mapping[str, JsonValue],
    origin: GrantOrigin | None,
    pending: PendingExchange | None,
) -> Link:
    """Return a link without a failure mark, and without tokens for single resources. All that is not given is
    ``unread``'s.

    The caller has seen that no validator would refuse any of it.
    """
    tokens = _new(TokenSet)
    _unread(tokens, unread)
    _access_token(tokens, access_token)
    _refresh_token(tokens, refresh_token)
    _access_token_key_id(tokens, key_ids[0])
    _refresh_token_key_id(tokens, key_ids[1])
    _extra(tokens, extra)
    _resource_tokens(tokens, {})
    return _link(unread, tokens, version, origin, pending)


def keyed(link: Link, key: LinkKey) -> Link:
    """Return a link that a store has read, with the key that it was asked for by: else another is made."""
    if unread_of(link) is not None:
        _key(link, key)
    return link


def has_two_texts(link: Link) -> bool:
    """Say whether a link has nothing to encrypt but its own two tokens."""
    tokens = link.tokens
    return not tokens.extra and not tokens.resource_tokens


def opened_like(stored: Link, access_token: str, refresh_token: str | None) -> Link:
    """Return a link with these in the place of texts that were encrypted, without the ids of their keys."""
    unread, sealed = unread_of(stored), stored.tokens
    if unread is None or stored.failure is not None:
        tokens = attrs.evolve(
            sealed,
            access_token=access_token,
            refresh_token=refresh_token,
            access_token_key_id=None,
            refresh_token_key_id=None,
        )
        return attrs.evolve(stored, tokens=tokens)
    tokens = _new(TokenSet)
    _unread(tokens, unread)
    _access_token(tokens, access_token)
    _refresh_token(tokens, refresh_token)
    _access_token_key_id(tokens, None)
    _refresh_token_key_id(tokens, None)
    _extra(tokens, dict(sealed.extra))
    _resource_tokens(tokens, {})
    return _link(unread, tokens, stored.version, stored.origin, stored.pending)


def _link(
    unread: Unread,
    tokens: TokenSet,
    version: int,
    origin: GrantOrigin | None,
    pending: PendingExchange | None,
) -> Link:
    link = _new(Link)
    _unread(link, unread)
    _tokens(link, tokens)
    _version(link, version)
    _failure(link, None)
    _origin(link, origin)
    _pending(link, pending)
    return link
