"""Links as stores read them: made of what was checked when it was written, without checking it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import attrs

from extauth.domain.link import GrantOrigin, Link, LinkKey, PendingExchange
from extauth.domain.partly_read import PartlyRead, Unread
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen
class Common:
    """What most links of a provider have in common, as it was checked for one of them."""

    scopes: frozenset[str]
    token_type: str
    access_token_key_id: str | None
    refresh_token_key_id: str | None
    origin: GrantOrigin | None


def common_of(link: Link) -> Common:
    """Return what a link may have in common with common."""
    tokens = link.tokens
    key_ids = tokens.access_token_key_id, tokens.refresh_token_key_id
    return Common(tokens.scopes, tokens.token_type, *key_ids, link.origin)


_new = object.__new__


def _set(owner: type, name: str) -> Callable[[object, object], None]:
    # What a frozen class refuses to everybody else, and a quarter of the time of object.__setattr__.
    setter: Callable[[object, object], None] = vars(owner)[name].__set__
    return setter


_provider_id, _user_id = _set(LinkKey, "provider_id"), _set(LinkKey, "user_id")
_unread: Any = _set(PartlyRead, "_unread")
_access_token, _refresh_token = _set(TokenSet, "access_token"), _set(TokenSet, "refresh_token")
_scopes, _token_type, _extra = (_set(TokenSet, name) for name in ("scopes", "token_type", "extra"))
_access_token_key_id = _set(TokenSet, "access_token_key_id")
_refresh_token_key_id = _set(TokenSet, "refresh_token_key_id")
_resource_tokens = _set(TokenSet, "resource_tokens")
_key, _tokens, _version = (_set(Link, name) for name in ("key", "tokens", "version"))
_failure, _origin, _pending = (_set(Link, name) for name in ("failure", "origin", "pending"))


def stored_link(
    provider_id: str,
    user_id: str,
    version: int,
    access_token: str,
    refresh_token: str | None,
    common: Common,
    extra: dict[str, JsonValue],
    pending: PendingExchange | None,
    unread: Unread,
) -> Link:
    """Return a link without a mark and without tokens for single resources.

    The times and the account are ``unread``'s. The caller has seen that no validator would refuse any of it.
    """
    key = _new(LinkKey)
    _provider_id(key, provider_id)
    _user_id(key, user_id)
    tokens = _new(TokenSet)
    _unread(tokens, unread)
    _access_token(tokens, access_token)
    _refresh_token(tokens, refresh_token)
    _scopes(tokens, common.scopes)
    _token_type(tokens, common.token_type)
    _extra(tokens, extra)
    _access_token_key_id(tokens, common.access_token_key_id)
    _refresh_token_key_id(tokens, common.refresh_token_key_id)
    _resource_tokens(tokens, {})
    link = _new(Link)
    _unread(link, unread)
    _key(link, key)
    _tokens(link, tokens)
    _version(link, version)
    _failure(link, None)
    _origin(link, common.origin)
    _pending(link, pending)
    return link
